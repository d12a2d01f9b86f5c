//! The effect `bands`: the spectrum along the strip. Pure.

use super::colour::Rgb;
use super::rhythm::{pulse, unit};
use super::{Scene, pulse as pulse_effect};
use crate::view::N_BANDS;

/// Light of a silent band.
const FLOOR: f32 = 0.02;
/// How much downbeats go to the accent's colour.
const ACCENT_SHARE: f32 = 0.4;

pub(super) fn pixel(scene: &Scene<'_>, pixel_idx: usize) -> Rgb {
    let bands = &scene.view.bands;
    if bands.iter().all(|&band| unit(band) == 0.0) {
        return pulse_effect::pixel(scene);
    }
    // Between the centres of two bands the value lies between theirs.
    let place = (scene.place(pixel_idx) * N_BANDS as f32 - 0.5).clamp(0.0, (N_BANDS - 1) as f32);
    let (idx, share) = (place as usize, place.fract());
    let value = unit(bands[idx]) * (1.0 - share) + unit(bands[(idx + 1).min(N_BANDS - 1)]) * share;
    let colour = scene.colour.mixed(scene.accent, pulse(scene.view).accent * ACCENT_SHARE);
    colour.scaled(FLOOR + (1.0 - FLOOR) * value * value)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{scene, view};
    use super::*;
    use crate::view::View;

    #[test]
    fn low_bands_are_at_the_beginning_of_the_strip() {
        let mut view = view(2, 0.5);
        view.bands[0] = 1.0;
        view.bands[15] = 0.5;
        let light = |idx| pixel(&scene(&view), idx).b;
        assert_eq!(light(0), 1.0);
        assert!((light(39) - (FLOOR + 0.98 * 0.25)).abs() < 0.05, "{}", light(39));
        assert_eq!(light(20), FLOOR);
    }

    #[test]
    fn a_source_without_a_spectrum_is_pulsed() {
        let view = View { bands: [0.0; N_BANDS], ..view(1, 0.0) };
        assert_eq!(pixel(&scene(&view), 7), pulse_effect::pixel(&scene(&view)));
    }
}
