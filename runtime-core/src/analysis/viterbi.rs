//! The most probable path through the joint space with hindsight: the decoder of `analyze --offline`. Any thread.
//!
//! Viterbi's algorithm on the state space of the exact filter, stored the same way (under the time of the next beat), so
//! that only beats cost anything. Memory is bounded: every `WINDOW_STEPS` the best path is traced back and all of it
//! but the last `TAIL_STEPS` is final, since paths agree about what lies that far back.

use super::activation::Activation;
use super::config::{Meter, TempoRange};
use super::joint_space::{JointSpace, STEPS_PER_FRAME};
use super::observation::FrameLikelihood;
use crate::units::FRAMES_PER_SEC;

const STEPS_PER_SEC: usize = STEPS_PER_FRAME * FRAMES_PER_SEC as usize;
/// Steps between two trace-backs: a minute and a half, about 25 MB of back pointers.
const WINDOW_STEPS: usize = 90 * STEPS_PER_SEC;
/// Steps that stay open at a trace-back: half a minute of hindsight, and more on average.
const TAIL_STEPS: usize = 30 * STEPS_PER_SEC;

/// One beat of the decoded path.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PathBeat {
    /// Frames from the first frame's time to the beat; half frames occur.
    pub frame: f64,
    /// Length of the beat that begins here, frames.
    pub interval_frames: f64,
    /// Position in the bar, 1-based.
    pub beat_in_bar: u8,
    /// Beats per bar.
    pub beats_per_bar: u8,
}

/// Collects frames and hands over the beats of the best path.
pub struct ViterbiDecoder {
    space: JointSpace,
    log_bands: Vec<Vec<f32>>,
    log_meters: Vec<Vec<f32>>,
    log_preference: Vec<f32>,
    /// Accents that differ, and per slot the index of its own.
    accents: Vec<f32>,
    accent_of: Vec<usize>,
    /// `[ring][interval][slot]`: log-probability of the best path whose present beat ends at that step.
    scores: Vec<f32>,
    ring_len: usize,
    now: usize,
    /// Step of the first entry of the back pointers.
    base: usize,
    /// `[step][interval][slot]`: interval of the beat before.
    from_interval: Vec<u8>,
    /// `[step][interval][meter]`: meter of the bar before, for first slots.
    from_meter: Vec<u8>,
    entering: Vec<f32>,
    last_of_bar: Vec<f32>,
    /// Beats at or before this step are final and were handed over.
    final_until: Option<usize>,
}

impl ViterbiDecoder {
    /// A decoder at the start of a stream, for values that the configuration's validation accepted.
    pub fn new(tempo: TempoRange, meter: Meter) -> Self {
        let space = JointSpace::new(tempo, meter);
        let ring_len = space.longest() + STEPS_PER_FRAME + 1;
        let log = |p: &f32| p.ln();
        let mut accents = space.accents[..space.n_slots()].to_vec();
        accents.sort_unstable_by(f32::total_cmp);
        accents.dedup();
        let accent_of = space.accents[..space.n_slots()].iter().map(|accent| accents.partition_point(|other| other < accent)).collect();
        let mut decoder = Self {
            log_bands: space.bands.iter().map(|band| band.probs.iter().map(log).collect()).collect(),
            log_meters: space.meter_probs.iter().map(|row| row.iter().map(log).collect()).collect(),
            log_preference: space.preference.iter().map(log).collect(),
            accents,
            accent_of,
            scores: vec![f32::NEG_INFINITY; ring_len * space.n_intervals() * space.n_slots()],
            ring_len,
            now: 0,
            base: 1,
            from_interval: Vec::new(),
            from_meter: Vec::new(),
            entering: vec![f32::NEG_INFINITY; space.n_intervals() * space.n_slots()],
            last_of_bar: vec![f32::NEG_INFINITY; space.n_meters()],
            final_until: None,
            space,
        };
        decoder.spread_prior();
        decoder
    }

    /// Consumes the activation of one frame; hands over the beats that became final, in order of time.
    pub fn step(&mut self, activation: &Activation, on_beat: &mut impl FnMut(PathBeat)) {
        for _ in 0..STEPS_PER_FRAME {
            self.now += 1;
            self.pass_beats();
        }
        self.observe(activation);
        if self.now - self.base >= WINDOW_STEPS {
            self.hand_over(self.now - TAIL_STEPS, on_beat);
            self.forget_before(self.now - TAIL_STEPS);
            self.rescale();
        }
    }

    /// Hands over the rest of the path.
    pub fn finish(&mut self, on_beat: &mut impl FnMut(PathBeat)) {
        self.hand_over(self.now, on_beat);
    }

    fn cell(&self, step: usize, interval_idx: usize) -> usize {
        ((step % self.ring_len) * self.space.n_intervals() + interval_idx) * self.space.n_slots()
    }

