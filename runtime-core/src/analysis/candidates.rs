//! Which tempi are possible, and how probable each is: the modes of a decoder's belief, for whoever has to choose between
//! metrical levels. INFERENCE THREAD.
//!
//! The belief about the interval is summed over phase, bar and meter, counted on a logarithmic scale of tempo, and the tallest
//! windows are taken one after the other. What is a mode is thus left to the belief: half, double and three against two
//! show where they have mass, and so does anything else.

/// Most candidates: the tempo, its half, its double and a ratio of three.
pub const MAX_CANDIDATES: usize = 4;
/// Bins of the scale.
const N_BINS: usize = 160;
/// The scale's ends, BPM: beyond what decoders hold.
const SCALE_BPM: (f64, f64) = (40.0, 250.0);
/// Bins on either side that count as the same tempo: 8 %, wider than the doubt about one tempo, narrower than the smallest
/// ratio of two levels (4 against 3).
const HALF_WINDOW: usize = 7;
/// What is less probable than this is not worth a choice.
const LEAST_PROB: f64 = 0.01;

/// A belief about the tempo.
pub trait TempoBelief {
    /// Hands over intervals, frames, each with its share of the belief; the shares need not be scaled. Allocates nothing.
    fn tempo_masses(&self, visit: &mut dyn FnMut(f64, f64));

    /// Gives a share of the belief, `[0, 1]`, back to what is believed at the start: all tempi, phases and bars. A decoder that
    /// keeps an open mind by itself does nothing. Allocates nothing.
    fn leave_open(&mut self, _share: f64) {}
}

/// One tempo that is possible.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct TempoCandidate {
    /// Beats per minute.
    pub bpm: f64,
    /// Its probability, `[0, 1]`.
    pub prob: f64,
}

/// Up to [`MAX_CANDIDATES`] tempi, the most probable first. Their probabilities sum to 1 at most.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct TempoCandidates {
    candidates: [TempoCandidate; MAX_CANDIDATES],
    n_candidates: usize,
}

impl TempoCandidates {
    /// The most probable ones of a belief. Allocates nothing.
    pub fn of(belief: &(impl TempoBelief + ?Sized)) -> Self {
        let mut histogram = TempoHistogram::default();
        belief.tempo_masses(&mut |interval_frames, mass| histogram.add(60.0 * crate::units::FRAMES_PER_SEC / interval_frames, mass));
        histogram.candidates()
    }

    /// They, the most probable first.
    pub fn as_slice(&self) -> &[TempoCandidate] {
        &self.candidates[..self.n_candidates]
    }
}

/// Mass over tempo.
#[derive(Debug, Clone)]
pub struct TempoHistogram {
    masses: [f64; N_BINS],
    /// Mass times BPM.
    moments: [f64; N_BINS],
}

impl Default for TempoHistogram {
    /// Empty.
    fn default() -> Self {
        Self { masses: [0.0; N_BINS], moments: [0.0; N_BINS] }
    }
}

impl TempoHistogram {
    /// Adds a share of belief; what is no tempo or no share is left out. Allocates nothing.
    pub fn add(&mut self, bpm: f64, mass: f64) {
        let (slowest, fastest) = SCALE_BPM;
        if !((slowest..fastest).contains(&bpm) && mass > 0.0 && mass.is_finite()) {
            return;
        }
        let bin = ((bpm / slowest).ln() / (fastest / slowest).ln() * N_BINS as f64) as usize;
        let bin = bin.min(N_BINS - 1);
        self.masses[bin] += mass;
        self.moments[bin] += mass * bpm;
    }

