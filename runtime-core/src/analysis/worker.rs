//! The analysis of a live stream: takes what waits in the audio ring, publishes what came of it. INFERENCE THREAD, one an
//! instance; the audio thread itself while a host renders offline.
//!
//! ```text
//! audio ring + marks -> Engine -> updates (audio thread)
//!                              -> state cell, shared memory (everybody else)
//! ```
//! The engine reads no clock; the moments for heartbeat and wall time are passed in.

#[cfg(test)]
mod tests;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::clock_map::ClockMap;
use super::engine::{Engine, FrameReport, UPDATE_LEAD_SEC};
use super::hints::HintStatus;
use super::profile::Stage;
use crate::bus::audio_ring::AudioReceiver;
use crate::bus::counters::Counters;
use crate::bus::hint::HintFlags;
use crate::bus::marks::MarkKind;
use crate::bus::scope::{ScopeFrame, ScopeWriter, level_db};
use crate::bus::shm::layout::N_BANDS;
use crate::bus::shm::{FeedClock, FeedWriter, Spectrum};
use crate::bus::state_cell::StateWriter;
use crate::bus::updates::UpdateSender;
use crate::load::{Load, N_STAGES};
use crate::state::{BeatUpdate, Fault, LockReason, Outlook, SlowState};
use crate::units::{FRAMES_PER_SEC, FrameIdx, SamplePos, StreamSec};

/// How often the thread looks for samples while it waits for some. No wake-up from the audio thread: that would be a system
/// call there.
pub const POLL: Duration = Duration::from_millis(2);
/// How long the thread rests after it found samples, where the host's blocks are short: an update must be there 25 ms less a
/// block after its samples. NB: twenty instances that looked every 2 ms took 0.47 % of a core each for looking alone.
const REST: Duration = Duration::from_millis(6);
/// ... and at the most.
const LONGEST_REST: Duration = Duration::from_millis(8);
/// Share of a block after which the next one is looked for: it cannot come sooner, but for the host's jitter.
const REST_BLOCKS: f64 = 0.75;
/// While nothing arrives, readers still get a heartbeat this often, nanoseconds: five times in what they wait before they
/// believe us dead.
const IDLE_PUBLISH_NS: u64 = 200_000_000;
/// Weight of the newest hop in the mean times of [`Load`]: about the last second.
const LOAD_WEIGHT: f32 = 0.02;

/// Where results go.
pub struct Outlets {
    /// To the audio thread.
    pub updates: UpdateSender,
    /// To readers in this process.
    pub state: StateWriter,
    /// To readers in other processes, where there is a feed.
    pub feed: Option<FeedWriter>,
}

/// The analysis of one stream with its two ends.
pub struct Worker {
    /// `None` after an error of ours: the timeline then free-runs.
    engine: Option<Engine>,
    sample_rate_hz: f64,
    input: AudioReceiver,
    outlets: Outlets,
    /// To a window, where there may be one.
    scope: Option<ScopeWriter>,
    counters: Counters,
    clock_map: ClockMap,
    /// Samples taken or skipped.
    position: SamplePos,
    state: SlowState,
    load: Load,
    lost_samples: u64,
    /// When something was last published, on the monotonic clock.
    published_ns: u64,
}

impl Worker {
    /// A worker at the start of a stream of `sample_rate_hz`, the engine's rate. `clock_ns` is a monotonic clock for the
    /// stage times.
    pub fn new(mut engine: Engine, input: AudioReceiver, outlets: Outlets, counters: Counters, clock_ns: fn() -> u64) -> Self {
        engine.profile_mut().switch_on(clock_ns);
        Self {
            sample_rate_hz: engine.sample_rate_hz(),
            engine: Some(engine),
            input,
            outlets,
            scope: None,
            counters,
            clock_map: ClockMap::default(),
            position: SamplePos(0),
            state: SlowState::default(),
            load: Load::default(),
            lost_samples: 0,
            published_ns: 0,
        }
    }

    /// Draws every frame into `scope`, too.
    #[must_use]
    pub fn with_scope(self, scope: ScopeWriter) -> Self {
        Self { scope: Some(scope), ..self }
    }

