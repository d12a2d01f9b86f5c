//! Fourth stage, the default: the exact forward filter over the joint space. INFERENCE THREAD.
//!
//! A state is stored under the time of its next beat, modulo the ring's length, so that between beats nothing moves: a
//! frame touches only the states whose beat falls now (which pass on to their next beat) and those just after a beat
//! (which are multiplied with the likelihood; all others would be multiplied with the same number, which normalisation
//! takes out again). Deterministic; no allocation.

mod read_out;
mod tempo_belief;

use super::activation::Activation;
use super::config::{Meter, TempoRange};
use super::decoder::{BeatPosterior, Decoder};
use super::joint_space::{BarMasses, JointSpace, MAX_SLOTS, STEPS_PER_FRAME};
use super::observation::FrameLikelihood;
use super::pulse::PulseEvidence;
use read_out::Cell;

/// How well a user's word fixes the tempo, standard deviation of the logarithm: what eight taps of a steady hand give.
const ASSUMED_TEMPO_RATIO: f64 = 0.03;
/// ... and the phase, standard deviation in beats.
const ASSUMED_PHASE_BEATS: f64 = 0.06;
/// The total probability mass is brought back to 1 when it leaves this range, so that f32 keeps its precision.
const TOTAL_RANGE: std::ops::Range<f64> = 1e-6..1e6;
/// ... and every so many frames, because the running total accumulates rounding errors.
const RENORMALISE_FRAMES: u64 = 64;
/// A state with less than this share of all mass keeps its tempo at a beat: what it would pass on is lost in the rounding of
/// its neighbours, and would cost most of the step.
const SPREAD_SHARE: f64 = 1e-7;

/// Exact joint decoder.
pub struct ExactDecoder {
    space: JointSpace,
    /// `[ring][interval]`, per bar slot: probability that the present beat has this interval and ends at this step.
    states: Vec<BarMasses>,
    /// `[ring][interval]`: sum over slots.
    masses: Vec<f32>,
    ring_len: usize,
    /// Ring index of the present step; frame `n` ends at step `2 (n + 1)`.
    ring_now: usize,
    n_frames: u64,
    total: f64,
    /// `[interval]`: mass that enters a beat now.
    entering: Vec<BarMasses>,
    /// 1 where a slot is a downbeat.
    is_downbeat: BarMasses,
    /// Prior probability of each slot.
    slot_prior: BarMasses,
    slot_masses: BarMasses,
    /// The hypothesis that was read out last.
    said: Option<Cell>,
    pulse: PulseEvidence,
}

impl ExactDecoder {
    /// A decoder at the start of a stream, for values that the configuration's validation accepted.
    pub fn new(tempo: TempoRange, meter: Meter) -> Self {
        let space = JointSpace::new(tempo, meter);
        let ring_len = space.longest() + STEPS_PER_FRAME + 1;
        let n_intervals = space.n_intervals();
        assert!(space.n_slots() <= MAX_SLOTS, "meters were validated");
        let (mut is_downbeat, mut slot_prior) = ([0.0; MAX_SLOTS], [0.0; MAX_SLOTS]);
        for slot_idx in 0..space.n_slots() {
            is_downbeat[slot_idx] = f32::from(u8::from(space.slots[slot_idx].beat_in_bar == 1));
            slot_prior[slot_idx] = space.slot_prior(slot_idx);
        }
        let mut decoder = Self {
            states: vec![[0.0; MAX_SLOTS]; ring_len * n_intervals],
            masses: vec![0.0; ring_len * n_intervals],
            entering: vec![[0.0; MAX_SLOTS]; n_intervals],
            is_downbeat,
            slot_prior,
            slot_masses: [0.0; MAX_SLOTS],
            said: None,
            ring_len,
            ring_now: 0,
            n_frames: 0,
            total: 1.0,
            pulse: PulseEvidence::default(),
            space,
        };
        decoder.reset();
        decoder
    }