    /// The tallest windows, each without the bins of those before it. Allocates nothing.
    pub fn candidates(&self) -> TempoCandidates {
        let mut found = TempoCandidates::default();
        let total: f64 = self.masses.iter().sum();
        let mut left = self.masses;
        while found.n_candidates < MAX_CANDIDATES {
            let window = |bin: usize| bin.saturating_sub(HALF_WINDOW)..(bin + HALF_WINDOW + 1).min(N_BINS);
            let mass = |bin: usize| left[window(bin)].iter().sum::<f64>();
            let (mut best_bin, mut best_mass) = (0, 0.0);
            for bin in 0..N_BINS {
                let mass = mass(bin);
                if mass > best_mass {
                    (best_bin, best_mass) = (bin, mass);
                }
            }
            if best_mass < LEAST_PROB * total || best_mass <= 0.0 {
                break;
            }
            let moment: f64 = window(best_bin).filter(|&bin| left[bin] > 0.0).map(|bin| self.moments[bin]).sum();
            found.candidates[found.n_candidates] = TempoCandidate { bpm: moment / best_mass, prob: (best_mass / total).min(1.0) };
            found.n_candidates += 1;
            // The rest of this hill is no tempo of its own.
            let hill = best_bin.saturating_sub(2 * HALF_WINDOW)..(best_bin + 2 * HALF_WINDOW + 1).min(N_BINS);
            left[hill].fill(0.0);
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::activation::Activation;
    use crate::analysis::config::{Meter, TempoRange};
    use crate::analysis::decoder::{BeatPosterior, Decoder};
    use crate::analysis::exact::ExactDecoder;
    use crate::analysis::particles::ParticleDecoder;

    fn candidates(masses: &[(f64, f64)]) -> Vec<TempoCandidate> {
        let mut histogram = TempoHistogram::default();
        masses.iter().for_each(|&(bpm, mass)| histogram.add(bpm, mass));
        histogram.candidates().as_slice().to_vec()
    }

    #[test]
    fn each_level_is_one_candidate_the_most_probable_first() {
        let found = candidates(&[(119.0, 3.0), (121.0, 3.0), (60.0, 2.0), (80.0, 1.0), (180.0, 1.0)]);
        let rounded: Vec<_> = found.iter().map(|c| ((c.bpm * 10.0).round() / 10.0, c.prob)).collect();
        assert_eq!(rounded, [(120.0, 0.6), (60.0, 0.2), (80.0, 0.1), (180.0, 0.1)]);
    }

    #[test]
    fn what_is_rare_or_no_tempo_is_left_out() {
        assert_eq!(candidates(&[]), []);
        assert_eq!(candidates(&[(f64::NAN, 1.0), (120.0, f64::NAN), (120.0, -1.0), (1.0, 1.0), (1e9, 1.0), (100.0, f64::INFINITY)]), []);
        assert_eq!(candidates(&[(120.0, 1.0), (60.0, 0.005)]).len(), 1);
        let five = [60.0, 80.0, 107.0, 142.0, 190.0].map(|bpm| (bpm, 1.0));
        let found = candidates(&five);
        assert_eq!(found.len(), MAX_CANDIDATES);
        assert!((found.iter().map(|c| c.prob).sum::<f64>() - 0.8).abs() < 1e-9);
    }

    /// A belief after 20 s of an onset every `period` frames.
    fn after_onsets(decoder: &mut dyn Decoder, period: u64) -> TempoCandidates {
        let mut posterior = BeatPosterior::default();
        for n in 0..1000 {
            let beat = if u64::is_multiple_of(n, period) { 0.9 } else { 0.01 };
            decoder.step(&Activation { beat, downbeat: 0.01, none: 0.99 - beat }, &mut posterior);
        }
        TempoCandidates::of(decoder)
    }

    #[test]
    fn both_decoders_believe_in_a_clear_tempo() {
        let (mut exact, mut particles) =
            (ExactDecoder::new(TempoRange::default(), Meter::Auto), ParticleDecoder::new(TempoRange::default(), Meter::Auto, 0));
        let decoders: [&mut dyn Decoder; 2] = [&mut exact, &mut particles];
        for decoder in decoders {
            let found = after_onsets(decoder, 25);
            let first = found.as_slice()[0];
            assert!((first.bpm - 120.0).abs() < 2.0 && first.prob > 0.8, "{found:?}");
            assert!(found.as_slice().iter().map(|c| c.prob).sum::<f64>() <= 1.0 + 1e-9);
        }
    }

    #[test]
    fn a_belief_that_was_left_open_can_go_to_another_level() {
        let follow = |share: f64| {
            let mut decoder = ExactDecoder::new(TempoRange::default(), Meter::Auto);
            // Told that the tempo is half of what is heard.
            decoder.assume(50.0, 25.0);
            decoder.leave_open(share);
            after_onsets(&mut decoder, 25).as_slice()[0].bpm
        };
        assert!((follow(0.2) - 120.0).abs() < 2.0, "{}", follow(0.2));
    }
}
