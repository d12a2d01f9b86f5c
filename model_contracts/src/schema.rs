//! The contract as a type: reader, versions and scope hash.

use serde::Deserialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::canonical::{canonical_json, first_unportable_number};
use crate::compare::first_difference;
use crate::error::ContractError;
use crate::specs::{AudioSpec, BeatModelSpec, ClockSpec, LogFilterbankSpec, StateSpec};
use crate::steps::{AnticipatorSpec, NamedSpec, PooledSpec, StepSpec};
use crate::{V1_JSON, v1};

/// Kinds of model that a contract describes; each hashes its own part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModelKind {
    /// Beat and downbeat activations from features.
    BeatModel,
    /// Section and boundary probabilities from pooled features, beats and the memory of what was heard.
    Anticipator,
}

impl ModelKind {
    /// Key of the kind in `hash_scope`.
    pub fn scope_key(self) -> &'static str {
        match self {
            Self::BeatModel => "beat_model",
            Self::Anticipator => "anticipator",
        }
    }
}

/// A validated contract.
#[derive(Debug, Clone)]
pub struct Contract {
    /// `MAJOR.MINOR.PATCH`.
    pub contract_version: String,
    /// Sample rates, hop, downmix.
    pub audio: AudioSpec,
    /// Rates of the clocks.
    pub clocks: ClockSpec,
    /// Section labels, index = class.
    pub labels: Vec<String>,
    /// Hazard horizons, beats.
    pub horizons_beats: Vec<u32>,
    /// The standard filterbank.
    pub logfb: LogFilterbankSpec,
    /// Tensors of a beat model.
    pub beat_model: BeatModelSpec,
    /// States of a beat model that does not have the ones of [`Self::beat_model`].
    pub beat_model_states: StateSpec,
    /// What a step of the anticipator is given.
    pub steps: StepSpec,
    /// Tensors of an anticipator.
    pub anticipator: AnticipatorSpec,
    value: Value,
}

#[derive(Deserialize)]
struct Raw {
    contract_version: String,
    audio: AudioSpec,
    clocks: ClockSpec,
    labels: Vec<String>,
    horizons_beats: Vec<u32>,
    features: RawFeatures,
    beat_model: BeatModelSpec,
    beat_model_states: StateSpec,
    anticipator: AnticipatorSpec,
}

#[derive(Deserialize)]
struct RawFeatures {
    logfb: LogFilterbankSpec,
    audio_pooled: PooledSpec,
    beat: NamedSpec,
    r#struct: NamedSpec,
}

impl Contract {
    /// The contract of this build.
    ///
    /// # Panics
    /// Never in a build whose tests passed: the text is compiled in and validated by them.
    pub fn current() -> Self {
        Self::parse(V1_JSON).expect("v1.json is valid: checked by the tests of this crate")
    }

