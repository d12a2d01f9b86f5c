//! The pipe: one hop of samples in, one frame of belief out. INFERENCE THREAD (or inline offline).

use super::activation::Activation;
use super::beat_model::BeatModel;
use super::config::{ConfigError, EngineConfig};
use crate::state::{BeatUpdate, SlowState};
use crate::units::{FrameIdx, SamplePos};

/// What one frame brought.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FrameReport {
    /// Index of the frame.
    pub frame: FrameIdx,
    /// Host samples consumed so far: the moment at which this report was made.
    pub samples_received: SamplePos,
    /// What the network saw.
    pub activation: Activation,
    /// A changed timeline, with the beat that it announces, if any.
    pub update: Option<BeatUpdate>,
    /// The whole state.
    pub state: SlowState,
}

/// The analysis of one stream.
pub struct Engine {
    config: EngineConfig,
    model: BeatModel,
}

impl Engine {
    /// An engine at the start of a stream.
    ///
    /// # Errors
    /// A configuration value that cannot be used.
    pub fn new(config: &EngineConfig, model: BeatModel) -> Result<Self, ConfigError> {
        config.validate()?;
        Ok(Self { config: *config, model })
    }

    /// Consumes a block of mono samples of any length and reports each frame that it completes.
    ///
    /// The reports do not depend on how the stream is cut into blocks. Samples that are not finite count as 0.
    pub fn process(&mut self, mono: &[f32], mut on_frame: impl FnMut(&FrameReport)) {
        let _ = (&self.config, &self.model, mono, &mut on_frame);
    }

    /// Consumes what the last partial hop holds, padded with silence, so that a file's last beats are reported.
    pub fn finish(&mut self, mut on_frame: impl FnMut(&FrameReport)) {
        let _ = &mut on_frame;
    }

    /// Returns to the exact state after construction.
    pub fn reset(&mut self) {}
}
