//! Records whose every field follows from one number, so that a torn read shows. For the feed's writer process and the tests
//! that read what it writes.

use runtime_core::bus::shm::Spectrum;
use runtime_core::load::Load;
use runtime_core::state::{BeatClockState, BeatEvent, Health, LockReason, SlowState, StructureState};
use runtime_core::timeline::Timeline;
use runtime_core::units::{FrameIdx, StreamSec};

/// A fraction that follows from `k`: a multiple of 1/64 in `[0, 1)`, exact in every format.
pub fn fraction(k: u64) -> f32 {
    (k % 64) as f32 / 64.0
}

/// The state of a frame.
pub fn state_of(frame: u64) -> SlowState {
    let t_sec = frame as f64 / 64.0;
    let spb = 0.25 + f64::from(fraction(frame));
    SlowState {
        frame,
        timeline: Timeline { t_origin_sec: t_sec + 1.0, beat_origin: frame as f64 / 32.0, spb },
        beat: BeatClockState {
            t_sec,
            spb,
            beat_count: frame / 3,
            phase: fraction(frame + 1),
            conf: fraction(frame + 2),
            downbeat_prob: fraction(frame + 3),
            beats_per_bar: 4,
            beat_in_bar: (frame % 4) as u8 + 1,
            locked: (frame % 2) as u8,
            reason: LockReason::from_code((frame % 6) as u8),
        },
        structure: StructureState {
            t_sec: t_sec - 0.5,
            section_probs: std::array::from_fn(|label| if label as u64 == frame % 8 { 0.5 } else { 0.0625 }),
            hazard_probs: std::array::from_fn(|horizon| fraction(frame) * (horizon + 1) as f32 / 8.0),
        },
        wall_ns: 1_700_000_000_000_000_000 + frame,
        health: Health { lost_samples: frame * 7, late_updates: frame as u32, nan_samples: !(frame as u32), fault: (frame % 2) as u8 },
    }
}

/// The event of a number.
pub fn event_of(number: u64) -> BeatEvent {
    BeatEvent {
        t_sec: number as f64 * 0.5,
        beat_count: number - 1,
        beat_in_bar: (number % 3) as u8 + 1,
        beats_per_bar: 3,
        downbeat_prob: fraction(number),
        intensity: fraction(number + 1),
        conf: fraction(number + 2),
    }
}

/// The load after `n_hops` hops.
pub fn load_of(n_hops: u64) -> Load {
    let n = n_hops as u32;
    Load {
        n_hops,
        n_blocks: n_hops * 2,
        stage_ns: std::array::from_fn(|stage| stage as f32 + fraction(n_hops)),
        hop_ns: fraction(n_hops + 1),
        max_hop_ns: n,
        max_block_ns: n ^ 1,
        ring_samples: n ^ 2,
        max_ring_samples: n ^ 3,
        max_pending_updates: n ^ 4,
        n_gaps: n ^ 5,
        n_jumps: n ^ 6,
        midi_jitter_p50_us: fraction(n_hops + 2),
        midi_jitter_p99_us: fraction(n_hops + 3),
    }
}

/// The spectrum of a frame.
pub fn spectrum_of(frame: u64) -> Spectrum {
    Spectrum {
        frame: FrameIdx(frame),
        t: StreamSec(frame as f64),
        bands: std::array::from_fn(|band| band as f32 + fraction(frame)),
        beat_activation: fraction(frame + 1),
        downbeat_activation: fraction(frame + 2),
    }
}
