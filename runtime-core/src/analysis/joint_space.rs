//! The joint space of tempo, position in the beat, position in the bar and meter that the exact decoders share. Any thread.
//!
//! After Krebs, Boeck & Widmer, "An efficient state-space model for joint tempo and meter tracking" (ISMIR 2015), with
//! the position counted in half frames: a beat interval is a whole number of half frames (10 ms), so that neighbouring
//! tempi lie 1-3.5 % apart. A state is (interval, time of the next beat, bar slot), a *bar slot* being one beat of one
//! meter: 2 + 3 + 4 = 9 slots for the meters 2, 3 and 4. Within a beat nothing changes; at a beat the interval may change
//! and the slot moves on.

use super::activation::Activation;
use super::config::{Meter, TempoRange};
use crate::units::FRAMES_PER_SEC;

/// Steps of the space per frame: half frames.
pub const STEPS_PER_FRAME: usize = 2;
/// How sharply an interval resists change at a beat, live: `P(n' | n) ~ exp(-lambda |n'/n - 1|)`. At 90 a change by 2 % is
/// e^-1.8 as probable as none. Between 60 and 100 nothing on the corpus moves by more than its noise.
pub const TEMPO_LAMBDA: f64 = 90.0;
/// The same with hindsight, where a wrong turn is taken back and more freedom does no harm.
pub const TEMPO_LAMBDA_OFFLINE: f64 = 60.0;
/// Tempo changes rarer than this are left out, so that a beat touches a few neighbouring intervals only.
const TEMPO_CUT_PROB: f64 = 1e-4;
/// The beat zone, the stretch from the start of a beat in which it is observed: half a frame, since an onset may fall
/// anywhere in the frame that shows it, ...
const ZONE_FRAMES: f64 = 0.5;
/// ... and a share of the interval, since slow beats are played less exactly. (Krebs et al. take a sixteenth alone.)
const ZONE_SHARE: f64 = 1.0 / 24.0;
/// Frames of a beat outside its zone for each one inside: what the probability of "none" is shared among.
const NONE_FRAMES_PER_BEAT_FRAME: f64 = 15.0;
/// Probability of keeping the meter from one bar to the next.
const KEEP_METER_PROB: f64 = 0.999;
/// Centre of the tempo prior, BPM, and its width, octaves: broad, as the prior of perceived tempo (Moelants 2002) is.
const PRIOR_CENTRE_BPM: f64 = 120.0;
const PRIOR_SD_OCTAVES: f64 = 0.7;
/// Lasting preference for moderate tempi: `rate / 2 * log2(bpm / centre)^2` nats lost per second. It only decides between
/// metrical levels that the evidence leaves open: one octave off costs a nat a second, a missed onset more.
const PREFERENCE_RATE: f64 = 2.0;
const PREFERENCE_CENTRE_BPM: f64 = 115.0;
/// Power on the likelihoods. Frames 20 ms apart are far from independent, so each counts for less than one observation.
const LIKELIHOOD_POWER: f64 = 0.6;
/// Share of each of the beat and downbeat probabilities that counts for the other: their confusion.
const CLASS_LEAK: f64 = 0.1;
/// Lowest probability of a beat: a missing onset is no proof that there is no beat.
const BEAT_FLOOR_PROB: f64 = 0.02;
/// Lowest probability of no beat.
const NONE_FLOOR_PROB: f64 = 1e-3;

/// Most bar slots of any space, padded so that they fill whole vectors: 9 for the meters 2, 3 and 4, at most 7 for a single
/// meter.
pub const MAX_SLOTS: usize = 12;

/// Probability mass of each bar slot; the padding is zero.
pub type BarMasses = [f32; MAX_SLOTS];

/// One beat of one meter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BarSlot {
    /// Beats per bar of the meter.
    pub beats_per_bar: u8,
    /// Position in the bar, 1-based.
    pub beat_in_bar: u8,
    /// Index of the meter.
    pub meter_idx: usize,
}

