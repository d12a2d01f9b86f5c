//! Scores of one piece: every metric of one tracker's beats against one reference. Any thread.

use serde::{Deserialize, Serialize};

use super::Tracked;
use super::calibration::{Judged, judge};
use super::failure::{Cause, cause};
use super::metrics::{self, NARROW_WINDOW_SEC, WINDOW_SEC};
use super::reference::Reference;
use super::stats::{median, median_absolute_deviation, percentile};

/// A piece is usable that is locked within this, seconds.
pub const USABLE_LOCK_SEC: f64 = 8.0;
/// A piece is usable that reaches this in precision and in recall at 70 ms.
pub const USABLE_SHARE: f64 = 0.8;

/// Every score of one piece. Shares are in `[0, 1]`; `None` = does not apply.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClipScores {
    /// F-measure at 70 ms after the skip.
    pub f70: f64,
    /// F-measure at 25 ms after the skip.
    pub f25: f64,
    /// F-measure of downbeats at 70 ms after the skip, where the reference's downbeats are scored; 0 for a tracker that
    /// names none.
    pub downbeat_f70: Option<f64>,
    /// F-measure at 70 ms of the whole piece.
    pub f70_no_skip: f64,
    /// F-measure of downbeats at 70 ms of the whole piece.
    pub downbeat_f70_no_skip: Option<f64>,
    /// Continuity, see [`metrics::Continuity`].
    pub cmlc: f64,
    /// Continuity, see [`metrics::Continuity`].
    pub cmlt: f64,
    /// Continuity, see [`metrics::Continuity`].
    pub amlc: f64,
    /// Continuity, see [`metrics::Continuity`].
    pub amlt: f64,
    /// Cemgil's score.
    pub cemgil: f64,
    /// Information gain.
    pub information_gain: Option<f64>,
    /// F-measure at 70 ms of the beats announced no later than they fall.
    pub live0: f64,
    /// The same with 50 ms of grace.
    pub live50: f64,
    /// Median of announcement minus true beat, milliseconds.
    pub latency_median_ms: Option<f64>,
    /// 95th percentile of announcement minus true beat, milliseconds.
    pub latency_p95_ms: Option<f64>,
    /// Median timing error, milliseconds; positive = late.
    pub bias_ms: Option<f64>,
    /// Median absolute deviation of the timing error, milliseconds.
    pub mad_ms: Option<f64>,
    /// Whether the tempo is right.
    pub acc1: bool,
    /// Whether the tempo is right up to a factor of 2 or 3.
    pub acc2: bool,
    /// Time to lock, seconds; the span of the reference where it never locks.
    pub lock_sec: f64,
    /// Whether it locks.
    pub locked: bool,
    /// Longest unbroken stretch as a share of the piece.
    pub longest_run: f64,
    /// Whether it slips after the lock; `None` where it never locks.
    pub slipped: Option<bool>,
    /// Whether a user could work with it: locks within 8 s, never slips, precision and recall of 80 % or more.
    ///
    /// After the rule of Tik-Tak (github 9ThLen/Tik-Tak, `research/results/README.md`). Its third clause forbids 4 s on a
    /// wrong metrical level; ours forbids 4 s of anything wrong, so it is at least as strict.
    pub usable: bool,
    /// Why the piece fails, where F70 or the F-measure of downbeats is too low; missing in reports of before.
    #[serde(default)]
    pub failure: Option<Cause>,
    /// Announcement minus true beat of each matched beat, seconds; pooled over pieces, not stored.
    #[serde(skip)]
    pub latencies_sec: Vec<f64>,
    /// Timing error of each matched beat, seconds; pooled over pieces, not stored.
    #[serde(skip)]
    pub errors_sec: Vec<f64>,
    /// Confidence and rightness of each beat; pooled over pieces, not stored.
    #[serde(skip)]
    pub judged: Vec<Judged>,
}

/// Whether a reference can be scored at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scorable {
    /// Two beats or more after the skip.
    Beats,
    /// No beats: silence or noise, where every announced beat is one too many.
    Idle,
    /// Beats, but fewer than two after the skip.
    TooShort,
}

/// Whether and how a reference is scored.
pub fn scorable(reference: &Reference, skip_sec: f64) -> Scorable {
    match (reference.times_sec().len(), metrics::from_sec(reference.times_sec(), skip_sec).len()) {
        (0, _) => Scorable::Idle,
        (_, 0 | 1) => Scorable::TooShort,
        _ => Scorable::Beats,
    }
}

