//! Tests of the layout's table: it says what the compiler and the writer do.
//!
//! Beside the table and not in its file, which `xtask` includes.

use std::collections::BTreeMap;
use std::mem::offset_of;

use super::layout::{
    EVENT_BYTES, EVENT_FIELDS, EVENT_STRIDE_BYTES, EVENTS_OFFSET, Field, HEADER_BYTES, HEADER_FIELDS, LOAD_BYTES, LOAD_FIELDS, LOAD_OFFSET,
    SPECTRUM_BYTES, SPECTRUM_FIELDS, SPECTRUM_OFFSET, STATE_BYTES, STATE_FIELDS, STATE_OFFSET, TOTAL_BYTES,
};
use crate::bus::words::{EVENT_WORDS, LOAD_WORDS, STATE_WORDS};
use crate::load::Load;
use crate::state::{BeatEvent, SlowState};

fn offsets(fields: &[Field]) -> BTreeMap<&'static str, usize> {
    fields.iter().map(|field| (field.name, field.offset)).collect()
}

/// The fields of a type by name, with the offsets that the compiler gives them.
macro_rules! compiled {
    ($record:ty: $($($part:ident).+),+ $(,)?) => {
        BTreeMap::from([$((stringify!($($part).+), offset_of!($record, $($part).+))),+])
    };
}

#[test]
fn the_state_table_is_the_state() {
    let compiled = compiled!(SlowState: frame, timeline.t_origin_sec, timeline.beat_origin, timeline.spb, beat.t_sec, beat.spb,
        beat.beat_count, beat.phase, beat.conf, beat.downbeat_prob, beat.beats_per_bar, beat.beat_in_bar, beat.locked, beat.reason,
        structure.t_sec, structure.section_probs, structure.hazard_probs, wall_ns, health.lost_samples, health.late_updates,
        health.nan_samples, health.fault);
    assert_eq!(offsets(&STATE_FIELDS), compiled);
    assert_eq!(STATE_BYTES, 8 * STATE_WORDS);
}

#[test]
fn the_load_table_is_the_load() {
    let compiled = compiled!(Load: n_hops, n_blocks, stage_ns, hop_ns, max_hop_ns, max_block_ns, ring_samples, max_ring_samples,
        max_pending_updates, n_gaps, n_jumps, midi_jitter_p50_us, midi_jitter_p99_us);
    assert_eq!(offsets(&LOAD_FIELDS), compiled);
    assert_eq!(LOAD_BYTES, 8 * LOAD_WORDS);
}

#[test]
fn the_event_table_is_a_number_and_the_event() {
    let mut compiled = compiled!(BeatEvent: t_sec, beat_count, beat_in_bar, beats_per_bar, downbeat_prob, intensity, conf);
    compiled.values_mut().for_each(|offset| *offset += 8);
    compiled.insert("number", 0);
    assert_eq!(offsets(&EVENT_FIELDS), compiled);
    assert_eq!(EVENT_BYTES, 8 + 8 * EVENT_WORDS);
}

#[test]
fn fields_are_aligned_and_do_not_overlap() {
    for (fields, bytes) in [
        (&HEADER_FIELDS[..], HEADER_BYTES),
        (&STATE_FIELDS, STATE_BYTES),
        (&LOAD_FIELDS, LOAD_BYTES),
        (&SPECTRUM_FIELDS, SPECTRUM_BYTES),
        (&EVENT_FIELDS, EVENT_BYTES),
    ] {
        let mut end = 0;
        for field in fields {
            assert!(field.offset >= end && field.offset % field.kind.bytes() == 0, "{field:?}");
            end = field.offset + field.kind.bytes() * field.count;
        }
        assert!(end <= bytes && bytes - end < 8 || bytes == HEADER_BYTES, "{end} of {bytes} bytes");
    }
}

#[test]
fn sections_start_on_cache_lines_and_do_not_overlap() {
    let sections = [STATE_OFFSET, LOAD_OFFSET, SPECTRUM_OFFSET, EVENTS_OFFSET, TOTAL_BYTES];
    let bytes = [8 + STATE_BYTES, 8 + LOAD_BYTES, 8 + SPECTRUM_BYTES, 8];
    assert!(sections.iter().all(|offset| offset % 64 == 0));
    const { assert!(HEADER_BYTES <= STATE_OFFSET && EVENT_BYTES + 8 <= EVENT_STRIDE_BYTES) };
    assert!(sections.windows(2).zip(bytes).all(|(pair, bytes)| pair[0] + bytes <= pair[1]));
}

#[test]
#[cfg(not(miri))]
fn the_offsets_of_version_1_never_change() {
    // Readers in other languages were written against these: a change needs a new layout version.
    assert_eq!((STATE_OFFSET, LOAD_OFFSET, SPECTRUM_OFFSET, EVENTS_OFFSET, TOTAL_BYTES), (192, 384, 512, 1088, 5248));
}
