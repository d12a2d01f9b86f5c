//! The effect `pulse`: the whole strip lights up with the beat. Pure.

use super::colour::Rgb;
use super::rhythm::pulse;
use super::{IDLE_LEVEL, Scene};

/// Light between the beats.
const FLOOR: f32 = 0.08;
/// How far a downbeat goes to the accent's colour.
const ACCENT_SHARE: f32 = 0.6;

pub(super) fn pixel(scene: &Scene<'_>) -> Rgb {
    if !scene.view.locked {
        return scene.colour.scaled(IDLE_LEVEL);
    }
    let pulse = pulse(scene.view);
    // The same colour from the downbeat to the next beat: a colour that moved back within it would be a flash more.
    let accent_share = if pulse.is_downbeat { ACCENT_SHARE } else { 0.0 };
    scene.colour.mixed(scene.accent, accent_share).scaled(FLOOR + (1.0 - FLOOR) * pulse.level)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{scene, view};
    use super::*;

    #[test]
    fn downbeats_are_brighter_and_whiter_than_beats() {
        let (downbeat, beat, between) = (view(1, 0.0), view(2, 0.0), view(2, 0.99));
        let colours = [&downbeat, &beat, &between].map(|view| pixel(&scene(view)));
        assert_eq!(colours[0], Rgb::new(0.6, 0.6, 1.0));
        assert!((colours[1].b - (0.08 + 0.92 * 0.6)).abs() < 1e-6 && colours[1].r == 0.0);
        assert!((colours[2].b - 0.08).abs() < 1e-3);
    }
}
