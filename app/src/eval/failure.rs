//! Why a piece fails: which metrical level was followed instead, or what happened to the bar. Any thread.
//!
//! Own rules. The beats are judged window by window against the levels at which the reference can be tapped (`levels`),
//! and the cause is what most of the wrong windows show; the bar is judged where the beats are right.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::clip::USABLE_LOCK_SEC;
use super::levels::{LevelKind, Levels};
use super::metrics::matching::match_events;
use super::metrics::{WINDOW_SEC, from_sec};
use super::reference::Reference;
use super::{Tracked, TrackedBeat};

/// A piece fails by its beats whose F-measure at 70 ms is below this.
pub const FAILED_F70: f64 = 0.7;
/// A piece whose beats are right fails by its bars where the F-measure of downbeats is below this.
pub const FAILED_DOWNBEAT_F70: f64 = 0.5;
/// Length of a judged window, seconds: at 55 BPM it holds five beats, which still tell half from whole tempo.
const JUDGED_SPAN_SEC: f64 = 6.0;
/// Distance of two judged windows, seconds.
const JUDGED_STEP_SEC: f64 = JUDGED_SPAN_SEC / 2.0;
/// A cause must account for at least this share of what is wrong; a late lock must hold in this share of what follows.
const MAJORITY_SHARE: f64 = 0.5;

/// Why a piece fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// Beats at half the tempo, or slower by a power of two.
    HalfTempo,
    /// Beats at double the tempo, or faster by a power of two.
    DoubleTempo,
    /// The right tempo, half a beat off.
    OffBeat,
    /// Three beats for two, two for three, or a third or three times the tempo: compound meter taken for simple, or the reverse.
    Compound,
    /// Right once locked, but locked later than [`USABLE_LOCK_SEC`].
    LateLock,
    /// Right for a while, then lost, or from one level to another: slips and drift.
    Slips,
    /// Little was announced.
    Silent,
    /// Beats at no level of the piece.
    NoPulse,
    /// The beats are right, the bars have another length.
    WrongMeter,
    /// The beats and the length of the bars are right, "one" is on another beat.
    DownbeatPhase,
    /// The beats are right, "one" moves about.
    UnsteadyBar,
    /// The beats are right, bars were not named.
    NoBar,
}

impl Cause {
    /// Every cause, beats before bars.
    pub const ALL: [Self; 12] = [
        Self::HalfTempo,
        Self::DoubleTempo,
        Self::OffBeat,
        Self::Compound,
        Self::LateLock,
        Self::Slips,
        Self::Silent,
        Self::NoPulse,
        Self::WrongMeter,
        Self::DownbeatPhase,
        Self::UnsteadyBar,
        Self::NoBar,
    ];

    /// For people.
    pub fn label(self) -> &'static str {
        match self {
            Self::HalfTempo => "octave: half tempo",
            Self::DoubleTempo => "octave: double tempo",
            Self::OffBeat => "off-beat",
            Self::Compound => "3:2 or compound level",
            Self::LateLock => "late lock",
            Self::Slips => "slips or drift",
            Self::Silent => "little announced",
            Self::NoPulse => "no level of the piece",
            Self::WrongMeter => "wrong meter",
            Self::DownbeatPhase => "downbeat phase",
            Self::UnsteadyBar => "unsteady bar",
            Self::NoBar => "bar not named",
        }
    }
}

/// Why a piece fails whose F-measures after `skip_sec` seconds are these; `None` where it does not fail.
///
/// `tracked.beats` is in order of time. A downbeat score of `None` is none to fail by.
pub fn cause(reference: &Reference, tracked: &Tracked, skip_sec: f64, f70: f64, downbeat_f70: Option<f64>) -> Option<Cause> {
    let truth = from_sec(reference.times_sec(), skip_sec);
    let said = &tracked.beats[tracked.beats.partition_point(|beat| beat.time_sec < skip_sec)..];
    if f70 < FAILED_F70 {
        let first_sec = reference.times_sec().first().copied().unwrap_or_default();
        return Some(cause_of_beats(truth, said, first_sec));
    }
    let bar_fails = downbeat_f70.is_some_and(|downbeat_f70| downbeat_f70 < FAILED_DOWNBEAT_F70);
    bar_fails.then(|| cause_of_bars(truth, from_sec(reference.downbeats_sec(), skip_sec), said))
}

