//! What the user did in the window, done to the parameters so that the host hears of it. MAIN THREAD.

use std::sync::{Mutex, PoisonError};

use ::editor::{Action, Control};
use nice_plug::context::gui::GuiContext;
use nice_plug::prelude::{Param, ParamPtr};

use crate::params::AnacrusisParams;

/// The way to the host, while a window is open.
#[derive(Default)]
pub struct EditDesk {
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    gui: Option<GuiContext>,
    /// Gestures that were begun and not ended.
    begun: Vec<Control>,
}

impl EditDesk {
    /// A window opened. GUI THREAD.
    pub(super) fn open(&self, gui: GuiContext) {
        self.lock().gui = Some(gui);
    }

    /// What an earlier window was closed upon: gestures that it began and could not end. GUI THREAD.
    pub(super) fn left_open(&self) -> Vec<Control> {
        self.lock().begun.clone()
    }

    /// Does it. Values are brought to the parameter's steps, so that host and plugin agree on them.
    pub fn apply(&self, params: &AnacrusisParams, action: Action) {
        let (Action::Begin(control) | Action::Set(control, _) | Action::End(control)) = action else { return };
        let pointer = pointer(params, control);
        let mut open = self.lock();
        let Some(gui) = open.gui.clone() else { return };
        let is_begun = open.begun.contains(&control);
        // SAFETY: the pointer is one of `params`, which outlives this call, and its variant is the parameter's.
        unsafe {
            match action {
                Action::Begin(_) if !is_begun => {
                    open.begun.push(control);
                    gui.raw_begin_set_parameter(pointer);
                }
                Action::Set(_, normalized) if is_begun => {
                    gui.raw_set_parameter_normalized(pointer, pointer.preview_normalized(pointer.preview_plain(normalized)));
                }
                Action::End(_) if is_begun => {
                    open.begun.retain(|begun| *begun != control);
                    gui.raw_end_set_parameter(pointer);
                }
                _ => {}
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The parameter of a control.
pub(super) fn pointer(params: &AnacrusisParams, control: Control) -> ParamPtr {
    match control {
        Control::Tap => params.tap.as_ptr(),
        Control::Half => params.half.as_ptr(),
        Control::Double => params.double.as_ptr(),
        Control::NudgeEarlier => params.nudge_earlier.as_ptr(),
        Control::NudgeLater => params.nudge_later.as_ptr(),
        Control::ThisIsOne => params.this_is_one.as_ptr(),
        Control::Hold => params.hold.as_ptr(),
        Control::Forget => params.forget.as_ptr(),
        Control::Meter => params.meter.as_ptr(),
        Control::TempoMin => params.tempo_min.as_ptr(),
        Control::TempoMax => params.tempo_max.as_ptr(),
        Control::Manual => params.manual.as_ptr(),
        Control::ManualBpm => params.manual_bpm.as_ptr(),
        Control::Offset => params.offset_ms.as_ptr(),
        Control::Model => params.model.as_ptr(),
        Control::ClockSource => params.clock_source.as_ptr(),
        Control::OnSilence => params.on_silence.as_ptr(),
        Control::Relock => params.relock.as_ptr(),
        Control::NoteChannel => params.note_channel.as_ptr(),
        Control::NoteDownbeat => params.note_downbeat.as_ptr(),
        Control::NoteBeat => params.note_beat.as_ptr(),
        Control::Bypass => params.bypass.as_ptr(),
        Control::Notes => params.notes.as_ptr(),
        Control::HostClock => params.host_clock.as_ptr(),
        Control::PortClock => params.port_clock.as_ptr(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    use nice_plug::prelude::Params;

    #[test]
    fn every_control_is_the_parameter_of_its_id() {
        let params = AnacrusisParams::default();
        let map: HashMap<String, ParamPtr> = params.param_map().into_iter().map(|(id, pointer, _)| (id, pointer)).collect();
        for control in Control::ALL {
            assert_eq!(map.get(control.id()), Some(&pointer(&params, control)), "{control:?}");
        }
    }

    #[test]
    fn every_parameter_but_the_outputs_has_a_control() {
        let params = AnacrusisParams::default();
        for (id, _, _) in params.param_map() {
            let has_control = Control::ALL.iter().any(|control| control.id() == id);
            assert_eq!(has_control, !id.starts_with("out_"), "{id}");
        }
    }
}