/// The transitions out of one interval: a run of neighbouring intervals.
#[derive(Debug, Clone)]
pub struct TempoBand {
    /// Index of the first interval that can follow.
    pub first_idx: usize,
    /// Probabilities of it and of the following ones; they sum to 1.
    pub probs: Vec<f32>,
}

/// Likelihoods of one frame, relative to "no beat": what a beat state is multiplied with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FrameLikelihood {
    /// Of a beat that is no downbeat.
    pub beat: f32,
    /// Of a downbeat.
    pub downbeat: f32,
}

impl FrameLikelihood {
    /// Likelihoods (beat, downbeat) of a step of which only a share lies in the beat zone.
    pub fn weighted(&self, share: f32) -> (f32, f32) {
        (share * self.beat + 1.0 - share, share * self.downbeat + 1.0 - share)
    }
}

/// The state space for a range of tempi and a set of meters.
#[derive(Debug, Clone)]
pub struct JointSpace {
    /// Beat intervals, half frames, ascending and contiguous.
    pub intervals: Vec<usize>,
    /// Weights of the half frames from the start of a beat in which it is observed, per interval: 1, and a fraction for
    /// the last one.
    pub zones: Vec<Vec<f32>>,
    /// Factor for a beat of each interval: the lasting preference for moderate tempi, at most 1.
    pub preference: Vec<f32>,
    /// What follows each interval at a beat.
    pub bands: Vec<TempoBand>,
    /// Prior probability of each interval.
    pub prior: Vec<f32>,
    /// Bar slots, meter by meter.
    pub slots: Vec<BarSlot>,
    /// Index of the first slot of each meter, and the number of slots.
    pub meter_starts: Vec<usize>,
    /// `[from][to]`, at a bar line.
    pub meter_probs: Vec<Vec<f32>>,
}

impl JointSpace {
    /// The space for a range and meters that [`EngineConfig::validate`](super::config::EngineConfig::validate) accepted.
    pub fn new(tempo: TempoRange, meter: Meter) -> Self {
        Self::with_tempo_lambda(tempo, meter, TEMPO_LAMBDA)
    }

    /// The same with another resistance of the tempo to change, see [`TEMPO_LAMBDA`].
    pub fn with_tempo_lambda(tempo: TempoRange, meter: Meter, tempo_lambda: f64) -> Self {
        let steps_per_min = 60.0 * FRAMES_PER_SEC * STEPS_PER_FRAME as f64;
        let shortest = (steps_per_min / tempo.max_bpm).ceil() as usize;
        let longest = (steps_per_min / tempo.min_bpm).floor() as usize;
        let intervals: Vec<usize> = (shortest..=longest).collect();
        let meters: Vec<u8> = match meter {
            Meter::Auto => vec![2, 3, 4],
            Meter::Fixed(beats) => vec![beats],
        };
        let mut slots = Vec::new();
        let mut meter_starts = vec![0];
        for (meter_idx, &beats_per_bar) in meters.iter().enumerate() {
            slots.extend((1..=beats_per_bar).map(|beat_in_bar| BarSlot { beats_per_bar, beat_in_bar, meter_idx }));
            meter_starts.push(slots.len());
        }
        let leave = if meters.len() > 1 { (1.0 - KEEP_METER_PROB) / (meters.len() - 1) as f64 } else { 0.0 };
        let meter_probs = (0..meters.len())
            .map(|from| {
                (0..meters.len()).map(|to| if from == to { 1.0 - leave * (meters.len() - 1) as f64 } else { leave } as f32).collect()
            })
            .collect();
        Self {
            zones: intervals.iter().map(|&n| zone_weights(n)).collect(),
            preference: intervals.iter().map(|&n| preference(n)).collect(),
            bands: intervals.iter().map(|&from| tempo_band(from, &intervals, tempo_lambda)).collect(),
            prior: tempo_prior(&intervals),
            intervals,
            slots,
            meter_starts,
            meter_probs,
        }
    }

    /// Number of intervals.
    pub fn n_intervals(&self) -> usize {
        self.intervals.len()
    }

    /// Number of bar slots.
    pub fn n_slots(&self) -> usize {
        self.slots.len()
    }

