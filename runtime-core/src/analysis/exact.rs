//! Fourth stage, the default: the exact forward filter over the joint space. INFERENCE THREAD.
//!
//! A state is stored under the time of its next beat, modulo the ring's length, so that between beats nothing moves: a
//! frame touches only the states whose beat falls now (which pass on to their next beat) and those just after a beat
//! (which are multiplied with the likelihood; all others would be multiplied with the same number, which normalisation
//! takes out again). Deterministic; no allocation.

mod tempo_belief;

use super::activation::Activation;
use super::config::{Meter, TempoRange};
use super::decoder::{BeatPosterior, Decoder};
use super::joint_space::{BarMasses, FrameLikelihood, JointSpace, MAX_SLOTS, STEPS_PER_FRAME};
use super::pulse::PulseEvidence;

/// The mode's neighbourhood in time: beats within this share of the interval count as the same hypothesis.
const MODE_WIDTH_BEATS: f64 = 0.10;
/// The mode's neighbourhood in tempo: intervals within this ratio.
const MODE_WIDTH_RATIO: f64 = 0.12;
/// How well a user's word fixes the tempo, standard deviation of the logarithm: what eight taps of a steady hand give.
const ASSUMED_TEMPO_RATIO: f64 = 0.03;
/// ... and the phase, standard deviation in beats.
const ASSUMED_PHASE_BEATS: f64 = 0.06;
/// The total probability mass is brought back to 1 when it leaves this range, so that f32 keeps its precision.
const TOTAL_RANGE: std::ops::Range<f64> = 1e-6..1e6;
/// ... and every so many frames, because the running total accumulates rounding errors.
const RENORMALISE_FRAMES: u64 = 64;

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
    slot_masses: BarMasses,
    pulse: PulseEvidence,
}

