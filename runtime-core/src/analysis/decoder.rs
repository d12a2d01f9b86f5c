//! Fourth stage, the seam: what a decoder takes and what it believes after each frame. INFERENCE THREAD.

use super::activation::Activation;
use super::candidates::TempoBelief;

/// What a decoder believes after one frame.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct BeatPosterior {
    /// Length of the present beat, frames (20 ms each).
    pub interval_frames: f64,
    /// Frames from this frame to the nearest beat of the most probable hypothesis: negative = it fell that long ago,
    /// 0 = now, positive = it is still to come; in `(-interval / 2, interval / 2]`.
    pub frames_to_beat: f64,
    /// Probability mass near the mode, `[0, 1]`.
    pub conf: f32,
    /// Beats per bar of the most probable meter; 0 = unknown.
    pub beats_per_bar: u8,
    /// Position in the bar of that nearest beat, 1-based; 0 = unknown.
    pub beat_in_bar: u8,
    /// Probability that that nearest beat is a downbeat, `[0, 1]`.
    pub downbeat_prob: f32,
    /// Evidence that there is a pulse at all: log-likelihood ratio of the beat model against "no pulse", in nats,
    /// exponentially forgotten.
    pub pulse_nats: f32,
}

/// A causal decoder: activations in, belief out.
pub trait Decoder: TempoBelief + Send {
    /// Consumes the activation of one frame. Allocates nothing.
    fn step(&mut self, activation: &Activation, posterior: &mut BeatPosterior);

    /// Returns to the exact state after construction.
    fn reset(&mut self);

    /// After a jump of the host: keeps the belief about tempo and meter, forgets the phase.
    fn forget_phase(&mut self);

    /// Starts from a beat of about `interval_frames` whose next end is about `frames_to_beat` frames after the last frame,
    /// as a user said. A decoder that cannot start there finds the phase anew.
    fn assume(&mut self, _interval_frames: f64, _frames_to_beat: f64) {
        self.forget_phase();
    }
}
