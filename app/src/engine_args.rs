//! The options that choose how beats are found: the same for every command that runs the engine. Main thread.

use clap::{Args, ValueEnum};
use runtime_core::analysis::config::{DecoderKind, EngineConfig, Meter, TempoRange};

use crate::anticipator::AnticipatorArgs;
use crate::document::Mode;
use crate::model::ModelArgs;

/// How beats are found; the same for every file.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "How beats are found")]
pub struct EngineArgs {
    /// Exactly what live would say, when it would say it (the default)
    #[arg(long, conflicts_with = "offline")]
    pub causal: bool,
    /// With the whole file known: better beats, no announce times
    #[arg(long)]
    pub offline: bool,
    /// Tempi considered, slowest:fastest, beats per minute [default: 40:240]
    #[arg(long, alias = "tempo-range", value_name = "MIN:MAX", value_parser = parse_tempo_range)]
    pub bpm_range: Option<TempoRange>,
    /// Beats per bar: auto (by evidence) or 2 to 7
    #[arg(long, default_value = "auto", value_parser = parse_meter)]
    pub meter: Meter,
    /// The tempo, beats per minute: beats stay within 4 % of it and its phase is heard
    #[arg(long, value_name = "BPM")]
    pub tempo: Option<f64>,
    /// How activations become beats (--offline always uses the exact one)
    #[arg(long, value_enum, default_value_t)]
    pub decoder: DecoderChoice,
    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment on a flattened field would replace the command's own help")]
    pub model: ModelArgs,
    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment on a flattened field would replace the command's own help")]
    pub anticipator: AnticipatorArgs,
}

/// How activations become beats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum DecoderChoice {
    /// Exact filter over tempo, bar position and meter
    #[default]
    Exact,
    /// BeatNet's particle filter, repaired
    Particle,
}

impl EngineArgs {
    /// Causal or offline.
    pub fn mode(&self) -> Mode {
        if self.offline { Mode::Offline } else { Mode::Causal }
    }

    /// The engine's configuration for a file of this rate, Hz.
    pub fn config(&self, sample_rate_hz: u32) -> EngineConfig {
        let decoder = match self.decoder {
            DecoderChoice::Exact => DecoderKind::Exact,
            DecoderChoice::Particle => DecoderKind::Particle,
        };
        let tempo = self.bpm_range.unwrap_or_default();
        EngineConfig { decoder, tempo, meter: self.meter, manual_bpm: self.tempo, ..EngineConfig::new(f64::from(sample_rate_hz)) }
    }
}

/// `70:180`; whether the engine can hold it is the engine's to say.
fn parse_tempo_range(text: &str) -> Result<TempoRange, String> {
    let parts = text.split_once(':').and_then(|(min, max)| Some((min.trim().parse().ok()?, max.trim().parse().ok()?)));
    parts.map(|(min_bpm, max_bpm)| TempoRange { min_bpm, max_bpm }).ok_or_else(|| "expected MIN:MAX, as in 70:180".to_owned())
}

/// `auto` or a number of beats.
fn parse_meter(text: &str) -> Result<Meter, String> {
    match text.parse::<u8>() {
        _ if text == "auto" => Ok(Meter::Auto),
        Ok(n_beats @ 2..=7) => Ok(Meter::Fixed(n_beats)),
        _ => Err("expected auto or 2 to 7 beats per bar".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_and_meters_are_read() {
        assert_eq!(parse_tempo_range("70:180.5"), Ok(TempoRange { min_bpm: 70.0, max_bpm: 180.5 }));
        for bad in ["", "70", "70-180", "a:b", "70:180:190"] {
            assert!(parse_tempo_range(bad).is_err(), "{bad}");
        }
        assert_eq!((parse_meter("auto"), parse_meter("7")), (Ok(Meter::Auto), Ok(Meter::Fixed(7))));
        for bad in ["", "1", "8", "3/4", "-3", "Auto"] {
            assert!(parse_meter(bad).is_err(), "{bad}");
        }
    }
}