/// What one window shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Seen {
    Right,
    Wrong(Cause),
}

fn cause_of_beats(truth_sec: &[f64], said: &[TrackedBeat], first_sec: f64) -> Cause {
    let times_sec: Vec<f64> = said.iter().map(|beat| beat.time_sec).collect();
    let windows = judge(truth_sec, &times_sec);
    let share_right = |seen: &[(f64, Seen)]| {
        let n_right = seen.iter().filter(|(_, seen)| *seen == Seen::Right).count();
        n_right as f64 / seen.len().max(1) as f64
    };
    if let Some(idx) = windows.iter().position(|(_, seen)| *seen == Seen::Right) {
        let is_late = windows[idx].0 - first_sec > USABLE_LOCK_SEC;
        if is_late && share_right(&windows[idx..]) > MAJORITY_SHARE && windows[windows.len() - 1].1 == Seen::Right {
            return Cause::LateLock;
        }
    }
    let mut counts: BTreeMap<Cause, usize> = BTreeMap::new();
    for (_, seen) in &windows {
        if let Seen::Wrong(cause) = seen {
            *counts.entry(*cause).or_default() += 1;
        }
    }
    let n_wrong: usize = counts.values().sum();
    let most = counts.iter().max_by_key(|(_, n)| **n).map(|(cause, n)| (*cause, *n));
    match most {
        Some((cause, n)) if cause != Cause::NoPulse && n as f64 >= MAJORITY_SHARE * n_wrong as f64 => cause,
        // Nothing fits for most of the time: was there anything to lose?
        Some((Cause::NoPulse, n)) if share_right(&windows) == 0.0 && n as f64 > MAJORITY_SHARE * windows.len() as f64 => Cause::NoPulse,
        _ => Cause::Slips,
    }
}

/// What each window of the piece shows, with its start, seconds.
fn judge(truth_sec: &[f64], said_sec: &[f64]) -> Vec<(f64, Seen)> {
    let (Some(start_sec), Some(end_sec)) = (truth_sec.first(), truth_sec.last()) else { return Vec::new() };
    let levels = Levels::of(truth_sec);
    let n_windows = (((end_sec - start_sec - JUDGED_SPAN_SEC) / JUDGED_STEP_SEC).floor().max(0.0)) as usize + 1;
    let seen = |idx: usize| {
        // A beat that falls on the border may be said a little early.
        let from = start_sec - WINDOW_SEC + idx as f64 * JUDGED_STEP_SEC;
        let (until, n_truth) = (from + JUDGED_SPAN_SEC, between(truth_sec, from, from + JUDGED_SPAN_SEC).len());
        let said = between(said_sec, from, until);
        let seen = match levels.best(said, from, until, FAILED_F70) {
            Some(LevelKind::Whole) => Seen::Right,
            Some(LevelKind::Half) => Seen::Wrong(Cause::HalfTempo),
            Some(LevelKind::Double) => Seen::Wrong(Cause::DoubleTempo),
            Some(LevelKind::OffBeat) => Seen::Wrong(Cause::OffBeat),
            Some(LevelKind::Compound) => Seen::Wrong(Cause::Compound),
            // Fewer than two beats, or than a quarter of those that fall, are no level.
            None if said.len() < 2 || 4 * said.len() < n_truth => Seen::Wrong(Cause::Silent),
            None => Seen::Wrong(Cause::NoPulse),
        };
        (from, seen)
    };
    (0..n_windows).map(seen).collect()
}

