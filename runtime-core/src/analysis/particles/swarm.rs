//! The particles of [`ParticleDecoder`](super::ParticleDecoder): weighted tempo and phase hypotheses, each with its own
//! exact distribution over the bar. INFERENCE THREAD.
//!
//! A particle is a beat interval and the time of its next beat, both continuous, so neither tempo nor time is quantised
//! to frames. Given its beats, the position in the bar and the meter have only a few values, so they are not sampled
//! but carried as a distribution (Rao-Blackwellisation: Doucet, de Freitas, Murphy & Russell, UAI 2000). That replaces
//! BeatNet's second population, which sees only the beats that the first one emitted.

use super::resample::resample;
use crate::analysis::joint_space::{JointSpace, MAX_SLOTS, STEPS_PER_FRAME};
use crate::analysis::observation::FrameLikelihood;
use crate::analysis::rng::Pcg32;

/// Number of particles, as BeatNet has for the beat.
pub(super) const N_PARTICLES: usize = 1500;
/// How firmly a tempo is kept at each beat: the ratio of intervals has density `exp(-100 |ratio - 1|)`; BeatNet's 60 was
/// chosen for whole frames. NB: at 70 and 140 the corpus F70, mean of three seeds, is the same within .003, less than the
/// spread between seeds (.008).
const TEMPO_LAMBDA: f64 = 100.0;
/// Resampling when the effective number of particles (Kong, Liu & Wong 1994) falls below this share of all. NB: one half,
/// the usual choice, measures the same within the spread between seeds; this one resamples less often.
const RESAMPLE_SHARE: f64 = 0.25;
/// Fresh particles at a resampling that an onset caused: a beat now, any tempo of the prior. BeatNet injects 7. NB: none
/// at all costs .017 F70 and .033 downbeat F70 (corpus, mean of three seeds) and gains .02 AMLt: wrong metrical levels and
/// phases are kept more firmly. 50 measure the same as 15.
const N_FRESH: usize = 15;
/// Weight that the fresh particles share: the probability that the music restarts at an onset. NB: a tenth of it and six
/// times as much measure the same within the spread between seeds.
const FRESH_PROB: f64 = 0.005;

/// Weighted particles, one array per field, all `[N_PARTICLES]`.
#[derive(Debug, Clone)]
pub(super) struct Swarm {
    pub space: JointSpace,
    /// Frame axis: frame `n` ends at `n`.
    pub next_beats: Vec<f64>,
    /// Frames.
    pub intervals: Vec<f64>,
    /// Sum to 1 after [`Self::observe`].
    pub weights: Vec<f64>,
    /// Probability of each bar slot of the space; slots that it does not have stay 0.
    pub bars: Vec<[f32; MAX_SLOTS]>,
    old_next_beats: Vec<f64>,
    old_intervals: Vec<f64>,
    old_bars: Vec<[f32; MAX_SLOTS]>,
    chosen: Vec<u32>,
    /// Running sums of the tempo prior, `[n_intervals]`.
    prior_cdf: Vec<f64>,
    /// Length of the beat zone per interval of the space, frames.
    zone_frames: Vec<f64>,
}

impl Swarm {
    pub(super) fn new(space: JointSpace, rng: &mut Pcg32) -> Self {
        assert!(space.n_slots() <= MAX_SLOTS, "a validated meter has at most {MAX_SLOTS} slots");
        let sums = space.prior.iter().scan(0.0, |sum, &p| {
            *sum += f64::from(p);
            Some(*sum)
        });
        let zone = |weights: &Vec<f32>| f64::from(weights.iter().sum::<f32>()) / STEPS_PER_FRAME as f64;
        let mut swarm = Self {
            next_beats: vec![0.0; N_PARTICLES],
            intervals: vec![0.0; N_PARTICLES],
            weights: vec![0.0; N_PARTICLES],
            bars: vec![[0.0; MAX_SLOTS]; N_PARTICLES],
            old_next_beats: vec![0.0; N_PARTICLES],
            old_intervals: vec![0.0; N_PARTICLES],
            old_bars: vec![[0.0; MAX_SLOTS]; N_PARTICLES],
            chosen: vec![0; N_PARTICLES],
            prior_cdf: sums.collect(),
            zone_frames: space.zones.iter().map(zone).collect(),
            space,
        };
        swarm.spread_prior(0.0, rng);
        swarm
    }

    /// Shortest and longest interval, frames.
    pub(super) fn interval_range(&self) -> (f64, f64) {
        (self.space.intervals[0] as f64 / STEPS_PER_FRAME as f64, self.space.longest() as f64 / STEPS_PER_FRAME as f64)
    }

