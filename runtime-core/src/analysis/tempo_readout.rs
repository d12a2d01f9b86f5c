//! The tempo that people see: of a long stretch of beats, and still while the music is steady. INFERENCE THREAD.
//!
//! Clocks follow [`TempoFit`](super::tempo_fit), which answers within four bars and therefore wobbles by a tenth of a BPM. A
//! display wants the opposite. Least squares over up to `N_BEATS` beats give the tempo and its standard error; what is shown
//! changes only where the tempo leaves the band that the error explains. Where the last bars disagree with the beats before
//! them beyond chance, those are dropped, so that a change of tempo is shown as soon as it is sure.

use std::ops::Range;

/// Beats that the line goes through at most: sixteen bars. At 120 BPM and 5 ms of jitter the error is 0.01 BPM.
const N_BEATS: usize = 64;
/// Fewer have no error to speak of.
const MIN_BEATS: usize = 4;
/// From so many on the line is worth more than that of the control tempo.
const LONG_BEATS: usize = 16;
/// Beats at the end whose line must be that of the beats before: one, two and four bars.
const N_RECENT: [usize; 3] = [4, 8, 16];
/// Standard errors that chance explains: it exceeds them once in sixteen thousand beats.
const SIGNIFICANT: f64 = 4.0;
/// The last beats and how many times further they may lie from the line of all than from their own. By the F-test chance exceeds
/// either once in four thousand beats or less often. Finds what the errors hide: a tempo that was reached over unsteady beats.
const MISFIT: [(usize, f64); 2] = [(8, 4.0), (16, 2.5)];
/// The last beats lie no nearer to their own line than this, seconds, for that question.
const MIN_MISFIT_SEC: f64 = MIN_JITTER_SEC;
/// Jitter that beats have at least, seconds, however well they fit: of an even spread over most of a frame. Where the beat is a
/// simple ratio of frames, the decoder's errors repeat every few beats and look like a change of tempo to a finer sieve.
const MIN_JITTER_SEC: f64 = 4e-3;
/// What is shown stays while the tempo is within this of it, BPM, beyond two standard errors: half of what a display of one
/// decimal could show, so that it does not flicker between two.
const STILL_BPM: f64 = 0.02;
/// A beat further than this from where the last one lets it expect, in beats, belongs to another tempo.
const MAX_STEP_ERROR_BEATS: f64 = 0.3;

/// A line and what it is worth.
#[derive(Debug, Clone, Copy)]
struct Slope {
    spb: f64,
    /// A point of the line: mean time, seconds, and mean number of its beats.
    mean_sec: f64,
    mean_count: f64,
    /// Standard deviation of a beat from the line, seconds.
    jitter_sec: f64,
    /// Standard error of `spb` per second of jitter.
    error_ratio: f64,
}

/// The beats of one tempo, and what is shown.
#[derive(Debug, Clone)]
pub struct TempoReadout {
    times_sec: [f64; N_BEATS],
    counts: [u64; N_BEATS],
    n_beats: usize,
    shown_spb: Option<f64>,
}

impl Default for TempoReadout {
    fn default() -> Self {
        Self { times_sec: [0.0; N_BEATS], counts: [0; N_BEATS], n_beats: 0, shown_spb: None }
    }
}

impl TempoReadout {
    /// Adds beat number `count` at `t_sec`; `control_spb` is the tempo that clocks follow, seconds per beat, which is shown
    /// while there are few beats. Allocates nothing.
    pub fn push(&mut self, count: u64, t_sec: f64, control_spb: f64) {
        if self.n_beats > 0 {
            let last = self.n_beats - 1;
            let n_steps = count.saturating_sub(self.counts[last]) as f64;
            let off_beats = (t_sec - self.times_sec[last]) / control_spb - n_steps;
            if n_steps == 0.0 || off_beats.is_nan() || off_beats.abs() > MAX_STEP_ERROR_BEATS * n_steps {
                self.clear();
            }
        }
        if self.n_beats == N_BEATS {
            self.drop_oldest(1);
        }
        (self.times_sec[self.n_beats], self.counts[self.n_beats]) = (t_sec, count);
        self.n_beats += 1;
        let changed = N_RECENT.into_iter().find(|&n_recent| self.has_changed(n_recent));
        let misfit = MISFIT.into_iter().find(|&(n_recent, ratio)| self.does_not_fit(n_recent, ratio));
        if let Some(n_recent) = changed.or(misfit.map(|(n_recent, _)| n_recent)) {
            self.drop_oldest(self.n_beats - n_recent);
        }
        self.show(control_spb);
    }

