//! What the plugin's window shows and what the user does in it: a [`Snapshot`] in, paint and [`Action`]s out.
//!
//! ```text
//! state, scope, parameters -> plugin::editor -> Snapshot -> View::show -> egui
//!                             plugin::editor <- Action  <- clicks, drags
//! ```
//! Knows egui and nothing of the plugin, its framework or the engine, so that all of it runs in tests without a window.
//! GUI THREAD of the host. One file a region: `header`, `phase`, `tempo`, `structure`, `scroll`, `lights`, `controls`.

pub use egui;

mod action;
mod canvas;
mod control;
mod controls;
pub mod format;
mod header;
pub mod layout;
mod lights;
mod phase;
mod presses;
pub mod pulse;
mod scroll;
mod snapshot;
mod structure;
mod tempo;
pub mod theme;
mod view;

pub use action::Action;
pub use control::{Control, Kind};
pub use presses::LEAST_PRESS_SEC;
pub use scroll::{FUTURE_SEC, PAST_SEC};
pub use snapshot::{BeatView, ControlView, Light, LightState, Mark, Run, ScopePoint, SectionView, Snapshot, TempoView};
pub use view::{View, ZOOMS_PERCENT};
