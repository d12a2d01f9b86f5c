//! Where something begins to sound: peaks of the spectral flux. Any thread.
//!
//! Peak picking after Böck, Krebs and Schedl, "Evaluating the online capabilities of onset detection methods" (ISMIR 2012),
//! section 2.3: a frame is an onset that is the largest around it, stands out from the mean around it, and is far enough from the onset
//! before. Ours looks ahead as far as behind, as a picture may, and places the onset between frames by a parabola.

use std::collections::VecDeque;

use runtime_core::units::FRAME_SEC;

/// An onset is the largest of as many frames before and after it.
const LARGEST_OF_FRAMES: usize = 2;
/// The mean is that of as many frames before and after it.
const MEAN_OF_FRAMES: usize = 5;
/// An onset is this far above that mean, log10 units per band.
const THRESHOLD: f32 = 0.02;
/// From an onset to the next at least, seconds.
const MIN_DISTANCE_SEC: f64 = 0.05;

/// Something begins to sound.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Onset {
    /// When, seconds of stream.
    pub t_sec: f64,
    /// How far the flux stands out, log10 units per band.
    pub strength: f32,
}

/// Picks the onsets of a stream, some frames late.
#[derive(Debug, Default)]
pub struct OnsetPicker {
    /// The frames around the one that is looked at: time and flux, oldest first.
    frames: VecDeque<(f64, f32)>,
    /// The frame that is looked at next, as a place in `frames`.
    looked_at: usize,
    last_sec: Option<f64>,
}

impl OnsetPicker {
    /// Takes a frame at `t_sec`, and says whether one some frames ago was an onset.
    pub fn step(&mut self, t_sec: f64, flux: f32) -> Option<Onset> {
        self.frames.push_back((t_sec, if flux.is_finite() { flux } else { 0.0 }));
        if self.frames.len() <= self.looked_at + MEAN_OF_FRAMES {
            return None;
        }
        self.look()
    }

    /// Ends the stream: the onsets of its last frames.
    pub fn finish(&mut self) -> Vec<Onset> {
        let mut onsets = Vec::new();
        while self.looked_at < self.frames.len() {
            onsets.extend(self.look());
        }
        onsets
    }

    /// Looks at a frame, and goes on to the next.
    fn look(&mut self) -> Option<Onset> {
        let idx = self.looked_at;
        let around = |n_frames: usize| self.frames.range(idx.saturating_sub(n_frames)..(idx + n_frames + 1).min(self.frames.len()));
        let (t_sec, flux) = self.frames[idx];
        let mean = around(MEAN_OF_FRAMES).map(|frame| frame.1).sum::<f32>() / around(MEAN_OF_FRAMES).len() as f32;
        let is_largest = around(LARGEST_OF_FRAMES).all(|frame| frame.1 <= flux);
        let is_far = self.last_sec.is_none_or(|last_sec| t_sec - last_sec >= MIN_DISTANCE_SEC);
        let onset = (is_largest && is_far && flux >= mean + THRESHOLD).then(|| {
            let neighbour = |place: Option<usize>| place.and_then(|place| self.frames.get(place)).map_or(0.0, |frame| frame.1);
            let shift_frames = vertex(neighbour(idx.checked_sub(1)), flux, neighbour(Some(idx + 1)));
            Onset { t_sec: t_sec + f64::from(shift_frames) * FRAME_SEC, strength: flux - mean }
        });
        if onset.is_some() {
            self.last_sec = Some(t_sec);
        }
        if idx == MEAN_OF_FRAMES {
            self.frames.pop_front();
        } else {
            self.looked_at += 1;
        }
        onset
    }
}

/// Where the parabola through three neighbouring values has its vertex, from the middle one, in `[-0.5, 0.5]`.
fn vertex(before: f32, middle: f32, after: f32) -> f32 {
    let curvature = before - 2.0 * middle + after;
    if curvature < 0.0 { (0.5 * (before - after) / curvature).clamp(-0.5, 0.5) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn onsets(flux: &[f32]) -> Vec<Onset> {
        let mut picker = OnsetPicker::default();
        let mut onsets: Vec<Onset> = flux.iter().enumerate().filter_map(|(idx, &flux)| picker.step(0.02 * idx as f64, flux)).collect();
        onsets.extend(picker.finish());
        onsets
    }

    fn frames_of(flux: &[f32]) -> Vec<f64> {
        onsets(flux).iter().map(|onset| (onset.t_sec / 0.02 * 1000.0).round() / 1000.0).collect()
    }

    #[test]
    fn a_peak_is_an_onset_wherever_it_stands() {
        for place in 0..30 {
            let mut flux = [0.0; 30];
            flux[place] = 0.5;
            assert_eq!(frames_of(&flux), [place as f64], "{place}");
        }
        let strength = onsets(&[0.0, 0.0, 0.0, 0.0, 0.0, 0.55, 0.0, 0.0, 0.0, 0.0, 0.0])[0].strength;
        assert!((strength - 0.5).abs() < 1e-6, "{strength}");
    }

    #[test]
    fn what_swells_or_is_faint_is_none() {
        assert!(frames_of(&[0.3; 40]).is_empty());
        let mut flux = [0.1; 30];
        flux[15] = 0.119;
        assert!(frames_of(&flux).is_empty());
        assert!(frames_of(&[f32::NAN; 20]).is_empty());
        assert!(frames_of(&[]).is_empty());
    }

    #[test]
    fn of_two_that_are_too_near_the_larger_stays() {
        let mut flux = [0.0; 30];
        (flux[10], flux[12], flux[20]) = (0.5, 0.6, 0.4);
        assert_eq!(frames_of(&flux), [12.0, 20.0]);
    }

    #[test]
    fn an_onset_falls_between_frames() {
        let mut flux = [0.0; 30];
        (flux[10], flux[11]) = (0.5, 0.5);
        assert_eq!(frames_of(&flux), [10.5]);
        assert_eq!((vertex(0.0, 1.0, 0.0), vertex(0.5, 1.0, 0.0), vertex(1.0, 1.0, 1.0)), (0.0, -1.0 / 6.0, 0.0));
    }
}
