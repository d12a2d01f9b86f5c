//! Where every byte of a feed file is: one table for the Rust code, the C header and the documentation.
//!
//! Where: under `header`, `writer` and `reader`; `xtask` includes this very file to write `clients/c/anacrusis_feed.h` and
//! the tables of `docs/shm.md`, so it names nothing but the contract. Any thread. All numbers are little-endian, each
//! aligned to its size; a section is a sequence word and a body, every section on cache lines of its own.

use model_contracts::v1;

/// First bytes of a feed.
pub const MAGIC: [u8; 8] = *b"ANACFEED";
/// Version of the layout; a reader refuses any other.
pub const LAYOUT_VERSION: u32 = 1;
/// Bytes of the header.
pub const HEADER_BYTES: usize = 192;
/// Bytes of the name in the header, zero-padded UTF-8.
pub const NAME_BYTES: usize = 64;
/// Beat events that the ring holds.
pub const N_EVENTS: usize = 64;
/// Bands of the spectrum row.
pub const N_BANDS: usize = v1::features::logfb::BANDS as usize;
/// A heartbeat older than this means that the writer is gone, nanoseconds.
pub const HEARTBEAT_TIMEOUT_NS: u64 = 1_000_000_000;

/// Bytes of the body of the state section.
pub const STATE_BYTES: usize = 168;
/// Bytes of the body of the load section.
pub const LOAD_BYTES: usize = 80;
/// Bytes of the body of the spectrum section.
pub const SPECTRUM_BYTES: usize = 16 + 4 * N_BANDS + 8;
/// Bytes of the body of one event slot.
pub const EVENT_BYTES: usize = 40;
/// Distance of two event slots, bytes.
pub const EVENT_STRIDE_BYTES: usize = 64;
/// Offset of the first event slot within its section, bytes; before it stands the number of the newest event.
pub const EVENT_SLOTS_OFFSET: usize = 64;

/// Offset of the state section, bytes.
pub const STATE_OFFSET: usize = HEADER_BYTES;
/// Offset of the load section, bytes.
pub const LOAD_OFFSET: usize = next_line(STATE_OFFSET + 8 + STATE_BYTES);
/// Offset of the spectrum section, bytes.
pub const SPECTRUM_OFFSET: usize = next_line(LOAD_OFFSET + 8 + LOAD_BYTES);
/// Offset of the event section, bytes.
pub const EVENTS_OFFSET: usize = next_line(SPECTRUM_OFFSET + 8 + SPECTRUM_BYTES);
/// Bytes of the event section.
pub const EVENTS_BYTES: usize = EVENT_SLOTS_OFFSET + N_EVENTS * EVENT_STRIDE_BYTES;
/// Bytes of a feed file.
pub const TOTAL_BYTES: usize = EVENTS_OFFSET + EVENTS_BYTES;

/// The first multiple of 64 at or above `offset`.
const fn next_line(offset: usize) -> usize {
    offset.next_multiple_of(64)
}

/// Type of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Unsigned, 8 bits; several of them are a text or a magic number.
    U8,
    /// Unsigned, 32 bits.
    U32,
    /// Unsigned, 64 bits.
    U64,
    /// IEEE 754 single.
    F32,
    /// IEEE 754 double.
    F64,
}

impl Kind {
    /// Bytes of one value.
    pub const fn bytes(self) -> usize {
        match self {
            Self::U8 => 1,
            Self::U32 | Self::F32 => 4,
            Self::U64 | Self::F64 => 8,
        }
    }
}

/// One field of the header or of a section's body.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Name; a dot separates the parts of a nested record.
    pub name: &'static str,
    /// Offset within the header or the body, bytes.
    pub offset: usize,
    /// Type of one value.
    pub kind: Kind,
    /// Values, 1 unless it is an array.
    pub count: usize,
    /// Meaning and unit.
    pub doc: &'static str,
}