    /// Forgets everything: tempi in strata of the prior, phases and bars even, weights equal.
    pub(super) fn spread_prior(&mut self, now: f64, rng: &mut Pcg32) {
        let bar = self.even_bar();
        for i in 0..N_PARTICLES {
            self.intervals[i] = self.draw_interval((i as f64 + rng.uniform()) / N_PARTICLES as f64, rng);
            self.next_beats[i] = now + self.intervals[i] * (1.0 - rng.uniform());
        }
        self.weights.fill(1.0 / N_PARTICLES as f64);
        self.bars.fill(bar);
    }

    /// Keeps tempo, meter and weight of each particle and spreads phase and position in the bar evenly.
    pub(super) fn spread_phase(&mut self, now: f64, rng: &mut Pcg32) {
        for i in 0..N_PARTICLES {
            self.next_beats[i] = now + self.intervals[i] * (1.0 - rng.uniform());
            for meter in self.space.meter_starts.windows(2) {
                let slots = &mut self.bars[i][meter[0]..meter[1]];
                let mean = slots.iter().sum::<f32>() / slots.len() as f32;
                slots.fill(mean);
            }
        }
    }

    /// Particles whose beat falls by `now` begin the next one: another interval, the next bar slot.
    pub(super) fn pass_beats(&mut self, now: f64, rng: &mut Pcg32) {
        let (shortest, longest) = self.interval_range();
        for i in 0..N_PARTICLES {
            if self.next_beats[i] > now {
                continue;
            }
            let interval = self.intervals[i] * interval_ratio(rng);
            // A tempo that would leave the range stays as it is, so that the draws per beat are bounded.
            if (shortest..=longest).contains(&interval) {
                self.intervals[i] = interval;
            }
            self.next_beats[i] += self.intervals[i];
            self.weights[i] *= f64::from(self.space.preference[self.interval_idx(self.intervals[i])]);
            self.space.move_on_in_bar(&mut self.bars[i]);
        }
    }

    /// Weighs the particles whose beat began just now with the frame's likelihood; all others would be multiplied by
    /// the same number. Returns the log-likelihood of the frame relative to "no beat", nats.
    pub(super) fn observe(&mut self, now: f64, likelihood: &FrameLikelihood, rng: &mut Pcg32) -> f64 {
        let before: f64 = self.weights.iter().sum();
        let factors = self.space.accents.map(|accent| likelihood.at(accent));
        for i in 0..N_PARTICLES {
            let position = self.intervals[i] - (self.next_beats[i] - now);
            let left = self.zone_frames[self.interval_idx(self.intervals[i])] - position;
            if left <= 0.0 {
                continue;
            }
            // The edge of the zone is half a frame wide, as in the joint space.
            let share = (left * STEPS_PER_FRAME as f64).min(1.0) as f32;
            let bar = &mut self.bars[i];
            let mut sum = 0.0;
            for (prob, factor) in bar.iter_mut().zip(&factors) {
                *prob *= share * factor + 1.0 - share;
                sum += *prob;
            }
            bar.iter_mut().for_each(|prob| *prob /= sum);
            self.weights[i] *= f64::from(sum);
        }
        let total: f64 = self.weights.iter().sum();
        if !(total > 0.0 && total.is_finite()) {
            self.spread_prior(now, rng);
            return 0.0;
        }
        self.weights.iter_mut().for_each(|weight| *weight /= total);
        (total / before).ln()
    }

    /// Resamples where too few particles carry the weight, and adds fresh ones if this frame is an onset.
    pub(super) fn resample_if_poor(&mut self, now: f64, is_onset: bool, rng: &mut Pcg32) {
        let effective = 1.0 / self.weights.iter().map(|weight| weight * weight).sum::<f64>();
        if effective >= RESAMPLE_SHARE * N_PARTICLES as f64 {
            return;
        }
        let (n_fresh, fresh_prob) = if is_onset { (N_FRESH, FRESH_PROB) } else { (0, 0.0) };
        let n_kept = N_PARTICLES - n_fresh;
        let offset = rng.uniform();
        resample(&self.weights, &mut self.chosen[..n_kept], || offset);
        std::mem::swap(&mut self.next_beats, &mut self.old_next_beats);
        std::mem::swap(&mut self.intervals, &mut self.old_intervals);
        std::mem::swap(&mut self.bars, &mut self.old_bars);
        for (i, &from) in self.chosen[..n_kept].iter().enumerate() {
            self.next_beats[i] = self.old_next_beats[from as usize];
            self.intervals[i] = self.old_intervals[from as usize];
            self.bars[i] = self.old_bars[from as usize];
        }
        self.weights[..n_kept].fill((1.0 - fresh_prob) / n_kept as f64);
        let bar = self.even_bar();
        for k in 0..n_fresh {
            let i = n_kept + k;
            let interval = self.draw_interval((k as f64 + rng.uniform()) / n_fresh as f64, rng);
            let position = rng.uniform() * self.zone_frames[self.interval_idx(interval)];
            self.intervals[i] = interval;
            self.next_beats[i] = now + interval - position;
            self.bars[i] = bar;
            self.weights[i] = fresh_prob / n_fresh as f64;
        }
    }

