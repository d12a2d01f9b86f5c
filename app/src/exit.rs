//! How the program ends: exit codes, messages for people, and what Ctrl-C does. Main thread.

use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Everything asked for was done.
    Ok = 0,
    /// Some files failed, or some checks found a problem.
    Failed = 1,
    /// The command line asks for something impossible.
    Usage = 2,
    /// An audio or MIDI device failed.
    Device = 3,
    /// Stopped by Ctrl-C or a request to terminate (128 + SIGINT, as shells have it).
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Says a line to people, on stderr. A closed stderr is nobody's concern.
pub fn say(line: impl fmt::Display) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// Says what went wrong.
pub fn say_error(message: impl fmt::Display) {
    say(format_args!("error: {message}"));
}

/// Writes data to stdout. A reader that has gone away (`| head`) is the end of the work and not an error.
///
/// # Errors
/// Any other failure.
pub fn write_stdout(bytes: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}