/// A field of one value.
const fn one(name: &'static str, offset: usize, kind: Kind, doc: &'static str) -> Field {
    Field { name, offset, kind, count: 1, doc }
}

/// A field of several values.
const fn many(name: &'static str, offset: usize, kind: Kind, count: usize, doc: &'static str) -> Field {
    Field { name, offset, kind, count, doc }
}

/// The header. Written once, but for the heartbeats.
pub const HEADER_FIELDS: [Field; 21] = [
    many("magic", 0, Kind::U8, 8, "`ANACFEED`"),
    one("layout_version", 8, Kind::U32, "1; refuse any other"),
    one("header_bytes", 12, Kind::U32, "size of this header"),
    one("total_bytes", 16, Kind::U64, "size of the file; it never shrinks"),
    one("pid", 24, Kind::U32, "process of the writer, as it numbers itself"),
    one("instance", 28, Kind::U32, "number of the instance within its process, from 1"),
    one("process_start", 32, Kind::U64, "when the process started, clock ticks after boot (Linux); 0 = unknown"),
    one("sample_rate_hz", 40, Kind::F64, "rate of the host, Hz; 0 = unknown"),
    one("heartbeat_monotonic_ns", 48, Kind::U64, "when the writer last lived, nanoseconds of the system's monotonic clock"),
    one("heartbeat_wall_ns", 56, Kind::U64, "the same moment, nanoseconds since the Unix epoch; 0 = unknown"),
    one("state_offset", 64, Kind::U32, "offset of the state section"),
    one("state_bytes", 68, Kind::U32, "size of its body"),
    one("load_offset", 72, Kind::U32, "offset of the load section"),
    one("load_bytes", 76, Kind::U32, "size of its body"),
    one("spectrum_offset", 80, Kind::U32, "offset of the spectrum section"),
    one("spectrum_bytes", 84, Kind::U32, "size of its body"),
    one("events_offset", 88, Kind::U32, "offset of the event section"),
    one("events_bytes", 92, Kind::U32, "size of the section"),
    one("n_events", 96, Kind::U32, "slots of the event ring"),
    one("n_bands", 100, Kind::U32, "bands of the spectrum"),
    many("name", 128, Kind::U8, NAME_BYTES, "what the writer is called, UTF-8, zero-padded"),
];

/// Body of the state section: `SlowState`.
pub const STATE_FIELDS: [Field; 22] = [
    one("frame", 0, Kind::U64, "index of the 20 ms frame that this state follows from"),
    one("timeline.t_origin_sec", 8, Kind::F64, "a moment, seconds of stream"),
    one("timeline.beat_origin", 16, Kind::F64, "beat number at that moment"),
    one("timeline.spb", 24, Kind::F64, "seconds per beat, above 0: what clocks follow"),
    one("beat.t_sec", 32, Kind::F64, "the moment that the beat fields describe, seconds of stream"),
    one("beat.spb", 40, Kind::F64, "seconds per beat, above 0: to show, still while the music is steady"),
    one("beat.beat_count", 48, Kind::U64, "number of the beat that began last"),
    one("beat.phase", 56, Kind::F32, "position within the beat, `[0, 1)`"),
    one("beat.conf", 60, Kind::F32, "probability that the last announced beat is right within 70 ms; 0 while not locked"),
    one("beat.downbeat_prob", 64, Kind::F32, "probability that the last beat was a downbeat"),
    one("beat.beats_per_bar", 68, Kind::U8, "beats per bar; 0 = unknown"),
    one("beat.beat_in_bar", 69, Kind::U8, "position in the bar, 1-based; 0 = unknown"),
    one("beat.locked", 70, Kind::U8, "1 while beats are announced"),
    one(
        "beat.reason",
        71,
        Kind::U8,
        "why: 0 = searching or not given, 1 = locked, 2 = weak pulse, 3 = ambiguous octave, 4 = silence, 5 = held by the user",
    ),
    one("structure.t_sec", 72, Kind::F64, "the moment that the section fields describe, seconds of stream"),
    many("structure.section_probs", 80, Kind::F32, v1::LABELS.len(), "probability of each label of the contract; all 0 = not analysed"),
    many(
        "structure.hazard_probs",
        112,
        Kind::F32,
        v1::HORIZONS_BEATS.len(),
        "probability of a boundary within each horizon of the contract, never decreasing",
    ),
    one("wall_ns", 136, Kind::U64, "wall clock at `beat.t_sec`, nanoseconds since the Unix epoch; 0 = unknown"),
    one("health.lost_samples", 144, Kind::U64, "samples dropped because the analysis could not keep up"),
    one("health.late_updates", 152, Kind::U32, "updates that came after their sample position"),
    one("health.nan_samples", 156, Kind::U32, "samples that were no numbers, replaced by 0"),
    one(
        "health.fault",
        160,
        Kind::U8,
        "0 = none, 1 = no beat model, spectral flux took over, 2 = the analysis stopped, the timeline free-runs",
    ),
];

