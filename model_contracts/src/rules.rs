//! What must hold between the fields of a contract, beyond their types.

use crate::error::ContractError;
use crate::schema::Contract;

impl Contract {
    /// The first rule that does not hold, with the field and its value.
    pub(crate) fn check_rules(&self) -> Result<(), ContractError> {
        let rule = |field, rule, holds: bool, got: String| if holds { Ok(()) } else { Err(ContractError::Rule { field, rule, got }) };
        let audio = &self.audio;
        rule(
            "/labels",
            "8 distinct labels, silence first",
            self.labels.len() == 8 && distinct(&self.labels) && self.labels[0] == "silence",
            format!("{:?}", self.labels),
        )?;
        rule(
            "/horizons_beats",
            "ascending and positive",
            !self.horizons_beats.is_empty() && self.horizons_beats[0] > 0 && self.horizons_beats.windows(2).all(|w| w[0] < w[1]),
            format!("{:?}", self.horizons_beats),
        )?;
        rule(
            "/audio/hop_samples",
            "model_rate_hz / slow_hz, exactly",
            self.clocks.slow_hz > 0 && audio.model_rate_hz as usize == audio.hop_samples * self.clocks.slow_hz as usize,
            audio.hop_samples.to_string(),
        )?;
        rule(
            "/audio/host_rate_min_hz",
            "below host_rate_max_hz and above 0",
            audio.host_rate_min_hz > 0 && audio.host_rate_min_hz < audio.host_rate_max_hz,
            audio.host_rate_min_hz.to_string(),
        )?;
        rule(
            "/clocks/anticipator_hz",
            "slow_hz / pool_frames",
            self.clocks.anticipator_hz * self.clocks.pool_frames as f64 == f64::from(self.clocks.slow_hz),
            self.clocks.anticipator_hz.to_string(),
        )?;
        rule("/clocks/ticks_per_beat", "positive", self.clocks.ticks_per_beat > 0, self.clocks.ticks_per_beat.to_string())?;
        rule("/features/logfb/len", "2 x bands", self.logfb.len == 2 * self.logfb.bands, self.logfb.len.to_string())?;
        rule(
            "/features/logfb/fft_bins",
            "at most half of fft_samples",
            self.logfb.fft_bins <= self.logfb.fft_samples / 2 + 1,
            self.logfb.fft_bins.to_string(),
        )?;
        rule(
            "/beat_model/class_order",
            "beat, downbeat, none",
            self.beat_model.class_order == ["beat", "downbeat", "none"],
            format!("{:?}", self.beat_model.class_order),
        )?;
        rule(
            "/beat_model/front_end/rate_hz",
            "equal to /audio/model_rate_hz",
            self.beat_model.front_end.rate_hz == audio.model_rate_hz,
            self.beat_model.front_end.rate_hz.to_string(),
        )?;
        rule(
            "/beat_model/front_end/hop_samples",
            "equal to /audio/hop_samples",
            self.beat_model.front_end.hop_samples == audio.hop_samples,
            self.beat_model.front_end.hop_samples.to_string(),
        )?;
        rule(
            "/beat_model/inputs",
            "features first, then states",
            self.beat_model.inputs.first().is_some_and(|t| t.0 == "features"),
            format!("{:?}", self.beat_model.inputs),
        )?;
        rule(
            "/beat_model/outputs",
            "activations first, one new state per state input",
            self.beat_model.outputs.first().is_some_and(|t| t.0 == "activations")
                && self.beat_model.outputs.len() == self.beat_model.inputs.len(),
            format!("{:?}", self.beat_model.outputs),
        )?;
        let states = &self.beat_model_states;
        rule("/beat_model_states/prefix", "some text", !states.prefix.is_empty(), states.prefix.clone())?;
        rule("/beat_model_states/next_suffix", "some text", !states.next_suffix.is_empty(), states.next_suffix.clone())
    }
}

/// Whether no label is there twice.
pub(crate) fn distinct(labels: &[String]) -> bool {
    labels.iter().enumerate().all(|(i, label)| !labels[..i].contains(label))
}
