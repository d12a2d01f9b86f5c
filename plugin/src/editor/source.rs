//! From what an instance shares, and the parameters, to a snapshot of this moment. GUI THREAD.
//!
//! Reads the state cell and the scope; never the output parameters, which stay at their defaults.

use std::sync::Arc;

use ::editor::{BeatView, Control, ControlView, FUTURE_SEC, Kind, Mark, PAST_SEC, Run, ScopePoint, SectionView, Snapshot, TempoView};
use nice_plug::context::PluginApi;
use runtime_core::bus::scope::{LEAST_DB, ScopeFrame};
use runtime_core::bus::shm::FeedClock;
use runtime_core::state::{Fault, HORIZONS_BEATS, SECTION_LABELS, SlowState};
use runtime_core::units::{FRAMES_PER_SEC, StreamSec};

use super::desk::pointer;
use super::lights::{Facts, lights};
use crate::board::{Board, Shared};
use crate::params::AnacrusisParams;
use crate::port::PortStatus;

/// Seconds that the picture goes on by itself from the newest state: more than a large block, less than a pause.
const MAX_AGE_SEC: f64 = 0.25;
/// A state older than this says that no audio comes, seconds.
const STALE_SEC: f64 = 0.75;
/// How far back the highest level is looked for, frames.
const PEAK_FRAMES: usize = 75;
/// Frames over which the level is taken.
const LEVEL_FRAMES: usize = 3;
/// Beats that are foreseen at most.
const MAX_PREDICTED: usize = 16;

/// Makes snapshots.
pub(super) struct Source {
    params: Arc<AnacrusisParams>,
    board: Board,
    /// The texts of lists, in the order of [`Control::ALL`].
    choices: Vec<Arc<[String]>>,
    frames: Vec<ScopeFrame>,
}

impl Source {
    pub(super) fn new(params: Arc<AnacrusisParams>, board: Board) -> Self {
        let choices = Control::ALL.iter().map(|&control| choices(&params, control)).collect();
        Self { params, board, choices, frames: Vec::new() }
    }

    /// This moment.
    pub(super) fn snapshot(&mut self, api: PluginApi) -> Snapshot {
        let shared = self.board.read();
        let section = SectionView { horizons_beats: HORIZONS_BEATS, ..SectionView::default() };
        let mut snapshot = Snapshot { section, level_db: LEAST_DB, peak_db: LEAST_DB, ..Snapshot::default() };
        if let Some(shared) = &shared {
            let state = shared.state.read();
            let n_frames = shared.scope.read(&mut self.frames);
            let now = FeedClock::now();
            draw(&mut snapshot, &state, shared, n_frames, &self.frames, now.wall_ns);
        }
        let facts = Facts {
            runs: shared.is_some(),
            is_locked: snapshot.beat.is_locked,
            port: shared.as_ref().map_or(PortStatus::Off, |shared| shared.port.get()),
            has_feed: shared.as_ref().is_some_and(|shared| shared.has_feed),
            api,
        };
        snapshot.lights = lights(&self.params, facts);
        snapshot.controls = Control::ALL.iter().zip(&self.choices).map(|(&control, choices)| self.control(control, choices)).collect();
        snapshot
    }

    fn control(&self, control: Control, choices: &Arc<[String]>) -> ControlView {
        let pointer = pointer(&self.params, control);
        // SAFETY: the pointer is one of `params`, which lives as long as we do.
        unsafe {
            let normalized = pointer.unmodulated_normalized_value();
            ControlView {
                normalized,
                default_normalized: pointer.default_normalized_value(),
                text: pointer.normalized_value_to_string(normalized, true),
                choices: Arc::clone(choices),
            }
        }
    }
}

/// The values of a list in words.
fn choices(params: &AnacrusisParams, control: Control) -> Arc<[String]> {
    if control.kind() != Kind::Choice {
        return Arc::new([]);
    }
    let pointer = pointer(params, control);
    // SAFETY: the pointer is one of `params`, which is borrowed for this call.
    unsafe {
        let last = pointer.step_count().unwrap_or(1);
        (0..=last).map(|n| pointer.normalized_value_to_string(n as f32 / last.max(1) as f32, false)).collect()
    }
}