/// Body of the load section: `Load`.
pub const LOAD_FIELDS: [Field; 13] = [
    one("n_hops", 0, Kind::U64, "hops analysed"),
    one("n_blocks", 8, Kind::U64, "blocks that the host passed in"),
    many("stage_ns", 16, Kind::F32, 5, "mean time of a hop in each stage, nanoseconds"),
    one("hop_ns", 36, Kind::F32, "mean time of a whole hop, nanoseconds"),
    one("max_hop_ns", 40, Kind::U32, "longest hop, nanoseconds"),
    one("max_block_ns", 44, Kind::U32, "longest time of the audio thread in one block, nanoseconds"),
    one("ring_samples", 48, Kind::U32, "samples that wait in the audio ring"),
    one("max_ring_samples", 52, Kind::U32, "most samples that ever waited there"),
    one("max_pending_updates", 56, Kind::U32, "most updates that ever waited for their sample position"),
    one("n_gaps", 60, Kind::U32, "times that the audio ring was full"),
    one("n_jumps", 64, Kind::U32, "jumps of the host"),
    one("midi_jitter_p50_us", 68, Kind::F32, "jitter of the MIDI clock, median, microseconds"),
    one("midi_jitter_p99_us", 72, Kind::F32, "the same, 99th percentile"),
];

/// Body of the spectrum section.
pub const SPECTRUM_FIELDS: [Field; 5] = [
    one("frame", 0, Kind::U64, "index of the frame"),
    one("t_sec", 8, Kind::F64, "centre of the frame, seconds of stream"),
    many("bands", 16, Kind::F32, N_BANDS, "log10(1 + magnitude) of each band, low to high"),
    one("beat_activation", 16 + 4 * N_BANDS, Kind::F32, "what the network sees there: a beat that is no downbeat, `[0, 1]`"),
    one("downbeat_activation", 20 + 4 * N_BANDS, Kind::F32, "the same, a downbeat"),
];

/// Body of one event slot: the event's number, then `BeatEvent`.
pub const EVENT_FIELDS: [Field; 8] = [
    one("number", 0, Kind::U64, "number of this event, from 1, without gaps; it stands in slot (number - 1) mod 64"),
    one("t_sec", 8, Kind::F64, "when the beat falls, seconds of stream"),
    one("beat_count", 16, Kind::U64, "number of this beat, from 0"),
    one("beat_in_bar", 24, Kind::U8, "position in the bar, 1-based; 0 = unknown"),
    one("beats_per_bar", 25, Kind::U8, "beats per bar; 0 = unknown"),
    one("downbeat_prob", 28, Kind::F32, "probability that this beat is a downbeat"),
    one("intensity", 32, Kind::F32, "how strongly the beats of late were played, `[0, 1]`"),
    one("conf", 36, Kind::F32, "probability that it is right within 70 ms"),
];
