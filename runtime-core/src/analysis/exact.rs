//! Fourth stage, the default: the exact forward filter over the joint space. INFERENCE THREAD.
//!
//! A state is stored under the time of its next beat, in a ring (`rings`), so that between beats nothing moves: a
//! frame touches only the states whose beat falls now (which pass on to their next beat) and those just after a beat
//! (which are multiplied with the likelihood; all others would be multiplied with the same number, which normalisation
//! takes out again). Deterministic; no allocation.

mod read_out;
mod rings;
mod tempo_belief;

use super::activation::Activation;
use super::config::{Meter, TempoRange};
use super::decoder::{BeatPosterior, Decoder};
use super::joint_space::{BarMasses, JointSpace, MAX_SLOTS, STEPS_PER_FRAME, sum_of};
use super::observation::FrameLikelihood;
use super::pulse::PulseEvidence;
use read_out::Place;
use rings::Rings;

/// How well a user's word fixes the tempo, standard deviation of the logarithm: what eight taps of a steady hand give.
const ASSUMED_TEMPO_RATIO: f64 = 0.03;
/// ... and the phase, standard deviation in beats.
const ASSUMED_PHASE_BEATS: f64 = 0.06;
/// The total probability mass is brought back to 1 when it leaves this range, so that f32 keeps its precision.
const TOTAL_RANGE: std::ops::Range<f64> = 1e-6..1e6;
/// ... and every so many frames, because the running total accumulates rounding errors.
const RENORMALISE_FRAMES: u64 = 64;
/// A state with less than this share of all mass keeps its tempo and its bar at a beat: what it would pass on is lost in the
/// rounding of its neighbours, and would cost most of the step.
const NEGLIGIBLE_SHARE: f64 = 1e-7;

/// Exact joint decoder.
pub struct ExactDecoder {
    space: JointSpace,
    /// Frame `n` ends at step `2 (n + 1)`.
    rings: Rings,
    n_frames: u64,
    total: f64,
    /// `[interval]`: mass that enters a beat now.
    entering: Vec<BarMasses>,
    /// Prior probability of each slot.
    slot_prior: BarMasses,
    slot_masses: BarMasses,
    /// The hypothesis that was read out last.
    said: Option<Place>,
    pulse: PulseEvidence,
    #[cfg(target_arch = "x86_64")]
    use_avx2: bool,
}

impl ExactDecoder {
    /// A decoder at the start of a stream, for values that the configuration's validation accepted.
    pub fn new(tempo: TempoRange, meter: Meter) -> Self {
        let space = JointSpace::new(tempo, meter);
        assert!(space.n_slots() <= MAX_SLOTS, "meters were validated");
        let mut slot_prior = [0.0; MAX_SLOTS];
        slot_prior.iter_mut().enumerate().take(space.n_slots()).for_each(|(idx, prob)| *prob = space.slot_prior(idx));
        let mut decoder = Self {
            rings: Rings::new(&space),
            entering: vec![[0.0; MAX_SLOTS]; space.n_intervals()],
            slot_prior,
            slot_masses: [0.0; MAX_SLOTS],
            said: None,
            n_frames: 0,
            total: 1.0,
            pulse: PulseEvidence::default(),
            #[cfg(target_arch = "x86_64")]
            use_avx2: super::kernels::has_avx2(),
            space,
        };
        decoder.reset();
        decoder
    }

