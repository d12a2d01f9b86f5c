//! The effect `build`: the strip fills as a boundary comes near, and is released when the section changes. Pure.

use super::colour::Rgb;
use super::rhythm::{pulse, unit};
use super::{IDLE_LEVEL, Scene};

/// Index of "within 8 beats" in [`View::hazard_probs`](crate::view::View::hazard_probs).
const WITHIN_8_BEATS: usize = 3;
/// The release is over after so many beats of the new section.
const RELEASE_BEATS: f32 = 4.0;
/// Softness of the edge, as a share of half the strip.
const EDGE: f32 = 0.1;
/// Light of the part that is filled, on its way.
const FILLED_LEVEL: f32 = 0.5;
/// How much beats are seen in the rest.
const BEAT_LEVEL: f32 = 0.25;

pub(super) fn pixel(scene: &Scene<'_>, pixel_idx: usize) -> Rgb {
    let view = scene.view;
    let prob = unit(view.hazard_probs[WITHIN_8_BEATS]);
    // 0 at both ends, 1 in the middle.
    let half = (scene.n_pixels.max(2) - 1) as f32 / 2.0;
    let from_end = 1.0 - ((pixel_idx as f32 - half) / half).abs();
    // The edge starts outside the strip, so that nothing is filled at a probability of 0 and everything at 1.
    let filled = unit((prob * (1.0 + EDGE) - from_end) / EDGE);
    let beat = if view.locked { BEAT_LEVEL * pulse(view).level } else { 0.0 };
    let level = (IDLE_LEVEL + beat).max(filled * (FILLED_LEVEL + (1.0 - FILLED_LEVEL) * prob));
    let is_released = view.section.is_some() && view.section_beats >= 0.0;
    let left = if is_released { 1.0 - unit(view.section_beats as f32 / RELEASE_BEATS) } else { 0.0 };
    scene.colour.mixed(scene.accent, filled * prob * 0.5).scaled(level).mixed(scene.accent, left * left)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{scene, view};
    use super::*;
    use crate::view::View;

    fn n_lit(prob: f32) -> usize {
        let view = View { hazard_probs: [0.0, 0.0, 0.0, prob, 1.0], ..view(2, 0.999) };
        (0..40).filter(|&idx| pixel(&scene(&view), idx).sum() > 0.3).count()
    }

    #[test]
    fn the_strip_fills_from_both_ends_with_the_probability() {
        assert_eq!((n_lit(0.0), n_lit(1.0)), (0, 40));
        assert!((16..=26).contains(&n_lit(0.5)), "{}", n_lit(0.5));
        let view = View { hazard_probs: [0.0, 0.0, 0.0, 0.5, 1.0], ..view(2, 0.999) };
        assert_eq!(pixel(&scene(&view), 0), pixel(&scene(&view), 39));
        assert!(pixel(&scene(&view), 0).sum() > pixel(&scene(&view), 20).sum());
    }

    #[test]
    fn a_new_section_releases_the_whole_strip_and_decays() {
        let light = |section_beats| pixel(&scene(&View { section_beats, ..view(1, 0.999) }), 20);
        assert_eq!(light(0.0), Rgb::WHITE);
        assert!((light(2.0).r - 0.25).abs() < 0.05 && light(4.0).r < 0.01);
        let unknown = View { section: None, section_beats: 0.0, ..view(1, 0.999) };
        assert!(pixel(&scene(&unknown), 20).r < 0.01);
    }
}
