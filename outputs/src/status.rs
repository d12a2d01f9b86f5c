//! How an output fares, for the terminal, the page and `doctor`: one writer, its own thread; any reader.

use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use utoipa::ToSchema;

/// In what state an output is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Not opened yet.
    #[default]
    Starting,
    /// Works.
    Open,
    /// Failed; tried again soon.
    Waiting,
    /// Cannot work as it is set up, or ended by an error of ours.
    Off,
}

/// How an output fares.
#[derive(Debug, Clone, PartialEq, Default, Serialize, ToSchema)]
pub struct OutputStatus {
    /// Name of its settings, which no other output has.
    pub id: String,
    /// Which protocol.
    pub kind: String,
    /// What it is called.
    pub name: String,
    /// In what state it is.
    pub phase: Phase,
    /// What it says of itself: peers, frames.
    pub detail: String,
    /// The last thing that went wrong, also where it works again; empty = nothing did.
    pub last_error: String,
    /// Errors so far.
    pub n_errors: u64,
    /// Times it was opened.
    pub n_opened: u64,
    /// Events said.
    pub n_events: u64,
    /// Beats said.
    pub n_beats: u64,
    /// Beats left out because it was too late for them.
    pub n_left_out: u64,
    /// Frames drawn.
    pub n_frames: u64,
    /// Seconds until it is tried again; 0 where it is open or off.
    pub retry_sec: f64,
    /// How much later than asked beats were handed over, microseconds: median and 99th percentile of the last 512.
    pub late_p50_us: f64,
    /// See [`late_p50_us`](Self::late_p50_us).
    pub late_p99_us: f64,
    /// Everything this much later, ms; negative: earlier.
    pub offset_ms: f64,
}

/// Where one output's status hangs.
#[derive(Debug, Default)]
pub struct StatusCell {
    status: Mutex<OutputStatus>,
}

impl StatusCell {
    /// The present status.
    pub fn read(&self) -> OutputStatus {
        self.status.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes it.
    pub fn update(&self, change: impl FnOnce(&mut OutputStatus)) {
        change(&mut self.status.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Hand-over delays of the last beats.
#[derive(Debug)]
pub struct Lateness {
    /// Microseconds, oldest overwritten.
    ring: Vec<f64>,
    next: usize,
}

impl Default for Lateness {
    fn default() -> Self {
        Self { ring: Vec::with_capacity(Self::N_KEPT), next: 0 }
    }
}

impl Lateness {
    /// Beats whose delay is kept.
    pub const N_KEPT: usize = 512;

    /// Adds one, microseconds.
    pub fn add(&mut self, late_us: f64) {
        if self.ring.len() < Self::N_KEPT {
            self.ring.push(late_us);
        } else {
            self.ring[self.next] = late_us;
        }
        self.next = (self.next + 1) % Self::N_KEPT;
    }

    /// The value that a share of the kept delays does not exceed, microseconds; 0 without any.
    pub fn percentile(&self, share: f64) -> f64 {
        let mut sorted = self.ring.clone();
        sorted.sort_by(f64::total_cmp);
        let rank = (share * sorted.len() as f64).ceil() as usize;
        sorted.get(rank.saturating_sub(1)).copied().unwrap_or(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_newest() {
        let mut late = Lateness::default();
        assert_eq!(late.percentile(0.5), 0.0);
        (0..1000).for_each(|_| late.add(1e6));
        (1..=512).for_each(|k| late.add(f64::from(k)));
        assert_eq!([0.5, 0.99, 1.0].map(|share| late.percentile(share)), [256.0, 507.0, 512.0]);
    }
}
