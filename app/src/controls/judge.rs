//! What would be drawn of a trace of controls: constants, distances, brightness, pictures. Main thread.

use controller::flashes::luminance;
use controller::julia::{boundary_distance, julia_c};
use controller::picture::{entropy_bits, render};
use controller::{N_CONTROLS, STEP_SEC};

/// Steps of the critical orbit.
const N_MAX: u32 = 2000;

/// Numbers of a trace.
pub(super) struct Judged {
    pub(super) c: Vec<[f64; 2]>,
    pub(super) distance: Vec<f64>,
    pub(super) luminance: Vec<f64>,
    pub(super) picture_mean: Vec<f64>,
    /// Once a second, from the first step on.
    pub(super) entropy_bits: Vec<f64>,
}

impl Judged {
    pub(super) fn of(controls: &[[f64; N_CONTROLS]]) -> Self {
        let steps_per_sec = (1.0 / STEP_SEC).round() as usize;
        let c: Vec<[f64; 2]> = controls.iter().map(julia_c).collect();
        let distance = c.iter().map(|c| boundary_distance(*c, N_MAX)).collect();
        let (mut picture_mean, mut entropies) = (Vec::with_capacity(controls.len()), Vec::new());
        for (k, controls) in controls.iter().enumerate() {
            let levels = render(controls);
            picture_mean.push(levels.iter().map(|level| f64::from(*level)).sum::<f64>() / levels.len() as f64);
            if k % steps_per_sec == 0 {
                entropies.push(entropy_bits(&levels));
            }
        }
        Self { c, distance, luminance: controls.iter().map(luminance).collect(), picture_mean, entropy_bits: entropies }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_gives_a_number_a_step_and_an_entropy_a_second() {
        let judged = Judged::of(&[[0.5; N_CONTROLS]; 61]);
        assert_eq!((judged.c.len(), judged.distance.len(), judged.luminance.len(), judged.entropy_bits.len()), (61, 61, 61, 2));
        assert!(judged.distance[0] > 0.0 && judged.picture_mean[0] > 0.0 && judged.entropy_bits[1] > 2.0);
        assert!(Judged::of(&[]).entropy_bits.is_empty());
    }
}
