//! Records as arrays of 64-bit words: what a seqlock copies, in memory and in the mapped file.
//!
//! Where: between the plain data of `state` and `load` and the cells of this folder. Any thread. The words, stored
//! little-endian, are the bytes of the `repr(C)` type with its padding zero: each field is put at the offset that the
//! compiler gives it, one by one, so no padding is read and nothing is transmuted. Decoding trusts nothing: whatever the
//! words hold, every field of the result is in its documented range. Real-time safe: yes.

use std::mem::offset_of;

use super::fields::{Fields, duration, finite, position_in_bar, probability, seconds_per_beat};
use crate::load::{Load, N_STAGES};
use crate::state::{BeatClockState, BeatEvent, Health, LockReason, SlowState, StructureState};
use crate::timeline::Timeline;

/// Words of a [`SlowState`].
pub const STATE_WORDS: usize = size_of::<SlowState>() / 8;
/// Words of a [`BeatEvent`].
pub const EVENT_WORDS: usize = size_of::<BeatEvent>() / 8;
/// Words of a [`Load`].
pub const LOAD_WORDS: usize = size_of::<Load>() / 8;

/// A record that crosses as `N` words.
pub trait Record<const N: usize>: Sized {
    /// The record as words. Real-time safe: yes.
    fn to_words(&self) -> [u64; N];
    /// The record of any words at all; what is out of range is brought into it. Real-time safe: yes.
    fn from_words(words: &[u64; N]) -> Self;
}

impl Record<STATE_WORDS> for SlowState {
    fn to_words(&self) -> [u64; STATE_WORDS] {
        let mut fields = Fields([0; STATE_WORDS]);
        fields.put_u64(offset_of!(Self, frame), self.frame);
        fields.put_f64(offset_of!(Self, timeline.t_origin_sec), self.timeline.t_origin_sec);
        fields.put_f64(offset_of!(Self, timeline.beat_origin), self.timeline.beat_origin);
        fields.put_f64(offset_of!(Self, timeline.spb), self.timeline.spb);
        fields.put_f64(offset_of!(Self, beat.t_sec), self.beat.t_sec);
        fields.put_f64(offset_of!(Self, beat.spb), self.beat.spb);
        fields.put_u64(offset_of!(Self, beat.beat_count), self.beat.beat_count);
        fields.put_f32(offset_of!(Self, beat.phase), self.beat.phase);
        fields.put_f32(offset_of!(Self, beat.conf), self.beat.conf);
        fields.put_f32(offset_of!(Self, beat.downbeat_prob), self.beat.downbeat_prob);
        fields.put_u8(offset_of!(Self, beat.beats_per_bar), self.beat.beats_per_bar);
        fields.put_u8(offset_of!(Self, beat.beat_in_bar), self.beat.beat_in_bar);
        fields.put_u8(offset_of!(Self, beat.locked), self.beat.locked);
        fields.put_u8(offset_of!(Self, beat.reason), self.beat.reason as u8);
        fields.put_f64(offset_of!(Self, structure.t_sec), self.structure.t_sec);
        fields.put_f32s(offset_of!(Self, structure.section_probs), &self.structure.section_probs);
        fields.put_f32s(offset_of!(Self, structure.hazard_probs), &self.structure.hazard_probs);
        fields.put_u64(offset_of!(Self, wall_ns), self.wall_ns);
        fields.put_u64(offset_of!(Self, health.lost_samples), self.health.lost_samples);
        fields.put_u32(offset_of!(Self, health.late_updates), self.health.late_updates);
        fields.put_u32(offset_of!(Self, health.nan_samples), self.health.nan_samples);
        fields.put_u8(offset_of!(Self, health.fault), self.health.fault);
        fields.0
    }