    /// Reads and validates a contract.
    ///
    /// # Errors
    /// [`ContractError`], naming the field and its value.
    pub fn parse(text: &str) -> Result<Self, ContractError> {
        let value: Value = serde_json::from_str(text).map_err(|e| ContractError::Unreadable(e.to_string()))?;
        let raw: Raw = serde_json::from_value(value.clone()).map_err(|e| ContractError::Unreadable(e.to_string()))?;
        check_major(&raw.contract_version)?;
        if let Some((pointer, text)) = first_unportable_number(&value, "") {
            return Err(ContractError::UnportableNumber { pointer, text });
        }
        let RawFeatures { logfb, audio_pooled, beat, r#struct: structure } = raw.features;
        let contract = Self {
            contract_version: raw.contract_version,
            audio: raw.audio,
            clocks: raw.clocks,
            labels: raw.labels,
            horizons_beats: raw.horizons_beats,
            logfb,
            beat_model: raw.beat_model,
            beat_model_states: raw.beat_model_states,
            steps: StepSpec { audio_pooled, beat, structure },
            anticipator: raw.anticipator,
            value,
        };
        contract.check_rules()?;
        contract.steps.check(&contract.anticipator, &contract.labels, &contract.horizons_beats)?;
        contract.scope(ModelKind::BeatModel)?;
        contract.scope(ModelKind::Anticipator)?;
        Ok(contract)
    }

    /// The contract as JSON.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// The part of the contract that a model of `kind` depends on: an object from JSON pointer to value.
    ///
    /// # Errors
    /// [`ContractError::MissingScope`] where `hash_scope` names a field that is not there.
    pub fn scope(&self, kind: ModelKind) -> Result<Value, ContractError> {
        let key = kind.scope_key();
        let missing = |pointer: &str| ContractError::MissingScope { kind: key, pointer: pointer.to_owned() };
        let pointers = self.value.pointer(&format!("/hash_scope/{key}")).and_then(Value::as_array).ok_or_else(|| missing("/hash_scope"))?;
        let mut scope = Map::new();
        for pointer in pointers {
            let pointer = pointer.as_str().ok_or_else(|| missing("a value that is no string"))?;
            scope.insert(pointer.to_owned(), self.value.pointer(pointer).ok_or_else(|| missing(pointer))?.clone());
        }
        Ok(Value::Object(scope))
    }

    /// `sha256:` and the hexadecimal SHA-256 of the canonical JSON of [`Self::scope`].
    ///
    /// # Errors
    /// As [`Self::scope`].
    pub fn scope_hash(&self, kind: ModelKind) -> Result<String, ContractError> {
        Ok(hash_of(&self.scope(kind)?))
    }

    /// Checks the contract that a model was made for: its version, its scope text and its hash.
    ///
    /// # Errors
    /// Another major version, a hash that does not belong to the text, or the first differing field.
    pub fn check_model(&self, kind: ModelKind, version: &str, scope: &Value, hash: &str) -> Result<(), ContractError> {
        check_major(version)?;
        if let Some(mut difference) = first_difference(&self.scope(kind)?, scope) {
            // The keys of a scope are JSON pointers themselves.
            difference.pointer = difference.pointer.replacen("//", "/", 1);
            return Err(ContractError::Mismatch(difference));
        }
        let expected = hash_of(scope);
        if expected != hash {
            return Err(ContractError::HashOfOtherText { expected, got: hash.to_owned() });
        }
        Ok(())
    }
}

fn hash_of(value: &Value) -> String {
    let digest = Sha256::digest(canonical_json(value).as_bytes());
    format!("sha256:{}", digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

fn check_major(version: &str) -> Result<(), ContractError> {
    let parts: Vec<Option<u32>> = version.split('.').map(|p| p.parse().ok()).collect();
    let [Some(major), Some(_), Some(_)] = parts[..] else {
        return Err(ContractError::BadVersion(version.to_owned()));
    };
    let ours = v1::CONTRACT_VERSION;
    let our_major: Option<u32> = ours.split('.').next().and_then(|p| p.parse().ok());
    if our_major == Some(major) { Ok(()) } else { Err(ContractError::MajorVersion { expected: ours.to_owned(), got: version.to_owned() }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn altered(pointer: &str, new: Value) -> String {
        let mut value: Value = serde_json::from_str(V1_JSON).unwrap();
        *value.pointer_mut(pointer).unwrap() = new;
        value.to_string()
    }

    #[test]
    fn the_contract_of_this_build_is_valid() {
        let contract = Contract::current();
        assert_eq!(contract.labels[0], "silence");
        assert_eq!(contract.audio.model_rate_hz / contract.clocks.slow_hz, 441);
    }

    #[test]
    fn every_broken_rule_is_named_with_its_value() {
        for (pointer, new, field) in [
            ("/labels/0", Value::from("noise"), "/labels"),
            ("/labels/1", Value::from("verse"), "/labels"),
            ("/horizons_beats/1", Value::from(1), "/horizons_beats"),
            ("/audio/hop_samples", Value::from(512), "/audio/hop_samples"),
            ("/audio/host_rate_min_hz", Value::from(0), "/audio/host_rate_min_hz"),
            ("/clocks/pool_frames", Value::from(3), "/clocks/anticipator_hz"),
            ("/clocks/ticks_per_beat", Value::from(0), "/clocks/ticks_per_beat"),
            ("/features/logfb/len", Value::from(271), "/features/logfb/len"),
            ("/features/logfb/fft_bins", Value::from(900), "/features/logfb/fft_bins"),
            ("/beat_model/class_order/0", Value::from("downbeat"), "/beat_model/class_order"),
            ("/beat_model/front_end/rate_hz", Value::from(44100), "/beat_model/front_end/rate_hz"),
            ("/beat_model/front_end/hop_samples", Value::from(440), "/beat_model/front_end/hop_samples"),
            ("/beat_model/inputs/0/0", Value::from("x"), "/beat_model/inputs"),
            ("/beat_model/outputs/0/0", Value::from("y"), "/beat_model/outputs"),
            ("/beat_model_states/prefix", Value::from(""), "/beat_model_states/prefix"),
            ("/beat_model_states/next_suffix", Value::from(""), "/beat_model_states/next_suffix"),
            ("/features/audio_pooled/len", Value::from(289), "/features/audio_pooled/len"),
            ("/features/beat/names/0", Value::from("conf"), "/features/beat/names"),
            ("/features/struct/len", Value::from(41), "/features/struct/names"),
            ("/anticipator/inputs/2/1/2", Value::from(41), "/anticipator/inputs"),
            ("/anticipator/outputs/0/0", Value::from("x"), "/anticipator/outputs"),
            ("/anticipator/audio_clip", Value::from(0), "/anticipator/audio_clip"),
            ("/anticipator/hazard_bins_from_beats/1", Value::from(3), "/anticipator/hazard_bins_from_beats"),
        ] {
            match Contract::parse(&altered(pointer, new)) {
                Err(ContractError::Rule { field: got, .. }) => assert_eq!(got, field),
                other => panic!("{pointer}: {other:?}"),
            }
        }
    }

    #[test]
    fn unreadable_texts_are_refused() {
        for text in ["", "{", "[]", "{\"contract_version\": 3}", &altered("/audio/hop_samples", Value::from("441"))] {
            assert!(matches!(Contract::parse(text), Err(ContractError::Unreadable(_))), "{text}");
        }
    }

    #[test]
    fn versions_are_checked() {
        let parse = |version: &str| Contract::parse(&altered("/contract_version", Value::from(version)));
        assert!(parse("1.7.3").is_ok(), "another minor version is readable");
        assert!(matches!(parse("2.0.0"), Err(ContractError::MajorVersion { got, .. }) if got == "2.0.0"));
        for bad in ["1", "1.0", "a.b.c", "1.0.0.0", ""] {
            assert!(matches!(parse(bad), Err(ContractError::BadVersion(got)) if got == bad));
        }
    }

    #[test]
    fn unportable_numbers_are_refused_by_name() {
        let error = Contract::parse(&altered("/clocks/controller_hz", Value::from(60))).map(|_| ());
        assert!(error.is_ok());
        let text = V1_JSON.replace("\"fmin_hz\": 30", "\"fmin_hz\": 3e-9");
        assert!(
            matches!(Contract::parse(&text), Err(ContractError::UnportableNumber { pointer, .. }) if pointer == "/features/logfb/fmin_hz")
        );
    }

    #[test]
    fn a_missing_scope_is_named() {
        for kind in ["beat_model", "anticipator"] {
            let text = altered(&format!("/hash_scope/{kind}/0"), Value::from("/audio/nowhere"));
            let refused = Contract::parse(&text);
            assert!(
                matches!(&refused, Err(ContractError::MissingScope { kind: k, pointer }) if *k == kind && pointer == "/audio/nowhere"),
                "{refused:?}"
            );
        }
    }

    #[test]
    fn the_scope_hash_ignores_layout_and_what_it_does_not_cover() {
        let current = Contract::current();
        let hash = current.scope_hash(ModelKind::BeatModel).unwrap();
        assert!(hash.starts_with("sha256:") && hash.len() == 7 + 64);
        let same = Contract::parse(&altered("/hazard_semantics", Value::from("reworded"))).unwrap();
        assert_eq!(same.scope_hash(ModelKind::BeatModel).unwrap(), hash);
        let other = Contract::parse(&altered("/beat_model/state_init", Value::from("ones"))).unwrap();
        assert_ne!(other.scope_hash(ModelKind::BeatModel).unwrap(), hash);
    }

    /// Minor versions add; what models of 1.0.0 state of themselves still holds.
    #[test]
    fn a_model_of_the_first_minor_version_still_fits() {
        const HASH_OF_1_0_0: &str = "sha256:ef50b1f5bc53a61579bc36add77a6856098ce3a5ed1cfde6bc263a65075bf8f5";
        let current = Contract::current();
        let scope = current.scope(ModelKind::BeatModel).unwrap();
        assert_eq!(current.check_model(ModelKind::BeatModel, "1.0.0", &scope, HASH_OF_1_0_0), Ok(()));
    }

    #[test]
    fn each_kind_of_model_has_a_scope_of_its_own() {
        let current = Contract::current();
        let (beat, anticipator) = (ModelKind::BeatModel, ModelKind::Anticipator);
        let hash = |contract: &Contract, kind| contract.scope_hash(kind).unwrap();
        assert_ne!(hash(&current, beat), hash(&current, anticipator));
        let other = Contract::parse(&altered("/features/struct/norm_floor", Value::from(0.5))).unwrap();
        assert_eq!(hash(&other, beat), hash(&current, beat));
        assert_ne!(hash(&other, anticipator), hash(&current, anticipator));
        let (scope, made_for) = (other.scope(anticipator).unwrap(), hash(&other, anticipator));
        let error = current.check_model(anticipator, "1.2.0", &scope, &made_for).unwrap_err().to_string();
        assert!(error.contains("/features/struct/norm_floor: expected 0.02, got 0.5"), "{error}");
    }

    #[test]
    fn a_model_of_another_contract_is_refused_with_the_field() {
        let current = Contract::current();
        let scope = current.scope(ModelKind::BeatModel).unwrap();
        let hash = current.scope_hash(ModelKind::BeatModel).unwrap();
        assert_eq!(current.check_model(ModelKind::BeatModel, "1.0.0", &scope, &hash), Ok(()));
        let mut other = scope.clone();
        *other.get_mut("/beat_model").unwrap().pointer_mut("/class_order/1").unwrap() = Value::from("bar");
        let error = current.check_model(ModelKind::BeatModel, "1.0.0", &other, &hash).unwrap_err();
        assert!(error.to_string().contains(" /beat_model/class_order/1: expected \"downbeat\", got \"bar\""), "{error}");
        let error = current.check_model(ModelKind::BeatModel, "1.0.0", &scope, "sha256:00").unwrap_err();
        assert!(matches!(error, ContractError::HashOfOtherText { .. }));
        assert!(matches!(current.check_model(ModelKind::BeatModel, "9.0.0", &scope, &hash), Err(ContractError::MajorVersion { .. })));
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in ".{0,200}") {
            let _ = Contract::parse(&text);
        }
    }
}
