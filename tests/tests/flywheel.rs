//! The grid through a break: drums stop for eight bars, a chord is held or nothing sounds, drums come back.
//!
//! Through the whole engine with the default networks. Asked of generated music whose grid is known.

use integration_tests::runs::{config, networks};
use integration_tests::scenes::{beats_sec, drums, pad, sum};
use runtime_core::analysis::config::DecoderKind;
use runtime_core::analysis::engine::{Engine, FrameReport};
use runtime_core::state::{BeatEvent, LockReason};
use runtime_core::units::StreamSec;

const RATE_HZ: f64 = 44_100.0;
/// Time of beat 0.
const FIRST_SEC: f64 = 0.7;
/// Beats of drums before the break: 16 bars.
const BREAK_FROM: usize = 64;
/// Beats of the break: 8 bars.
const BREAK_BEATS: usize = 32;
/// Beats of drums after it.
const AFTER_BEATS: usize = 24;
/// Most that the grid may be off through the break, seconds.
const HOLD_TOLERANCE_SEC: f64 = 0.040;
/// Within this a beat is right, seconds.
const RIGHT_SEC: f64 = 0.070;

/// What one run said.
struct Run {
    beats_sec: Vec<f64>,
    /// Time of the newest sample and what was announced.
    events: Vec<(f64, BeatEvent)>,
    /// Of every frame: time, distance of the timeline from the true grid at that time in seconds, reason, locked.
    frames: Vec<(f64, f64, LockReason, bool)>,
}

/// Plays drums, a break with a chord of `pad_level` (0: silence), and drums `shift_beats` off the old grid.
fn play(bpm: f64, pad_level: f64, shift_beats: f64) -> Option<Run> {
    let model = networks()?;
    let mut grid = beats_sec(FIRST_SEC, BREAK_FROM + BREAK_BEATS + AFTER_BEATS + 8, |_| bpm);
    let back_at = BREAK_FROM + BREAK_BEATS;
    grid[back_at..].iter_mut().for_each(|t_sec| *t_sec += shift_beats * 60.0 / bpm);
    let n_samples = ((grid[back_at + AFTER_BEATS] + 0.1) * RATE_HZ) as usize;
    // The last beat before the break sounds out.
    let before = drums(&grid, 0..BREAK_FROM, RATE_HZ, n_samples);
    let after = drums(&grid, back_at..back_at + AFTER_BEATS, RATE_HZ, n_samples);
    let chord = pad(grid[0]..grid[back_at + AFTER_BEATS], pad_level, RATE_HZ, n_samples);
    let samples = sum(&[before, after, chord]);
    let mut engine = Engine::new(&config(RATE_HZ, DecoderKind::Exact), model).expect("a valid configuration");
    let mut run = Run { beats_sec: grid, events: Vec::new(), frames: Vec::new() };
    let Run { beats_sec, events, frames } = &mut run;
    let spb = 60.0 / bpm;
    samples.chunks(1024).for_each(|block| {
        engine.process(block, |report: &FrameReport| {
            let now_sec = report.samples_received.to_stream_sec(RATE_HZ).0;
            events.extend(report.update.and_then(|update| update.event).map(|event| (now_sec, event)));
            let beat = report.state.timeline.beat_at(StreamSec(now_sec));
            let line_sec = report.state.timeline.time_of(beat.round()).0;
            let off_beats = (line_sec - beats_sec[0]) / spb;
            let state = report.state.beat;
            frames.push((now_sec, spb * (off_beats - off_beats.round()), state.reason, state.locked == 1));
        });
    });
    Some(run)
}

impl Run {
    /// Events that fall in a span of beats of the true grid.
    fn events_between(&self, from: usize, to: usize) -> Vec<BeatEvent> {
        let (from_sec, to_sec) = (self.beats_sec[from] - 0.1, self.beats_sec[to] - 0.1);
        self.events.iter().map(|(_, event)| *event).filter(|event| (from_sec..to_sec).contains(&event.t_sec)).collect()
    }

