//! The joint space of tempo, position in the beat, position in the bar and meter that the decoders share. Any thread.
//!
//! After Krebs, Boeck & Widmer, "An efficient state-space model for joint tempo and meter tracking" (ISMIR 2015), with
//! the position counted in half frames: a beat interval is a whole number of half frames (10 ms), so that neighbouring
//! tempi lie 1 to 4 % apart. A state is (interval, time of the next beat, bar slot), a *bar slot* being one beat of one
//! meter: 2 + 3 + 4 + 5 + 6 + 7 = 27 slots for the meters 2 to 7. Within a beat nothing changes; at a beat the interval may
//! change and the slot moves on. What an activation says of a state is in [`observation`](super::observation).

use super::config::{Meter, TempoRange};
use crate::units::FRAMES_PER_SEC;

/// Steps of the space per frame: half frames.
pub const STEPS_PER_FRAME: usize = 2;
/// Beyond this interval, 60 BPM, every second one is left out: neighbours lie 1.3 to 2 % apart there, and those below 1 to 4 %. Slow
/// tempi have most of the states. NB: from 75 on expressive slow music suffers.
const FINE_STEPS: usize = 100;
/// How sharply an interval resists change at a beat: `P(n' | n) ~ exp(-lambda |n'/n - 1|)`. At 60 a change by 2 % is e^-1.2 as
/// probable as none. NB: 50 and 70 move nothing by more than its noise; 90 follows changes worse.
const TEMPO_LAMBDA: f64 = 60.0;
/// Tempo changes rarer than this are left out, so that a beat touches a few neighbouring intervals only.
const TEMPO_CUT_PROB: f64 = 1e-4;
/// The beat zone, the stretch from the start of a beat in which it is observed, with a weight that falls evenly to nothing, so
/// that a later onset moves the beat: a frame, since an onset may fall anywhere in the frame that shows it, ...
const ZONE_FRAMES: f64 = 1.0;
/// ... and a share of the interval, since slow beats are played less exactly. (Krebs et al. take a sixteenth alone, with equal
/// weight.) NB: equal weight over half the length loses .01 AMLt and answers tempo ramps 15 ms later.
const ZONE_SHARE: f64 = 1.0 / 12.0;
/// Meters, beats per bar, that are considered where none is chosen, and how probable they are before anything is heard. Compound
/// meters count dotted quarters: 6/8 is in 2, 9/8 in 3, 12/8 in 4. Popular music is nearly all in 4 (Harmonix: 97 %), dances and
/// the classics less so. NB: even odds for 2, 3 and 4 lose .01 to .02 of downbeat F70 and count much music in 2; .8 for 4 gains
/// nothing more.
const METERS: [(u8, f64); 6] = [(2, 0.10), (3, 0.20), (4, 0.68), (5, 0.007), (6, 0.006), (7, 0.007)];
/// How much of a downbeat the middle of a bar of 4 or 6 is to a network: where between the plain beats (0) and the first (1) its
/// log-odds of a downbeat lie on average, .3 in the annotated pieces and .8 in generated ones. Without it every other middle that
/// looks like a downbeat is evidence for bars half as long. NB: .2 to .5 gain .01 of downbeat F70 on
/// generated pieces and .003 to .005 on annotated ones.
const HALF_BAR_ACCENT: f32 = 0.35;
/// Probability that the meter is drawn anew at a bar line.
const NEW_METER_PROB: f64 = 1e-3;
/// Probability that a bar begins at any beat, before the last one is full: an irregular bar, or a bar line that was misread.
const EARLY_BAR_PROB: f64 = 1e-4;
/// Probability per beat that the tempo is drawn anew, from the prior: a step, another metrical level.
const NEW_TEMPO_PROB: f64 = 3e-4;
/// Probability per beat that the next one comes half a beat late or early: an off-beat that was taken for the beat.
const HALF_BEAT_SLIP_PROB: f64 = 1e-4;
/// Probability per second that a beat begins out of nowhere, at any tempo: the music broke off and began again.
const FRESH_START_RATE: f64 = 1e-5;
/// Centre of the tempo prior, BPM, and its width, octaves: broad, as the prior of perceived tempo (Moelants 2002) is.
const PRIOR_CENTRE_BPM: f64 = 120.0;
const PRIOR_SD_OCTAVES: f64 = 0.7;
/// Lasting preference for moderate tempi: `rate / 2 * log2(bpm / centre)^2` nats lost per second. It only decides between
/// metrical levels that the evidence leaves open: one octave off costs 1.5 nats a second, and so does a missed onset. NB: a
/// higher rate or a centre of 105 gains on the annotated pieces what it loses on generated ones.
const PREFERENCE_RATE: f64 = 3.0;
const PREFERENCE_CENTRE_BPM: f64 = 112.0;
/// What is slower than this, octaves below the centre (72 BPM), is not disliked more: there the missing onsets decide. NB: gains .01 of F70
/// on generated pieces, nothing on the annotated ones; the same for fast tempi loses .015 there, where networks hear every
/// subdivision.
const SLOWNESS_OCTAVES: f64 = 0.63;
/// Most bar slots of any space, padded so that they fill whole vectors: 27 for the meters 2 to 7.
pub const MAX_SLOTS: usize = 32;

