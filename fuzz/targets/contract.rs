//! Any text as a contract, and as the copy of one that a model carries.
#![no_main]

use libfuzzer_sys::fuzz_target;
use model_contracts::{Contract, ModelKind, canonical_json, first_difference};
use serde_json::Value;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let current = Contract::current();
    if let Ok(contract) = Contract::parse(text) {
        let scope = contract.scope(ModelKind::BeatModel).expect("the validator checks it");
        let hash = contract.scope_hash(ModelKind::BeatModel).expect("the validator checks it");
        contract.check_model(ModelKind::BeatModel, &contract.contract_version, &scope, &hash).expect("a contract fits itself");
        let _ = current.check_model(ModelKind::BeatModel, &contract.contract_version, &scope, &hash);
    }
    if let Ok(value) = serde_json::from_str::<Value>(text) {
        assert_eq!(first_difference(&value, &value), None);
        let again: Value = serde_json::from_str(&canonical_json(&value)).expect("canonical text is JSON");
        assert_eq!(canonical_json(&again), canonical_json(&value));
        let _ = current.check_model(ModelKind::BeatModel, text, &value, text);
    }
});
