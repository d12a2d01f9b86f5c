//! The framework's window, which has ended when it is closed. MAIN THREAD.
//!
//! Under X11 a window has a thread of its own, and the framework is meant to wait for its end. Where the thread stops just before it is
//! asked to show the window once more, the framework takes the failed request for an error and leaves the thread to itself (baseview
//! 0.4.2, `WindowThreadHandle::run_until_closed`). The thread then still gives its context, the driver and the display back while the
//! host unloads the plugin or the process ends: on a busy machine one process of fourteen crashed so. The clipboard's thread ends on
//! its own, too. Here the end of both is waited for.

use nice_plug::editor::dpi::NativeSize;
use nice_plug::editor::{EditorHandle, Modifiers, ParentWindowHandle, VirtualKeyCode};
use nice_plug_egui::EguiEditorHandle;

use super::window_thread::WindowThread;

/// As the framework names the window below.
type FrameworkWindow = <EguiEditorHandle as EditorHandle>::Window;

/// An open window; dropped, it is closed and its threads have ended.
pub struct Window {
    /// `None` once it is closed.
    framework: Option<FrameworkWindow>,
    thread: WindowThread,
}

impl Window {
    pub(super) fn new(framework: FrameworkWindow, thread: WindowThread) -> Self {
        Self { framework: Some(framework), thread }
    }

    fn framework(&self) -> &FrameworkWindow {
        self.framework.as_ref().expect("a window is closed by its end alone")
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        drop(self.framework.take());
        self.thread.wait_for_end();
    }
}

/// The framework's handle, for a [`Window`] of ours.
pub struct WindowHandle(pub(super) EguiEditorHandle);

impl EditorHandle for WindowHandle {
    type Window = Window;
    type Error = <EguiEditorHandle as EditorHandle>::Error;

    fn run_until_closed(mut window: Window) -> Result<(), Self::Error> {
        // What is left to drop then waits for the end of the threads.
        window.framework.take().map_or(Ok(()), EguiEditorHandle::run_until_closed)
    }

    fn set_parent(&self, parent: ParentWindowHandle, window: &Window) -> Result<(), Self::Error> {
        self.0.set_parent(parent, window.framework())
    }

    fn show(&self, window: &Window) -> Result<(), Self::Error> {
        self.0.show(window.framework())
    }

    fn hide(&self, window: &Window) -> Result<(), Self::Error> {
        self.0.hide(window.framework())
    }

    fn set_size(&self, new_size: NativeSize<u32>, window: &Window) -> Result<(), Self::Error> {
        self.0.set_size(new_size, window.framework())
    }

    fn host_main_thread_callback(&self, window: &Window) {
        self.0.host_main_thread_callback(window.framework());
    }

    fn adjust_size(&self, new_size: NativeSize<u32>, window: &Window) -> Option<NativeSize<u32>> {
        self.0.adjust_size(new_size, window.framework())
    }

    fn set_fallback_scale_factor(&self, scale_factor: f64, window: &Window) -> Result<(), Self::Error> {
        self.0.set_fallback_scale_factor(scale_factor, window.framework())
    }

    fn on_virtual_key_from_host(&self, key_code: VirtualKeyCode, is_down: bool, modifiers: Modifiers) -> bool {
        self.0.on_virtual_key_from_host(key_code, is_down, modifiers)
    }

    fn state_changed(&self) {
        self.0.state_changed();
    }

    fn param_value_changed(&self, id: &str, normalized_value: f32) {
        self.0.param_value_changed(id, normalized_value);
    }

    fn param_modulation_changed(&self, id: &str, modulation_offset: f32) {
        self.0.param_modulation_changed(id, modulation_offset);
    }
}
