//! The window: between the framework and the crate `editor`, which paints. GUI THREAD, but for what says MAIN THREAD.
//!
//! ```text
//! board (state cell, scope, port) + parameters -> source -> Snapshot -> View -> Action -> desk (MAIN THREAD) -> host
//! ```
//! Which thread draws is the platform's matter: the main thread on Windows and macOS, one of the window's own under X11. So what
//! the user does goes to the main thread, where formats want it. A window that is closed leaves nothing behind: no thread, no timer.

mod app;
mod desk;
mod handle;
mod lights;
mod source;
mod window;
mod window_thread;

pub use desk::EditDesk;
pub use handle::AnacrusisEditor;