/// Scores what was said of a piece. `tracked.beats` is in order of time.
///
/// Lock, run, slip and the figures named `no_skip` see the whole piece, all others what follows `skip_sec` seconds.
pub fn score_clip(reference: &Reference, downbeats_scored: bool, tracked: &Tracked, skip_sec: f64) -> ClipScores {
    let times_sec: Vec<f64> = tracked.beats.iter().map(|beat| beat.time_sec).collect();
    let announced_sec: Vec<f64> = tracked.beats.iter().map(|beat| beat.announce_sec).collect();
    let downbeats_sec: Vec<f64> = tracked.beats.iter().filter(|beat| beat.beat_in_bar == 1).map(|beat| beat.time_sec).collect();

    let truth = metrics::from_sec(reference.times_sec(), skip_sec);
    let said = metrics::from_sec(&times_sec, skip_sec);
    let announced = &announced_sec[announced_sec.len() - said.len()..];
    let downbeat_f70 = |skip_sec: f64| {
        let truth = metrics::from_sec(reference.downbeats_sec(), skip_sec);
        let scored = downbeats_scored && !truth.is_empty();
        scored.then(|| metrics::f_measure(truth, metrics::from_sec(&downbeats_sec, skip_sec), WINDOW_SEC))
    };

    let hits = metrics::precision_recall(truth, said, WINDOW_SEC);
    let continuity = metrics::continuity(truth, said);
    let live = metrics::announcements(truth, said, announced);
    let tempo = metrics::tempo_accuracy(truth, said);
    let lock = metrics::lock(reference.times_sec(), &times_sec);
    let lock_sec = lock.and_then(|lock| lock.lock_sec);
    let slipped = lock.filter(|lock| lock.lock_sec.is_some()).map(|lock| lock.slipped);
    let locks_soon = lock_sec.is_some_and(|lock_sec| lock_sec <= USABLE_LOCK_SEC);
    let to_ms = |value_sec: Option<f64>| value_sec.map(|value_sec| value_sec * 1e3);
    let failure = cause(reference, tracked, skip_sec, hits.f_measure(), downbeat_f70(skip_sec));
    ClipScores {
        f70: hits.f_measure(),
        f25: metrics::f_measure(truth, said, NARROW_WINDOW_SEC),
        downbeat_f70: downbeat_f70(skip_sec),
        f70_no_skip: metrics::f_measure(reference.times_sec(), &times_sec, WINDOW_SEC),
        downbeat_f70_no_skip: downbeat_f70(0.0),
        cmlc: continuity.cmlc,
        cmlt: continuity.cmlt,
        amlc: continuity.amlc,
        amlt: continuity.amlt,
        cemgil: metrics::cemgil(truth, said).score,
        information_gain: metrics::information_gain(truth, said),
        live0: live.live0,
        live50: live.live50,
        latency_median_ms: to_ms(median(&live.latencies_sec)),
        latency_p95_ms: to_ms(percentile(&live.latencies_sec, 95.0)),
        bias_ms: to_ms(median(&live.errors_sec)),
        mad_ms: to_ms(median_absolute_deviation(&live.errors_sec)),
        acc1: tempo.acc1,
        acc2: tempo.acc2,
        lock_sec: lock_sec.or(lock.map(|lock| lock.span_sec)).unwrap_or_default(),
        locked: lock_sec.is_some(),
        longest_run: lock.map_or(0.0, |lock| lock.longest_run),
        slipped,
        usable: locks_soon && slipped == Some(false) && hits.precision >= USABLE_SHARE && hits.recall >= USABLE_SHARE,
        failure,
        latencies_sec: live.latencies_sec,
        errors_sec: live.errors_sec,
        judged: judge(truth, tracked.beats.iter().filter(|beat| beat.time_sec >= skip_sec).map(|beat| (beat.time_sec, beat.conf))),
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_data::{reference, tracked};
    use super::*;

    /// Forty seconds at 120 BPM in bars of four.
    fn truth() -> Reference {
        reference((0..80).map(|idx| (f64::from(idx) * 0.5, idx as u8 % 4 + 1)))
    }

    #[test]
    fn the_truth_itself_scores_full_marks_everywhere() {
        let scores = score_clip(&truth(), true, &tracked((0..80).map(|idx| (f64::from(idx) * 0.5, idx as u8 % 4 + 1)), -0.5), 5.0);
        for share in [scores.f70, scores.f25, scores.f70_no_skip, scores.cmlc, scores.amlt, scores.live0, scores.live50, scores.longest_run]
        {
            assert_eq!(share, 1.0);
        }
        assert_eq!((scores.downbeat_f70, scores.downbeat_f70_no_skip), (Some(1.0), Some(1.0)));
        assert_eq!(
            (scores.latency_median_ms, scores.latency_p95_ms, scores.bias_ms, scores.mad_ms),
            (Some(-500.0), Some(-500.0), Some(0.0), Some(0.0))
        );
        assert_eq!((scores.lock_sec, scores.locked, scores.slipped, scores.usable), (0.0, true, Some(false), true));
        assert!(scores.acc1 && scores.acc2);
    }

    #[test]
    fn a_tracker_without_downbeats_scores_zero_there_unless_they_are_not_scored() {
        let no_bars = tracked((0..80).map(|idx| (f64::from(idx) * 0.5, 0)), 0.0);
        assert_eq!(score_clip(&truth(), true, &no_bars, 5.0).downbeat_f70, Some(0.0));
        assert_eq!(score_clip(&truth(), false, &no_bars, 5.0).downbeat_f70, None);
    }

    #[test]
    fn the_skip_forgives_a_bad_start_and_the_figure_without_it_does_not() {
        let late = tracked((10..80).map(|idx| (f64::from(idx) * 0.5, idx as u8 % 4 + 1)), 0.0);
        let scores = score_clip(&truth(), true, &late, 5.0);
        assert_eq!((scores.f70, scores.lock_sec), (1.0, 5.0));
        assert!(scores.f70_no_skip < 0.95);
    }

    #[test]
    fn nothing_said_is_zero_not_an_error() {
        let scores = score_clip(&truth(), true, &tracked([], 0.0), 5.0);
        assert_eq!((scores.f70, scores.amlt, scores.live50, scores.downbeat_f70), (0.0, 0.0, 0.0, Some(0.0)));
        assert_eq!((scores.locked, scores.lock_sec, scores.slipped, scores.usable), (false, 39.5, None, false));
        assert_eq!((scores.latency_median_ms, scores.bias_ms), (None, None));
    }

    #[test]
    fn empty_and_short_references_are_told_apart() {
        assert_eq!(scorable(&truth(), 5.0), Scorable::Beats);
        assert_eq!(scorable(&truth(), 39.3), Scorable::TooShort);
        assert_eq!(scorable(&reference([(1.0, 1)]), 0.0), Scorable::TooShort);
        assert_eq!(scorable(&Reference::default(), 0.0), Scorable::Idle);
    }
}