/// The times in `[from_sec, until_sec)`.
pub(super) fn between(times_sec: &[f64], from_sec: f64, until_sec: f64) -> &[f64] {
    let rest = super::metrics::from_sec(times_sec, from_sec);
    &rest[..rest.partition_point(|time_sec| *time_sec < until_sec)]
}

fn cause_of_bars(truth_sec: &[f64], downbeats_sec: &[f64], said: &[TrackedBeat]) -> Cause {
    let times_sec: Vec<f64> = said.iter().map(|beat| beat.time_sec).collect();
    let said_downbeats_sec: Vec<f64> = said.iter().filter(|beat| beat.beat_in_bar == 1).map(|beat| beat.time_sec).collect();
    // Named in less than half of the bars.
    if 2 * said_downbeats_sec.len() < downbeats_sec.len() && said.iter().filter(|beat| beat.beat_in_bar == 0).count() * 2 >= said.len() {
        return Cause::NoBar;
    }
    if usual_bar(truth_sec, downbeats_sec) != usual_bar(&times_sec, &said_downbeats_sec) {
        return Cause::WrongMeter;
    }
    let mut offsets: BTreeMap<usize, usize> = BTreeMap::new();
    for pair in match_events(truth_sec, &said_downbeats_sec, WINDOW_SEC) {
        let time_sec = truth_sec[pair.reference_idx];
        let last_downbeat_sec = downbeats_sec.iter().rfind(|downbeat_sec| **downbeat_sec <= time_sec);
        if let Some(last_downbeat_sec) = last_downbeat_sec {
            *offsets.entry(between(truth_sec, *last_downbeat_sec, time_sec).len()).or_default() += 1;
        }
    }
    let most = offsets.iter().max_by_key(|(_, n)| **n);
    let is_shifted = most.is_some_and(|(offset, n)| *offset > 0 && *n as f64 >= MAJORITY_SHARE * said_downbeats_sec.len() as f64);
    if is_shifted { Cause::DownbeatPhase } else { Cause::UnsteadyBar }
}

/// Beats of most bars; `None` where no bar is whole. The longer of equally frequent ones.
fn usual_bar(times_sec: &[f64], downbeats_sec: &[f64]) -> Option<usize> {
    let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
    for bar in downbeats_sec.windows(2) {
        *counts.entry(between(times_sec, bar[0], bar[1]).len()).or_default() += 1;
    }
    counts.into_iter().max_by_key(|(_, n)| *n).map(|(n_beats, _)| n_beats)
}

#[cfg(test)]
mod tests {
    use super::super::clip::score_clip;
    use super::super::test_data::{reference, tracked};
    use super::*;

    const SPB: f64 = 0.5;
    const N_BEATS: u32 = 110;

    /// Fifty-five seconds at 120 BPM in bars of four.
    fn truth() -> Reference {
        reference((0..N_BEATS).map(|idx| (0.1 + f64::from(idx) * SPB, idx as u8 % 4 + 1)))
    }

    /// Beats `spb` apart from `start_sec` on to the end of the reference; the bar by `place`.
    fn said(start_sec: f64, spb: f64, place: impl Fn(u32) -> u8) -> Vec<(f64, u8)> {
        let end_sec = 0.1 + f64::from(N_BEATS - 1) * SPB;
        (0..).map(|idx| (start_sec + f64::from(idx) * spb, place(idx))).take_while(|(time_sec, _)| *time_sec <= end_sec + 1e-9).collect()
    }

    fn cause_of(beats: Vec<(f64, u8)>) -> Option<Cause> {
        score_clip(&truth(), true, &tracked(beats, 0.0), 5.0).failure
    }

    fn in_four(idx: u32) -> u8 {
        idx as u8 % 4 + 1
    }

    #[test]
    fn what_is_right_has_no_cause() {
        assert_eq!(cause_of(said(0.1, SPB, in_four)), None);
        assert_eq!(cause_of(said(8.1, SPB, in_four)), None, "a lock after eight seconds costs little over a minute");
    }