/// Everything that the analysis says.
fn draw(snapshot: &mut Snapshot, state: &SlowState, shared: &Shared, n_frames: u64, frames: &[ScopeFrame], now_wall_ns: u64) {
    snapshot.run = match (n_frames, shared.is_offline) {
        (0, _) => Run::Waiting,
        (_, true) => Run::Offline,
        (_, false) => Run::Live,
    };
    if n_frames == 0 {
        return;
    }
    let true_age_sec = if shared.is_offline { 0.0 } else { age_sec(state.wall_ns, now_wall_ns) };
    let age_sec = true_age_sec.min(MAX_AGE_SEC);
    snapshot.beat = beat(state, age_sec);
    snapshot.section = section(state);
    snapshot.tempi = shared.scope.tempi().map(|(bpm, prob)| TempoView { bpm, prob }).collect();
    let newest = frames.len() as f64 - 1.0;
    let at_sec = |n: usize| ((n as f64 - newest) / FRAMES_PER_SEC - age_sec) as f32;
    let shown = || frames.iter().enumerate().map(|(n, frame)| (at_sec(n), frame)).filter(|(at_sec, _)| *at_sec >= -PAST_SEC - 0.1);
    snapshot.scope =
        shown().map(|(at_sec, frame)| ScopePoint { at_sec, beat_prob: frame.beat_prob, downbeat_prob: frame.downbeat_prob }).collect();
    let past = shown().filter(|(_, frame)| frame.is_beat);
    snapshot.marks = past.map(|(at_sec, frame)| Mark { at_sec, is_downbeat: frame.is_downbeat, is_predicted: false }).collect();
    snapshot.marks.extend(predicted(state, age_sec));
    let loudest = |n: usize| frames.iter().rev().take(n).map(|frame| frame.level_db).fold(LEAST_DB, f32::max);
    let is_stale = true_age_sec > STALE_SEC;
    (snapshot.level_db, snapshot.peak_db) = if is_stale { (LEAST_DB, LEAST_DB) } else { (loudest(LEVEL_FRAMES), loudest(PEAK_FRAMES)) };
    let hints: Vec<&str> = frames.last().map(|frame| frame.hints.names().collect()).unwrap_or_default();
    snapshot.hints = hints.join(", ");
    snapshot.trouble = trouble(state, is_stale);
}

/// How old a state is.
fn age_sec(wall_ns: u64, now_wall_ns: u64) -> f64 {
    if wall_ns == 0 { 0.0 } else { (now_wall_ns.wrapping_sub(wall_ns) as i64 as f64 * 1e-9).max(0.0) }
}

fn beat(state: &SlowState, age_sec: f64) -> BeatView {
    let now = StreamSec(state.beat.t_sec + age_sec);
    let number = state.timeline.beat_at(now).floor();
    BeatView {
        is_locked: state.beat.locked == 1,
        reason: state.beat.reason.name(),
        conf: state.beat.conf,
        tempo_bpm: (60.0 / state.beat.spb) as f32,
        beat_number: number as i64,
        phase: state.timeline.phase_at(now) as f32,
        beat_in_bar: position_in_bar(state, number as i64),
        beats_per_bar: state.beat.beats_per_bar,
    }
}

/// Position of a beat of the timeline in its bar, from 1; 0 = unknown.
fn position_in_bar(state: &SlowState, beat_number: i64) -> u8 {
    let beat = &state.beat;
    if beat.beat_in_bar == 0 || beat.beats_per_bar == 0 {
        return 0;
    }
    let playing = state.timeline.beat_at(StreamSec(beat.t_sec)).floor() as i64;
    let from_playing = beat_number.saturating_sub(playing);
    1 + (i64::from(beat.beat_in_bar) - 1).saturating_add(from_playing).rem_euclid(i64::from(beat.beats_per_bar)) as u8
}

/// The beats to come.
fn predicted(state: &SlowState, age_sec: f64) -> Vec<Mark> {
    if state.beat.locked == 0 {
        return Vec::new();
    }
    let now_sec = state.beat.t_sec + age_sec;
    let first = state.timeline.beat_at(StreamSec(now_sec)).floor() as i64 + 1;
    let mark = |number: i64| Mark {
        at_sec: (state.timeline.time_of(number as f64).0 - now_sec) as f32,
        is_downbeat: position_in_bar(state, number) == 1,
        is_predicted: true,
    };
    (first..).take(MAX_PREDICTED).map(mark).take_while(|mark| mark.at_sec <= FUTURE_SEC).collect()
}

fn section(state: &SlowState) -> SectionView {
    let probs = state.structure.section_probs;
    let best = probs.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).filter(|(_, prob)| **prob > 0.0);
    SectionView {
        now: best.map(|(idx, prob)| (SECTION_LABELS[idx], *prob)),
        horizons_beats: HORIZONS_BEATS,
        hazard_probs: state.structure.hazard_probs,
    }
}

