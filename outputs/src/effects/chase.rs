//! The effect `chase`: a light runs along the strip once a bar. Pure.

use super::colour::Rgb;
use super::rhythm::{bar_place, pulse};
use super::{IDLE_LEVEL, Scene};

/// Length of the tail, as a share of the strip.
const TAIL_SHARE: f32 = 0.3;
/// Light outside of the tail.
const FLOOR: f32 = 0.03;

pub(super) fn pixel(scene: &Scene<'_>, pixel_idx: usize) -> Rgb {
    let Some(place) = bar_place(scene.view) else { return scene.colour.scaled(IDLE_LEVEL) };
    // How far behind the head, as a share of the strip; the strip's ends are joined.
    let behind = (place.share() - scene.place(pixel_idx)).rem_euclid(1.0);
    let left = (1.0 - behind / TAIL_SHARE).max(0.0);
    scene.colour.mixed(scene.accent, pulse(scene.view).accent * left).scaled(FLOOR + (1.0 - FLOOR) * left * left)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{scene, view};
    use super::*;

    fn brightest(beat_in_bar: u8, phase: f32) -> usize {
        let view = view(beat_in_bar, phase);
        let light = |idx: &usize| (pixel(&scene(&view), *idx).sum() * 1e6) as u64;
        (0..40).max_by_key(light).unwrap()
    }

    #[test]
    fn the_head_is_where_the_bar_is() {
        assert_eq!([brightest(1, 0.0), brightest(2, 0.0), brightest(3, 0.5), brightest(4, 0.9)], [0, 10, 25, 39]);
    }

    #[test]
    fn the_tail_is_behind_the_head_and_goes_round_the_end() {
        let view = view(1, 0.0);
        let light = |idx| pixel(&scene(&view), idx).sum();
        assert!(light(39) > light(35) && light(35) > light(30));
        assert!((light(20) - FLOOR).abs() < 1e-6 && (light(1) - FLOOR).abs() < 1e-6);
    }
}