    #[test]
    fn another_level_is_named() {
        assert_eq!(cause_of(said(0.1, SPB / 2.0, in_four)), Some(Cause::DoubleTempo));
        assert_eq!(cause_of(said(0.1, SPB * 2.0, in_four)), Some(Cause::HalfTempo));
        assert_eq!(cause_of(said(0.6, SPB * 2.0, in_four)), Some(Cause::HalfTempo));
        assert_eq!(cause_of(said(0.35, SPB, in_four)), Some(Cause::OffBeat));
        assert_eq!(cause_of(said(0.1, SPB * 2.0 / 3.0, in_four)), Some(Cause::Compound));
        assert_eq!(cause_of(said(0.1, SPB * 1.5, in_four)), Some(Cause::Compound));
        assert_eq!(cause_of(said(0.6, SPB * 3.0, in_four)), Some(Cause::Compound));
    }

    #[test]
    fn late_locks_slips_and_silence_are_told_apart() {
        assert_eq!(cause_of(said(30.1, SPB, in_four)), Some(Cause::LateLock));
        let off_beat_first: Vec<(f64, u8)> =
            said(0.35, SPB, in_four).into_iter().filter(|beat| beat.0 < 35.0).chain(said(35.1, SPB, in_four)).collect();
        assert_eq!(cause_of(off_beat_first), Some(Cause::LateLock));
        let lost: Vec<(f64, u8)> = said(0.1, SPB, in_four).into_iter().filter(|beat| beat.0 < 25.0).collect();
        assert_eq!(cause_of(lost), Some(Cause::Silent));
        // 3 % too fast: through the off-beat and round again.
        assert_eq!(cause_of(said(0.1, SPB * 0.97, in_four)), Some(Cause::Slips));
        assert_eq!(cause_of(Vec::new()), Some(Cause::Silent));
    }

    #[test]
    fn beats_that_fit_nothing_are_no_pulse() {
        // Gaps of .3, .7 and .45 s in turn are no level of 120 BPM.
        let gaps = [0.31, 0.73, 0.44, 0.62];
        let mut time_sec = 0.0;
        let beats = (0..100).map(|idx| {
            time_sec += gaps[idx % gaps.len()];
            (time_sec, 0)
        });
        let cause = cause_of(beats.collect());
        assert!([Some(Cause::NoPulse), Some(Cause::Slips)].contains(&cause), "{cause:?}");
    }

    #[test]
    fn bars_fail_in_four_ways() {
        assert_eq!(cause_of(said(0.1, SPB, |idx| in_four(idx + 2))), Some(Cause::DownbeatPhase));
        assert_eq!(cause_of(said(0.1, SPB, |idx| idx as u8 % 3 + 1)), Some(Cause::WrongMeter));
        assert_eq!(cause_of(said(0.1, SPB, |_| 0)), Some(Cause::NoBar));
        // Right, shifted by one, by two, by three, a quarter of the piece each.
        assert_eq!(cause_of(said(0.1, SPB, |idx| in_four(idx + idx / 28))), Some(Cause::UnsteadyBar));
    }

    #[test]
    fn a_piece_without_scored_downbeats_does_not_fail_by_them() {
        let beats = said(0.1, SPB, |idx| in_four(idx + 2));
        assert_eq!(score_clip(&truth(), false, &tracked(beats, 0.0), 5.0).failure, None);
    }

    #[test]
    fn a_reference_of_two_beats_has_a_cause_too() {
        let short = reference([(6.0, 1), (6.5, 2)]);
        assert_eq!(score_clip(&short, true, &tracked([], 0.0), 5.0).failure, Some(Cause::Silent));
    }

    #[test]
    fn every_cause_has_a_name_of_its_own() {
        let labels: std::collections::BTreeSet<&str> = Cause::ALL.iter().map(|cause| cause.label()).collect();
        assert_eq!(labels.len(), Cause::ALL.len());
    }
}
