//! From log bands to pitch classes. INFERENCE THREAD.
//!
//! A band counts by how far it stands out from the octave around it, so that the tilt of a spectrum is no chord. Below C4 two
//! semitones share a bin of the transform, above C8 little but noise is left: neither counts.

use model_contracts::v1::features::audio_pooled;

use crate::analysis::filterbank::centre_hz;
use crate::analysis::front_end::FrontEnd;

/// Pitch classes, from C.
pub const N_CLASSES: usize = 12;
/// Frequency of A4, Hz, and its number of semitones above C.
const A4: (f64, f64) = (440.0, 9.0);
/// A band is compared with the bands up to this many semitones away.
const NEIGHBOUR_SEMITONES: f64 = 6.0;

/// The fold of one filterbank.
#[derive(Debug, Clone)]
pub struct ChromaFold {
    bands: Vec<Fold>,
    /// Sums of the bands before each.
    sums: Vec<f32>,
}

/// What a band gives to the pitch classes.
#[derive(Debug, Clone, Copy)]
struct Fold {
    band: usize,
    /// The bands around it, from and to.
    around: (usize, usize),
    /// The class below its centre; the next one gets the rest.
    class: usize,
    /// Share of both classes, already divided by the sum of all shares of the class.
    shares: (f32, f32),
}

impl ChromaFold {
    /// The fold of the bands that a front end describes.
    pub fn new(front_end: &FrontEnd) -> Self {
        let [low_hz, high_hz] = audio_pooled::CHROMA_HZ.map(f64::from);
        let semitones: Vec<f64> = centre_hz(front_end).iter().map(|hz| (hz / A4.0).log2() * 12.0 + A4.1).collect();
        let in_range = |semitone: f64| (low_hz..=high_hz).contains(&(A4.0 * ((semitone - A4.1) / 12.0).exp2()));
        let mut totals = [0.0; N_CLASSES];
        let mut bands = Vec::new();
        for (band, &semitone) in semitones.iter().enumerate().filter(|(_, semitone)| in_range(**semitone)) {
            let first = semitones.partition_point(|&other| other < semitone - NEIGHBOUR_SEMITONES);
            let end = semitones.partition_point(|&other| other <= semitone + NEIGHBOUR_SEMITONES);
            let class = (semitone.floor() as i64).rem_euclid(N_CLASSES as i64) as usize;
            let upper = (semitone - semitone.floor()) as f32;
            totals[class] += 1.0 - upper;
            totals[(class + 1) % N_CLASSES] += upper;
            bands.push(Fold { band, around: (first, end), class, shares: (1.0 - upper, upper) });
        }
        for fold in &mut bands {
            fold.shares.0 /= totals[fold.class].max(f32::MIN_POSITIVE);
            fold.shares.1 /= totals[(fold.class + 1) % N_CLASSES].max(f32::MIN_POSITIVE);
        }
        Self { sums: vec![0.0; semitones.len() + 1], bands }
    }

    /// `chroma` `[12]` from C, mean zero, of `bands`, log10 units. Allocates nothing.
    pub fn apply(&mut self, bands: &[f32], chroma: &mut [f32; N_CLASSES]) {
        for (idx, &band) in bands.iter().take(self.sums.len() - 1).enumerate() {
            self.sums[idx + 1] = self.sums[idx] + band;
        }
        chroma.fill(0.0);
        for fold in &self.bands {
            let (first, end) = fold.around;
            let around = (self.sums[end] - self.sums[first]) / (end - first) as f32;
            let above = bands[fold.band] - around;
            chroma[fold.class] += fold.shares.0 * above;
            chroma[(fold.class + 1) % N_CLASSES] += fold.shares.1 * above;
        }
        let mean = chroma.iter().sum::<f32>() / N_CLASSES as f32;
        chroma.iter_mut().for_each(|value| *value -= mean);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chroma(bands: &[f32]) -> [f32; N_CLASSES] {
        let mut chroma = [0.0; N_CLASSES];
        ChromaFold::new(&FrontEnd::default()).apply(bands, &mut chroma);
        chroma
    }

    fn loudest(chroma: &[f32; N_CLASSES]) -> usize {
        (0..N_CLASSES).max_by(|&a, &b| chroma[a].total_cmp(&chroma[b])).unwrap_or_default()
    }

    #[test]
    fn a_band_at_a_note_is_its_pitch_class_in_every_octave() {
        let centres = centre_hz(&FrontEnd::default());
        // A5, C6, E6, A6.
        for (hz, class) in [(880.0, 9), (1046.5, 0), (1318.5, 4), (1760.0, 9)] {
            let nearest = (0..centres.len()).min_by(|&a, &b| (centres[a] - hz).abs().total_cmp(&(centres[b] - hz).abs())).unwrap();
            let mut bands = vec![0.5; centres.len()];
            bands[nearest] = 1.5;
            let chroma = chroma(&bands);
            assert_eq!(loudest(&chroma), class, "{hz} Hz: {chroma:?}");
            assert!(chroma.iter().sum::<f32>().abs() < 1e-5);
        }
    }

    #[test]
    fn what_is_the_same_in_every_band_is_no_pitch() {
        for level in [0.0, 1.0] {
            assert!(chroma(&[level; 136]).iter().all(|value| value.abs() < 1e-5));
        }
    }

    #[test]
    fn a_tilt_is_little_beside_a_note() {
        let tilted: Vec<f32> = (0..136).map(|band| 2.0 - 0.01 * band as f32).collect();
        assert!(chroma(&tilted).iter().all(|value| value.abs() < 0.02), "{:?}", chroma(&tilted));
    }

    #[test]
    fn notes_outside_of_the_range_do_not_count() {
        let mut bands = [0.0; 136];
        bands[3] = 1.0;
        bands[135] = 1.0;
        assert_eq!(chroma(&bands), [0.0; N_CLASSES]);
    }
}
