//! The feed's writer in a process of its own, `feed_writer`, which ends with the test. Tests only.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A running `feed_writer`; killed, at the latest when a test fails.
pub struct FeedProcess {
    /// Its feed.
    pub feed: PathBuf,
    /// The process.
    pub child: Child,
}

impl FeedProcess {
    /// Starts `program` (only integration tests know where it is: `env!("CARGO_BIN_EXE_feed_writer")`) in `mode`, `storm` or
    /// `steady`, with its feed in `directory`, and waits until the first records are there.
    ///
    /// # Panics
    /// On a program that cannot be started or says nothing.
    pub fn start(program: &str, directory: &Path, mode: &str) -> Self {
        let mut command = Command::new(program);
        command.arg(directory).arg(mode).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|e| panic!("{program}: {e}"));
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("its output is piped")).read_line(&mut line).expect("it prints a path");
        Self { feed: PathBuf::from(line.trim_end()), child }
    }

    /// Kills the process (SIGKILL) and waits until it is gone.
    ///
    /// # Panics
    /// Where the system refuses.
    pub fn kill(&mut self) {
        self.child.kill().expect("it is ours");
        self.child.wait().expect("it was killed");
    }

    /// Ends its input, after which it ends by itself and takes its feed along.
    pub fn end_input(&mut self) {
        drop(self.child.stdin.take());
    }
}

impl Drop for FeedProcess {
    fn drop(&mut self) {
        // Fails where it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