    /// Runs until `stop` is set. Sleeps for [`POLL`] whenever nothing waits, and longer after it found something. `every_poll`
    /// is for the adapter's own errands; what it writes into the load is published.
    pub fn run(&mut self, stop: &AtomicBool, mut every_poll: impl FnMut(&mut Load)) {
        while !stop.load(Ordering::Acquire) {
            every_poll(&mut self.load);
            let (n_blocks, n_samples) = (self.counters.read().n_blocks, self.position.0);
            let block_samples = n_samples.checked_div(n_blocks).unwrap_or(0);
            let found = self.pump(FeedClock::now) > 0;
            std::thread::sleep(if found { rest(block_samples as f64 / self.sample_rate_hz) } else { POLL });
        }
    }

    /// Analyses all that waits; returns how many samples that were. `now` is asked for the time before each hop.
    pub fn pump(&mut self, now: impl Fn() -> FeedClock) -> usize {
        let hop_samples = (self.sample_rate_hz / FRAMES_PER_SEC).round() as usize;
        let mut n_taken = 0;
        loop {
            let n_waiting = self.input.n_samples();
            let moment = now();
            self.load.ring_samples = n_waiting as u32;
            self.load.max_ring_samples = self.load.max_ring_samples.max(n_waiting as u32);
            // Marks after samples: those that precede the samples just counted are there by now.
            self.apply_marks();
            let until_mark = self.input.next_mark_at().map_or(u64::MAX, |at| at.0.saturating_sub(self.position.0));
            let until_mark = usize::try_from(until_mark).unwrap_or(usize::MAX);
            if (1..=until_mark).contains(&n_waiting) {
                // Beyond a mark, where there may be a gap, positions are not known yet.
                let newest = SamplePos(self.position.0 + n_waiting as u64);
                self.clock_map.observe(newest.to_stream_sec(self.sample_rate_hz).0, moment.wall_ns);
            }
            let n = n_waiting.min(hop_samples).min(until_mark);
            if n > 0 {
                self.analyse(n);
            }
            let is_heartbeat_due = moment.monotonic_ns.wrapping_sub(self.published_ns) >= IDLE_PUBLISH_NS;
            // Once more after the last hop: the queue is empty now.
            if n > 0 || n_taken > 0 || is_heartbeat_due {
                self.published_ns = moment.monotonic_ns;
                self.publish(moment);
            }
            if n == 0 {
                return n_taken;
            }
            n_taken += n;
        }
    }

    /// The state published last.
    pub fn state(&self) -> &SlowState {
        &self.state
    }

    /// What the user fixed; `None` after an error of ours.
    pub fn hints(&self) -> Option<HintStatus> {
        self.engine.as_ref().map(Engine::hints)
    }

    fn apply_marks(&mut self) {
        while let Some(mark) = self.input.next_mark(self.position) {
            match mark.kind {
                MarkKind::Gap { n_samples } => {
                    self.lost_samples += n_samples;
                    self.load.n_gaps = self.load.n_gaps.saturating_add(1);
                    self.position.0 += n_samples;
                }
                MarkKind::Jump => self.load.n_jumps = self.load.n_jumps.saturating_add(1),
                MarkKind::Hint(_) | MarkKind::Settings(_) => {}
            }
            let Self { engine, outlets, scope, state, .. } = self;
            // Settings that cannot be used leave the old ones in force; the adapter shows only usable ones.
            guard(engine, |engine| drop(engine.apply(&mark.kind, |report| on_frame(report, outlets, scope, state))));
        }
    }

    fn analyse(&mut self, n_samples: usize) {
        let Self { engine, input, outlets, scope, state, load, .. } = self;
        input.take_samples(n_samples, |part| {
            guard(engine, |engine| {
                engine.process(part, |report| on_frame(report, outlets, scope, state));
                add_times(load, engine.profile_mut().take_spent_ns());
            });
        });
        self.position.0 += n_samples as u64;
    }

    /// Hands the present state to everybody outside the audio thread.
    fn publish(&mut self, now: FeedClock) {
        let counts = self.counters.read();
        if self.engine.is_none() {
            self.free_run();
        }
        self.state.wall_ns = self.clock_map.wall_ns(self.state.beat.t_sec);
        let health = &mut self.state.health;
        health.lost_samples = self.lost_samples;
        health.late_updates = counts.late_updates;
        health.nan_samples = health.nan_samples.max(counts.nan_samples);
        self.load.n_blocks = counts.n_blocks;
        self.load.max_block_ns = counts.max_block_ns;
        self.load.max_pending_updates = counts.max_pending_updates;
        self.outlets.state.write(&self.state);
        if let Some(feed) = &mut self.outlets.feed {
            feed.publish_state(&self.state);
            feed.publish_load(&self.load);
            if let Some(engine) = &self.engine
                && let Ok(bands) = <&[f32; N_BANDS]>::try_from(engine.spectrum())
            {
                let activation = engine.last_activation();
                feed.publish_spectrum(&Spectrum {
                    frame: FrameIdx(self.state.frame),
                    t: engine.last_frame_time(),
                    bands: *bands,
                    beat_activation: activation.beat,
                    downbeat_activation: activation.downbeat,
                });
            }
            feed.heartbeat(now);
        }
    }

