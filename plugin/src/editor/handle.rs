//! The editor as the framework knows it: opens windows of the size and zoom that were saved. MAIN THREAD.

use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ::editor::Action;
use ::editor::layout::{LARGEST_SIZE, LEAST_SIZE};
use nice_plug::context::gui::GuiContext;
use nice_plug::editor::dpi::{LogicalSize, NativeSize, Size};
use nice_plug::editor::{Editor, HostMethods, ParentWindowHandle, ResizeHint, SpawnedEditor};
use nice_plug_egui::{EguiEditorState, EguiNiceSettings, RepaintNotifier, create_egui_editor};

use super::app::App;
use super::desk::EditDesk;
use super::source::Source;
use super::window::{Window, WindowHandle};
use super::window_thread::WindowThread;
use crate::board::Board;
use crate::params::AnacrusisParams;

/// How often the window looks whether the host moved something, beside the pictures that it draws anyway ([`super::app`]). Under X11
/// not while it lives: a look before the host shows the window asks the server for a moment to draw in, whose announcement nobody
/// listens to yet, and until it comes no other is asked for (baseview 0.4.2, `PresentState`). A host that took longer than this from
/// making the window to showing it had one that stayed empty.
const POLL: Duration = if cfg!(target_os = "linux") { Duration::from_secs(24 * 60 * 60) } else { Duration::from_millis(33) };

/// What the user did, sent to the main thread.
pub(super) type Edit = Arc<dyn Fn(Action) + Send + Sync>;

/// The editor of one plugin instance; its window may be opened and closed any number of times.
pub struct AnacrusisEditor {
    params: Arc<AnacrusisParams>,
    board: Board,
    desk: Arc<EditDesk>,
    edit: Edit,
    /// Size of the window that was opened last.
    state: Mutex<Option<Arc<EguiEditorState>>>,
}

impl AnacrusisEditor {
    /// No window yet. `edit` takes what the user does to the main thread.
    pub fn new(params: Arc<AnacrusisParams>, board: Board, desk: Arc<EditDesk>, edit: Arc<dyn Fn(Action) + Send + Sync>) -> Self {
        Self { params, board, desk, edit, state: Mutex::new(None) }
    }

    /// A state of the size that was saved, in points.
    fn saved_state(&self) -> Arc<EguiEditorState> {
        let window = self.params.saved.lock().unwrap_or_else(PoisonError::into_inner).window.made_usable();
        EguiEditorState::from_size(Size::Logical(LogicalSize::new(f64::from(window.width), f64::from(window.height))), 1.0)
    }
}

impl Editor for AnacrusisEditor {
    type Handle = WindowHandle;

    fn spawn(
        &self,
        parent: Option<ParentWindowHandle>,
        wait_for_parent: bool,
        fallback_scale_factor: Option<f64>,
        gui_context: GuiContext,
        host: Option<HostMethods>,
    ) -> Result<SpawnedEditor<WindowHandle>, Box<dyn Error>> {
        let state = self.saved_state();
        let source = Source::new(Arc::clone(&self.params), self.board.clone());
        let thread = WindowThread::default();
        let app = App::new(Arc::clone(&self.params), source, Arc::clone(&self.desk), Arc::clone(&self.edit), thread.clone());
        let settings = EguiNiceSettings::new().with_tile("Anacrusis").with_resize_hint(self.resize_hint()).with_repaint_poll_interval(POLL);
        let Some(editor) = create_egui_editor(Arc::clone(&state), RepaintNotifier::new(), settings, app) else {
            return Err("no editor".into());
        };
        let spawned = editor.spawn(parent, wait_for_parent, fallback_scale_factor, gui_context, host)?;
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = Some(state);
        Ok(SpawnedEditor { handle: WindowHandle(spawned.handle), window: Window::new(spawned.window, thread) })
    }

    fn size(&self) -> NativeSize<u32> {
        let open = self.state.lock().unwrap_or_else(PoisonError::into_inner).clone().filter(|state| state.is_open());
        let state = open.unwrap_or_else(|| self.saved_state());
        let (logical, physical) = (state.logical_size(), state.physical_size());
        let scale = f64::from(physical.width) / f64::from(logical.width.max(1.0));
        NativeSize::from_size(Size::Logical(logical.cast()), scale)
    }

    fn resize_hint(&self) -> ResizeHint {
        let size = |points: ::editor::egui::Vec2| LogicalSize::new(points.x, points.y);
        ResizeHint::resizable().with_min_max_logical_size(Some(size(LEAST_SIZE * 0.75)), Some(size(LARGEST_SIZE * 3.0)))
    }
}
