//! Figures over a set of pieces, each mean with its bootstrap interval, and paired differences of two runs. Any thread.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::bootstrap::{Estimate, SEED, bootstrap_mean, bootstrap_paired};
use super::calibration::{Calibration, Judged};
use super::clip::ClipScores;
use super::metric_list::METRICS;
use super::stats::{mean, median, median_absolute_deviation, percentile};

/// Figures of one tracker over a set of pieces.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Summary {
    /// Number of pieces with a reference.
    pub n_pieces: usize,
    /// Means over the pieces, by the key of [`METRICS`].
    pub means: BTreeMap<String, Estimate>,
    /// Figures over all matched beats or all pieces together, without an interval.
    pub pooled: Pooled,
    /// What confidence is worth, over all beats; `None` for trackers that give none, and in reports of before.
    #[serde(default)]
    pub calibration: Option<Calibration>,
}

/// Figures that are no mean over pieces; `None` where nothing matched.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Pooled {
    /// Median of announcement minus true beat, milliseconds.
    pub latency_median_ms: Option<f64>,
    /// 95th percentile of announcement minus true beat, milliseconds.
    pub latency_p95_ms: Option<f64>,
    /// Median timing error, milliseconds; positive = late.
    pub bias_ms: Option<f64>,
    /// Median absolute deviation of the timing error, milliseconds.
    pub mad_ms: Option<f64>,
    /// Median time to lock over pieces, seconds; a piece that never locks counts with its span.
    pub lock_median_sec: Option<f64>,
    /// 90th percentile of the time to lock over pieces, seconds.
    pub lock_p90_sec: Option<f64>,
    /// Share of pieces that lock.
    pub locked: Option<f64>,
}

impl Summary {
    /// Figures of these pieces.
    pub fn of(clips: &[&ClipScores]) -> Self {
        let means = METRICS.iter().filter_map(|metric| {
            let values: Vec<f64> = clips.iter().filter_map(|clip| (metric.get)(clip)).collect();
            Some((metric.key.to_owned(), bootstrap_mean(&values, SEED)?))
        });
        let judged: Vec<Judged> = clips.iter().flat_map(|clip| &clip.judged).copied().collect();
        let calibration = Calibration::of(&judged);
        Self { n_pieces: clips.len(), means: means.collect(), pooled: Pooled::of(clips), calibration }
    }
}

impl Pooled {
    fn of(clips: &[&ClipScores]) -> Self {
        let latencies_ms: Vec<f64> = clips.iter().flat_map(|clip| &clip.latencies_sec).map(|sec| sec * 1e3).collect();
        let errors_ms: Vec<f64> = clips.iter().flat_map(|clip| &clip.errors_sec).map(|sec| sec * 1e3).collect();
        let locks_sec: Vec<f64> = clips.iter().map(|clip| clip.lock_sec).collect();
        let locked: Vec<f64> = clips.iter().map(|clip| if clip.locked { 1.0 } else { 0.0 }).collect();
        Self {
            latency_median_ms: median(&latencies_ms),
            latency_p95_ms: percentile(&latencies_ms, 95.0),
            bias_ms: median(&errors_ms),
            mad_ms: median_absolute_deviation(&errors_ms),
            lock_median_sec: median(&locks_sec),
            lock_p90_sec: percentile(&locks_sec, 90.0),
            locked: mean(&locked),
        }
    }
}

/// Mean of ours minus theirs over the same pieces, by the key of [`METRICS`].
///
/// A piece counts for a metric that both runs have there. Each pair is `(ours, theirs)`.
pub fn paired_differences(pairs: &[(&ClipScores, &ClipScores)]) -> BTreeMap<String, Estimate> {
    let difference = |metric: &super::metric_list::Metric| {
        let both = pairs.iter().filter_map(|(ours, theirs)| (metric.get)(ours).zip((metric.get)(theirs)));
        let (ours, theirs): (Vec<f64>, Vec<f64>) = both.unzip();
        Some((metric.key.to_owned(), bootstrap_paired(&ours, &theirs, SEED)?))
    };
    METRICS.iter().filter_map(difference).collect()
}

#[cfg(test)]
mod tests {
    use super::super::clip::score_clip;
    use super::super::test_data::{reference, tracked};
    use super::*;

    /// Scores of a tracker that is late by `late_sec` seconds and says each beat as it claims it.
    fn clip(late_sec: f64, downbeats_scored: bool) -> ClipScores {
        let beats = || (0..60).map(|idx| (f64::from(idx) * 0.5, idx as u8 % 4 + 1));
        let said = tracked(beats().map(|(time_sec, position)| (time_sec + late_sec, position)), 0.0);
        score_clip(&reference(beats()), downbeats_scored, &said, 5.0)
    }

    #[test]
    fn means_count_only_pieces_that_have_the_figure() {
        let (on_time, late) = (clip(0.0, true), clip(0.05, false));
        let summary = Summary::of(&[&on_time, &late]);
        assert_eq!((summary.n_pieces, summary.means["f70"].n_pieces, summary.means["downbeat_f70"].n_pieces), (2, 2, 1));
        assert_eq!((summary.means["f70"].mean, summary.means["f25"].mean, summary.means["live0"].mean), (1.0, 0.5, 0.5));
    }

    #[test]
    fn latency_is_pooled_over_beats() {
        let (on_time, late) = (clip(0.0, true), clip(0.05, true));
        let pooled = Summary::of(&[&on_time, &late, &late]).pooled;
        assert!(pooled.latency_median_ms.is_some_and(|latency_ms| (latency_ms - 50.0).abs() < 1e-6));
        assert!(pooled.bias_ms.is_some_and(|bias_ms| (bias_ms - 50.0).abs() < 1e-6));
        assert_eq!(pooled.locked, Some(1.0));
    }

    #[test]
    fn no_pieces_have_no_figures() {
        assert_eq!(Summary::of(&[]), Summary::default());
        assert!(paired_differences(&[]).is_empty());
    }

    #[test]
    fn a_run_does_not_differ_from_itself() {
        let (on_time, late) = (clip(0.0, true), clip(0.05, true));
        let same = paired_differences(&[(&on_time, &on_time), (&late, &late)]);
        assert!(same.values().all(|estimate| estimate.mean == 0.0 && !estimate.excludes_zero()));
        let worse = paired_differences(&[(&late, &on_time), (&late, &on_time)]);
        assert_eq!((worse["f25"].mean, worse["f25"].excludes_zero()), (-1.0, true));
    }
}