    /// After an error of ours: time goes on along the last timeline, nothing is announced.
    fn free_run(&mut self) {
        let now = self.position.to_stream_sec(self.sample_rate_hz);
        if self.state.health.fault != Fault::Analysis as u8 {
            self.state.health.fault = Fault::Analysis as u8;
            // As far ahead as every other update, so that stamps never go back and this one can be in time.
            let effective_at = SamplePos(self.position.0 + (UPDATE_LEAD_SEC * self.sample_rate_hz) as u64);
            let timeline = self.state.timeline;
            let shown_spb = self.state.beat.spb;
            self.outlets.updates.send(BeatUpdate {
                effective_at,
                timeline,
                conf: 0.0,
                shown_spb,
                locked: 0,
                reason: LockReason::default(),
                hints: HintFlags::default(),
                outlook: Outlook::default(),
                event: None,
            });
        }
        let beat = &mut self.state.beat;
        beat.t_sec = now.0;
        beat.beat_count = self.state.timeline.beat_at(StreamSec(now.0)).max(0.0) as u64;
        beat.phase = self.state.timeline.phase_at(now) as f32;
        (beat.locked, beat.conf, beat.beat_in_bar, beat.reason) = (0, 0.0, 0, LockReason::Searching);
    }
}

/// How long to rest after samples were found, where blocks are `block_sec` long on average.
fn rest(block_sec: f64) -> Duration {
    Duration::try_from_secs_f64(REST_BLOCKS * block_sec).unwrap_or(REST).clamp(REST, LONGEST_REST)
}

/// What one frame brought goes to those who need it at once.
fn on_frame(report: &FrameReport, outlets: &mut Outlets, scope: &mut Option<ScopeWriter>, state: &mut SlowState) {
    let health = state.health;
    if let Some(scope) = scope {
        draw(report, scope, state.beat.beat_count);
    }
    *state = report.state;
    state.health.nan_samples = state.health.nan_samples.max(health.nan_samples);
    if let Some(update) = report.update {
        outlets.updates.send(update);
        if let (Some(event), Some(feed)) = (update.event, &mut outlets.feed) {
            feed.push_event(&event);
        }
    }
}

/// A frame for the eye; `beats_before` is the number of the beat that was playing in the frame before.
fn draw(report: &FrameReport, scope: &mut ScopeWriter, beats_before: u64) {
    let beat = &report.state.beat;
    let is_beat = beat.locked == 1 && beat.beat_count != beats_before;
    scope.push(ScopeFrame {
        beat_prob: report.activation.beat,
        downbeat_prob: report.activation.downbeat,
        level_db: level_db(report.rms),
        is_beat,
        is_downbeat: is_beat && beat.beat_in_bar == 1,
        hints: report.hints,
    });
    scope.set_tempi(report.candidates.as_slice().iter().map(|candidate| (candidate.bpm as f32, candidate.prob as f32)));
}

/// Runs `work` and gives the engine up where it panics: the host's process must live on.
fn guard(engine: &mut Option<Engine>, work: impl FnOnce(&mut Engine)) {
    let Some(running) = engine else { return };
    // A half-changed engine is never used again: it is dropped here.
    if catch_unwind(AssertUnwindSafe(|| work(running))).is_err() {
        *engine = None;
    }
}

fn add_times(load: &mut Load, spent_ns: [u64; Stage::ALL.len()]) {
    let hop_ns: u64 = spent_ns.iter().sum();
    if hop_ns == 0 {
        return;
    }
    let weight = if load.n_hops == 0 { 1.0 } else { LOAD_WEIGHT };
    load.n_hops += 1;
    for (mean, ns) in load.stage_ns.iter_mut().zip(spent_ns) {
        *mean += weight * (ns as f32 - *mean);
    }
    load.hop_ns += weight * (hop_ns as f32 - load.hop_ns);
    load.max_hop_ns = load.max_hop_ns.max(u32::try_from(hop_ns).unwrap_or(u32::MAX));
}

const _: () = assert!(N_STAGES + 1 == Stage::ALL.len(), "the feed has a time for each stage but the last, which it was laid out without");
