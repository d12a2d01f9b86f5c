//! Where something new began, as far as one can tell from what followed. INFERENCE THREAD.
//!
//! The novelty of a beat compares the beats up to it with those before ([`BeatMemory::novelty`]). It is highest when the newer
//! part is just filled, so a peak says that something began that many beats ago. A peak is believed once it has stood for a while
//! and is unusual for the piece.

use super::memory::BeatMemory;
use crate::analysis::running::RunningMoments;

/// Beats over which the usual novelty is averaged: that of the memory.
const MOMENTS_BEATS: f64 = super::memory::MEMORY_BEATS as f64;
/// A peak is this many deviations above the mean.
const PEAK_DEVIATIONS: f64 = 1.0;
/// ... and no lower than this: of 0 to 4, what is left of rounding and of noise.
const LEAST_PEAK: f32 = 0.02;
/// Novelties that are looked at around a peak, at most: twice half of the longest newer part, and itself.
const MAX_WINDOW: usize = 2 * MAX_SETTLE_BEATS + 1;
/// Beats for which a peak must stand, at most.
const MAX_SETTLE_BEATS: usize = 16;

/// Novelty on one scale, and its peaks.
#[derive(Debug, Clone)]
pub struct Novelty {
    /// Of the last beats, the newest last.
    values: [f32; MAX_WINDOW],
    n_values: usize,
    usual: RunningMoments,
    /// The beat at which something new began last.
    began: Option<u64>,
}

impl Default for Novelty {
    fn default() -> Self {
        Self { values: [0.0; MAX_WINDOW], n_values: 0, usual: RunningMoments::new(MOMENTS_BEATS), began: None }
    }
}

impl Novelty {
    /// After a beat was written: compares the `recent` last beats with the `past` before them. Returns the beat at which
    /// something new began, where that was found out now. Allocates nothing.
    pub fn step(&mut self, memory: &BeatMemory, recent: usize, past: usize) -> Option<u64> {
        let value = memory.novelty(recent, past);
        self.values.rotate_left(1);
        self.values[MAX_WINDOW - 1] = value;
        self.n_values = (self.n_values + 1).min(MAX_WINDOW);
        self.usual.push(f64::from(value));
        let settle = (recent / 2).clamp(1, MAX_SETTLE_BEATS);
        let window = 2 * settle + 1;
        if self.n_values < window {
            return None;
        }
        let values = &self.values[MAX_WINDOW - window..];
        let peak = values[settle];
        let is_highest = values[..settle].iter().all(|&other| other < peak) && values[settle + 1..].iter().all(|&other| other <= peak);
        let is_unusual = f64::from(peak) > self.usual.mean() + PEAK_DEVIATIONS * self.usual.deviation();
        if !(is_highest && is_unusual && peak >= LEAST_PEAK) {
            return None;
        }
        // The newer part of the peak began with this beat.
        let began = memory.n_written().checked_sub((settle + recent) as u64)?;
        self.began = Some(began);
        self.began
    }

    /// The newest value.
    pub fn value(&self) -> f32 {
        self.values[MAX_WINDOW - 1]
    }

    /// The beat at which something new began last.
    pub fn began(&self) -> Option<u64> {
        self.began
    }
}

#[cfg(test)]
mod tests {
    use super::super::memory::{Beat, N_VALUES};
    use super::*;

    /// Sections of the given lengths, each with a sound of its own in four beats that repeat.
    fn sections(lengths: &[usize]) -> Vec<Beat> {
        let of = |section: usize, k: usize| {
            let mut beat = [0.0; N_VALUES];
            beat[section % 12] = 1.0;
            beat[12 + section % 20] = 1.0;
            beat[(section + 3) % 12] += 0.3 * (k % 4) as f32;
            beat
        };
        lengths.iter().enumerate().flat_map(|(section, &length)| (0..length).map(move |k| of(section, k))).collect()
    }

    fn found(beats: &[Beat], recent: usize, past: usize) -> Vec<(u64, u64)> {
        let (mut memory, mut novelty) = (BeatMemory::default(), Novelty::default());
        let mut found = Vec::new();
        for beat in beats {
            memory.write(beat, 0.0, 8);
            found.extend(novelty.step(&memory, recent, past).map(|began| (memory.n_written(), began)));
        }
        found
    }

    #[test]
    fn a_change_is_found_where_it_was_and_as_late_as_it_must_be() {
        let beats = sections(&[32, 32, 32]);
        assert_eq!(found(&beats, 8, 16), [(32 + 12, 32), (64 + 12, 64)], "eight beats that are new, four that settle it");
        assert_eq!(found(&beats, 4, 8), [(32 + 6, 32), (64 + 6, 64)]);
    }

    #[test]
    fn what_does_not_change_has_no_peaks() {
        assert!(found(&sections(&[200]), 8, 16).is_empty());
        assert!(found(&[[0.0; N_VALUES]; 100], 4, 8).is_empty());
    }
}