    fn from_words(words: &[u64; STATE_WORDS]) -> Self {
        let fields = Fields(*words);
        let beats_per_bar = fields.u8(offset_of!(Self, beat.beats_per_bar));
        let mut hazard_probs = fields.f32s(offset_of!(Self, structure.hazard_probs)).map(probability);
        let mut floor = 0.0f32;
        for hazard_prob in &mut hazard_probs {
            floor = floor.max(*hazard_prob);
            *hazard_prob = floor;
        }
        Self {
            frame: fields.u64(offset_of!(Self, frame)),
            timeline: Timeline {
                t_origin_sec: finite(fields.f64(offset_of!(Self, timeline.t_origin_sec))),
                beat_origin: finite(fields.f64(offset_of!(Self, timeline.beat_origin))),
                spb: seconds_per_beat(fields.f64(offset_of!(Self, timeline.spb))),
            },
            beat: BeatClockState {
                t_sec: finite(fields.f64(offset_of!(Self, beat.t_sec))),
                spb: seconds_per_beat(fields.f64(offset_of!(Self, beat.spb))),
                beat_count: fields.u64(offset_of!(Self, beat.beat_count)),
                // The largest value below 1: a phase of 1 would be the next beat's 0.
                phase: probability(fields.f32(offset_of!(Self, beat.phase))).min(1.0f32.next_down()),
                conf: probability(fields.f32(offset_of!(Self, beat.conf))),
                downbeat_prob: probability(fields.f32(offset_of!(Self, beat.downbeat_prob))),
                beats_per_bar,
                beat_in_bar: position_in_bar(fields.u8(offset_of!(Self, beat.beat_in_bar)), beats_per_bar),
                locked: fields.u8(offset_of!(Self, beat.locked)).min(1),
                reason: LockReason::from_code(fields.u8(offset_of!(Self, beat.reason))),
            },
            structure: StructureState {
                t_sec: finite(fields.f64(offset_of!(Self, structure.t_sec))),
                section_probs: fields.f32s(offset_of!(Self, structure.section_probs)).map(probability),
                hazard_probs,
            },
            wall_ns: fields.u64(offset_of!(Self, wall_ns)),
            health: Health {
                lost_samples: fields.u64(offset_of!(Self, health.lost_samples)),
                late_updates: fields.u32(offset_of!(Self, health.late_updates)),
                nan_samples: fields.u32(offset_of!(Self, health.nan_samples)),
                fault: fields.u8(offset_of!(Self, health.fault)),
            },
        }
    }
}

impl Record<EVENT_WORDS> for BeatEvent {
    fn to_words(&self) -> [u64; EVENT_WORDS] {
        let mut fields = Fields([0; EVENT_WORDS]);
        fields.put_f64(offset_of!(Self, t_sec), self.t_sec);
        fields.put_u64(offset_of!(Self, beat_count), self.beat_count);
        fields.put_u8(offset_of!(Self, beat_in_bar), self.beat_in_bar);
        fields.put_u8(offset_of!(Self, beats_per_bar), self.beats_per_bar);
        fields.put_f32(offset_of!(Self, downbeat_prob), self.downbeat_prob);
        fields.put_f32(offset_of!(Self, intensity), self.intensity);
        fields.put_f32(offset_of!(Self, conf), self.conf);
        fields.0
    }

    fn from_words(words: &[u64; EVENT_WORDS]) -> Self {
        let fields = Fields(*words);
        let beats_per_bar = fields.u8(offset_of!(Self, beats_per_bar));
        Self {
            t_sec: finite(fields.f64(offset_of!(Self, t_sec))),
            beat_count: fields.u64(offset_of!(Self, beat_count)),
            beat_in_bar: position_in_bar(fields.u8(offset_of!(Self, beat_in_bar)), beats_per_bar),
            beats_per_bar,
            downbeat_prob: probability(fields.f32(offset_of!(Self, downbeat_prob))),
            intensity: probability(fields.f32(offset_of!(Self, intensity))),
            conf: probability(fields.f32(offset_of!(Self, conf))),
        }
    }
}

