//! Peak levels of channels, on their way from the AUDIO THREAD to whoever shows them.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// Silence on the display, dB.
pub(super) const FLOOR_DB: f32 = -96.0;
/// Width of a bar, characters.
const BAR_WIDTH: usize = 24;
/// The left end of a bar, dB.
const BAR_FROM_DB: f32 = -60.0;

/// The largest absolute sample of each channel since it was last asked for.
#[derive(Debug)]
pub(super) struct Levels {
    /// The bits of floats: those of numbers that are not negative are ordered as the numbers are.
    peaks: Vec<AtomicU32>,
}

impl Levels {
    pub(super) fn new(n_channels: u16) -> Self {
        Self { peaks: (0..n_channels).map(|_| AtomicU32::new(0)).collect() }
    }

    /// Takes an interleaved block in. Real-time safe: yes.
    pub(super) fn add(&self, block: &[f32]) {
        for frame in block.chunks_exact(self.peaks.len().max(1)) {
            for (peak, sample) in self.peaks.iter().zip(frame) {
                peak.fetch_max(sample.abs().to_bits(), Relaxed);
            }
        }
    }

    /// The peaks in dB below full scale, and begins anew.
    pub(super) fn take_db(&self) -> Vec<f32> {
        self.peaks.iter().map(|peak| to_db(f32::from_bits(peak.swap(0, Relaxed)))).collect()
    }
}

fn to_db(peak: f32) -> f32 {
    (20.0 * peak.log10()).max(FLOOR_DB)
}

/// A bar of fixed width; `!` at its end where the input clips.
pub(super) fn bar(peak_db: f32) -> String {
    let share = ((peak_db - BAR_FROM_DB) / -BAR_FROM_DB).clamp(0.0, 1.0);
    let n_full = (share * BAR_WIDTH as f32).round() as usize;
    let end = if peak_db >= 0.0 { '!' } else { ' ' };
    format!("{:-<BAR_WIDTH$}{end}", "#".repeat(n_full))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_channel_has_its_own_peak_and_it_is_taken_once() {
        let levels = Levels::new(2);
        levels.add(&[0.1, -1.0, -0.5, 0.2]);
        levels.add(&[0.0, 0.0]);
        let db = levels.take_db();
        assert!((db[0] + 6.0206).abs() < 1e-3 && db[1] == 0.0, "{db:?}");
        assert_eq!(levels.take_db(), [FLOOR_DB, FLOOR_DB]);
        Levels::new(0).add(&[1.0]);
    }

    #[test]
    fn a_bar_is_as_long_as_the_level_and_says_when_it_clips() {
        assert_eq!(bar(-30.0), "############------------ ");
        assert_eq!(bar(0.0), "########################!");
        assert_eq!(bar(FLOOR_DB), "------------------------ ");
    }
}
