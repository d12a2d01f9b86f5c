//! What the user did, in the order in which the host is to hear of it. Plain data.

use crate::control::Control;

/// One step of a gesture, or something about the window.
///
/// A value always stands between its begin and its end, so that hosts record one gesture as one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Action {
    /// The user took hold of a control.
    Begin(Control),
    /// The control's new value, in [0, 1].
    Set(Control, f32),
    /// The user let go.
    End(Control),
    /// The window is to be shown at this zoom, percent.
    Zoom(u16),
}

impl Action {
    /// A whole gesture of one value.
    pub(crate) fn whole(control: Control, normalized: f32) -> [Self; 3] {
        [Self::Begin(control), Self::Set(control, normalized), Self::End(control)]
    }
}
