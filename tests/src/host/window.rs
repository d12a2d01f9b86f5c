//! A display without a screen, a window in it for a plugin's, a mouse. Tests only; Linux.
//!
//! The libraries beneath a plugin's window read `DISPLAY` from the environment, which a test must not change while others run. So a
//! test that needs a display runs its own program again, for this one test, with the display in its environment.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use x11rb::connection::Connection;
use x11rb::protocol::xproto::{
    BUTTON_PRESS_EVENT, BUTTON_RELEASE_EVENT, ConnectionExt as _, CreateWindowAux, ImageFormat, MOTION_NOTIFY_EVENT, Window, WindowClass,
};
use x11rb::protocol::xtest::ConnectionExt as _;
use x11rb::rust_connection::RustConnection;

use super::picture::Picture;
use crate::say;

/// Longest wait for something to appear.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// In the environment of the program that runs within a display.
const INSIDE: &str = "ANACRUSIS_TEST_DISPLAY";
const SCREEN: &str = "2000x1200x24";

/// An X server that ends with the test.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // One that has ended already is as good.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Whether the caller, the test of this name, runs within a display. If not, it is run again within one, and what it said is said;
/// without an X server nothing is, and that aloud.
///
/// # Panics
/// When the test within the display fails.
pub fn within_display(test: &str) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    let Some((server, display)) = start_server() else {
        say("SKIPPED: no X server without a screen (packages xvfb, libgl1-mesa-dri)");
        return false;
    };
    let program = std::env::current_exe().expect("a test is a program");
    let mut command = Command::new(program);
    command.args([test, "--exact", "--nocapture", "--test-threads=1"]);
    command.env(INSIDE, "1").env("DISPLAY", &display).env("LIBGL_ALWAYS_SOFTWARE", "1").env_remove("WAYLAND_DISPLAY");
    // A window's threads come and go. glibc gives each one a heap of its own and keeps what was freed there, which would hide a leak.
    command.env("MALLOC_ARENA_MAX", "1");
    // What it says goes on; that it passed is counted once, here.
    let output = command.stderr(Stdio::inherit()).output().expect("the test can be run again");
    drop(server);
    assert!(output.status.success(), "{test} within display {display}: {}\n{}", output.status, String::from_utf8_lossy(&output.stdout));
    false
}

/// A server on a display that it chose.
fn start_server() -> Option<(Server, String)> {
    let mut command = Command::new("Xvfb");
    command.args(["-displayfd", "1", "-screen", "0", SCREEN, "-nolisten", "tcp", "-noreset"]);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().ok()?;
    let mut number = String::new();
    let output = child.stdout.take();
    let server = Server(child);
    BufReader::new(output?).read_line(&mut number).ok()?;
    let number = number.trim();
    (!number.is_empty()).then(|| (server, format!(":{number}")))
}

/// A window of ours, and the mouse over it.
pub struct Screen {
    connection: RustConnection,
    root: Window,
    parent: Window,
}

impl Screen {
    /// On the display of the environment, with a window of this size in its corner.
    ///
    /// # Panics
    /// Without a display.
    pub fn open(width: u16, height: u16) -> Self {
        let (connection, screen) = x11rb::connect(None).expect("a display");
        let root = connection.setup().roots[screen].root;
        let parent = connection.generate_id().expect("an id");
        connection
            .create_window(0, parent, root, 0, 0, width, height, 0, WindowClass::INPUT_OUTPUT, 0, &CreateWindowAux::new())
            .expect("a window");
        connection.map_window(parent).expect("a window");
        let screen = Self { connection, root, parent };
        screen.sync();
        // Where it is in nobody's way.
        screen.move_to(1_990, 1_190);
        screen
    }

    /// The window that the plugin's goes into.
    pub fn parent(&self) -> u32 {
        self.parent
    }

    /// What is seen of the corner of the screen.
    ///
    /// # Panics
    /// On a part that is not on the screen.
    pub fn picture(&self, width: u16, height: u16) -> Picture {
        let image = self.connection.get_image(ImageFormat::Z_PIXMAP, self.root, 0, 0, width, height, u32::MAX);
        let image = image.expect("a request").reply().expect("a picture");
        // Blue, green, red and a byte that is not used.
        let rgb = image.data.chunks_exact(4).flat_map(|pixel| [pixel[2], pixel[1], pixel[0]]).collect();
        Picture { width: width.into(), height: height.into(), rgb }
    }

    /// Moves the mouse there, pixels.
    pub fn move_to(&self, x: i16, y: i16) {
        self.connection.xtest_fake_input(MOTION_NOTIFY_EVENT, 0, 0, self.root, x, y, 0).expect("a mouse");
        self.sync();
    }

    /// Presses the left button, or lets it go.
    pub fn button(&self, is_down: bool) {
        let event = if is_down { BUTTON_PRESS_EVENT } else { BUTTON_RELEASE_EVENT };
        self.connection.xtest_fake_input(event, 1, 0, self.root, 0, 0, 0).expect("a mouse");
        self.sync();
    }

    /// Names of the windows on the screen.
    pub fn titles(&self) -> Vec<String> {
        use x11rb::protocol::xproto::AtomEnum;
        let tree = self.connection.query_tree(self.root).expect("a request").reply().expect("windows");
        let title = |window: &Window| {
            let property = self.connection.get_property(false, *window, AtomEnum::WM_NAME, AtomEnum::ANY, 0, 64).ok()?.reply().ok()?;
            Some(String::from_utf8_lossy(&property.value).into_owned())
        };
        tree.children.iter().filter_map(title).collect()
    }

    fn sync(&self) {
        self.connection.flush().expect("a display");
        self.connection.get_input_focus().expect("a request").reply().expect("a display");
    }
}

/// Does `step` until it says that it is done.
///
/// # Panics
/// When it is not for [`PATIENCE`].
pub fn until(what: &str, mut step: impl FnMut() -> bool) {
    let start = Instant::now();
    while !step() {
        assert!(start.elapsed() < PATIENCE, "not for {PATIENCE:?}: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
