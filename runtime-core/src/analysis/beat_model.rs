//! A beat model ready to run: its front end and its network. Loading never fails silently: see [`BeatModel::origin`].

use super::activation::StepModel;
use super::front_end::FrontEnd;

/// Where the activation comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum ModelOrigin {
    /// Networks, by name.
    Networks(Vec<String>),
    /// The spectral-flux fallback, and why.
    Fallback {
        /// Why no network runs; `None` where the user chose it.
        reason: Option<String>,
    },
}

/// A network (or an ensemble, or the fallback) with the front end that it needs.
pub struct BeatModel {
    /// Parameters of the features.
    pub front_end: FrontEnd,
    /// The network.
    pub net: Box<dyn StepModel>,
    /// What it is.
    pub origin: ModelOrigin,
}
