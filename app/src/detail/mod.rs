//! What a picture of a file needs beyond its beats: waveform, activations, level, onsets. Any thread.
//!
//! Collected while the file is analysed, and only where an output format draws it. Bounded: what is longer than the limits of
//! [`waveform`] and [`curves`] is kept at half the resolution.

pub mod curves;
pub mod onsets;
pub mod waveform;

use runtime_core::analysis::activation::Activation;

use self::curves::Curves;
use self::onsets::{Onset, OnsetPicker};
use self::waveform::Waveform;

/// What a picture of a file needs beyond its beats.
#[derive(Debug, Clone, PartialEq)]
pub struct Detail {
    /// Smallest and largest sample of each stretch.
    pub waveform: Waveform,
    /// What the network saw, and how loud it was.
    pub curves: Curves,
    /// Where something began to sound, in order of time.
    pub onsets: Vec<Onset>,
}

/// One frame, as the analysis hands it over.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SeenFrame {
    /// The moment that the frame describes, seconds of stream.
    pub t_sec: f64,
    /// What the network saw.
    pub activation: Activation,
    /// Mean positive band difference, log10 units.
    pub flux: f32,
    /// Root mean square of 20 ms, full scale = 1.
    pub rms: f32,
}

/// Collects a stream.
pub struct DetailCollector {
    waveform: Waveform,
    curves: Curves,
    picker: OnsetPicker,
    onsets: Vec<Onset>,
}

impl DetailCollector {
    /// At the start of a stream of this rate, Hz.
    pub fn new(sample_rate_hz: f64) -> Self {
        let (waveform, curves) = (Waveform::new(sample_rate_hz), Curves::default());
        Self { waveform, curves, picker: OnsetPicker::default(), onsets: Vec::new() }
    }

    /// Takes a block of mono samples.
    pub fn hear(&mut self, mono: &[f32]) {
        self.waveform.push(mono);
    }

    /// Takes a frame. Frames come in order.
    pub fn see(&mut self, frame: &SeenFrame) {
        self.curves.push(frame);
        self.onsets.extend(self.picker.step(frame.t_sec, frame.flux));
    }

    /// Ends the stream, which is `duration_sec` long.
    pub fn finish(mut self, duration_sec: f64) -> Detail {
        self.waveform.finish();
        self.onsets.extend(self.picker.finish());
        self.onsets.retain(|onset| (0.0..=duration_sec).contains(&onset.t_sec));
        self.curves.truncate(duration_sec);
        Detail { waveform: self.waveform, curves: self.curves, onsets: self.onsets }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(idx: u64, flux: f32) -> SeenFrame {
        SeenFrame { t_sec: 0.02 * idx as f64, activation: Activation { beat: 0.5, downbeat: 0.25, none: 0.25 }, flux, rms: 0.1 }
    }

    #[test]
    fn what_comes_after_the_end_is_left_out() {
        let mut collector = DetailCollector::new(1000.0);
        collector.hear(&[0.5; 1000]);
        (0..100).for_each(|idx| collector.see(&frame(idx, if idx % 30 == 20 { 1.0 } else { 0.0 })));
        let detail = collector.finish(1.0);
        assert_eq!(detail.onsets.iter().map(|onset| (onset.t_sec * 100.0).round()).collect::<Vec<_>>(), [40.0, 100.0]);
        assert_eq!(detail.curves.beat.len(), 51);
        assert_eq!(detail.waveform.peaks.len(), 200);
    }

    #[test]
    fn nothing_is_nothing() {
        let detail = DetailCollector::new(44_100.0).finish(0.0);
        assert!(detail.waveform.peaks.is_empty() && detail.curves.beat.is_empty() && detail.onsets.is_empty());
    }
}
