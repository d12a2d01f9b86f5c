//! What the engine says: beat events, stamped updates and the one consistent state.
//!
//! Plain `Copy` data with a fixed layout (`repr(C)`, little-endian): the same bytes cross a queue, a seqlock and a
//! mapped file. Any thread.

use crate::timeline::Timeline;
use crate::units::SamplePos;

/// One announced beat.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[repr(C)]
pub struct BeatEvent {
    /// When the beat falls (or is predicted to fall), seconds of stream.
    pub t_sec: f64,
    /// Number of this beat, from 0; never repeats, never goes back.
    pub beat_count: u64,
    /// Position in the bar, 1-based; 0 = unknown.
    pub beat_in_bar: u8,
    /// Beats per bar; 0 = unknown.
    pub beats_per_bar: u8,
    /// Probability that this beat is a downbeat, `[0, 1]`.
    pub downbeat_prob: f32,
    /// How strongly the beats of late were played, `[0, 1]`.
    pub intensity: f32,
    /// Probability mass of the posterior near its mode, `[0, 1]`.
    pub conf: f32,
}

/// A change of the timeline or of the lock, to be applied at a sample position.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(C)]
pub struct BeatUpdate {
    /// Host sample at which the update takes effect.
    pub effective_at: SamplePos,
    /// The timeline from then on.
    pub timeline: Timeline,
    /// Probability mass of the posterior near its mode, `[0, 1]`; 0 while not locked.
    pub conf: f32,
    /// 1 while beats are being announced, 0 otherwise.
    pub locked: u8,
    /// The beat announced with it, if any.
    pub event: Option<BeatEvent>,
}

/// Where the beat is, at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(C)]
pub struct BeatClockState {
    /// The moment, seconds of stream.
    pub t_sec: f64,
    /// Seconds per beat.
    pub spb: f64,
    /// Number of the beat that began last.
    pub beat_count: u64,
    /// Position within the beat, `[0, 1)`.
    pub phase: f32,
    /// Probability mass of the posterior near its mode, `[0, 1]`.
    pub conf: f32,
    /// Probability that the last beat was a downbeat, `[0, 1]`.
    pub downbeat_prob: f32,
    /// Beats per bar; 0 = unknown.
    pub beats_per_bar: u8,
    /// Position in the bar of the beat that began last, 1-based; 0 = unknown.
    pub beat_in_bar: u8,
    /// 1 while beats are being announced, 0 otherwise.
    pub locked: u8,
}

impl Default for BeatClockState {
    fn default() -> Self {
        Self { t_sec: 0.0, spb: 0.5, beat_count: 0, phase: 0.0, conf: 0.0, downbeat_prob: 0.0, beats_per_bar: 0, beat_in_bar: 0, locked: 0 }
    }
}

/// Which section is playing and how near the next boundary is.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[repr(C)]
pub struct StructureState {
    /// The moment, seconds of stream.
    pub t_sec: f64,
    /// Probabilities of the contract's labels, summing to 1, or all 0 while no anticipator runs.
    pub section_probs: [f32; 8],
    /// Probability of a boundary within the contract's horizons; never decreasing.
    pub hazard_probs: [f32; 5],
}

/// What went wrong without stopping the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(C)]
pub struct Health {
    /// Samples dropped because the analysis could not keep up.
    pub lost_samples: u64,
    /// Updates that arrived after their sample position.
    pub late_updates: u32,
    /// Non-finite samples replaced by 0.
    pub nan_samples: u32,
    /// Which stage fell back, see [`Fault`].
    pub fault: u8,
}

/// Values of [`Health::fault`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(u8)]
pub enum Fault {
    /// Everything runs as configured.
    #[default]
    None = 0,
    /// No usable beat model: the spectral-flux activation took over.
    Activation = 1,
    /// The analysis stopped by an error of ours: audio is untouched, the timeline free-runs.
    Analysis = 2,
}

/// The whole state, published once a frame.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[repr(C)]
pub struct SlowState {
    /// Index of the frame that this state follows from.
    pub frame: u64,
    /// The map between time and beats.
    pub timeline: Timeline,
    /// The beat clock at the end of the input so far.
    pub beat: BeatClockState,
    /// The section state.
    pub structure: StructureState,
    /// Wall clock at `beat.t_sec`, nanoseconds since the Unix epoch; 0 where nobody passed a clock in.
    pub wall_ns: u64,
    /// What went wrong.
    pub health: Health,
}

const _: () = assert!(size_of::<SlowState>() < 256, "one cache-friendly record");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_is_small_and_starts_unlocked() {
        let state = SlowState::default();
        assert!(size_of::<SlowState>() < 256);
        assert_eq!((state.beat.locked, state.beat.beat_in_bar, state.health.fault), (0, 0, Fault::None as u8));
    }
}