/// What went wrong, the worst first.
fn trouble(state: &SlowState, is_stale: bool) -> String {
    let health = &state.health;
    if health.fault == Fault::Analysis as u8 {
        "the analysis stopped by an error; the tempo goes on by itself".to_owned()
    } else if is_stale {
        "no audio arrives".to_owned()
    } else if health.lost_samples > 0 {
        format!("the computer is too slow: {} samples were left out", health.lost_samples)
    } else if health.fault == Fault::Activation as u8 {
        "no network runs: the spectral flux listens".to_owned()
    } else if health.nan_samples > 0 {
        format!("{} samples were no numbers and count as 0", health.nan_samples)
    } else {
        String::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use runtime_core::bus::scope::scope;
    use runtime_core::bus::state_cell::state_cell;
    use runtime_core::state::{BeatClockState, Health, LockReason};
    use runtime_core::timeline::Timeline;

    use crate::port::PortShown;

    /// 120 BPM, the third of four beats, half through it, at 10.25 s.
    fn state() -> SlowState {
        SlowState {
            timeline: Timeline { t_origin_sec: 0.0, beat_origin: 0.0, spb: 0.5 },
            beat: BeatClockState {
                t_sec: 10.25,
                beat_count: 20,
                beat_in_bar: 3,
                beats_per_bar: 4,
                locked: 1,
                reason: LockReason::Locked,
                ..Default::default()
            },
            wall_ns: 1_000_000_000,
            ..SlowState::default()
        }
    }

    #[test]
    fn the_beat_goes_on_from_the_state_to_this_moment() {
        assert_eq!((beat(&state(), 0.0).beat_in_bar, beat(&state(), 0.0).phase), (3, 0.5));
        // A quarter of a second later the next beat begins.
        let later = beat(&state(), 0.25);
        assert_eq!((later.beat_number, later.beat_in_bar, later.phase), (21, 4, 0.0));
        assert_eq!([20, 22, 23, 18, 16].map(|number| position_in_bar(&state(), number)), [3, 1, 2, 1, 3]);
    }

    #[test]
    fn beats_to_come_are_where_the_timeline_has_them() {
        let marks = predicted(&state(), 0.05);
        let at: Vec<f32> = marks.iter().map(|mark| mark.at_sec).collect();
        assert!(at.iter().zip([0.2, 0.7, 1.2, 1.7]).all(|(got, expected)| (got - expected).abs() < 1e-5) && at.len() == 4, "{at:?}");
        assert_eq!(marks.iter().map(|mark| mark.is_downbeat).collect::<Vec<_>>(), [false, true, false, false]);
        let unlocked = SlowState { beat: BeatClockState { locked: 0, ..state().beat }, ..state() };
        assert_eq!(predicted(&unlocked, 0.0), []);
    }

    #[test]
    fn ages_and_troubles_are_as_computed_by_hand() {
        assert_eq!([age_sec(0, 5), age_sec(1_000, 900), age_sec(1_000_000_000, 1_500_000_000)], [0.0, 0.0, 0.5]);
        assert_eq!((trouble(&state(), false), trouble(&state(), true)), (String::new(), "no audio arrives".to_owned()));
        let slow = SlowState { health: Health { lost_samples: 7, ..Default::default() }, ..state() };
        assert!(trouble(&slow, false).contains("7 samples"));
    }

    #[test]
    fn a_window_follows_the_instance_that_is_posted() {
        let board = Board::default();
        let mut source = Source::new(Arc::default(), board.clone());
        assert_eq!(source.snapshot(PluginApi::Clap).run, Run::Stopped);
        let (mut writer, state_reader) = state_cell();
        let (mut scope_writer, scope_reader) = scope();
        let shared = Shared { state: state_reader, scope: scope_reader, port: PortShown::default(), has_feed: false, is_offline: true };
        board.post(Some(Arc::new(shared)));
        assert_eq!(source.snapshot(PluginApi::Clap).run, Run::Waiting);
        writer.write(&state());
        let frame = ScopeFrame {
            beat_prob: 0.5,
            downbeat_prob: 0.25,
            level_db: -20.0,
            is_beat: true,
            is_downbeat: true,
            hints: Default::default(),
        };
        scope_writer.push(frame);
        scope_writer.push(ScopeFrame { is_beat: false, is_downbeat: false, ..frame });
        let snapshot = source.snapshot(PluginApi::Clap);
        assert_eq!((snapshot.run, snapshot.beat.beat_in_bar, snapshot.scope.len()), (Run::Offline, 3, 2));
        assert_eq!(snapshot.marks[0], Mark { at_sec: -0.02, is_downbeat: true, is_predicted: false });
        assert_eq!(snapshot.level_db, -20.0);
        assert_eq!(snapshot.control(Control::Meter).choices.len(), 7);
        assert_eq!(snapshot.control(Control::TempoMin).text, "40.0 BPM");
        board.post(None);
        assert_eq!(source.snapshot(PluginApi::Clap).run, Run::Stopped);
    }
}