    fn spread_prior(&mut self) {
        for interval_idx in 0..self.space.n_intervals() {
            for ahead in 1..=self.space.intervals[interval_idx] {
                let cell = self.cell(ahead, interval_idx);
                for slot_idx in 0..self.space.n_slots() {
                    self.scores[cell + slot_idx] = self.space.initial_prob(interval_idx, slot_idx).ln();
                }
            }
        }
    }

    fn pass_beats(&mut self) {
        let (n_intervals, n_slots, n_meters) = (self.space.n_intervals(), self.space.n_slots(), self.space.n_meters());
        let pointers = self.from_interval.len();
        self.from_interval.resize(pointers + n_intervals * n_slots, 0);
        let back = &mut self.from_interval[pointers..];
        self.entering.fill(f32::NEG_INFINITY);
        for interval_idx in 0..n_intervals {
            let cell = ((self.now % self.ring_len) * n_intervals + interval_idx) * n_slots;
            let band = &self.space.bands[interval_idx];
            let from = &mut self.scores[cell..cell + n_slots];
            if from[0] == f32::NEG_INFINITY {
                continue;
            }
            for (offset, log_prob) in self.log_bands[interval_idx].iter().enumerate() {
                let to = (band.first_idx + offset) * n_slots;
                for slot_idx in 0..n_slots {
                    let score = from[slot_idx] + log_prob;
                    if score > self.entering[to + slot_idx] {
                        self.entering[to + slot_idx] = score;
                        back[to + slot_idx] = interval_idx as u8;
                    }
                }
            }
            from.fill(f32::NEG_INFINITY);
        }
        let meter_pointers = self.from_meter.len();
        self.from_meter.resize(meter_pointers + n_intervals * n_meters, 0);
        for interval_idx in 0..n_intervals {
            let entering = &mut self.entering[interval_idx * n_slots..][..n_slots];
            let back = &mut self.from_interval[pointers + interval_idx * n_slots..][..n_slots];
            let back_meter = &mut self.from_meter[meter_pointers + interval_idx * n_meters..][..n_meters];
            move_on_in_bar(&self.space, &self.log_meters, entering, back, back_meter, &mut self.last_of_bar);
            let preference = self.log_preference[interval_idx];
            entering.iter_mut().for_each(|score| *score += preference);
            let cell = (((self.now + self.space.intervals[interval_idx]) % self.ring_len) * n_intervals + interval_idx) * n_slots;
            self.scores[cell..cell + n_slots].copy_from_slice(entering);
        }
    }

    fn observe(&mut self, activation: &Activation) {
        let likelihood = FrameLikelihood::of(activation);
        let mut nats = Vec::with_capacity(self.accents.len());
        for interval_idx in 0..self.space.n_intervals() {
            for position in 0..self.space.zones[interval_idx].len() {
                let seen_here = likelihood.weighted(self.space.zones[interval_idx][position]);
                nats.clear();
                nats.extend(self.accents.iter().map(|&accent| seen_here.at(accent).ln()));
                let cell = self.cell(self.now + self.space.intervals[interval_idx] - position, interval_idx);
                self.scores[cell..].iter_mut().zip(&self.accent_of).for_each(|(score, &accent_idx)| *score += nats[accent_idx]);
            }
        }
    }

    /// Traces the best path back and hands over its beats after what is final already, up to `until`.
    fn hand_over(&mut self, until: usize, on_beat: &mut impl FnMut(PathBeat)) {
        let (n_intervals, n_slots, n_meters) = (self.space.n_intervals(), self.space.n_slots(), self.space.n_meters());
        let (mut best, mut state) = (f32::NEG_INFINITY, None);
        for ahead in 1..=self.space.longest() {
            for interval_idx in 0..n_intervals {
                let cell = self.cell(self.now + ahead, interval_idx);
                for slot_idx in 0..n_slots {
                    if self.scores[cell + slot_idx] > best && self.space.intervals[interval_idx] <= self.now + ahead {
                        best = self.scores[cell + slot_idx];
                        state = Some((self.now + ahead - self.space.intervals[interval_idx], interval_idx, slot_idx));
                    }
                }
            }
        }
        let mut beats = Vec::new();
        while let Some((start, interval_idx, slot_idx)) = state {
            if start < self.base || self.final_until.is_some_and(|final_until| start <= final_until) {
                break;
            }
            if start <= until {
                let slot = self.space.slots[slot_idx];
                beats.push(PathBeat {
                    frame: start as f64 / STEPS_PER_FRAME as f64 - 1.0,
                    interval_frames: self.space.intervals[interval_idx] as f64 / STEPS_PER_FRAME as f64,
                    beat_in_bar: slot.beat_in_bar,
                    beats_per_bar: slot.beats_per_bar,
                });
            }
            let row = (start - self.base) * n_intervals + interval_idx;
            let from_interval = usize::from(self.from_interval[row * n_slots + slot_idx]);
            let slot = self.space.slots[slot_idx];
            let from_slot = match slot.beat_in_bar {
                1 => self.space.meter_starts[usize::from(self.from_meter[row * n_meters + slot.meter_idx]) + 1] - 1,
                _ => slot_idx - 1,
            };
            state = start.checked_sub(self.space.intervals[from_interval]).map(|before| (before, from_interval, from_slot));
        }
        beats.into_iter().rev().for_each(on_beat);
        self.final_until = Some(until);
    }