impl Record<LOAD_WORDS> for Load {
    fn to_words(&self) -> [u64; LOAD_WORDS] {
        let mut fields = Fields([0; LOAD_WORDS]);
        fields.put_u64(offset_of!(Self, n_hops), self.n_hops);
        fields.put_u64(offset_of!(Self, n_blocks), self.n_blocks);
        fields.put_f32s(offset_of!(Self, stage_ns), &self.stage_ns);
        fields.put_f32(offset_of!(Self, hop_ns), self.hop_ns);
        fields.put_u32(offset_of!(Self, max_hop_ns), self.max_hop_ns);
        fields.put_u32(offset_of!(Self, max_block_ns), self.max_block_ns);
        fields.put_u32(offset_of!(Self, ring_samples), self.ring_samples);
        fields.put_u32(offset_of!(Self, max_ring_samples), self.max_ring_samples);
        fields.put_u32(offset_of!(Self, max_pending_updates), self.max_pending_updates);
        fields.put_u32(offset_of!(Self, n_gaps), self.n_gaps);
        fields.put_u32(offset_of!(Self, n_jumps), self.n_jumps);
        fields.put_f32(offset_of!(Self, midi_jitter_p50_us), self.midi_jitter_p50_us);
        fields.put_f32(offset_of!(Self, midi_jitter_p99_us), self.midi_jitter_p99_us);
        fields.0
    }

    fn from_words(words: &[u64; LOAD_WORDS]) -> Self {
        let fields = Fields(*words);
        Self {
            n_hops: fields.u64(offset_of!(Self, n_hops)),
            n_blocks: fields.u64(offset_of!(Self, n_blocks)),
            stage_ns: fields.f32s::<N_STAGES>(offset_of!(Self, stage_ns)).map(duration),
            hop_ns: duration(fields.f32(offset_of!(Self, hop_ns))),
            max_hop_ns: fields.u32(offset_of!(Self, max_hop_ns)),
            max_block_ns: fields.u32(offset_of!(Self, max_block_ns)),
            ring_samples: fields.u32(offset_of!(Self, ring_samples)),
            max_ring_samples: fields.u32(offset_of!(Self, max_ring_samples)),
            max_pending_updates: fields.u32(offset_of!(Self, max_pending_updates)),
            n_gaps: fields.u32(offset_of!(Self, n_gaps)),
            n_jumps: fields.u32(offset_of!(Self, n_jumps)),
            midi_jitter_p50_us: duration(fields.f32(offset_of!(Self, midi_jitter_p50_us))),
            midi_jitter_p99_us: duration(fields.f32(offset_of!(Self, midi_jitter_p99_us))),
        }
    }
}

