//! The system's libraries that a window draws with: once loaded, never unloaded. MAIN THREAD.
//!
//! The framework loads them for each window and unloads them with it. With the last window the OpenGL dispatcher and the driver below
//! it go, while something of theirs still runs or is called: opening and closing a hundred windows ended by SIGSEGV or a broken heap in
//! 3 of 12 runs (`a_hundred_windows_leave_nothing_behind` in `tests/tests/editor_window.rs`, Mesa 22.3, libglvnd 1.6). Kept loaded, none
//! of 30 did so; what the first window loaded stays in memory.

use std::sync::Once;

use libloading::os::unix::{Library, RTLD_LAZY, RTLD_LOCAL};

/// As the framework asks for them: Xlib, its way to XCB, OpenGL's dispatcher for either kind of context.
const NAMES: [&str; 4] = ["libX11.so.6", "libX11-xcb.so.1", "libEGL.so.1", "libGL.so.1"];

/// Loads what is there of them, for as long as the process runs. What is not there is not missed: the framework says so where it needs it.
pub(super) fn keep_loaded() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        for name in NAMES {
            // SAFETY: what these libraries do when they are loaded is what they do for every program with a window; nothing of them is
            // called here.
            if let Ok(library) = unsafe { Library::open(Some(name), RTLD_LAZY | RTLD_LOCAL) } {
                // A handle that is never closed.
                let _ = library.into_raw();
            }
        }
    });
}