    /// The ring index of the step that lies `ahead` steps after now, at most the longest interval.
    fn ring_idx(&self, ahead: usize) -> usize {
        let idx = self.ring_now + ahead;
        if idx >= self.ring_len { idx - self.ring_len } else { idx }
    }

    /// Beats that fall now: their mass moves on to the next beat.
    fn pass_beats(&mut self) {
        let n_intervals = self.space.n_intervals();
        let row = self.ring_idx(0) * n_intervals;
        // What a new tempo begins with: the bar goes on, or is as unknown as at the start.
        let mut anew = [0.0; MAX_SLOTS];
        let fresh = self.space.fresh_start_prob * self.total as f32;
        anew.iter_mut().zip(&self.slot_prior).for_each(|(sum, prob)| *sum = fresh * prob);
        self.entering.fill([0.0; MAX_SLOTS]);
        let total = self.total;
        for (interval_idx, band) in self.space.bands.iter().enumerate() {
            let mass = std::mem::take(&mut self.masses[row + interval_idx]);
            if mass <= 0.0 {
                continue;
            }
            self.total -= f64::from(mass);
            let from = std::mem::take(&mut self.states[row + interval_idx]);
            if f64::from(mass) < SPREAD_SHARE * total {
                self.entering[interval_idx].iter_mut().zip(&from).for_each(|(sum, value)| *sum += value);
                continue;
            }
            for (prob, to) in band.probs.iter().zip(&mut self.entering[band.first_idx..]) {
                for (sum, value) in to.iter_mut().zip(&from) {
                    *sum += prob * value;
                }
            }
            anew.iter_mut().zip(&from).for_each(|(sum, value)| *sum += self.space.new_tempo_prob * value);
        }
        for interval_idx in 0..n_intervals {
            let mut cell = self.entering[interval_idx];
            let prior = self.space.prior[interval_idx];
            cell.iter_mut().zip(&anew).for_each(|(value, new)| *value += prior * new);
            self.space.move_on_in_bar(&mut cell);
            let preference = self.space.preference[interval_idx];
            cell.iter_mut().for_each(|value| *value *= preference);
            let mass: f32 = cell.iter().sum();
            let interval = self.space.intervals[interval_idx];
            let to = self.ring_idx(interval) * n_intervals + interval_idx;
            self.states[to] = cell;
            self.masses[to] = mass;
            let slip = self.space.half_beat_slip_prob;
            let to = self.ring_idx(interval - interval / 2) * n_intervals + interval_idx;
            self.states[to].iter_mut().zip(&cell).for_each(|(state, value)| *state += slip * value);
            self.masses[to] += slip * mass;
            self.total += f64::from((1.0 + slip) * mass);
        }
    }

    /// Multiplies the states just after a beat with the frame's likelihood.
    fn observe(&mut self, likelihood: &FrameLikelihood) {
        let n_intervals = self.space.n_intervals();
        for interval_idx in 0..n_intervals {
            let interval = self.space.intervals[interval_idx];
            for position in 0..self.space.zones[interval_idx].len() {
                let cell = self.ring_idx(interval - position) * n_intervals + interval_idx;
                let mass = self.masses[cell];
                if mass <= 0.0 {
                    continue;
                }
                let (beat, downbeat) = likelihood.weighted(self.space.zones[interval_idx][position]);
                let mut sum = 0.0;
                for (state, is_downbeat) in self.states[cell].iter_mut().zip(&self.is_downbeat) {
                    *state *= beat + is_downbeat * (downbeat - beat);
                    sum += *state;
                }
                self.total += f64::from(sum) - f64::from(mass);
                self.masses[cell] = sum;
            }
        }
    }

    fn normalise(&mut self) {
        let total: f64 = self.masses.iter().map(|&m| f64::from(m)).sum();
        if !(total > 0.0 && total.is_finite()) {
            self.spread_prior();
            return;
        }
        let scale = (1.0 / total) as f32;
        self.states.iter_mut().flatten().for_each(|v| *v *= scale);
        self.masses.iter_mut().for_each(|v| *v *= scale);
        self.total = 1.0;
    }

