//! What a user may choose about the analysis, checked once at the edge. Any thread.

use model_contracts::v1;

/// Which decoder turns activations into beats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DecoderKind {
    /// Exact forward filter over the joint tempo, bar position and meter space. Deterministic.
    #[default]
    Exact,
    /// BeatNet's particle filter cascade, repaired. Deterministic for a given seed.
    Particle,
}

/// Tempi that a beat may have, beats per minute.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TempoRange {
    /// Slowest, BPM.
    pub min_bpm: f64,
    /// Fastest, BPM.
    pub max_bpm: f64,
}

impl Default for TempoRange {
    /// BeatNet's range.
    fn default() -> Self {
        Self { min_bpm: Self::SLOWEST_BPM, max_bpm: Self::FASTEST_BPM }
    }
}

impl TempoRange {
    /// Slowest tempo that any decoder can hold, BPM.
    pub const SLOWEST_BPM: f64 = 55.0;
    /// Fastest tempo that any decoder can hold, BPM.
    pub const FASTEST_BPM: f64 = 215.0;
    /// Smallest ratio of fastest to slowest: a range must hold a few neighbouring tempi.
    pub const MIN_RATIO: f64 = 1.1;
}

/// Bar lengths that are considered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Meter {
    /// Two, three and four beats per bar, decided by evidence.
    #[default]
    Auto,
    /// Exactly this many beats per bar, 2 to 7.
    Fixed(u8),
}

/// Configuration of an [`Engine`](super::engine::Engine).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EngineConfig {
    /// Rate of the samples given to the engine, Hz.
    pub sample_rate_hz: f64,
    /// Decoder.
    pub decoder: DecoderKind,
    /// Tempi considered.
    pub tempo: TempoRange,
    /// Bar lengths considered.
    pub meter: Meter,
    /// Seed of the particle decoder's random numbers.
    pub seed: u64,
}

impl EngineConfig {
    /// The defaults at a sample rate.
    pub fn new(sample_rate_hz: f64) -> Self {
        Self { sample_rate_hz, decoder: DecoderKind::default(), tempo: TempoRange::default(), meter: Meter::default(), seed: 0 }
    }

    /// Checks every value.
    ///
    /// # Errors
    /// [`ConfigError`], with the value.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let rate = self.sample_rate_hz;
        let (lowest, highest) = (f64::from(v1::audio::HOST_RATE_MIN_HZ), f64::from(v1::audio::HOST_RATE_MAX_HZ));
        // Written so that NaN fails.
        if !(lowest..=highest).contains(&rate) {
            return Err(ConfigError::SampleRate(rate));
        }
        let TempoRange { min_bpm, max_bpm } = self.tempo;
        let in_range = min_bpm >= TempoRange::SLOWEST_BPM && max_bpm <= TempoRange::FASTEST_BPM;
        let is_wide = max_bpm / min_bpm >= TempoRange::MIN_RATIO;
        if !in_range || !is_wide {
            return Err(ConfigError::TempoRange { min_bpm, max_bpm });
        }
        match self.meter {
            Meter::Fixed(beats) if !(2..=7).contains(&beats) => Err(ConfigError::Meter(beats)),
            _ => Ok(()),
        }
    }
}

/// A configuration value that cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ConfigError {
    /// Outside the contract's range.
    #[error("sample rate {0} Hz is outside {min}..{max} Hz", min = v1::audio::HOST_RATE_MIN_HZ, max = v1::audio::HOST_RATE_MAX_HZ)]
    SampleRate(f64),
    /// Outside what the decoders hold, or too narrow.
    #[error(
        "tempo range {min_bpm}:{max_bpm} BPM must lie within {slowest}:{fastest} and span a factor of {ratio} or more",
        slowest = TempoRange::SLOWEST_BPM, fastest = TempoRange::FASTEST_BPM, ratio = TempoRange::MIN_RATIO
    )]
    TempoRange {
        /// Slowest, BPM.
        min_bpm: f64,
        /// Fastest, BPM.
        max_bpm: f64,
    },
    /// Not 2 to 7.
    #[error("meter of {0} beats per bar: must be 2 to 7")]
    Meter(u8),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_valid_at_every_usual_rate() {
        for rate in [8_000.0, 44_100.0, 48_000.0, 384_000.0] {
            assert_eq!(EngineConfig::new(rate).validate(), Ok(()));
        }
    }

    #[test]
    fn bad_values_are_named() {
        for rate in [0.0, 7_999.0, 384_001.0, -44_100.0, f64::NAN, f64::INFINITY] {
            let error = EngineConfig::new(rate).validate().unwrap_err();
            assert!(error.to_string().contains(&rate.to_string()), "{error}");
        }
        for (min_bpm, max_bpm) in [(54.0, 100.0), (100.0, 216.0), (100.0, 100.0), (150.0, 90.0), (f64::NAN, 100.0), (60.0, f64::NAN)] {
            let config = EngineConfig { tempo: TempoRange { min_bpm, max_bpm }, ..EngineConfig::new(48_000.0) };
            assert!(matches!(config.validate(), Err(ConfigError::TempoRange { .. })), "{min_bpm}:{max_bpm}");
        }
        for beats in [0, 1, 8, 255] {
            let config = EngineConfig { meter: Meter::Fixed(beats), ..EngineConfig::new(48_000.0) };
            assert_eq!(config.validate(), Err(ConfigError::Meter(beats)));
        }
    }
}