    /// Number of meters.
    pub fn n_meters(&self) -> usize {
        self.meter_starts.len() - 1
    }

    /// Longest interval, half frames.
    pub fn longest(&self) -> usize {
        self.intervals.last().copied().unwrap_or(1)
    }

    /// Prior probability of one state at the start: the interval's prior, spread evenly over positions, meters and slots.
    pub fn initial_prob(&self, interval_idx: usize, slot_idx: usize) -> f32 {
        let slot = self.slots[slot_idx];
        self.prior[interval_idx] / (self.intervals[interval_idx] * self.n_meters()) as f32 / f32::from(slot.beats_per_bar)
    }

    /// The slot that follows within the meter (the first one after the last).
    pub fn next_in_meter(&self, slot_idx: usize) -> usize {
        let slot = self.slots[slot_idx];
        if slot.beat_in_bar == slot.beats_per_bar { self.meter_starts[slot.meter_idx] } else { slot_idx + 1 }
    }

    /// At a beat, in place: from the slot of the beat that ended to the slot of the one that begins.
    pub fn move_on_in_bar(&self, bar: &mut BarMasses) {
        let ended = *bar;
        bar[1..].copy_from_slice(&ended[..MAX_SLOTS - 1]);
        for (to, &first) in self.meter_starts.iter().take(self.n_meters()).enumerate() {
            let ends = self.meter_starts[1..].iter().zip(&self.meter_probs);
            bar[first] = ends.map(|(&end, probs)| ended[end - 1] * probs[to]).sum();
        }
        bar[self.n_slots()..].fill(0.0);
    }

    /// Likelihoods of one frame. Values that are not finite count as "no beat".
    pub fn likelihood(activation: &Activation) -> FrameLikelihood {
        let clean = |p: f32, otherwise: f64| if p.is_finite() { f64::from(p.clamp(0.0, 1.0)) } else { otherwise };
        let (beat, downbeat, none) = (clean(activation.beat, 0.0), clean(activation.downbeat, 0.0), clean(activation.none, 1.0));
        let power = |p: f64| p.powf(LIKELIHOOD_POWER);
        // Outside the zone the probability of "none" is shared by the rest of the beat (Krebs et al., equation 6).
        let none = power(none.max(NONE_FLOOR_PROB) / NONE_FRAMES_PER_BEAT_FRAME);
        FrameLikelihood {
            beat: (power((beat + CLASS_LEAK * downbeat).max(BEAT_FLOOR_PROB)) / none) as f32,
            downbeat: (power((downbeat + CLASS_LEAK * beat).max(BEAT_FLOOR_PROB)) / none) as f32,
        }
    }
}

fn zone_weights(interval: usize) -> Vec<f32> {
    let length = ZONE_FRAMES * STEPS_PER_FRAME as f64 + interval as f64 * ZONE_SHARE;
    (0..length.ceil() as usize).map(|position| (length - position as f64).min(1.0) as f32).collect()
}

fn preference(interval: usize) -> f32 {
    let octaves = (bpm_of(interval) / PREFERENCE_CENTRE_BPM).log2();
    (-PREFERENCE_RATE * (60.0 / bpm_of(interval)) * 0.5 * octaves * octaves).exp() as f32
}

fn bpm_of(interval: usize) -> f64 {
    60.0 * FRAMES_PER_SEC * STEPS_PER_FRAME as f64 / interval as f64
}

fn tempo_band(from: usize, intervals: &[usize], tempo_lambda: f64) -> TempoBand {
    let raw: Vec<f64> = intervals.iter().map(|&to| (-tempo_lambda * (to as f64 / from as f64 - 1.0).abs()).exp()).collect();
    let sum: f64 = raw.iter().sum();
    let kept: Vec<f64> = raw.iter().map(|p| if p / sum < TEMPO_CUT_PROB { 0.0 } else { *p }).collect();
    let first_idx = kept.iter().position(|&p| p > 0.0).unwrap_or(0);
    let end_idx = kept.iter().rposition(|&p| p > 0.0).map_or(0, |last| last + 1);
    let sum: f64 = kept.iter().sum();
    TempoBand { first_idx, probs: kept[first_idx..end_idx].iter().map(|p| (p / sum) as f32).collect() }
}

