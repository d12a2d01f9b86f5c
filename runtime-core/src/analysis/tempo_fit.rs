//! Seconds per beat from the recent beats: a robust line through (beat number, time). INFERENCE THREAD.
//!
//! Theil-Sen: the median of the slopes between pairs of beats (Sen, JASA 1968), which one beat that is off does not move
//! and which is not quantised to frames. Beats that nobody heard, in a break, leave a gap in the numbers and no other trace.

/// Beats that the line goes through: four bars.
const N_BEATS: usize = 16;
/// With fewer the decoder's own estimate is better.
const MIN_BEATS: usize = 4;
/// A decoder's interval that differs by more than this from the fit means another tempo: the fit starts afresh.
const RESTART_RATIO: f64 = 1.06;
/// A beat that comes earlier or later than this, in intervals since the last one, means another count: afresh.
const STEP_RATIOS: std::ops::Range<f64> = 0.7..1.4;
const MAX_PAIRS: usize = N_BEATS * (N_BEATS - 1) / 2;

/// The line through the recent beats.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TempoLine {
    /// Seconds per beat.
    pub spb: f64,
    /// Where the line puts the last beat, seconds of stream.
    pub last_sec: f64,
    /// Number of the last beat.
    pub last_count: u64,
    /// Median distance of a beat from the line, seconds.
    pub residual_sec: f64,
    /// Beats that the line goes through.
    pub n_beats: usize,
}

/// The recent beats of one tempo.
#[derive(Debug, Clone, Default)]
pub struct TempoFit {
    times_sec: [f64; N_BEATS],
    counts: [u64; N_BEATS],
    n_beats: usize,
}

impl TempoFit {
    /// Adds beat number `count` at `t_sec` of which the decoder says that beats are `interval_sec` apart; returns seconds per
    /// beat, never more than 6 % from `interval_sec`. Allocates nothing.
    pub fn push(&mut self, count: u64, t_sec: f64, interval_sec: f64) -> f64 {
        if self.n_beats > 0 {
            let last = self.n_beats - 1;
            let n_steps = count.saturating_sub(self.counts[last]).max(1) as f64;
            let step_ratio = (t_sec - self.times_sec[last]) / (n_steps * interval_sec);
            let is_other_tempo = self.slope().is_some_and(|spb| !is_same_tempo(spb, interval_sec));
            if is_other_tempo || !STEP_RATIOS.contains(&step_ratio) || count <= self.counts[last] {
                self.clear();
            }
        }
        self.add(count, t_sec);
        match self.slope() {
            // The beats came where no beat of the decoder's tempo would.
            Some(spb) if !is_same_tempo(spb, interval_sec) => {
                self.clear();
                self.add(count, t_sec);
                interval_sec
            }
            Some(spb) => spb,
            None => interval_sec,
        }
    }

    fn add(&mut self, count: u64, t_sec: f64) {
        if self.n_beats == N_BEATS {
            self.times_sec.copy_within(1.., 0);
            self.counts.copy_within(1.., 0);
            self.n_beats -= 1;
        }
        (self.times_sec[self.n_beats], self.counts[self.n_beats]) = (t_sec, count);
        self.n_beats += 1;
    }

    /// Forgets all beats.
    pub fn clear(&mut self) {
        self.n_beats = 0;
    }

    /// Moves all beats by `by_sec`, seconds: what is added to every beat from now on.
    pub fn shift(&mut self, by_sec: f64) {
        self.times_sec.iter_mut().for_each(|t_sec| *t_sec += by_sec);
    }

    /// The line through the beats, or `None` with fewer than four.
    pub fn line(&self) -> Option<TempoLine> {
        let spb = self.slope()?;
        let n = self.n_beats;
        let (times_sec, counts) = (&self.times_sec[..n], &self.counts[..n]);
        let last_count = counts[n - 1];
        // Where each beat, moved along the line, would put the last one.
        let mut lasts_sec = [0.0; N_BEATS];
        for (last_sec, (t_sec, count)) in lasts_sec.iter_mut().zip(times_sec.iter().zip(counts)) {
            *last_sec = t_sec + (last_count - count) as f64 * spb;
        }
        let last_sec = median(&mut lasts_sec[..n]);
        let mut residuals_sec = lasts_sec;
        residuals_sec.iter_mut().for_each(|residual_sec| *residual_sec = (*residual_sec - last_sec).abs());
        Some(TempoLine { spb, last_sec, last_count, residual_sec: median(&mut residuals_sec[..n]), n_beats: n })
    }