/// Probability mass of each bar slot; the padding is zero.
pub type BarMasses = [f32; MAX_SLOTS];

/// Sum over the slots. In pairs: added one after another, floats wait for each other.
#[inline(always)]
pub fn sum_of(bar: &BarMasses) -> f32 {
    const HALF: usize = MAX_SLOTS / 2;
    let sixteen: [f32; HALF] = std::array::from_fn(|lane| bar[lane] + bar[lane + HALF]);
    let eight: [f32; HALF / 2] = std::array::from_fn(|lane| sixteen[lane] + sixteen[lane + HALF / 2]);
    let four: [f32; HALF / 4] = std::array::from_fn(|lane| eight[lane] + eight[lane + HALF / 4]);
    (four[0] + four[2]) + (four[1] + four[3])
}

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

/// The state space for a range of tempi and a set of meters.
#[derive(Debug, Clone)]
pub struct JointSpace {
    /// Beat intervals, half frames, ascending.
    pub intervals: Vec<usize>,
    /// Weights of the half frames from the start of a beat in which it is observed, per interval: falling from nearly 1.
    pub zones: Vec<Vec<f32>>,
    /// Factor for a beat of each interval: the lasting preference for moderate tempi, at most 1.
    pub preference: Vec<f32>,
    /// What follows each interval at a beat.
    pub bands: Vec<TempoBand>,
    /// Prior probability of each interval.
    pub prior: Vec<f32>,
    /// Bar slots, meter by meter.
    pub slots: Vec<BarSlot>,
    /// How much of a downbeat each slot is to a network: 1 at the first of the bar, 0 at plain beats and in the padding.
    pub accents: BarMasses,
    /// Index of the first slot of each meter, and the number of slots.
    pub meter_starts: Vec<usize>,
    /// Prior probability of each meter.
    pub meter_prior: Vec<f32>,
    /// `[from][to]`, at a bar line.
    pub meter_probs: Vec<Vec<f32>>,
    /// Rare events, see the constants: probability per beat that the tempo is drawn anew, ...
    pub new_tempo_prob: f32,
    /// ... that the next beat comes half a beat off, ...
    pub half_beat_slip_prob: f32,
    /// ... and per step that a beat begins out of nowhere.
    pub fresh_start_prob: f32,
}