    /// Largest distance of the timeline from the grid in a span of beats, seconds.
    fn hold_error_sec(&self, from: usize, to: usize) -> f64 {
        let span = self.beats_sec[from]..self.beats_sec[to];
        self.frames.iter().filter(|(now_sec, ..)| span.contains(now_sec)).fold(0.0, |most, (_, off_sec, ..)| most.max(off_sec.abs()))
    }

    /// Beats from the first beat after the break to the first right one that is announced before it falls, from which on all are
    /// right.
    fn relock_beats(&self) -> usize {
        let back_at = BREAK_FROM + BREAK_BEATS;
        let is_said = |k: usize| {
            let said =
                |(now_sec, event): &(f64, BeatEvent)| (event.t_sec - self.beats_sec[k]).abs() <= RIGHT_SEC && *now_sec <= self.beats_sec[k];
            self.events.iter().any(said)
        };
        let last_miss = (back_at..back_at + AFTER_BEATS - 1).rev().find(|&k| !is_said(k));
        last_miss.map_or(0, |k| k + 1 - back_at)
    }
}

#[test]
fn the_grid_is_held_and_said_through_eight_bars_of_a_held_chord() {
    for bpm in [92.0, 120.0, 138.5] {
        let Some(run) = play(bpm, 0.05, 0.0) else { return };
        let said = run.events_between(BREAK_FROM, BREAK_FROM + BREAK_BEATS);
        let error_sec = run.hold_error_sec(BREAK_FROM, BREAK_FROM + BREAK_BEATS);
        integration_tests::say(format_args!("pad, {bpm} BPM: {} beats, error {error_sec:.4} s, relock {}", said.len(), run.relock_beats()));
        assert!(said.len() >= BREAK_BEATS - 2, "{bpm}: {} beats said in the break", said.len());
        assert!(error_sec <= HOLD_TOLERANCE_SEC, "{bpm}: off by {error_sec:.3} s");
        assert!(said[said.len() - 1].conf < 0.5 * said[0].conf, "{bpm}: confidence from {} to {}", said[0].conf, said[said.len() - 1].conf);
        assert!(run.relock_beats() <= 1, "{bpm}: {} beats after the drums came back", run.relock_beats());
    }
}

#[test]
fn the_grid_is_held_unsaid_through_eight_bars_of_silence() {
    for bpm in [92.0, 120.0, 138.5] {
        let Some(run) = play(bpm, 0.0, 0.0) else { return };
        // Silence counts as such after a second and a half.
        let said = run.events_between(BREAK_FROM + 4, BREAK_FROM + BREAK_BEATS);
        let error_sec = run.hold_error_sec(BREAK_FROM, BREAK_FROM + BREAK_BEATS);
        integration_tests::say(format_args!(
            "silence, {bpm} BPM: {} beats, error {error_sec:.4} s, relock {}",
            said.len(),
            run.relock_beats()
        ));
        assert!(said.is_empty(), "{bpm}: {said:?}");
        assert!(error_sec <= HOLD_TOLERANCE_SEC, "{bpm}: off by {error_sec:.3} s");
        assert!(run.relock_beats() <= 1, "{bpm}: {} beats after the drums came back", run.relock_beats());
        let middle_sec = run.beats_sec[BREAK_FROM + 16];
        let (.., reason, locked) = run.frames[run.frames.partition_point(|(now_sec, ..)| *now_sec < middle_sec)];
        assert_eq!((reason, locked), (LockReason::Silence, false));
    }
}

#[test]
fn drums_that_come_back_elsewhere_are_followed() {
    for pad_level in [0.0, 0.05] {
        let Some(run) = play(120.0, pad_level, 0.37) else { return };
        integration_tests::say(format_args!("elsewhere, pad {pad_level}: relock {}", run.relock_beats()));
        assert!(run.relock_beats() <= 10, "{} beats", run.relock_beats());
    }
}
