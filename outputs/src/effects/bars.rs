//! The effect `bars`: the strip is the bar, and fills from beat to beat. Pure.

use super::colour::Rgb;
use super::rhythm::{bar_place, pulse};
use super::{IDLE_LEVEL, Scene};

/// Light of beats that have passed.
const PASSED_LEVEL: f32 = 0.35;
/// Light of beats to come.
const FLOOR: f32 = 0.03;

pub(super) fn pixel(scene: &Scene<'_>, pixel_idx: usize) -> Rgb {
    let Some(place) = bar_place(scene.view) else { return scene.colour.scaled(IDLE_LEVEL) };
    let beat = (scene.place(pixel_idx) * f32::from(place.beats)) as u8;
    match beat.cmp(&place.beat) {
        std::cmp::Ordering::Less => scene.colour.scaled(PASSED_LEVEL),
        std::cmp::Ordering::Greater => scene.colour.scaled(FLOOR),
        std::cmp::Ordering::Equal => {
            let pulse = pulse(scene.view);
            scene.colour.mixed(scene.accent, pulse.accent).scaled(PASSED_LEVEL + (1.0 - PASSED_LEVEL) * pulse.level)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{scene, view};
    use super::*;

    #[test]
    fn the_bar_fills_from_beat_to_beat() {
        let view = view(3, 0.999);
        let lights = [0, 9, 10, 20, 29, 30, 39].map(|idx| (pixel(&scene(&view), idx).b * 100.0).round() as u8);
        assert_eq!(lights, [35, 35, 35, 35, 35, 3, 3]);
    }

    #[test]
    fn the_beat_that_plays_is_the_brightest_and_the_first_is_in_the_accents_colour() {
        let (first, second) = (view(1, 0.0), view(2, 0.0));
        assert_eq!(pixel(&scene(&first), 5), Rgb::WHITE);
        let colour = pixel(&scene(&second), 15);
        assert!(colour.r == 0.0 && (colour.b - 0.74).abs() < 1e-6, "{colour:?}");
    }
}
