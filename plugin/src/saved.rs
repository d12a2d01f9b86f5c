//! What a project saves beside the parameters, with a version, and how older and newer projects are read. MAIN THREAD.

use editor::ZOOMS_PERCENT;
use editor::layout::{DEFAULT_SIZE, LARGEST_SIZE, LEAST_SIZE};
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
    /// How the window was left.
    #[serde(default)]
    pub window: SavedWindow,
}

impl Default for SavedState {
    fn default() -> Self {
        Self { version: STATE_VERSION, feed_name: String::new(), window: SavedWindow::default() }
    }
}

/// Size and zoom of the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SavedWindow {
    /// Points, before the scale of the host.
    pub width: u16,
    /// Points, before the scale of the host.
    pub height: u16,
    /// Percent.
    pub zoom_percent: u16,
}

impl Default for SavedWindow {
    fn default() -> Self {
        Self { width: DEFAULT_SIZE.x as u16, height: DEFAULT_SIZE.y as u16, zoom_percent: 100 }
    }
}

impl SavedWindow {
    /// With size and zoom that a window can have, whatever was saved.
    #[must_use]
    pub fn made_usable(self) -> Self {
        let zoom_percent = self.zoom_percent.clamp(ZOOMS_PERCENT[0], ZOOMS_PERCENT[ZOOMS_PERCENT.len() - 1]);
        let most = f32::from(ZOOMS_PERCENT[ZOOMS_PERCENT.len() - 1]) / 100.0;
        let least = f32::from(ZOOMS_PERCENT[0]) / 100.0;
        let length = |points: u16, range: (f32, f32)| points.clamp((range.0 * least) as u16, (range.1 * most) as u16);
        Self {
            width: length(self.width, (LEAST_SIZE.x, LARGEST_SIZE.x)),
            height: length(self.height, (LEAST_SIZE.y, LARGEST_SIZE.y)),
            zoom_percent,
        }
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
    fn a_window_of_any_size_is_made_one_that_can_be_seen() {
        let window = |width, height, zoom_percent| SavedWindow { width, height, zoom_percent }.made_usable();
        assert_eq!(SavedWindow::default().made_usable(), SavedWindow::default());
        assert_eq!(window(0, 0, 0), SavedWindow { width: 450, height: 300, zoom_percent: 75 });
        assert_eq!(window(u16::MAX, u16::MAX, u16::MAX), SavedWindow { width: 4_800, height: 3_000, zoom_percent: 300 });
        let saved = migrated(Some(r#"{"version":1,"window":{"zoom_percent":200}}"#)).1;
        assert_eq!((saved.window.zoom_percent, saved.window.width), (200, 860));
    }

    #[test]
    fn outputs_are_left_out_and_parameters_kept() {
        let (state, _) = migrated(None);
        assert_eq!(state.params.keys().collect::<Vec<_>>(), ["tempo_min"]);
    }

    #[test]
    fn states_of_any_version_are_read() {
        let named = SavedState { version: STATE_VERSION, feed_name: "Drums".to_owned(), window: SavedWindow::default() };
        assert_eq!(migrated(Some(r#"{"version":1,"feed_name":"Drums"}"#)).1, named);
        assert_eq!(migrated(Some(r#"{"version":0}"#)).1, SavedState::default());
        assert_eq!(migrated(Some(r#"{"version":7,"feed_name":"Drums","colour":"red"}"#)).1, named);
        for damaged in ["", "null", "[]", r#"{"version":"x"}"#, r#"{"version":1,"feed_name":5}"#] {
            assert_eq!(migrated(Some(damaged)).1, SavedState::default(), "{damaged}");
        }
    }
}
