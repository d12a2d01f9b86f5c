//! The window's life: built, drawn, resized. GUI THREAD.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use ::editor::egui::{Context, Ui, ViewportCommand};
use ::editor::{Action, Kind, Run, View};
use nice_plug::context::PluginApi;
use nice_plug::context::gui::GuiContext;
use nice_plug_egui::baseview::{HandlerError, WindowSize};
use nice_plug_egui::{Frame, KeyCapture, NiceEguiApp};

use super::desk::EditDesk;
use super::handle::Edit;
use super::source::Source;
use super::window_thread::WindowThread;
use crate::params::AnacrusisParams;

/// From one picture to the next while something moves ...
const FRAME: Duration = Duration::from_millis(16);
/// ... and while nothing runs.
const IDLE_FRAME: Duration = Duration::from_millis(100);

/// One open window.
pub(super) struct App {
    params: Arc<AnacrusisParams>,
    source: Source,
    desk: Arc<EditDesk>,
    edit: Edit,
    thread: WindowThread,
    view: View,
    api: PluginApi,
    is_first: bool,
}

impl App {
    pub(super) fn new(params: Arc<AnacrusisParams>, source: Source, desk: Arc<EditDesk>, edit: Edit, thread: WindowThread) -> Self {
        Self { params, source, desk, edit, thread, view: View::default(), api: PluginApi::Clap, is_first: true }
    }

    /// A window that was closed while a button was held down left it down.
    fn end_what_was_left(&self) {
        for control in self.desk.left_open() {
            if control.kind() == Kind::Momentary {
                (self.edit)(Action::Set(control, 0.0));
            }
            (self.edit)(Action::End(control));
        }
    }

    fn zoom_percent(&self) -> u16 {
        self.params.saved.lock().unwrap_or_else(PoisonError::into_inner).window.made_usable().zoom_percent
    }

    /// Remembers the zoom and asks the host for a window that is larger or smaller by as much.
    fn zoom(&self, ui: &Ui, percent: u16) {
        let before = self.zoom_percent();
        self.params.saved.lock().unwrap_or_else(PoisonError::into_inner).window.zoom_percent = percent;
        let size = ui.max_rect().size() * f32::from(percent) / f32::from(before);
        ui.ctx().send_viewport_cmd(ViewportCommand::InnerSize(size));
    }
}

impl NiceEguiApp for App {
    fn build(&mut self, egui: Context, gui: GuiContext, frame: &mut Frame) -> Result<(), HandlerError> {
        self.thread.is_this_one();
        self.api = gui.plugin_api();
        self.desk.open(gui);
        // There is no text to type: all keys are the host's.
        frame.set_key_capture(KeyCapture::IgnoreAll);
        egui.options_mut(|options| options.zoom_with_keyboard = false);
        Ok(())
    }

    fn ui(&mut self, ui: &mut Ui, _frame: &mut Frame) {
        if std::mem::take(&mut self.is_first) {
            self.end_what_was_left();
        }
        let snapshot = self.source.snapshot(self.api);
        let pause = if matches!(snapshot.run, Run::Live | Run::Offline) { FRAME } else { IDLE_FRAME };
        for action in self.view.show(ui, snapshot, self.zoom_percent()) {
            match action {
                Action::Zoom(percent) => self.zoom(ui, percent),
                edit => (self.edit)(edit),
            }
        }
        ui.ctx().request_repaint_after(if self.view.is_pressed() { FRAME } else { pause });
    }

    fn resized(&mut self, size: WindowSize) {
        let mut saved = self.params.saved.lock().unwrap_or_else(PoisonError::into_inner);
        (saved.window.width, saved.window.height) = (size.logical.width.round() as u16, size.logical.height.round() as u16);
    }
}