    /// Forgets the beats; what is shown stays until there are new ones.
    pub fn clear(&mut self) {
        self.n_beats = 0;
    }

    /// Moves all beats by `by_sec`, seconds: what is added to every beat from now on.
    pub fn shift(&mut self, by_sec: f64) {
        self.times_sec.iter_mut().for_each(|t_sec| *t_sec += by_sec);
    }

    /// Shows a tempo that a user said, seconds per beat.
    pub fn set(&mut self, spb: f64) {
        self.clear();
        self.shown_spb = Some(spb);
    }

    /// Seconds per beat to show; `None` before the first beat.
    pub fn shown_spb(&self) -> Option<f64> {
        self.shown_spb
    }

    /// Seconds per beat of all beats of this tempo; `None` with fewer than sixteen, where the control tempo is as good.
    pub fn long_spb(&self) -> Option<f64> {
        if self.n_beats < LONG_BEATS {
            return None;
        }
        self.slope(0..self.n_beats).map(|slope| slope.spb)
    }

    fn drop_oldest(&mut self, n: usize) {
        self.times_sec.copy_within(n..self.n_beats, 0);
        self.counts.copy_within(n..self.n_beats, 0);
        self.n_beats -= n;
    }

    /// Whether the last `n_recent` beats have another tempo than those before them.
    fn has_changed(&self, n_recent: usize) -> bool {
        let Some(first) = self.n_beats.checked_sub(n_recent) else { return false };
        let (Some(before), Some(recent)) = (self.slope(0..first), self.slope(first..self.n_beats)) else { return false };
        // Of few beats the jitter is not well known, so the larger counts for both.
        let jitter_sec = before.jitter_sec.max(recent.jitter_sec);
        (before.spb - recent.spb).abs() > SIGNIFICANT * jitter_sec * before.error_ratio.hypot(recent.error_ratio)
    }

    /// Whether the last `n_recent` beats lie `ratio` times further from the line of all beats than from their own.
    fn does_not_fit(&self, n_recent: usize, ratio: f64) -> bool {
        let Some(first) = self.n_beats.checked_sub(n_recent).filter(|&first| first > 0) else { return false };
        let (Some(all), Some(own)) = (self.slope(0..self.n_beats), self.slope(first..self.n_beats)) else { return false };
        let beats = self.times_sec[first..self.n_beats].iter().zip(&self.counts[first..self.n_beats]);
        let squares: f64 = beats.map(|(t_sec, &count)| (t_sec - all.mean_sec - all.spb * (count as f64 - all.mean_count)).powi(2)).sum();
        (squares / (n_recent - 2) as f64).sqrt() > ratio * own.jitter_sec.max(MIN_MISFIT_SEC)
    }

    fn show(&mut self, control_spb: f64) {
        let Some(slope) = self.slope(0..self.n_beats) else {
            // Too few beats of this tempo: what was shown goes on where it is the same tempo.
            let is_same = self.shown_spb.is_some_and(|shown| (shown / control_spb - 1.0).abs() < 0.03);
            if !is_same {
                self.shown_spb = Some(control_spb);
            }
            return;
        };
        let bpm = 60.0 / slope.spb;
        let error_bpm = bpm * slope.jitter_sec * slope.error_ratio / slope.spb;
        let moved_bpm = self.shown_spb.map_or(f64::INFINITY, |shown| (60.0 / shown - bpm).abs());
        if moved_bpm > 2.0 * error_bpm + STILL_BPM {
            self.shown_spb = Some(slope.spb);
        }
    }