    fn spread_prior(&mut self) {
        self.said = None;
        for interval_idx in 0..self.space.n_intervals() {
            let mut cell = [0.0; MAX_SLOTS];
            for (slot_idx, prob) in cell.iter_mut().enumerate().take(self.space.n_slots()) {
                *prob = self.space.initial_prob(interval_idx, slot_idx);
            }
            self.entering[interval_idx] = cell;
        }
        self.spread_over_positions();
        self.total = 1.0;
    }

    /// Puts `entering` at every position of each interval, and nothing else.
    fn spread_over_positions(&mut self) {
        let n_intervals = self.space.n_intervals();
        self.states.fill([0.0; MAX_SLOTS]);
        self.masses.fill(0.0);
        for interval_idx in 0..n_intervals {
            for ahead in 1..=self.space.intervals[interval_idx] {
                let cell = self.ring_idx(ahead) * n_intervals + interval_idx;
                self.states[cell] = self.entering[interval_idx];
                self.masses[cell] = self.entering[interval_idx].iter().sum();
            }
        }
    }
}

impl Decoder for ExactDecoder {
    fn step(&mut self, activation: &Activation, posterior: &mut BeatPosterior) {
        for _ in 0..STEPS_PER_FRAME {
            self.ring_now = self.ring_idx(1);
            self.pass_beats();
        }
        let likelihood = FrameLikelihood::of(activation);
        // Mass lost to the tempo preference is no evidence about this frame, so the comparison starts after it.
        let before = self.total;
        self.observe(&likelihood);
        let evidence_nats = (self.total / before).ln();
        self.n_frames += 1;
        if !TOTAL_RANGE.contains(&self.total) || self.n_frames.is_multiple_of(RENORMALISE_FRAMES) {
            self.normalise();
        }
        self.read_out(posterior);
        posterior.pulse_nats = self.pulse.step(evidence_nats, &likelihood);
    }

    fn reset(&mut self) {
        self.ring_now = 0;
        self.n_frames = 0;
        self.spread_prior();
        self.pulse = PulseEvidence::default();
    }

    fn forget_phase(&mut self) {
        self.said = None;
        // The belief about interval and slot is kept, spread evenly over the positions within the beat.
        let n_intervals = self.space.n_intervals();
        self.entering.fill([0.0; MAX_SLOTS]);
        for (cell, state) in self.states.iter().enumerate() {
            let interval_idx = cell % n_intervals;
            let share = 1.0 / self.space.intervals[interval_idx] as f32;
            self.entering[interval_idx].iter_mut().zip(state).for_each(|(sum, value)| *sum += share * value);
        }
        self.spread_over_positions();
        self.normalise();
    }

    fn assume(&mut self, interval_frames: f64, frames_to_beat: f64) {
        self.said = None;
        let n_intervals = self.space.n_intervals();
        let n_slots = self.space.n_slots();
        self.states.fill([0.0; MAX_SLOTS]);
        for (interval_idx, &interval) in self.space.intervals.iter().enumerate() {
            let ratio = interval as f64 / (interval_frames * STEPS_PER_FRAME as f64);
            let tempo_weight = bell(ratio.ln() / ASSUMED_TEMPO_RATIO);
            // Steps from now to the next beat, as the filter counts them: 1 to the interval.
            for ahead in 1..=interval {
                let off_beats = (ahead as f64 / STEPS_PER_FRAME as f64 - frames_to_beat) / interval_frames;
                let weight = tempo_weight * bell((off_beats - off_beats.round()) / ASSUMED_PHASE_BEATS);
                let cell = self.ring_idx(ahead) * n_intervals + interval_idx;
                for (slot_idx, value) in self.states[cell].iter_mut().enumerate().take(n_slots) {
                    *value = self.space.initial_prob(interval_idx, slot_idx) * weight as f32;
                }
            }
        }
        for (mass, state) in self.masses.iter_mut().zip(&self.states) {
            *mass = state.iter().sum();
        }
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