impl JointSpace {
    /// The space for a range and meters that [`EngineConfig::validate`](super::config::EngineConfig::validate) accepted.
    pub fn new(tempo: TempoRange, meter: Meter) -> Self {
        let steps_per_min = 60.0 * FRAMES_PER_SEC * STEPS_PER_FRAME as f64;
        let shortest = (steps_per_min / tempo.max_bpm).ceil() as usize;
        let longest = (steps_per_min / tempo.min_bpm).floor() as usize;
        let is_kept = |&n: &usize| n <= FINE_STEPS || (n - FINE_STEPS).is_multiple_of(2);
        let intervals: Vec<usize> = (shortest..=longest).filter(is_kept).collect();
        let meters: Vec<(u8, f64)> = match meter {
            Meter::Auto => METERS.to_vec(),
            Meter::Fixed(beats) => vec![(beats, 1.0)],
        };
        let mut slots = Vec::new();
        let mut meter_starts = vec![0];
        for (meter_idx, &(beats_per_bar, _)) in meters.iter().enumerate() {
            slots.extend((1..=beats_per_bar).map(|beat_in_bar| BarSlot { beats_per_bar, beat_in_bar, meter_idx }));
            meter_starts.push(slots.len());
        }
        let mut accents = [0.0; MAX_SLOTS];
        accents.iter_mut().zip(&slots).for_each(|(value, slot)| *value = accent(slot));
        let meter_prior: Vec<f32> = meters.iter().map(|&(_, prob)| prob as f32).collect();
        let kept = |from: usize, to: usize| if from == to { (1.0 - NEW_METER_PROB) as f32 } else { 0.0 };
        let meter_probs = (0..meters.len())
            .map(|from| (0..meters.len()).map(|to| kept(from, to) + NEW_METER_PROB as f32 * meter_prior[to]).collect())
            .collect();
        Self {
            zones: intervals.iter().map(|&n| zone_weights(n)).collect(),
            preference: intervals.iter().map(|&n| preference(n)).collect(),
            bands: intervals.iter().map(|&from| tempo_band(from, &intervals)).collect(),
            prior: tempo_prior(&intervals),
            intervals,
            slots,
            accents,
            meter_starts,
            meter_prior,
            meter_probs,
            new_tempo_prob: NEW_TEMPO_PROB as f32,
            half_beat_slip_prob: HALF_BEAT_SLIP_PROB as f32,
            fresh_start_prob: (FRESH_START_RATE / (FRAMES_PER_SEC * STEPS_PER_FRAME as f64)) as f32,
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

    /// Prior probability of one state at the start: the interval's prior, spread evenly over positions, times the slot's.
    pub fn initial_prob(&self, interval_idx: usize, slot_idx: usize) -> f32 {
        self.prior[interval_idx] / self.intervals[interval_idx] as f32 * self.slot_prior(slot_idx)
    }

    /// Prior probability of a bar slot: the meter's, spread evenly over its beats.
    pub fn slot_prior(&self, slot_idx: usize) -> f32 {
        let slot = self.slots[slot_idx];
        self.meter_prior[slot.meter_idx] / f32::from(slot.beats_per_bar)
    }

    /// The slot that follows within the meter (the first one after the last).
    pub fn next_in_meter(&self, slot_idx: usize) -> usize {
        let slot = self.slots[slot_idx];
        if slot.beat_in_bar == slot.beats_per_bar { self.meter_starts[slot.meter_idx] } else { slot_idx + 1 }
    }

    /// At a beat, in place: from the slot of the beat that ended to the slot of the one that begins.
    #[inline(always)]
    pub fn move_on_in_bar(&self, bar: &mut BarMasses) {
        let ended = *bar;
        let early = EARLY_BAR_PROB as f32;
        let kept = 1.0 - early;
        bar[1..].iter_mut().zip(&ended).for_each(|(to, from)| *to = kept * from);
        let ends = &self.meter_starts[1..];
        let any_end: f32 = ends.iter().map(|&end| ended[end - 1]).sum();
        for (meter_idx, &first) in self.meter_starts.iter().take(self.n_meters()).enumerate() {
            let end = ends[meter_idx];
            let full = (1.0 - NEW_METER_PROB as f32) * ended[end - 1] + NEW_METER_PROB as f32 * self.meter_prior[meter_idx] * any_end;
            let any: f32 = ended[first..end].iter().sum();
            bar[first] = kept * full + early * any;
        }
        bar[self.n_slots()..].fill(0.0);
    }

    /// The same without rare events: bars go on, and begin anew at their end.
    #[inline(always)]
    pub fn turn_bar(&self, bar: &mut BarMasses) {
        let ended = *bar;
        bar[1..].copy_from_slice(&ended[..MAX_SLOTS - 1]);
        for (&first, &end) in self.meter_starts.iter().zip(&self.meter_starts[1..]) {
            bar[first] = ended[end - 1];
        }
        bar[self.n_slots()..].fill(0.0);
    }
}

fn accent(slot: &BarSlot) -> f32 {
    match (slot.beats_per_bar, slot.beat_in_bar) {
        (_, 1) => 1.0,
        (4, 3) | (6, 4) => HALF_BAR_ACCENT,
        _ => 0.0,
    }
}

fn zone_weights(interval: usize) -> Vec<f32> {
    let length = ZONE_FRAMES * STEPS_PER_FRAME as f64 + interval as f64 * ZONE_SHARE;
    // Taken at the middle of each half frame.
    (0..(length - 0.5).ceil() as usize).map(|position| (1.0 - (position as f64 + 0.5) / length) as f32).collect()
}

fn preference(interval: usize) -> f32 {
    let octaves = (bpm_of(interval) / PREFERENCE_CENTRE_BPM).log2().max(-SLOWNESS_OCTAVES);
    (-PREFERENCE_RATE * (60.0 / bpm_of(interval)) * 0.5 * octaves * octaves).exp() as f32
}

fn bpm_of(interval: usize) -> f64 {
    60.0 * FRAMES_PER_SEC * STEPS_PER_FRAME as f64 / interval as f64
}

fn tempo_band(from: usize, intervals: &[usize]) -> TempoBand {
    let raw: Vec<f64> = intervals.iter().map(|&to| (-TEMPO_LAMBDA * (to as f64 / from as f64 - 1.0).abs()).exp()).collect();
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
    fn the_full_space_spans_25_to_150_half_frames_and_27_slots() {
        let space = space();
        assert_eq!((space.intervals[0], space.longest(), space.n_slots(), space.n_meters()), (25, 150, 27, 6));
        // 2 + 25 / 12 half frames, the weight taken at the middle of each.
        let length = 49.0 / 12.0;
        assert_eq!(space.zones[0].len(), 4);
        assert!(space.zones[0].iter().zip([0.5f32, 1.5, 2.5, 3.5]).all(|(w, at)| (w - (length - at) / length).abs() < 1e-6));
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
        assert!((space.meter_prior.iter().sum::<f32>() - 1.0).abs() < 1e-6);
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
        let at = |bpm: f64| space.preference[(6000.0 / bpm) as usize - 25];
        assert!(at(112.0) > 0.999 && at(56.0) > 0.15 && at(200.0) > 0.7);
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
    fn a_bar_goes_on_to_its_end_but_for_rare_events() {
        let space = space();
        let mut bar = [0.0; MAX_SLOTS];
        bar[space.n_slots() - 2] = 1.0;
        space.move_on_in_bar(&mut bar);
        assert!(bar[space.n_slots() - 1] > 0.999 && bar[space.n_slots() - 7] > 0.0, "the sixth of seven, and a bar that begins early");
        space.move_on_in_bar(&mut bar);
        assert!((bar.iter().sum::<f32>() - 1.0).abs() < 1e-6 && bar[space.n_slots() - 7] > 0.99, "{bar:?}");
        assert!(bar[0] > 5e-5 && bar[space.n_slots()..].iter().all(|&mass| mass == 0.0), "another meter");
    }

    #[test]
    fn bar_lines_lead_to_other_meters_as_the_table_says() {
        let space = space();
        for (from, &end) in space.meter_starts[1..].iter().enumerate() {
            let mut bar = [0.0; MAX_SLOTS];
            bar[end - 1] = 1.0;
            space.move_on_in_bar(&mut bar);
            for (to, &first) in space.meter_starts.iter().take(space.n_meters()).enumerate() {
                let early = if to == from { EARLY_BAR_PROB as f32 } else { 0.0 };
                let expected = (1.0 - EARLY_BAR_PROB as f32) * space.meter_probs[from][to] + early;
                assert!((bar[first] - expected).abs() < 1e-6, "{from} to {to}: {} for {expected}", bar[first]);
            }
        }
    }

    #[test]
    fn a_bar_turns_within_its_meter() {
        let space = space();
        let mut bar: BarMasses = std::array::from_fn(|slot| if slot < space.n_slots() { slot as f32 } else { 0.0 });
        space.turn_bar(&mut bar);
        assert_eq!(bar[..9], [1.0, 0.0, 4.0, 2.0, 3.0, 8.0, 5.0, 6.0, 7.0]);
        assert!(bar[space.n_slots()..].iter().all(|&mass| mass == 0.0));
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
        assert_eq!((space.meter_prior, space.meter_probs), (vec![1.0], vec![vec![1.0]]));
    }
}