    fn forget_before(&mut self, step: usize) {
        let n_steps = step - self.base;
        self.from_interval.drain(..n_steps * self.space.n_intervals() * self.space.n_slots());
        self.from_meter.drain(..n_steps * self.space.n_intervals() * self.space.n_meters());
        self.base = step;
    }

    /// Keeps the log-probabilities near zero, where f32 is precise.
    fn rescale(&mut self) {
        let best = self.scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        self.scores.iter_mut().for_each(|score| *score -= best);
    }
}

/// In place: from the slot of the beat that ended to the slot of the beat that begins, with back pointers.
fn move_on_in_bar(
    space: &JointSpace,
    log_meters: &[Vec<f32>],
    entering: &mut [f32],
    back: &mut [u8],
    back_meter: &mut [u8],
    last_of_bar: &mut [f32],
) {
    const MAX_METERS: usize = 8;
    let n_meters = space.n_meters();
    let mut last_back = [0u8; MAX_METERS];
    for meter in 0..n_meters {
        let (start, end) = (space.meter_starts[meter], space.meter_starts[meter + 1]);
        last_of_bar[meter] = entering[end - 1];
        last_back[meter] = back[end - 1];
        entering.copy_within(start..end - 1, start + 1);
        back.copy_within(start..end - 1, start + 1);
    }
    for to in 0..n_meters {
        let first = space.meter_starts[to];
        entering[first] = f32::NEG_INFINITY;
        for from in 0..n_meters {
            let score = last_of_bar[from] + log_meters[from][to];
            if score > entering[first] {
                entering[first] = score;
                back[first] = last_back[from];
                back_meter[to] = from as u8;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(n_frames: usize, mut activation: impl FnMut(usize) -> Activation) -> Vec<PathBeat> {
        let mut decoder = ViterbiDecoder::new(TempoRange::default(), Meter::Auto);
        let mut beats = Vec::new();
        for n in 0..n_frames {
            decoder.step(&activation(n), &mut |beat| beats.push(beat));
        }
        decoder.finish(&mut |beat| beats.push(beat));
        beats
    }

    fn grid(n: usize, period: usize, meter: usize) -> Activation {
        match (n.is_multiple_of(period), (n / period).is_multiple_of(meter)) {
            (false, _) => Activation { beat: 0.01, downbeat: 0.01, none: 0.98 },
            (true, true) => Activation { beat: 0.05, downbeat: 0.9, none: 0.05 },
            (true, false) => Activation { beat: 0.9, downbeat: 0.05, none: 0.05 },
        }
    }

    #[test]
    fn ideal_beats_are_found_from_the_first_one_on() {
        let beats = decode(1000, |n| grid(n, 25, 3));
        assert_eq!(beats.len(), 40, "{beats:?}");
        for (k, beat) in beats.iter().enumerate() {
            assert!((beat.frame - 25.0 * k as f64).abs() <= 1.0, "{k}: {beat:?}");
            assert_eq!((usize::from(beat.beat_in_bar), beat.beats_per_bar), (k % 3 + 1, 3));
        }
    }

    #[test]
    fn hours_go_through_a_bounded_window_without_seams() {
        let n_frames = 8 * 60 * 50;
        let mut decoder = ViterbiDecoder::new(TempoRange::default(), Meter::Fixed(4));
        let mut beats = Vec::new();
        let mut largest = 0;
        for n in 0..n_frames {
            decoder.step(&grid(n, 30, 4), &mut |beat| beats.push(beat));
            largest = largest.max(decoder.from_interval.len());
        }
        decoder.finish(&mut |beat| beats.push(beat));
        // A beat on the very first sample may count as begun before the stream.
        assert!((n_frames / 30 - 1..=n_frames / 30).contains(&beats.len()), "{}", beats.len());
        assert!(beats.windows(2).all(|pair| (pair[1].frame - pair[0].frame - 30.0).abs() < 1.1));
        assert!(largest <= (WINDOW_STEPS + 2) * 101 * 4, "{largest}");
    }

    #[test]
    fn silence_and_nothing_do_not_panic() {
        assert!(decode(0, |_| Activation::default()).is_empty());
        let beats = decode(500, |_| Activation::default());
        assert!(beats.windows(2).all(|pair| pair[0].frame < pair[1].frame));
    }
}
