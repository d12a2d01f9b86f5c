//! A 64 x 64 picture of a Julia set on the processor, for reports: is anything to be seen, and how bright is it?
//!
//! The pixels are levels of the smooth escape time, as a shader would colour them; no palette, so that what is measured is the shape.

use crate::N_CONTROLS;
use crate::julia::julia_c;

/// Pixels along an edge.
pub const SIZE: usize = 64;
/// Steps after which a point counts as captive.
const N_MAX: u32 = 96;
/// |z|^2 beyond which it is gone.
const ESCAPE_SQUARED: f64 = 256.0;
/// Half of the window's width and height at zoom 0.
const HALF: [f64; 2] = [1.5, 1.2];
/// What is left of the window at zoom 1.
const NEAREST: f64 = 0.55;
/// Classes of escape time whose entropy is taken.
const N_CLASSES: usize = 32;

/// Levels of smooth escape time in [0, 1], row by row: 0 gone at once, 1 captive.
pub fn render(controls: &[f64; N_CONTROLS]) -> [f32; SIZE * SIZE] {
    let c = julia_c(controls);
    let scale = 1.0 - (1.0 - NEAREST) * controls[3];
    let full = f64::from(N_MAX).ln_1p();
    std::array::from_fn(|k| {
        let x = (2.0 * ((k % SIZE) as f64 + 0.5) / SIZE as f64 - 1.0) * HALF[0] * scale;
        let y = (2.0 * ((k / SIZE) as f64 + 0.5) / SIZE as f64 - 1.0) * HALF[1] * scale;
        (escape_time([x, y], c).ln_1p() / full) as f32
    })
}

/// Smooth number of steps until `z` is gone under z^2 + c, at most [`N_MAX`].
fn escape_time(mut z: [f64; 2], c: [f64; 2]) -> f64 {
    for n in 0..N_MAX {
        z = [z[0] * z[0] - z[1] * z[1] + c[0], 2.0 * z[0] * z[1] + c[1]];
        let squared = z[0] * z[0] + z[1] * z[1];
        if squared > ESCAPE_SQUARED {
            return (f64::from(n + 1) - (0.5 * squared.ln()).log2() + 1.0).max(0.0);
        }
    }
    f64::from(N_MAX)
}

/// Entropy of the levels in 32 classes, bits: 0 = one colour, 5 = all alike often.
pub fn entropy_bits(levels: &[f32]) -> f64 {
    let mut counts = [0u32; N_CLASSES];
    for level in levels {
        counts[((level * N_CLASSES as f32) as usize).min(N_CLASSES - 1)] += 1;
    }
    let share = |count: u32| f64::from(count) / levels.len().max(1) as f64;
    -counts.iter().filter(|count| **count > 0).map(|count| share(*count) * share(*count).log2()).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use model_contracts::v1::controller::CONTROL_REST;

    #[test]
    fn one_colour_has_no_entropy() {
        assert_eq!((entropy_bits(&[0.3; 64]), entropy_bits(&[])), (0.0, 0.0));
        let all: Vec<f32> = (0..32).map(|k| (k as f32 + 0.5) / 32.0).collect();
        assert!((entropy_bits(&all) - 5.0).abs() < 1e-12);
    }

    #[test]
    fn a_disc_escapes_as_computed_by_hand() {
        // Under z^2 a point at 2 is at 16^2 > 256 after 4 steps: 2, 4, 16, 256.
        let time = escape_time([2.0, 0.0], [0.0, 0.0]);
        assert!((time - (3.0 + 1.0 - 256f64.ln().log2())).abs() < 1e-12, "{time}");
        assert_eq!(escape_time([0.5, 0.0], [0.0, 0.0]), f64::from(N_MAX));
    }

    #[test]
    fn every_place_on_the_path_is_worth_looking_at() {
        for k in 0..=40 {
            let mut controls = CONTROL_REST;
            (controls[0], controls[1]) = (f64::from(k) / 40.0, 0.0);
            let entropy = entropy_bits(&render(&controls));
            assert!(entropy > 2.5, "{k}: {entropy}");
        }
    }
}
