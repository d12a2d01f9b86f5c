//! What can be wrong with a contract, each cause named.

use crate::compare::Difference;

/// Why a contract, or a model's copy of it, was refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ContractError {
    /// The text is not JSON, or a field is missing or of another type.
    #[error("contract is not readable: {0}")]
    Unreadable(String),
    /// `contract_version` is not `MAJOR.MINOR.PATCH`.
    #[error("contract_version {0:?} is not MAJOR.MINOR.PATCH")]
    BadVersion(String),
    /// Another major version: labels, tensors or meanings differ.
    #[error("contract version {got} has another major version than {expected}, the one of this build")]
    MajorVersion {
        /// Version of this build.
        expected: String,
        /// Version found.
        got: String,
    },
    /// A number that languages print differently, so that no hash could agree.
    #[error("number {text} at {pointer} is not portable: write it as a whole number or as a decimal without exponent")]
    UnportableNumber {
        /// JSON pointer of the number.
        pointer: String,
        /// How it is printed.
        text: String,
    },
    /// A rule that ties fields together does not hold.
    #[error("contract field {field}: {rule}, got {got}")]
    Rule {
        /// JSON pointer of the field.
        field: &'static str,
        /// What must hold.
        rule: &'static str,
        /// The offending value.
        got: String,
    },
    /// A JSON pointer listed in `hash_scope` leads nowhere.
    #[error("hash_scope of {kind} names {pointer}, which the contract does not have")]
    MissingScope {
        /// Kind of model.
        kind: &'static str,
        /// The pointer.
        pointer: String,
    },
    /// A model was made for another contract.
    #[error("model was made for another contract: {0}")]
    Mismatch(Difference),
    /// The model's hash does not belong to the scope text that it carries.
    #[error("contract hash of the model is {got}, but its contract text hashes to {expected}")]
    HashOfOtherText {
        /// Hash of the text that the model carries.
        expected: String,
        /// Hash that the model states.
        got: String,
    },
}
