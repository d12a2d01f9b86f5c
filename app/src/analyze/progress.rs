//! The progress bar over all files, and lines said beside it. Shared by the workers.
//!
//! On stderr, and drawn only on a terminal.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use indicatif::{ProgressBar, ProgressStyle};

use super::outputs::Job;
use crate::exit;

/// A bar over the bytes of all inputs.
pub(super) struct Bar {
    bar: ProgressBar,
    n_done: AtomicU64,
    n_jobs: usize,
}

impl Bar {
    /// A bar at 0; none where nobody wants it, or where no length is known (a pipe).
    pub(super) fn new(jobs: &[Job], is_quiet: bool) -> Self {
        let n_bytes = jobs.iter().filter_map(|job| std::fs::metadata(&job.input.path).ok()).map(|m| m.len()).sum();
        let bar = if is_quiet || n_bytes == 0 { ProgressBar::hidden() } else { ProgressBar::new(n_bytes) };
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {percent:>3} %  {msg}  {eta} left") {
            bar.set_style(style);
        }
        let made = Self { bar, n_done: AtomicU64::new(0), n_jobs: jobs.len() };
        made.show_count(0);
        made
    }

    /// Moves the bar on by some bytes.
    pub(super) fn add_bytes(&self, n: u64) {
        self.bar.inc(n);
    }

    /// One file less to do, of which `n_bytes_read` were read: the rest never will be, and must not count as time left.
    pub(super) fn file_done(&self, job: &Job, n_bytes_read: u64) {
        let n_bytes = std::fs::metadata(&job.input.path).map_or(0, |m| m.len());
        self.bar.inc(n_bytes.saturating_sub(n_bytes_read));
        self.show_count(self.n_done.fetch_add(1, Ordering::Relaxed) + 1);
    }

    /// Says a line to people without tearing the bar.
    pub(super) fn say(&self, line: impl fmt::Display) {
        self.bar.suspend(|| exit::say(line));
    }

    /// Removes the bar.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }

    fn show_count(&self, n_done: u64) {
        self.bar.set_message(format!("{n_done}/{} files", self.n_jobs));
    }
}
