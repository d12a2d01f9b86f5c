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
    /// Every tempo that a decoder can hold.
    fn default() -> Self {
        Self { min_bpm: Self::SLOWEST_BPM, max_bpm: Self::FASTEST_BPM }
    }
}

impl TempoRange {
    /// Slowest tempo that any decoder can hold, BPM.
    pub const SLOWEST_BPM: f64 = 40.0;
    /// Fastest tempo that any decoder can hold, BPM.
    pub const FASTEST_BPM: f64 = 240.0;
    /// Smallest ratio of fastest to slowest: a range must hold a few neighbouring tempi.
    pub const MIN_RATIO: f64 = 1.1;

    /// Whether a tempo is within it; one that is not a number is not.
    pub fn holds(&self, bpm: f64) -> bool {
        (self.min_bpm..=self.max_bpm).contains(&bpm)
    }

    /// Whether decoders can hold it and it spans enough tempi.
    pub fn is_usable(&self) -> bool {
        // Written so that NaN fails.
        let in_range = self.min_bpm >= Self::SLOWEST_BPM && self.max_bpm <= Self::FASTEST_BPM;
        in_range && self.max_bpm / self.min_bpm >= Self::MIN_RATIO
    }
}

/// Bar lengths that are considered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Meter {
    /// Two to seven beats per bar, decided by evidence.
    #[default]
    Auto,
    /// Exactly this many beats per bar, 2 to 7.
    Fixed(u8),
}

impl Meter {
    /// Of a number of beats; `None` = by evidence.
    pub fn of(beats_per_bar: Option<u8>) -> Self {
        beats_per_bar.map_or(Self::Auto, Self::Fixed)
    }

    /// The number of beats; `None` = by evidence.
    pub fn beats_per_bar(self) -> Option<u8> {
        match self {
            Self::Auto => None,
            Self::Fixed(beats) => Some(beats),
        }
    }

    /// Whether decoders have such bars.
    pub fn is_usable(self) -> bool {
        self.beats_per_bar().is_none_or(|beats| (2..=7).contains(&beats))
    }
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
    /// The tempo by hand, BPM; `None` = it is heard. See [`hints`](super::hints).
    pub manual_bpm: Option<f64>,
    /// Seed of the particle decoder's random numbers.
    pub seed: u64,
}

impl EngineConfig {
    /// The defaults at a sample rate.
    pub fn new(sample_rate_hz: f64) -> Self {
        Self {
            sample_rate_hz,
            decoder: DecoderKind::default(),
            tempo: TempoRange::default(),
            meter: Meter::default(),
            manual_bpm: None,
            seed: 0,
        }
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
        if !self.tempo.is_usable() {
            return Err(ConfigError::TempoRange { min_bpm, max_bpm });
        }
        if let Some(bpm) = self.manual_bpm.filter(|&bpm| !TempoRange::default().holds(bpm)) {
            return Err(ConfigError::ManualTempo(bpm));
        }
        match self.meter {
            Meter::Fixed(beats) if !self.meter.is_usable() => Err(ConfigError::Meter(beats)),
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
    /// Outside what the decoders hold.
    #[error("tempo of {0} BPM is outside {slowest}:{fastest} BPM", slowest = TempoRange::SLOWEST_BPM, fastest = TempoRange::FASTEST_BPM)]
    ManualTempo(f64),
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
        for (min_bpm, max_bpm) in [(39.0, 100.0), (100.0, 241.0), (100.0, 100.0), (150.0, 90.0), (f64::NAN, 100.0), (60.0, f64::NAN)] {
            let config = EngineConfig { tempo: TempoRange { min_bpm, max_bpm }, ..EngineConfig::new(48_000.0) };
            assert!(matches!(config.validate(), Err(ConfigError::TempoRange { .. })), "{min_bpm}:{max_bpm}");
        }
        for bpm in [39.0, 241.0, f64::NAN] {
            let error = EngineConfig { manual_bpm: Some(bpm), ..EngineConfig::new(48_000.0) }.validate().unwrap_err();
            assert_eq!(error.to_string(), format!("tempo of {bpm} BPM is outside 40:240 BPM"));
        }
        for beats in [0, 1, 8, 255] {
            let config = EngineConfig { meter: Meter::Fixed(beats), ..EngineConfig::new(48_000.0) };
            assert_eq!(config.validate(), Err(ConfigError::Meter(beats)));
        }
    }
}
