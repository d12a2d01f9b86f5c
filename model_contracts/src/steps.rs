//! The anticipator's part of the contract as types: its inputs, its tensors, and the rules that tie them together.

use serde::Deserialize;
use serde_json::Value;

use crate::error::ContractError;
use crate::rules::distinct;
use crate::specs::TensorSpec;

/// The inputs of a step of the anticipator: pooled audio, the beat, the memory of what was heard.
#[derive(Debug, Clone)]
pub struct StepSpec {
    /// `features.audio_pooled`.
    pub audio_pooled: PooledSpec,
    /// `features.beat`.
    pub beat: NamedSpec,
    /// `features.struct`.
    pub structure: NamedSpec,
}

/// `features.audio_pooled`: blocks of one step, in order.
#[derive(Debug, Clone, Deserialize)]
pub struct PooledSpec {
    /// Length of all blocks.
    pub len: usize,
    /// Name and length of each.
    pub blocks: Vec<(String, usize)>,
}

/// A vector each of whose places has a name.
#[derive(Debug, Clone, Deserialize)]
pub struct NamedSpec {
    /// Length.
    pub len: usize,
    /// Names, in order.
    pub names: Vec<String>,
}

/// `anticipator`: its tensors and its hazard head.
#[derive(Debug, Clone, Deserialize)]
pub struct AnticipatorSpec {
    /// ONNX operator set.
    pub opset: i64,
    /// Input tensors in order.
    pub inputs: Vec<TensorSpec>,
    /// Output tensors in order.
    pub outputs: Vec<TensorSpec>,
    /// Normalised audio is clipped to plus and minus this.
    pub audio_clip: f64,
    /// Where each bin of the hazard head begins, beats; the last one has no end.
    pub hazard_bins_from_beats: Vec<u32>,
}

impl StepSpec {
    /// Checks the anticipator's tensors against these inputs, the labels and the horizons.
    pub(crate) fn check(&self, anticipator: &AnticipatorSpec, labels: &[String], horizons_beats: &[u32]) -> Result<(), ContractError> {
        let rule = |field, rule, holds: bool, got: String| if holds { Ok(()) } else { Err(ContractError::Rule { field, rule, got }) };
        let Self { audio_pooled, beat, structure } = self;
        let blocks: usize = audio_pooled.blocks.iter().map(|block| block.1).sum();
        rule("/features/audio_pooled/len", "the sum of its blocks", audio_pooled.len == blocks, audio_pooled.len.to_string())?;
        for (field, spec) in [("/features/beat/names", beat), ("/features/struct/names", structure)] {
            rule(field, "as many distinct names as len says", spec.len == spec.names.len() && distinct(&spec.names), spec.len.to_string())?;
        }
        let AnticipatorSpec { inputs, outputs, hazard_bins_from_beats: bins, audio_clip, .. } = anticipator;
        let length = |tensor: &TensorSpec| tensor.1.last().and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok());
        let expected = [("audio", audio_pooled.len), ("beat", beat.len), ("struct", structure.len)];
        let as_expected = |(tensor, (name, len)): (&TensorSpec, &(&str, usize))| tensor.0 == *name && length(tensor) == Some(*len);
        rule(
            "/anticipator/inputs",
            "audio, beat and struct of the lengths in /features, then the state",
            inputs.len() == expected.len() + 1 && inputs.iter().zip(&expected).all(as_expected),
            format!("{inputs:?}"),
        )?;
        let expected = [("section_logits", labels.len()), ("hazard_logits", horizons_beats.len())];
        rule(
            "/anticipator/outputs",
            "section_logits a label, hazard_logits a horizon, macro_embedding, then the new state",
            outputs.len() == expected.len() + 2 && outputs.iter().zip(&expected).all(as_expected),
            format!("{outputs:?}"),
        )?;
        rule("/anticipator/audio_clip", "positive", *audio_clip > 0.0, audio_clip.to_string())?;
        rule(
            "/anticipator/hazard_bins_from_beats",
            "0, then every horizon",
            bins.first() == Some(&0) && bins[1..] == *horizons_beats,
            format!("{bins:?}"),
        )
    }
}