    /// One frame: two steps and what was seen; returns how much better that fits than no beat would, nats.
    fn filter(&mut self, likelihood: &FrameLikelihood) -> f64 {
        #[cfg(target_arch = "x86_64")]
        if self.use_avx2 {
            // SAFETY: `use_avx2` is set only where the processor reports AVX2.
            return unsafe { self.filter_avx2(likelihood) };
        }
        self.filter_here(likelihood)
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    fn filter_avx2(&mut self, likelihood: &FrameLikelihood) -> f64 {
        self.filter_here(likelihood)
    }

    /// Plain code, compiled for the instructions of whom it is inlined into; the same to the bit.
    #[inline(always)]
    fn filter_here(&mut self, likelihood: &FrameLikelihood) -> f64 {
        for _ in 0..STEPS_PER_FRAME {
            self.rings.advance();
            self.pass_beats();
        }
        // Mass lost to the tempo preference is no evidence about this frame, so the comparison starts after it.
        let before = self.total;
        self.observe(likelihood);
        (self.total / before).ln()
    }

    /// Beats that fall now: their mass moves on to the next beat.
    #[inline(always)]
    fn pass_beats(&mut self) {
        let Self { space, rings, entering, .. } = self;
        // What a new tempo begins with: the bar goes on, or is as unknown as at the start.
        let fresh = space.fresh_start_prob * self.total as f32;
        let mut anew = self.slot_prior.map(|prob| fresh * prob);
        let negligible = (NEGLIGIBLE_SHARE * self.total) as f32;
        entering.fill([0.0; MAX_SLOTS]);
        for (interval_idx, band) in space.bands.iter().enumerate() {
            let cell = rings.cell(interval_idx, 0);
            let mass = std::mem::take(&mut rings.masses[cell]);
            if mass <= 0.0 {
                continue;
            }
            self.total -= f64::from(mass);
            let mut bar = std::mem::take(&mut rings.states[cell]);
            if mass < negligible {
                space.turn_bar(&mut bar);
                entering[interval_idx].iter_mut().zip(&bar).for_each(|(sum, value)| *sum += value);
                continue;
            }
            anew.iter_mut().zip(&bar).for_each(|(sum, value)| *sum += space.new_tempo_prob * value);
            space.move_on_in_bar(&mut bar);
            for (prob, to) in band.probs.iter().zip(&mut entering[band.first_idx..]) {
                for (sum, value) in to.iter_mut().zip(&bar) {
                    *sum += prob * value;
                }
            }
        }
        space.move_on_in_bar(&mut anew);
        for (interval_idx, entering) in entering.iter().enumerate() {
            let (prior, preference) = (space.prior[interval_idx], space.preference[interval_idx]);
            let cell = rings.cell(interval_idx, 0);
            let bar: BarMasses = std::array::from_fn(|slot| preference * (entering[slot] + prior * anew[slot]));
            let mass = sum_of(&bar);
            rings.states[cell] = bar;
            rings.masses[cell] = mass;
            self.total += f64::from(mass);
            if mass < negligible {
                continue;
            }
            let interval = space.intervals[interval_idx];
            let (slipped, slip) = (rings.cell(interval_idx, interval - interval / 2), space.half_beat_slip_prob);
            rings.states[slipped].iter_mut().zip(&bar).for_each(|(state, value)| *state += slip * value);
            rings.masses[slipped] += slip * mass;
            self.total += f64::from(slip * mass);
        }
    }

    /// Multiplies the states just after a beat with the frame's likelihood.
    #[inline(always)]
    fn observe(&mut self, likelihood: &FrameLikelihood) {
        for (interval_idx, zone) in self.space.zones.iter().enumerate() {
            let interval = self.space.intervals[interval_idx];
            let mut gained = 0.0;
            for (position, weight) in zone.iter().enumerate() {
                let cell = self.rings.cell(interval_idx, interval - position);
                let seen_here = likelihood.weighted(*weight);
                let state = &mut self.rings.states[cell];
                let seen: BarMasses = std::array::from_fn(|slot| state[slot] * seen_here.at(self.space.accents[slot]));
                *state = seen;
                let sum = sum_of(&seen);
                gained += sum - std::mem::replace(&mut self.rings.masses[cell], sum);
            }
            self.total += f64::from(gained);
        }
    }

    fn normalise(&mut self) {
        let total: f64 = self.rings.masses.iter().map(|&m| f64::from(m)).sum();
        if !(total > 0.0 && total.is_finite()) {
            self.spread_prior();
            return;
        }
        self.rings.scale((1.0 / total) as f32);
        self.total = 1.0;
    }

    fn spread_prior(&mut self) {
        self.said = None;
        for interval_idx in 0..self.space.n_intervals() {
            let mut bar = [0.0; MAX_SLOTS];
            for (slot_idx, prob) in bar.iter_mut().enumerate().take(self.space.n_slots()) {
                *prob = self.space.initial_prob(interval_idx, slot_idx);
            }
            self.entering[interval_idx] = bar;
        }
        self.spread_over_positions();
        self.total = 1.0;
    }

    /// Puts `entering` at every position of each interval, and nothing else.
    fn spread_over_positions(&mut self) {
        for (interval_idx, bar) in self.entering.iter().enumerate() {
            let cells = self.rings.cells(interval_idx);
            self.rings.states[cells.clone()].fill(*bar);
            self.rings.masses[cells].fill(sum_of(bar));
        }
    }
}

impl Decoder for ExactDecoder {
    fn step(&mut self, activation: &Activation, posterior: &mut BeatPosterior) {
        let likelihood = FrameLikelihood::of(activation);
        let evidence_nats = self.filter(&likelihood);
        self.n_frames += 1;
        if !TOTAL_RANGE.contains(&self.total) || self.n_frames.is_multiple_of(RENORMALISE_FRAMES) {
            self.normalise();
        }
        self.read_out(posterior);
        posterior.pulse_nats = self.pulse.step(evidence_nats, &likelihood);
    }

    fn reset(&mut self) {
        self.rings.restart();
        self.n_frames = 0;
        self.spread_prior();
        self.pulse = PulseEvidence::default();
    }

    fn forget_phase(&mut self) {
        self.said = None;
        // The belief about interval and slot is kept, spread evenly over the positions within the beat.
        for (interval_idx, bar) in self.entering.iter_mut().enumerate() {
            let share = 1.0 / self.space.intervals[interval_idx] as f32;
            *bar = [0.0; MAX_SLOTS];
            for state in &self.rings.states[self.rings.cells(interval_idx)] {
                bar.iter_mut().zip(state).for_each(|(sum, value)| *sum += share * value);
            }
        }
        self.spread_over_positions();
        self.normalise();
    }

    fn assume(&mut self, interval_frames: f64, frames_to_beat: f64) {
        self.said = None;
        let n_slots = self.space.n_slots();
        self.rings.clear();
        for (interval_idx, &interval) in self.space.intervals.iter().enumerate() {
            let ratio = interval as f64 / (interval_frames * STEPS_PER_FRAME as f64);
            let tempo_weight = bell(ratio.ln() / ASSUMED_TEMPO_RATIO);
            // Steps from now to the next beat, as the filter counts them: 1 to the interval.
            for ahead in 1..=interval {
                let off_beats = (ahead as f64 / STEPS_PER_FRAME as f64 - frames_to_beat) / interval_frames;
                let weight = tempo_weight * bell((off_beats - off_beats.round()) / ASSUMED_PHASE_BEATS);
                let cell = self.rings.cell(interval_idx, ahead);
                for (slot_idx, value) in self.rings.states[cell].iter_mut().enumerate().take(n_slots) {
                    *value = self.space.initial_prob(interval_idx, slot_idx) * weight as f32;
                }
            }
        }
        self.rings.sum_up();
        self.normalise();
    }
}

/// `exp(-x^2 / 2)`.
fn bell(x: f64) -> f64 {
    (-0.5 * x * x).exp()
}

#[cfg(test)]
mod performances;
#[cfg(test)]
mod tests;