    /// Median slope over all pairs, or `None` with too few beats.
    fn slope(&self) -> Option<f64> {
        if self.n_beats < MIN_BEATS {
            return None;
        }
        let mut slopes = [0.0; MAX_PAIRS];
        let mut n_slopes = 0;
        for i in 0..self.n_beats {
            // Near pairs carry little information about the slope and much noise.
            for j in i + self.n_beats / 2..self.n_beats {
                slopes[n_slopes] = (self.times_sec[j] - self.times_sec[i]) / (self.counts[j] - self.counts[i]) as f64;
                n_slopes += 1;
            }
        }
        Some(median(&mut slopes[..n_slopes]))
    }
}

fn is_same_tempo(spb: f64, interval_sec: f64) -> bool {
    (RESTART_RATIO.recip()..=RESTART_RATIO).contains(&(spb / interval_sec))
}

/// Median of some values, which end up sorted.
fn median(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    0.5 * (values[(values.len() - 1) / 2] + values[values.len() / 2])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beats_that_the_decoders_tempo_does_not_explain_give_no_tempo_of_their_own() {
        let mut fit = TempoFit::default();
        for k in 0..4 {
            // Each step is within what a beat may stray, all of them together are another tempo.
            assert_eq!(fit.push(k, 0.229 * k as f64, 0.25), 0.25);
        }
        assert_eq!(fit.line(), None);
        assert_eq!((4..8).map(|k| fit.push(k, 0.25 * k as f64, 0.25)).next_back(), Some(0.25));
    }

    #[test]
    fn a_steady_tempo_is_found_between_the_frames() {
        let mut fit = TempoFit::default();
        let mut spb = 0.0;
        for k in 0..32 {
            // 0.4762 s is 126 BPM; the decoder only knows multiples of 20 ms and half frames.
            let t = (k as f64 * 0.476_19 * 100.0).round() / 100.0;
            spb = fit.push(k, t, 0.48);
        }
        assert!((60.0 / spb - 126.0).abs() < 0.15, "{}", 60.0 / spb);
    }

    #[test]
    fn one_beat_that_is_off_does_not_move_the_line() {
        let mut fit = TempoFit::default();
        for k in 0..16 {
            fit.push(k, k as f64 * 0.5 + if k == 9 { 0.06 } else { 0.0 }, 0.5);
        }
        let line = fit.line().unwrap();
        assert!((line.spb - 0.5).abs() < 1e-3 && (line.last_sec - 7.5).abs() < 2e-3 && line.residual_sec < 2e-3, "{line:?}");
        assert_eq!((line.last_count, line.n_beats), (15, 16));
    }

    #[test]
    fn a_gap_in_the_count_is_no_change_of_tempo() {
        let mut fit = TempoFit::default();
        for k in (0..12).chain(44..48) {
            fit.push(k, k as f64 * 0.5, 0.5);
        }
        let line = fit.line().unwrap();
        assert_eq!((line.n_beats, line.spb, line.last_sec), (16, 0.5, 23.5));
    }

    #[test]
    fn a_new_tempo_starts_afresh() {
        let mut fit = TempoFit::default();
        for k in 0..16 {
            fit.push(k, k as f64 * 0.5, 0.5);
        }
        assert_eq!(fit.push(16, 7.5 + 0.4, 0.4), 0.4);
        assert_eq!(fit.line(), None);
    }

    #[test]
    fn few_beats_trust_the_decoder() {
        let mut fit = TempoFit::default();
        assert_eq!([fit.push(0, 0.0, 0.51), fit.push(1, 0.5, 0.52)], [0.51, 0.52]);
    }
}