    /// Least squares through the beats of these indices.
    fn slope(&self, beats: Range<usize>) -> Option<Slope> {
        let (times_sec, counts) = (&self.times_sec[beats.clone()], &self.counts[beats]);
        let n = times_sec.len();
        if n < MIN_BEATS {
            return None;
        }
        // From the first beat on, so that sums of large numbers lose nothing.
        let (t0, c0) = (times_sec[0], counts[0]);
        let points = || times_sec.iter().zip(counts).map(|(t_sec, count)| ((count - c0) as f64, t_sec - t0));
        let (sum_x, sum_y) = points().fold((0.0, 0.0), |(sx, sy), (x, y)| (sx + x, sy + y));
        let (mean_x, mean_y) = (sum_x / n as f64, sum_y / n as f64);
        let (sxx, sxy) = points().fold((0.0, 0.0), |(sxx, sxy), (x, y)| {
            let dx = x - mean_x;
            (sxx + dx * dx, sxy + dx * (y - mean_y))
        });
        let spb = sxy / sxx;
        let squares: f64 = points().map(|(x, y)| (y - mean_y - spb * (x - mean_x)).powi(2)).sum();
        let jitter_sec = (squares / (n - 2) as f64).sqrt().max(MIN_JITTER_SEC);
        let (mean_sec, mean_count) = (t0 + mean_y, c0 as f64 + mean_x);
        let slope = Slope { spb, mean_sec, mean_count, jitter_sec, error_ratio: sxx.sqrt().recip() };
        (slope.spb.is_finite() && slope.spb > 0.0).then_some(slope)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::rng::Pcg32;

    /// Beats of a tempo that `bpm` gives for each, with uniform jitter; returns what was shown after each, BPM.
    fn shown(n_beats: u64, jitter_sec: f64, bpm: impl Fn(u64) -> f64) -> Vec<f64> {
        let (mut readout, mut rng, mut t_sec) = (TempoReadout::default(), Pcg32::new(5, 1), 1.0);
        (0..n_beats)
            .map(|k| {
                let spb = 60.0 / bpm(k);
                t_sec += spb;
                readout.push(k, t_sec + jitter_sec * (2.0 * rng.uniform() - 1.0), spb * (1.0 + 0.005 * (2.0 * rng.uniform() - 1.0)));
                60.0 / readout.shown_spb().unwrap()
            })
            .collect()
    }

    #[test]
    fn a_steady_tempo_is_shown_right_and_stands_still() {
        for bpm in [61.7, 120.0, 128.3, 174.5] {
            let late = &shown(200, 0.008, |_| bpm)[32..];
            let (low, high) = late.iter().fold((f64::MAX, 0.0f64), |(low, high), &b| (low.min(b), high.max(b)));
            assert!((low - bpm).abs() < 0.1 && (high - bpm).abs() < 0.1, "{bpm}: {low} to {high}");
            let later = &late[32..];
            assert!(later.iter().all(|b| (b - bpm).abs() < 0.05), "{bpm}: {later:?}");
            let n_changes = later.windows(2).filter(|pair| pair[0] != pair[1]).count();
            assert!(n_changes <= 6, "{bpm}: {n_changes} changes in 136 beats");
        }
    }

    #[test]
    fn a_new_tempo_is_shown_at_once_and_a_slow_drift_is_followed() {
        let step = shown(64, 0.002, |k| if k < 32 { 120.0 } else { 150.0 });
        assert!((step[31] - 120.0).abs() < 0.1 && (step[34] - 150.0).abs() < 1.5 && (step[63] - 150.0).abs() < 0.1, "{step:?}");
        let small = shown(96, 0.002, |k| if k < 48 { 120.0 } else { 121.0 });
        assert!((small[70] - 121.0).abs() < 0.3, "{}", small[70]);
        let drift = shown(200, 0.002, |k| 100.0 + 0.05 * k as f64);
        for (k, &bpm) in drift.iter().enumerate().skip(20) {
            assert!((bpm - (100.0 + 0.05 * k as f64)).abs() < 1.2, "beat {k}: {bpm}");
        }
    }

    #[test]
    fn a_gap_in_the_count_is_no_change_and_a_word_of_the_user_is_shown() {
        let mut readout = TempoReadout::default();
        for k in (0..20).chain(52..70) {
            readout.push(k, k as f64 * 0.5, 0.5);
        }
        assert_eq!((readout.shown_spb(), readout.n_beats), (Some(0.5), 38));
        readout.set(0.4);
        assert_eq!((readout.shown_spb(), readout.long_spb()), (Some(0.4), None));
    }

    #[test]
    fn nothing_is_shown_before_the_first_beat_and_bad_times_do_no_harm() {
        let mut readout = TempoReadout::default();
        assert_eq!(readout.shown_spb(), None);
        for (count, t_sec) in [(0, 0.0), (1, f64::NAN), (1, 0.5), (1, 0.5), (0, 1.0), (1, 1.5), (2, 2.0), (3, 2.5), (4, 3.0)] {
            readout.push(count, t_sec, 0.5);
        }
        assert!(readout.shown_spb().is_some_and(|spb| (spb - 0.5).abs() < 1e-9));
    }
}
