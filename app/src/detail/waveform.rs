//! The outline of a stream: smallest and largest sample of each stretch, in 8 bits. Any thread; bounded memory.

/// Length of a stretch at first, seconds.
const STRETCH_SEC: f64 = 0.005;
/// Stretches that are kept, 22 minutes at first; each time that they are full, two become one.
const MAX_PEAKS: usize = 1 << 18;
/// Full scale.
const FULL_SCALE: f32 = 127.0;

/// Smallest and largest sample of each stretch.
#[derive(Debug, Clone, PartialEq)]
pub struct Waveform {
    /// `[min, max]` of each stretch; 127 is full scale.
    pub peaks: Vec<[i8; 2]>,
    samples_per_peak: u64,
    sample_rate_hz: f64,
    /// The stretch that is not full yet.
    open: [f32; 2],
    n_open: u64,
}

impl Waveform {
    /// At the start of a stream of this rate, Hz.
    pub fn new(sample_rate_hz: f64) -> Self {
        let samples_per_peak = ((STRETCH_SEC * sample_rate_hz).round() as u64).max(1);
        Self { peaks: Vec::new(), samples_per_peak, sample_rate_hz, open: EMPTY, n_open: 0 }
    }

    /// Length of a stretch, seconds.
    pub fn stretch_sec(&self) -> f64 {
        self.samples_per_peak as f64 / self.sample_rate_hz
    }

    /// Takes samples. Those that are not finite count as 0.
    pub fn push(&mut self, mut mono: &[f32]) {
        while !mono.is_empty() {
            let n = (self.samples_per_peak - self.n_open).min(mono.len() as u64);
            let (now, later) = mono.split_at(n as usize);
            for &sample in now {
                let sample = if sample.is_finite() { sample } else { 0.0 };
                self.open = [self.open[0].min(sample), self.open[1].max(sample)];
            }
            self.n_open += n;
            mono = later;
            if self.n_open == self.samples_per_peak {
                self.close();
            }
        }
    }

    /// Takes the last stretch, though it is not full.
    pub fn finish(&mut self) {
        if self.n_open > 0 {
            self.close();
        }
    }

    fn close(&mut self) {
        // Rounded outwards: the faintest sound is a line and not nothing.
        let quantised = |value: f32, round: fn(f32) -> f32| round(value.clamp(-1.0, 1.0) * FULL_SCALE) as i8;
        self.peaks.push([quantised(self.open[0], f32::floor), quantised(self.open[1], f32::ceil)]);
        (self.open, self.n_open) = (EMPTY, 0);
        if self.peaks.len() == MAX_PEAKS {
            self.peaks = self.peaks.chunks(2).map(union).collect();
            self.samples_per_peak *= 2;
        }
    }
}

/// The outline of no sample.
const EMPTY: [f32; 2] = [f32::INFINITY, f32::NEG_INFINITY];

/// The outline of several stretches.
fn union(peaks: &[[i8; 2]]) -> [i8; 2] {
    peaks.iter().fold([i8::MAX, i8::MIN], |all, peak| [all[0].min(peak[0]), all[1].max(peak[1])])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stretch_is_its_smallest_and_largest_sample() {
        let mut waveform = Waveform::new(800.0);
        waveform.push(&[0.0, 0.5, -1.0]);
        waveform.push(&[0.25, f32::NAN, 2.0]);
        waveform.finish();
        assert_eq!(waveform.stretch_sec(), 0.005);
        assert_eq!(waveform.peaks, [[-127, 64], [0, 127]]);
        waveform.finish();
        assert_eq!(waveform.peaks.len(), 2, "nothing more");
    }

    #[test]
    fn a_long_stream_is_kept_at_half_the_resolution() {
        let mut waveform = Waveform::new(200.0);
        let n_samples = MAX_PEAKS * 5 / 2;
        let mut block = vec![0.0; n_samples];
        block[n_samples - 1] = 1.0;
        waveform.push(&block);
        waveform.finish();
        assert_eq!((waveform.peaks.len(), waveform.stretch_sec()), (MAX_PEAKS * 5 / 8, 0.02));
        assert_eq!(waveform.peaks.last(), Some(&[0, 127]));
    }
}
