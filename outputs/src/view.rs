//! What holds now: the picture that an output draws when it is asked for a frame. Plain data; any thread.

use crate::event::{Beat, Moment};

/// Bands of [`View::bands`].
pub const N_BANDS: usize = 16;

/// A source that said nothing for longer, seconds, is gone.
pub const GONE_SEC: f64 = crate::look::GONE_NS as f64 * 1e-9;

/// The music at one moment, with the output's offset applied: `phase` 0 is when this output's beat falls.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct View {
    /// The moment of the frame.
    pub now: Moment,
    /// The beat that fell last; `None` before the first one.
    pub beat: Option<Beat>,
    /// Position within the beat, `[0, 1)`; runs on while not locked.
    pub phase: f32,
    /// Whether beats are announced.
    pub locked: bool,
    /// Why, or why not, in words; see [`Lock::reason`](crate::event::Lock::reason).
    pub reason: &'static str,
    /// Tempo to show, beats per minute.
    pub bpm: f64,
    /// Seconds per beat, as the clock follows it.
    pub period_sec: f64,
    /// Probability that a true beat lies within 70 ms of the last one, `[0, 1]`; 0 while not locked.
    pub confidence: f32,
    /// Index of the section's label; `None` = unknown.
    pub section: Option<u8>,
    /// Beats since the section was said to begin.
    pub section_beats: f64,
    /// Probabilities of the labels, summing to 1 or all 0.
    pub section_probs: [f32; 8],
    /// Probability of a boundary within 1, 2, 4, 8, 16 beats; never decreasing.
    pub hazard_probs: [f32; 5],
    /// Level of the input, `[0, 1]`: 0 at -60 dB full scale or less, 1 at 0 dB. 0 where the source does not tell.
    pub level: f32,
    /// Spectrum in 16 bands, low to high, `[0, 1]`. 0 where the source does not tell.
    pub bands: [f32; N_BANDS],
    /// What the network sees in the newest frame: a beat, downbeat or not, `[0, 1]`. 0 where the source does not tell.
    pub beat_activation: f32,
    /// The same, a downbeat.
    pub downbeat_activation: f32,
    /// Seconds since the source last said anything; above 1 it is gone.
    pub age_sec: f64,
}

impl View {
    /// Whether there still is a source to draw.
    pub fn has_source(&self) -> bool {
        self.age_sec <= GONE_SEC
    }
}
