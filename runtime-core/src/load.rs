//! What the pipe costs while it runs: times, queue depths and counters for `doctor --feed`. Plain data; any thread.

/// Stages of a hop in pipe order, as in [`Load::stage_ns`]: all but the last, without which the feed was laid out.
pub const N_STAGES: usize = 5;

/// Cost and queues of one instance since it was activated.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[repr(C)]
pub struct Load {
    /// Hops analysed.
    pub n_hops: u64,
    /// Blocks that the host passed in.
    pub n_blocks: u64,
    /// Mean time of a hop in each stage over the last second or so, nanoseconds; the names are those of
    /// [`Stage::ALL`](crate::analysis::profile::Stage::ALL).
    pub stage_ns: [f32; N_STAGES],
    /// Mean time of a whole hop over the last second or so, nanoseconds.
    pub hop_ns: f32,
    /// Longest hop, nanoseconds.
    pub max_hop_ns: u32,
    /// Longest time that the audio thread spent in one block, nanoseconds.
    pub max_block_ns: u32,
    /// Samples that wait in the audio ring.
    pub ring_samples: u32,
    /// Most samples that ever waited in the audio ring.
    pub max_ring_samples: u32,
    /// Most updates that ever waited for their sample position.
    pub max_pending_updates: u32,
    /// Gaps: times that the audio ring was full.
    pub n_gaps: u32,
    /// Marks for jumps of the host.
    pub n_jumps: u32,
    /// Jitter of the OS MIDI clock, median of the error of one tick interval, microseconds; 0 while no port is open.
    pub midi_jitter_p50_us: f32,
    /// The same, 99th percentile.
    pub midi_jitter_p99_us: f32,
}
