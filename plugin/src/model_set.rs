//! The choice of model as the host shows it: what is not in this build says so.
//!
//! Any thread. Ids are for ever; names follow from what is embedded.

use std::sync::OnceLock;

use nice_plug::prelude::Enum;
use runtime_core::analysis::embedded::Family;
use runtime_core::bus::marks::ModelChoice;

/// Which activation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ModelSet(usize);

/// Id, name and choice of each, in the order of the parameter's values. Only the end may grow: hosts automate by place.
const SETS: [(&str, &str, ModelChoice); 7] = [
    ("all", "Automatic", ModelChoice::Auto),
    ("1", "BeatNet 1", ModelChoice::One(0)),
    ("2", "BeatNet 2", ModelChoice::One(1)),
    ("3", "BeatNet 3", ModelChoice::One(2)),
    ("flux", "Spectral flux", ModelChoice::Flux),
    ("pulse", "Pulse", ModelChoice::Pulse),
    ("beatnet", "BeatNet, mean", ModelChoice::BeatNet),
];

impl ModelSet {
    /// Whatever is best in this build.
    pub const AUTOMATIC: Self = Self(0);

    /// The choice that the engine knows. Real-time safe: yes.
    pub fn choice(self) -> ModelChoice {
        SETS[self.0].2
    }
}

impl Enum for ModelSet {
    fn variants() -> &'static [&'static str] {
        static NAMES: OnceLock<Vec<&'static str>> = OnceLock::new();
        NAMES.get_or_init(|| {
            let n_beatnet = Family::BeatNet.models().len();
            let has_pulse = !Family::Pulse.models().is_empty();
            SETS.iter().map(|&(_, name, choice)| shown(name, choice, has_pulse, n_beatnet)).collect()
        })
    }

    fn ids() -> Option<&'static [&'static str]> {
        const IDS: [&str; SETS.len()] = {
            let mut ids = [""; SETS.len()];
            let mut i = 0;
            while i < SETS.len() {
                ids[i] = SETS[i].0;
                i += 1;
            }
            ids
        };
        Some(&IDS)
    }

    fn to_index(self) -> usize {
        self.0
    }

    fn from_index(index: usize) -> Self {
        if index < SETS.len() { Self(index) } else { Self::AUTOMATIC }
    }
}

/// The name of a choice in a build with these models; kept for the life of the process, once.
fn shown(name: &'static str, choice: ModelChoice, has_pulse: bool, n_beatnet: usize) -> &'static str {
    let is_here = match choice {
        ModelChoice::Auto if has_pulse => return "Automatic: Pulse",
        ModelChoice::Auto if n_beatnet > 0 => return "Automatic: BeatNet",
        ModelChoice::Auto => return "Automatic: spectral flux",
        ModelChoice::Pulse => has_pulse,
        ModelChoice::BeatNet => n_beatnet > 0,
        ModelChoice::One(idx) => usize::from(idx) < n_beatnet,
        ModelChoice::Flux => true,
    };
    if is_here { name } else { String::leak(format!("{name} (not in this build)")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_saved_projects_stay() {
        assert_eq!(ModelSet::ids().unwrap()[..5], ["all", "1", "2", "3", "flux"]);
        assert_eq!(ModelSet::ids().unwrap().len(), ModelSet::variants().len());
        for index in 0..SETS.len() {
            assert_eq!(ModelSet::from_index(index).to_index(), index);
        }
        assert_eq!(ModelSet::from_index(99), ModelSet::AUTOMATIC);
        assert_eq!(ModelSet::AUTOMATIC.choice(), ModelChoice::Auto);
    }

    #[test]
    fn names_say_what_is_missing_and_differ() {
        let names = |has_pulse, n_beatnet| SETS.map(|(_, name, choice)| shown(name, choice, has_pulse, n_beatnet));
        assert_eq!(names(true, 3), ["Automatic: Pulse", "BeatNet 1", "BeatNet 2", "BeatNet 3", "Spectral flux", "Pulse", "BeatNet, mean"]);
        assert_eq!(names(false, 3)[0], "Automatic: BeatNet");
        let bare = names(false, 0);
        assert_eq!((bare[0], bare[1], bare[4]), ("Automatic: spectral flux", "BeatNet 1 (not in this build)", "Spectral flux"));
        assert!(bare[5..].iter().all(|name| name.ends_with("(not in this build)")));
    }
}