fn tempo_prior(intervals: &[usize]) -> Vec<f32> {
    let weights: Vec<f64> =
        intervals.iter().map(|&n| (-0.5 * ((bpm_of(n) / PRIOR_CENTRE_BPM).log2() / PRIOR_SD_OCTAVES).powi(2)).exp()).collect();
    let sum: f64 = weights.iter().sum();
    weights.iter().map(|w| (w / sum) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn space() -> JointSpace {
        JointSpace::new(TempoRange::default(), Meter::Auto)
    }

    #[test]
    fn the_full_space_spans_28_to_109_half_frames_and_nine_slots() {
        let space = space();
        assert_eq!((space.intervals[0], space.longest(), space.n_slots(), space.n_meters()), (28, 109, 9, 3));
        assert_eq!(space.zones[0].len(), 3, "one half frame and 28 / 24 of one");
        assert!((space.zones[0].iter().sum::<f32>() - (1.0 + 28.0 / 24.0)).abs() < 1e-6);
        assert_eq!(space.slots[8], BarSlot { beats_per_bar: 4, beat_in_bar: 4, meter_idx: 2 });
    }

    #[test]
    fn every_distribution_sums_to_one() {
        let space = space();
        for band in &space.bands {
            assert!((band.probs.iter().sum::<f32>() - 1.0).abs() < 1e-5);
            assert!(band.first_idx + band.probs.len() <= space.n_intervals());
        }
        assert!((space.prior.iter().sum::<f32>() - 1.0).abs() < 1e-5);
        for row in &space.meter_probs {
            assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-6);
        }
        let total: f64 = (0..space.n_intervals())
            .flat_map(|i| (0..space.n_slots()).map(move |s| (i, s)))
            .map(|(i, s)| f64::from(space.initial_prob(i, s)) * space.intervals[i] as f64)
            .sum();
        assert!((total - 1.0).abs() < 1e-5);
    }

    #[test]
    fn the_preference_is_mild_and_largest_in_the_middle() {
        let space = space();
        let at = |bpm: f64| space.preference[(6000.0 / bpm) as usize - 28];
        assert!(at(115.0) > 0.999 && at(57.5) > 0.3 && at(200.0) > 0.8);
        assert!(space.preference.iter().all(|&p| p <= 1.0));
    }

    #[test]
    fn staying_is_the_most_probable_transition() {
        let space = space();
        for (i, band) in space.bands.iter().enumerate() {
            let best = band.probs.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).unwrap().0;
            assert_eq!(band.first_idx + best, i);
        }
    }

    #[test]
    fn slots_wrap_within_their_meter() {
        let space = space();
        assert_eq!([0, 1, 4, 8].map(|slot| space.next_in_meter(slot)), [1, 0, 2, 5]);
    }

    #[test]
    fn a_fixed_meter_and_a_narrow_range_shrink_the_space() {
        let space = JointSpace::new(TempoRange { min_bpm: 100.0, max_bpm: 120.0 }, Meter::Fixed(7));
        assert_eq!((space.intervals[0], space.longest(), space.n_slots()), (50, 60, 7));
        assert_eq!(space.meter_probs, [[1.0]]);
    }

    #[test]
    fn likelihoods_prefer_what_the_network_saw() {
        let beat = JointSpace::likelihood(&Activation { beat: 0.8, downbeat: 0.1, none: 0.1 });
        assert!(beat.beat > beat.downbeat && beat.downbeat > 1.0);
        let none = JointSpace::likelihood(&Activation::default());
        assert!(none.beat < 1.0 && none.downbeat < 1.0 && none.beat > 0.0);
        let bad = JointSpace::likelihood(&Activation { beat: f32::NAN, downbeat: f32::INFINITY, none: f32::NAN });
        assert_eq!(bad, none);
    }
}