impl ExactDecoder {
    /// A decoder at the start of a stream, for values that the configuration's validation accepted.
    pub fn new(tempo: TempoRange, meter: Meter) -> Self {
        let space = JointSpace::new(tempo, meter);
        let ring_len = space.longest() + STEPS_PER_FRAME + 1;
        let n_intervals = space.n_intervals();
        assert!(space.n_slots() <= MAX_SLOTS, "meters were validated");
        let mut is_downbeat = [0.0; MAX_SLOTS];
        for (lane, slot) in is_downbeat.iter_mut().zip(&space.slots) {
            *lane = f32::from(u8::from(slot.beat_in_bar == 1));
        }
        let mut decoder = Self {
            states: vec![[0.0; MAX_SLOTS]; ring_len * n_intervals],
            masses: vec![0.0; ring_len * n_intervals],
            entering: vec![[0.0; MAX_SLOTS]; n_intervals],
            is_downbeat,
            slot_masses: [0.0; MAX_SLOTS],
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
        let mut any = false;
        self.entering.fill([0.0; MAX_SLOTS]);
        for (interval_idx, band) in self.space.bands.iter().enumerate() {
            let mass = std::mem::take(&mut self.masses[row + interval_idx]);
            if mass <= 0.0 {
                continue;
            }
            any = true;
            self.total -= f64::from(mass);
            let from = std::mem::take(&mut self.states[row + interval_idx]);
            for (prob, to) in band.probs.iter().zip(&mut self.entering[band.first_idx..]) {
                for (sum, value) in to.iter_mut().zip(&from) {
                    *sum += prob * value;
                }
            }
        }
        if !any {
            return;
        }
        for interval_idx in 0..n_intervals {
            let mut cell = self.entering[interval_idx];
            self.space.move_on_in_bar(&mut cell);
            let preference = self.space.preference[interval_idx];
            cell.iter_mut().for_each(|value| *value *= preference);
            let mass: f32 = cell.iter().sum();
            let to = self.ring_idx(self.space.intervals[interval_idx]) * n_intervals + interval_idx;
            self.states[to] = cell;
            self.masses[to] = mass;
            self.total += f64::from(mass);
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

    /// The most probable (steps to the next beat, interval index).
    fn mode(&self) -> (usize, usize) {
        let n_intervals = self.space.n_intervals();
        let (mut best, mut best_ahead) = (-1.0f32, 1);
        for ahead in 1..=self.space.longest() {
            let largest = largest(&self.masses[self.ring_idx(ahead) * n_intervals..][..n_intervals]);
            if largest > best {
                (best, best_ahead) = (largest, ahead);
            }
        }
        let row = &self.masses[self.ring_idx(best_ahead) * n_intervals..][..n_intervals];
        let interval_idx = row.iter().position(|&mass| mass == best).unwrap_or(0);
        (best_ahead, interval_idx)
    }

    fn read_out(&mut self, posterior: &mut BeatPosterior) {
        let (ahead, mode_idx) = self.mode();
        let n_intervals = self.space.n_intervals();
        let interval = self.space.intervals[mode_idx];
        // In the first half of a beat the beat that began it is nearer than the next one.
        let is_past = interval - ahead.min(interval) <= interval / 2;
        let half_width = (MODE_WIDTH_BEATS * interval as f64 + 0.5) as i64;
        let (mut mass, mut offset_sum, mut interval_sum) = (0.0f64, 0.0f64, 0.0f64);
        self.slot_masses = [0.0; MAX_SLOTS];
        for (interval_idx, &other) in self.space.intervals.iter().enumerate() {
            if (other as f64 / interval as f64 - 1.0).abs() > MODE_WIDTH_RATIO {
                continue;
            }
            for offset in -half_width..=half_width {
                // Neighbours agree about the nearer beat: the next one, or the last one where that is nearer.
                let shift = if is_past { other as i64 - interval as i64 } else { 0 };
                let other_ahead = ahead as i64 + offset + shift;
                if other_ahead < 1 || other_ahead > other as i64 {
                    continue;
                }
                let cell = self.ring_idx(other_ahead as usize) * n_intervals + interval_idx;
                let weight = f64::from(self.masses[cell]);
                mass += weight;
                offset_sum += weight * offset as f64;
                interval_sum += weight * other as f64;
                for (sum, state) in self.slot_masses.iter_mut().zip(&self.states[cell]) {
                    *sum += state;
                }
            }
        }
        let steps = STEPS_PER_FRAME as f64;
        let steps_to_beat = ahead as f64 + offset_sum / mass - if is_past { interval as f64 } else { 0.0 };
        posterior.interval_frames = interval_sum / mass / steps;
        posterior.frames_to_beat = steps_to_beat / steps;
        posterior.conf = (mass / self.total).clamp(0.0, 1.0) as f32;
        self.read_out_bar(is_past, mass, posterior);
    }

    fn read_out_bar(&self, is_past: bool, mass: f64, posterior: &mut BeatPosterior) {
        let (mut best, mut downbeat_mass) = (-1.0f32, 0.0f64);
        for (slot_idx, &slot_mass) in self.slot_masses.iter().enumerate().take(self.space.n_slots()) {
            let nearest = self.space.slots[if is_past { slot_idx } else { self.space.next_in_meter(slot_idx) }];
            if nearest.beat_in_bar == 1 {
                downbeat_mass += f64::from(slot_mass);
            }
            if slot_mass > best {
                best = slot_mass;
                posterior.beats_per_bar = nearest.beats_per_bar;
                posterior.beat_in_bar = nearest.beat_in_bar;
            }
        }
        posterior.downbeat_prob = (downbeat_mass / mass).clamp(0.0, 1.0) as f32;
    }
}

impl Decoder for ExactDecoder {
    fn step(&mut self, activation: &Activation, posterior: &mut BeatPosterior) {
        for _ in 0..STEPS_PER_FRAME {
            self.ring_now = self.ring_idx(1);
            self.pass_beats();
        }
        let likelihood = JointSpace::likelihood(activation);
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

/// The largest of some values that are not NaN; in lanes, so that it vectorises.
fn largest(values: &[f32]) -> f32 {
    const LANES: usize = 16;
    let mut lanes = [0.0f32; LANES];
    let chunks = values.chunks_exact(LANES);
    let rest = chunks.remainder();
    for chunk in chunks {
        for (lane, &value) in lanes.iter_mut().zip(chunk) {
            *lane = if value > *lane { value } else { *lane };
        }
    }
    lanes.iter().chain(rest).fold(0.0, |a, &b| if b > a { b } else { a })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoder() -> ExactDecoder {
        ExactDecoder::new(TempoRange::default(), Meter::Auto)
    }

    /// Ideal activations: a beat every `period` frames, every `meter`-th a downbeat, from frame `first` on.
    fn beat_at(n: u64, period: f64, meter: u64, first: u64) -> Activation {
        let k = ((n as f64 - first as f64) / period).round();
        let is_beat = k >= 0.0 && (first as f64 + k * period).round() == n as f64;
        match (is_beat, k as u64 % meter) {
            (false, _) => Activation { beat: 0.01, downbeat: 0.01, none: 0.98 },
            (true, 0) => Activation { beat: 0.05, downbeat: 0.9, none: 0.05 },
            (true, _) => Activation { beat: 0.9, downbeat: 0.05, none: 0.05 },
        }
    }

    fn follow(decoder: &mut ExactDecoder, frames: std::ops::Range<u64>, period: f64, meter: u64, first: u64) -> BeatPosterior {
        let mut posterior = BeatPosterior::default();
        for n in frames {
            decoder.step(&beat_at(n, period, meter, first), &mut posterior);
        }
        posterior
    }

    #[test]
    fn ideal_beats_are_found_with_tempo_phase_bar_and_meter() {
        for (period, meter) in [(25.0, 4), (20.0, 3), (31.5, 4), (17.25, 2)] {
            let posterior = follow(&mut decoder(), 0..1000, period, meter, 10);
            assert!((posterior.interval_frames - period).abs() < 0.3, "{period}: {posterior:?}");
            let nearest = ((999.0 - 10.0) / period).round();
            assert!((posterior.frames_to_beat - (10.0 + nearest * period - 999.0)).abs() < 1.0, "{period}: {posterior:?}");
            assert_eq!(u64::from(posterior.beats_per_bar), meter, "{period}: {posterior:?}");
            assert_eq!(u64::from(posterior.beat_in_bar), nearest as u64 % meter + 1, "{period}: {posterior:?}");
            assert!(posterior.conf > 0.9 && posterior.pulse_nats > 5.0, "{posterior:?}");
        }
    }

    #[test]
    fn the_mass_stays_one() {
        let mut decoder = decoder();
        follow(&mut decoder, 0..500, 25.0, 4, 0);
        let masses: f64 = decoder.masses.iter().map(|&m| f64::from(m)).sum();
        let states: f64 = decoder.states.iter().flatten().map(|&m| f64::from(m)).sum();
        assert!((masses / decoder.total - 1.0).abs() < 1e-4 && (states / masses - 1.0).abs() < 1e-4);
    }

    /// One step against the plain definition of the filter, state by state.
    #[test]
    #[allow(clippy::needless_range_loop, reason = "the recursion is written with the indices that the textbook has")]
    fn a_step_equals_the_textbook_recursion() {
        let tempo = TempoRange { min_bpm: 180.0, max_bpm: 210.0 };
        let mut decoder = ExactDecoder::new(tempo, Meter::Fixed(2));
        let space = JointSpace::new(tempo, Meter::Fixed(2));
        // alpha[interval][position in half frames][slot]
        let mut alpha: Vec<Vec<[f64; 2]>> = (0..space.n_intervals())
            .map(|i| vec![[f64::from(space.initial_prob(i, 0)), f64::from(space.initial_prob(i, 1))]; space.intervals[i]])
            .collect();
        let mut posterior = BeatPosterior::default();
        for n in 0..200u64 {
            let activation = beat_at(n, 15.5, 2, 3);
            for _ in 0..STEPS_PER_FRAME {
                let mut next: Vec<Vec<[f64; 2]>> = alpha.iter().map(|p| vec![[0.0; 2]; p.len()]).collect();
                for i in 0..space.n_intervals() {
                    let last = alpha[i].len() - 1;
                    for k in 0..last {
                        next[i][k + 1] = alpha[i][k];
                    }
                    for (offset, prob) in space.bands[i].probs.iter().enumerate() {
                        let to = space.bands[i].first_idx + offset;
                        for slot in 0..2 {
                            next[to][0][1 - slot] += alpha[i][last][slot] * f64::from(*prob) * f64::from(space.preference[to]);
                        }
                    }
                }
                alpha = next;
            }
            let likelihood = JointSpace::likelihood(&activation);
            for i in 0..space.n_intervals() {
                for (k, weight) in space.zones[i].iter().enumerate() {
                    let (beat, downbeat) = likelihood.weighted(*weight);
                    alpha[i][k][0] *= f64::from(downbeat);
                    alpha[i][k][1] *= f64::from(beat);
                }
            }
            let total: f64 = alpha.iter().flatten().flatten().sum();
            alpha.iter_mut().flatten().flatten().for_each(|v| *v /= total);
            decoder.step(&activation, &mut posterior);
            let n_intervals = space.n_intervals();
            for i in 0..n_intervals {
                for k in 0..space.intervals[i] {
                    let cell = decoder.ring_idx(space.intervals[i] - k) * n_intervals + i;
                    for slot in 0..2 {
                        let got = f64::from(decoder.states[cell][slot]) / decoder.total;
                        assert!(
                            (got - alpha[i][k][slot]).abs() < 1e-5,
                            "frame {n}, interval {i}, position {k}: {got} {}",
                            alpha[i][k][slot]
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn silence_gives_no_evidence_and_stays_finite() {
        let mut decoder = decoder();
        let mut posterior = BeatPosterior::default();
        for _ in 0..5000 {
            decoder.step(&Activation::default(), &mut posterior);
        }
        assert!(posterior.conf.is_finite() && posterior.interval_frames > 13.0 && posterior.pulse_nats < 0.5, "{posterior:?}");
    }

    #[test]
    fn bad_activations_do_not_poison_the_filter() {
        let mut decoder = decoder();
        let mut posterior = BeatPosterior::default();
        for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -1.0, 1e30, 0.0] {
            decoder.step(&Activation { beat: value, downbeat: value, none: value }, &mut posterior);
        }
        let posterior = follow(&mut decoder, 0..1000, 25.0, 4, 0);
        assert!((posterior.interval_frames - 25.0).abs() < 0.3);
    }

    #[test]
    fn reset_is_a_fresh_start() {
        let mut decoder = decoder();
        let first = follow(&mut decoder, 0..300, 25.0, 4, 0);
        decoder.reset();
        assert_eq!(follow(&mut decoder, 0..300, 25.0, 4, 0), first);
    }

    #[test]
    fn a_forgotten_phase_keeps_the_tempo_and_finds_the_new_phase() {
        let mut decoder = decoder();
        follow(&mut decoder, 0..1000, 25.0, 4, 0);
        decoder.forget_phase();
        let kept = follow(&mut decoder, 1000..1001, 25.0, 4, 12);
        assert!((kept.interval_frames - 25.0).abs() < 1.0, "{kept:?}");
        let found = follow(&mut decoder, 1001..1200, 25.0, 4, 12);
        let nearest = ((1199.0 - 12.0) / 25.0f64).round();
        assert!((found.frames_to_beat - (12.0 + nearest * 25.0 - 1199.0)).abs() < 1.5, "{found:?}");
    }
}
