//! What the network saw frame by frame, and how loud it was, in 8 bits each. Any thread; bounded memory.

use runtime_core::units::FRAME_SEC;

use super::SeenFrame;

/// Places that are kept, 43 minutes at first; each time that they are full, two become one.
const MAX_PLACES: usize = 1 << 17;
/// Level that is 0, dB of full scale.
const FLOOR_DB: f32 = -72.0;

/// Activations and level; all of one length.
#[derive(Debug, Clone, PartialEq)]
pub struct Curves {
    /// The moment of the first place, seconds of stream.
    pub first_sec: f64,
    /// From a place to the next, seconds.
    pub step_sec: f64,
    /// Largest beat activation, downbeats included; 255 is 1.
    pub beat: Vec<u8>,
    /// Largest downbeat activation; 255 is 1.
    pub downbeat: Vec<u8>,
    /// Largest level; 0 is -72 dB of full scale or less, 255 is full scale.
    pub level: Vec<u8>,
    /// Frames of a place.
    frames_per_place: u32,
    /// Frames of the last place so far.
    n_open: u32,
}

impl Default for Curves {
    fn default() -> Self {
        let (beat, downbeat, level) = (Vec::new(), Vec::new(), Vec::new());
        Self { first_sec: 0.0, step_sec: FRAME_SEC, beat, downbeat, level, frames_per_place: 1, n_open: 0 }
    }
}

impl Curves {
    /// Takes a frame.
    pub fn push(&mut self, frame: &SeenFrame) {
        if self.beat.is_empty() {
            self.first_sec = frame.t_sec;
        }
        let beat = quantised(frame.activation.beat + frame.activation.downbeat);
        let values = [beat, quantised(frame.activation.downbeat), quantised(1.0 - 20.0 * frame.rms.max(1e-9).log10() / FLOOR_DB)];
        let is_open = !self.beat.is_empty() && self.n_open < self.frames_per_place;
        for (curve, value) in self.curves().into_iter().zip(values) {
            match curve.last_mut() {
                Some(last) if is_open => *last = (*last).max(value),
                _ => curve.push(value),
            }
        }
        self.n_open = if is_open { self.n_open + 1 } else { 1 };
        if self.beat.len() == MAX_PLACES && self.n_open == self.frames_per_place {
            self.halve();
        }
    }

    /// Leaves out the places after a moment, seconds of stream.
    pub fn truncate(&mut self, end_sec: f64) {
        let n_places = (((end_sec - self.first_sec) / self.step_sec + 1e-6).floor().max(-1.0) + 1.0) as usize;
        self.curves().into_iter().for_each(|curve| curve.truncate(n_places));
    }

    fn halve(&mut self) {
        for curve in self.curves() {
            *curve = curve.chunks(2).map(|pair| pair.iter().copied().max().unwrap_or(0)).collect();
        }
        self.frames_per_place *= 2;
        self.n_open = self.frames_per_place;
        self.step_sec = FRAME_SEC * f64::from(self.frames_per_place);
    }

    fn curves(&mut self) -> [&mut Vec<u8>; 3] {
        [&mut self.beat, &mut self.downbeat, &mut self.level]
    }
}

/// `[0, 1]` in 8 bits.
fn quantised(value: f32) -> u8 {
    // NaN becomes 0.
    (value.clamp(0.0, 1.0) * 255.0).round() as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use runtime_core::analysis::activation::Activation;

    fn frame(idx: usize, beat: f32, rms: f32) -> SeenFrame {
        let activation = Activation { beat, downbeat: 0.25, none: 0.0 };
        SeenFrame { t_sec: FRAME_SEC * idx as f64 - 0.01, activation, flux: 0.0, rms }
    }

    #[test]
    fn a_frame_is_a_place_with_its_level_in_decibels() {
        let mut curves = Curves::default();
        for (idx, (beat, rms)) in [(0.5, 1.0), (0.9, 0.0), (f32::NAN, 10f32.powf(-36.0 / 20.0))].into_iter().enumerate() {
            curves.push(&frame(idx, beat, rms));
        }
        assert_eq!((&curves.beat[..], &curves.downbeat[..], &curves.level[..]), (&[191, 255, 0][..], &[64; 3][..], &[255, 0, 128][..]));
        assert_eq!((curves.first_sec, curves.step_sec), (-0.01, 0.02));
        curves.truncate(0.02);
        assert_eq!(curves.beat.len(), 2);
        curves.truncate(-1.0);
        assert!(curves.beat.is_empty());
    }

    #[test]
    fn a_long_stream_is_kept_at_half_the_resolution() {
        let mut curves = Curves::default();
        let n_frames = MAX_PLACES + 3;
        (0..n_frames).for_each(|idx| curves.push(&frame(idx, if idx == MAX_PLACES { 0.75 } else { 0.0 }, 0.5)));
        assert_eq!((curves.step_sec, curves.beat.len()), (0.04, MAX_PLACES / 2 + 2));
        assert_eq!((curves.beat[MAX_PLACES / 2], curves.beat[MAX_PLACES / 2 + 1]), (255, 64));
    }
}
