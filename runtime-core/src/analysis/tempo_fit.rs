//! Seconds per beat from the recent beats: a robust line through (beat number, time). INFERENCE THREAD.
//!
//! Theil-Sen: the median of the slopes between pairs of beats (Sen, JASA 1968), which one beat that is off does not move
//! and which is not quantised to frames.

/// Beats that the line goes through.
const N_BEATS: usize = 16;
/// A decoder's interval that differs by more than this from the fit means another tempo: the fit starts afresh.
const RESTART_RATIO: f64 = 1.06;
const MAX_PAIRS: usize = N_BEATS * (N_BEATS - 1) / 2;

/// The recent beats of one tempo.
#[derive(Debug, Clone, Default)]
pub struct TempoFit {
    times_sec: [f64; N_BEATS],
    n_beats: usize,
}

impl TempoFit {
    /// Adds a beat at `t_sec` of which the decoder says that beats are `interval_sec` apart; returns seconds per beat.
    /// Allocates nothing.
    pub fn push(&mut self, t_sec: f64, interval_sec: f64) -> f64 {
        if self.n_beats > 0 {
            let step_sec = t_sec - self.times_sec[self.n_beats - 1];
            let fit = self.slope().unwrap_or(interval_sec);
            let (step_ratio, fit_ratio) = (step_sec / interval_sec, fit / interval_sec);
            let same_tempo = (RESTART_RATIO.recip()..=RESTART_RATIO).contains(&fit_ratio);
            // A step of two beats or of half a beat says that the count changed, so the line no longer fits.
            if !same_tempo || !(0.7..1.4).contains(&step_ratio) {
                self.clear();
            }
        }
        if self.n_beats == N_BEATS {
            self.times_sec.copy_within(1.., 0);
            self.n_beats -= 1;
        }
        self.times_sec[self.n_beats] = t_sec;
        self.n_beats += 1;
        self.slope().unwrap_or(interval_sec)
    }

    /// Forgets all beats.
    pub fn clear(&mut self) {
        self.n_beats = 0;
    }

    /// Median slope over all pairs, or `None` with fewer than four beats, where the decoder's own estimate is better.
    fn slope(&self) -> Option<f64> {
        if self.n_beats < 4 {
            return None;
        }
        let mut slopes = [0.0; MAX_PAIRS];
        let mut n_slopes = 0;
        for i in 0..self.n_beats {
            // Near pairs carry little information about the slope and much noise.
            for j in i + self.n_beats / 2..self.n_beats {
                slopes[n_slopes] = (self.times_sec[j] - self.times_sec[i]) / (j - i) as f64;
                n_slopes += 1;
            }
        }
        let slopes = &mut slopes[..n_slopes];
        slopes.sort_unstable_by(f64::total_cmp);
        Some(0.5 * (slopes[(n_slopes - 1) / 2] + slopes[n_slopes / 2]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_tempo_is_found_between_the_frames() {
        let mut fit = TempoFit::default();
        let mut spb = 0.0;
        for k in 0..32 {
            // 0.4762 s is 126 BPM; the decoder only knows multiples of 20 ms and half frames.
            let t = (f64::from(k) * 0.476_19 * 100.0).round() / 100.0;
            spb = fit.push(t, 0.48);
        }
        assert!((60.0 / spb - 126.0).abs() < 0.15, "{}", 60.0 / spb);
    }

    #[test]
    fn one_beat_that_is_off_does_not_move_the_tempo() {
        let mut fit = TempoFit::default();
        for k in 0..16 {
            fit.push(f64::from(k) * 0.5 + if k == 9 { 0.06 } else { 0.0 }, 0.5);
        }
        assert!((fit.slope().unwrap() - 0.5).abs() < 1e-3);
    }

    #[test]
    fn a_new_tempo_starts_afresh() {
        let mut fit = TempoFit::default();
        for k in 0..16 {
            fit.push(f64::from(k) * 0.5, 0.5);
        }
        assert_eq!(fit.push(7.5 + 0.4, 0.4), 0.4);
    }

    #[test]
    fn few_beats_trust_the_decoder() {
        let mut fit = TempoFit::default();
        assert_eq!([fit.push(0.0, 0.51), fit.push(0.5, 0.52)], [0.51, 0.52]);
    }
}
