//! What a project saves beside the parameters, with a version, and how older and newer projects are read. MAIN THREAD.

use nice_plug::prelude::PluginState;
use serde::{Deserialize, Serialize};

/// Version of the saved state. Raise it when the meaning of a field or of a parameter changes, and migrate in [`migrate`].
pub const STATE_VERSION: u32 = 1;
/// The key under which it is saved.
const FIELD: &str = "anacrusis";

/// The state of one instance beside its parameters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedState {
    /// The version that wrote it.
    pub version: u32,
    /// Name of the instance's feed, as readers list it; empty = the plugin's name.
    #[serde(default)]
    pub feed_name: String,
}

impl Default for SavedState {
    fn default() -> Self {
        Self { version: STATE_VERSION, feed_name: String::new() }
    }
}

/// Makes a saved state of any version one that this build understands.
///
/// Outputs are left out: the tracker decides what they show, not a file. A field that is not ours to read (damaged, or of a
/// version that changed its form) is replaced by the default, and the parameters are kept.
pub fn migrate(state: &mut PluginState) {
    state.params.retain(|id, _| !id.starts_with("out_"));
    let saved = state.fields.get(FIELD).and_then(|text| serde_json::from_str::<SavedState>(text).ok()).unwrap_or_default();
    // Whatever version it came from: what is loaded is saved again by this one.
    let saved = SavedState { version: STATE_VERSION, ..saved };
    if let Ok(text) = serde_json::to_string(&saved) {
        state.fields.insert(FIELD.to_owned(), text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn migrated(field: Option<&str>) -> (PluginState, SavedState) {
        let mut state: PluginState =
            serde_json::from_str(r#"{"params":{"tempo_min":{"f32":90.0},"out_tempo":{"f32":120.0}},"fields":{}}"#).unwrap();
        state.fields.extend(field.map(|text| (FIELD.to_owned(), text.to_owned())));
        migrate(&mut state);
        let saved = serde_json::from_str(&state.fields[FIELD]).unwrap();
        (state, saved)
    }

    #[test]
    fn outputs_are_left_out_and_parameters_kept() {
        let (state, _) = migrated(None);
        assert_eq!(state.params.keys().collect::<Vec<_>>(), ["tempo_min"]);
    }

    #[test]
    fn states_of_any_version_are_read() {
        let named = SavedState { version: STATE_VERSION, feed_name: "Drums".to_owned() };
        assert_eq!(migrated(Some(r#"{"version":1,"feed_name":"Drums"}"#)).1, named);
        assert_eq!(migrated(Some(r#"{"version":0}"#)).1, SavedState::default());
        assert_eq!(migrated(Some(r#"{"version":7,"feed_name":"Drums","colour":"red"}"#)).1, named);
        for damaged in ["", "null", "[]", r#"{"version":"x"}"#, r#"{"version":1,"feed_name":5}"#] {
            assert_eq!(migrated(Some(damaged)).1, SavedState::default(), "{damaged}");
        }
    }
}