// A field added to a record changes its size or a padding byte; the first case fails here, the second in the tests of
// `shm`, which know every field of the layout.
const _: () = assert!(size_of::<SlowState>() == 168 && size_of::<BeatEvent>() == 32 && size_of::<Load>() == 80);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A state whose every field is different and in range.
    fn state() -> SlowState {
        SlowState {
            frame: u64::MAX - 3,
            timeline: Timeline { t_origin_sec: 1.5, beat_origin: 3.25, spb: 0.4 },
            beat: BeatClockState {
                t_sec: 2.5,
                spb: 0.41,
                beat_count: 1 << 40,
                phase: 0.75,
                conf: 0.9,
                downbeat_prob: 0.3,
                beats_per_bar: 4,
                beat_in_bar: 3,
                locked: 1,
                reason: LockReason::Held,
            },
            structure: StructureState {
                t_sec: 2.25,
                section_probs: [0.1, 0.2, 0.05, 0.15, 0.25, 0.125, 0.0625, 0.0625],
                hazard_probs: [0.1, 0.2, 0.3, 0.4, 0.5],
            },
            wall_ns: 1_700_000_000_123_456_789,
            health: Health { lost_samples: 77, late_updates: 5, nan_samples: 6, fault: 1 },
        }
    }

    fn is_valid(state: &SlowState) -> bool {
        let unit = |p: f32| (0.0..=1.0).contains(&p);
        let beat = &state.beat;
        [state.timeline.t_origin_sec, state.timeline.beat_origin, beat.t_sec, state.structure.t_sec].iter().all(|v| v.is_finite())
            && [state.timeline.spb, beat.spb].iter().all(|v| v.is_finite() && *v > 0.0)
            && (0.0..1.0).contains(&beat.phase)
            && unit(beat.conf)
            && unit(beat.downbeat_prob)
            && beat.beat_in_bar <= beat.beats_per_bar
            && beat.locked <= 1
            && state.structure.section_probs.iter().chain(&state.structure.hazard_probs).all(|p| unit(*p))
            && state.structure.hazard_probs.is_sorted()
    }

    #[test]
    fn a_state_survives_the_words() {
        assert_eq!(SlowState::from_words(&state().to_words()), state());
        assert_eq!(SlowState::from_words(&SlowState::default().to_words()), SlowState::default());
    }

    #[test]
    fn an_event_survives_the_words() {
        let event =
            BeatEvent { t_sec: 12.75, beat_count: 31, beat_in_bar: 3, beats_per_bar: 7, downbeat_prob: 0.1, intensity: 0.2, conf: 0.3 };
        assert_eq!(BeatEvent::from_words(&event.to_words()), event);
    }

    #[test]
    fn a_load_survives_the_words() {
        let load = Load {
            n_hops: 1,
            n_blocks: 2,
            stage_ns: [3.0, 4.0, 5.0, 6.0, 7.0],
            hop_ns: 8.0,
            max_hop_ns: 9,
            max_block_ns: 10,
            ring_samples: 11,
            max_ring_samples: 12,
            max_pending_updates: 13,
            n_gaps: 14,
            n_jumps: 15,
            midi_jitter_p50_us: 16.0,
            midi_jitter_p99_us: 17.0,
        };
        assert_eq!(Load::from_words(&load.to_words()), load);
    }

    #[test]
    fn words_of_ones_decode_to_a_valid_state() {
        let state = SlowState::from_words(&[u64::MAX; STATE_WORDS]);
        assert!(is_valid(&state), "{state:?}");
        assert_eq!((state.beat.spb, state.beat.locked, state.beat.conf), (0.5, 1, 0.0));
    }

    #[test]
    fn a_phase_of_one_stays_below_the_next_beat() {
        let mut late = state();
        late.beat.phase = 1.0;
        assert_eq!(SlowState::from_words(&late.to_words()).beat.phase, 1.0f32.next_down());
    }

    #[test]
    fn falling_hazards_are_raised_to_the_one_before() {
        let mut falling = state();
        falling.structure.hazard_probs = [0.2, 0.1, f32::NAN, 0.5, 0.4];
        assert_eq!(SlowState::from_words(&falling.to_words()).structure.hazard_probs, [0.2, 0.2, 0.2, 0.5, 0.5]);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: if cfg!(miri) { 4 } else { 256 }, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_words_decode_to_valid_records(words in prop::array::uniform21(any::<u64>())) {
            let state = SlowState::from_words(&words);
            prop_assert!(is_valid(&state), "{state:?}");
            // What was decoded is in range, so that a second trip changes nothing.
            prop_assert_eq!(SlowState::from_words(&state.to_words()), state);
            let event = BeatEvent::from_words(words.first_chunk().expect("21 words hold an event"));
            prop_assert!(event.t_sec.is_finite() && event.beat_in_bar <= event.beats_per_bar);
            prop_assert!([event.downbeat_prob, event.intensity, event.conf].iter().all(|p| (0.0..=1.0).contains(p)));
            let load = Load::from_words(words.first_chunk().expect("21 words hold a load"));
            prop_assert!(load.stage_ns.iter().chain([&load.hop_ns, &load.midi_jitter_p50_us, &load.midi_jitter_p99_us]).all(|ns| ns.is_finite() && *ns >= 0.0));
        }
    }
}