    /// Index of the space's interval nearest to one in frames.
    fn interval_idx(&self, interval_frames: f64) -> usize {
        let steps = interval_frames * STEPS_PER_FRAME as f64;
        let above = self.space.intervals.partition_point(|&n| (n as f64) < steps).min(self.space.n_intervals() - 1);
        let below = above.saturating_sub(1);
        let is_nearer = steps - self.space.intervals[below] as f64 <= self.space.intervals[above] as f64 - steps;
        if is_nearer { below } else { above }
    }

    /// The interval at a quantile of the tempo prior, frames, spread over the stretch that it stands for.
    fn draw_interval(&self, quantile: f64, rng: &mut Pcg32) -> f64 {
        let idx = self.prior_cdf.partition_point(|&sum| sum < quantile).min(self.prior_cdf.len() - 1);
        let (shortest, longest) = self.interval_range();
        let interval = self.space.intervals[idx];
        let width = (interval - self.space.intervals[idx.saturating_sub(1)]).max(1) as f64;
        ((interval as f64 + width * (rng.uniform() - 0.5)) / STEPS_PER_FRAME as f64).clamp(shortest, longest)
    }

    fn even_bar(&self) -> [f32; MAX_SLOTS] {
        let mut bar = [0.0; MAX_SLOTS];
        for (slot_idx, prob) in bar.iter_mut().enumerate().take(self.space.n_slots()) {
            *prob = self.space.slot_prior(slot_idx);
        }
        bar
    }
}

/// A random ratio of one interval to the one before: Laplace distribution around 1, by inversion.
fn interval_ratio(rng: &mut Pcg32) -> f64 {
    let centred = rng.uniform() - 0.5;
    // At the edge of the unit interval the logarithm would be infinite.
    let tail = (1.0 - 2.0 * centred.abs()).max(f64::EPSILON);
    1.0 - centred.signum() * tail.ln() / TEMPO_LAMBDA
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::config::{Meter, TempoRange};

    fn swarm(meter: Meter) -> (Swarm, Pcg32) {
        let mut rng = Pcg32::new(3, 0);
        (Swarm::new(JointSpace::new(TempoRange::default(), meter), &mut rng), rng)
    }

    #[test]
    fn bars_move_on_and_stay_distributions() {
        let (swarm, _) = swarm(Meter::Auto);
        let mut bar = [0.0; MAX_SLOTS];
        bar[3] = 1.0;
        swarm.space.move_on_in_bar(&mut bar);
        assert!(bar[4] > 0.999, "second to third of three");
        swarm.space.move_on_in_bar(&mut bar);
        assert!((bar.iter().sum::<f32>() - 1.0).abs() < 1e-6 && bar[2] > 0.9, "{bar:?}");
        // Meters change a little at their bar lines, which short bars have more of.
        let mut even = swarm.even_bar();
        swarm.space.move_on_in_bar(&mut even);
        assert!(even.iter().zip(swarm.even_bar()).all(|(a, b)| (a - b).abs() < 1e-3), "{even:?}");
    }

    #[test]
    fn a_bar_of_seven_wraps() {
        let (swarm, _) = swarm(Meter::Fixed(7));
        let mut bar = [0.0; MAX_SLOTS];
        bar[6] = 1.0;
        swarm.space.move_on_in_bar(&mut bar);
        assert!((bar[0] - 1.0).abs() < 1e-6 && bar[1..].iter().all(|&prob| prob == 0.0), "{bar:?}");
    }

    #[test]
    fn tempi_stay_in_range() {
        let (mut swarm, mut rng) = swarm(Meter::Auto);
        let (shortest, longest) = swarm.interval_range();
        for n in 0..3000 {
            swarm.pass_beats(f64::from(n), &mut rng);
        }
        assert!(swarm.intervals.iter().all(|n| (shortest..=longest).contains(n)));
        assert!(swarm.next_beats.iter().all(|&t| t > 2999.0 && t <= 2999.0 + longest));
    }

    #[test]
    fn ratios_are_centred_with_the_width_of_the_model() {
        let mut rng = Pcg32::new(1, 0);
        let ratios: Vec<f64> = (0..20_000).map(|_| interval_ratio(&mut rng)).collect();
        let mean = ratios.iter().sum::<f64>() / 20_000.0;
        let mean_deviation = ratios.iter().map(|r| (r - 1.0).abs()).sum::<f64>() / 20_000.0;
        assert!((mean - 1.0).abs() < 5e-4 && (mean_deviation * TEMPO_LAMBDA - 1.0).abs() < 0.05, "{mean} {mean_deviation}");
    }
}
