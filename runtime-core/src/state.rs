//! What the engine says: beat events, stamped updates and the one consistent state.
//!
//! Plain `Copy` data with a fixed layout (`repr(C)`, little-endian): the same bytes cross a queue, a seqlock and a
//! mapped file. Any thread.

use crate::bus::hint::HintFlags;
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
    /// Probability that a true beat lies within 70 ms, `[0, 1]`, as [`confidence`](crate::analysis::confidence) estimates it;
    /// offline the decoder's own belief.
    pub conf: f32,
}

/// Why beats are announced, or why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(u8)]
pub enum LockReason {
    /// Sound, but not for long enough to tell; also from writers that give no reason.
    #[default]
    Searching = 0,
    /// Beats are announced as they are found.
    Locked = 1,
    /// No pulse is heard: the grid goes on by itself for some bars, with falling confidence, then nothing is announced.
    WeakPulse = 2,
    /// Beats are announced, but another metrical level is nearly as probable.
    AmbiguousOctave = 3,
    /// Nothing is audible: nothing is announced, the timeline runs on.
    Silence = 4,
    /// The user holds the grid: beats are announced, whatever is heard.
    Held = 5,
}

impl LockReason {
    /// Every reason, in the order of the codes.
    pub const ALL: [Self; 6] = [Self::Searching, Self::Locked, Self::WeakPulse, Self::AmbiguousOctave, Self::Silence, Self::Held];

    /// The reason of a code; a code that is not known counts as [`Self::Searching`]. Real-time safe: yes.
    pub fn from_code(code: u8) -> Self {
        Self::ALL.get(usize::from(code)).copied().unwrap_or_default()
    }

    /// In words, for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Searching => "searching",
            Self::Locked => "locked",
            Self::WeakPulse => "weak pulse",
            Self::AmbiguousOctave => "ambiguous octave",
            Self::Silence => "silence",
            Self::Held => "held",
        }
    }
}

/// A change of the timeline or of the lock, to be applied at a sample position.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(C)]
pub struct BeatUpdate {
    /// Host sample at which the update takes effect.
    pub effective_at: SamplePos,
    /// The timeline from then on.
    pub timeline: Timeline,
    /// Confidence of the last announced beat, `[0, 1]`; 0 while not locked.
    pub conf: f32,
    /// Seconds per beat to show, see [`BeatClockState::spb`].
    pub shown_spb: f64,
    /// 1 while beats are being announced, 0 otherwise.
    pub locked: u8,
    /// Why beats are announced, or why not.
    pub reason: LockReason,
    /// What the user fixed.
    pub hints: HintFlags,
    /// Sections and boundaries.
    pub outlook: Outlook,
    /// The beat announced with it, if any.
    pub event: Option<BeatEvent>,
}

/// Where the beat is, at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(C)]
pub struct BeatClockState {
    /// The moment, seconds of stream.
    pub t_sec: f64,
    /// Seconds per beat to show to people: of a long stretch of beats, and still while the music is steady. What clocks follow
    /// is the timeline's.
    pub spb: f64,
    /// Number of the beat that began last.
    pub beat_count: u64,
    /// Position within the beat, `[0, 1)`.
    pub phase: f32,
    /// Confidence of the last announced beat, `[0, 1]`; 0 while not locked.
    pub conf: f32,
    /// Probability that the last beat was a downbeat, `[0, 1]`.
    pub downbeat_prob: f32,
    /// Beats per bar; 0 = unknown.
    pub beats_per_bar: u8,
    /// Position in the bar of the beat that began last, 1-based; 0 = unknown.
    pub beat_in_bar: u8,
    /// 1 while beats are being announced, 0 otherwise.
    pub locked: u8,
    /// Why they are, or why not.
    pub reason: LockReason,
}

impl Default for BeatClockState {
    fn default() -> Self {
        Self {
            t_sec: 0.0,
            spb: 0.5,
            beat_count: 0,
            phase: 0.0,
            conf: 0.0,
            downbeat_prob: 0.0,
            beats_per_bar: 0,
            beat_in_bar: 0,
            locked: 0,
            reason: LockReason::Searching,
        }
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

/// Labels of sections, in the contract's order.
pub const SECTION_LABELS: [&str; 8] = model_contracts::v1::LABELS;

/// Horizons of [`StructureState::hazard_probs`], beats.
pub const HORIZONS_BEATS: [u32; 5] = model_contracts::v1::HORIZONS_BEATS;

/// Something to say about the sections. Labels are numbered as in the contract.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum StructureEvent {
    /// Another section plays.
    Section {
        /// Since when it is known, seconds of stream.
        t_sec: f64,
        /// Its label.
        section: u8,
        /// The label before; `None` for the first.
        before: Option<u8>,
        /// Probability of the label, `[0, 1]`.
        prob: f32,
    },
    /// A boundary is probably near.
    Approach {
        /// Since when it is known, seconds of stream.
        t_sec: f64,
        /// It comes within this many beats, a horizon of the contract.
        within_beats: u8,
        /// Probability of that, `[0, 1]`.
        prob: f32,
        /// The label that most often follows what plays; `None` where that is not known.
        next: Option<u8>,
        /// Probability of that label, `[0, 1]`.
        next_prob: f32,
    },
}

/// What the outputs of the audio thread know of sections and boundaries: as of the announcement of a beat.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[repr(C)]
pub struct Outlook {
    /// 1 + the label of the section, as the contract numbers it; 0 = unknown.
    pub section: u8,
    /// Probability of a boundary within 8 beats, `[0, 1]`.
    pub hazard_prob: f32,
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

    #[test]
    fn reasons_are_their_codes_and_an_unknown_code_is_searching() {
        for (code, reason) in LockReason::ALL.into_iter().enumerate() {
            assert_eq!((reason as usize, LockReason::from_code(code as u8)), (code, reason));
        }
        assert_eq!([6, 255].map(LockReason::from_code), [LockReason::Searching; 2]);
    }
}
