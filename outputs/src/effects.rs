//! Light effects: the music at one moment and the number of a pixel in, a colour out. Pure, so the same picture every time.
//!
//! ```text
//! View -> SectionFader (colour of the section) -> Scene -> Effect::pixel, each pixel -> brightness -> bytes -> FlashLimiter
//! ```
//!
//! Effects know beats before they fall, so a pulse begins with the beat instead of after it. Quick tempos are pulsed on every
//! second beat; whatever an effect draws, the last stage is [`FlashLimiter`](flash_limit::FlashLimiter).

mod bands;
mod bars;
mod build;
mod chase;
pub mod colour;
pub mod flash_limit;
pub mod palette;
mod pulse;
pub mod rhythm;

use serde::{Deserialize, Serialize};

use self::colour::Rgb;
use crate::view::View;

/// What is lit while a source is there and no beats are announced: this much of the section's colour.
pub const IDLE_LEVEL: f32 = 0.12;

/// What a pixel is drawn from.
#[derive(Debug, Clone, Copy)]
pub struct Scene<'a> {
    /// The music.
    pub view: &'a View,
    /// Colour of the section that plays, cross-faded.
    pub colour: Rgb,
    /// Colour of downbeats and releases.
    pub accent: Rgb,
    /// Pixels of the strip; 1 or more.
    pub n_pixels: usize,
}

impl Scene<'_> {
    /// Where a pixel lies: 0 at the first, towards 1 at the last.
    fn place(&self, pixel_idx: usize) -> f32 {
        pixel_idx as f32 / self.n_pixels.max(1) as f32
    }
}

/// What is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// The whole strip lights up on the beat and falls until the next; downbeats in the accent's colour and to the full.
    #[default]
    Pulse,
    /// A light with a tail runs along the strip once a bar; its head is in the accent's colour as the bar begins.
    Chase,
    /// The strip is the bar, cut into its beats, and fills from beat to beat.
    Bars,
    /// The strip fills from both ends with the probability of a boundary within 8 beats, and is released when the section changes.
    Build,
    /// The spectrum, low to high along the strip; as `pulse` where the source tells no spectrum.
    Bands,
}

impl Effect {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Pulse, Self::Chase, Self::Bars, Self::Build, Self::Bands];

    /// Colour of a pixel, each part in `[0, 1]`.
    pub fn pixel(self, scene: &Scene<'_>, pixel_idx: usize) -> Rgb {
        let colour = match self {
            Self::Pulse => pulse::pixel(scene),
            Self::Chase => chase::pixel(scene, pixel_idx),
            Self::Bars => bars::pixel(scene, pixel_idx),
            Self::Build => build::pixel(scene, pixel_idx),
            Self::Bands => bands::pixel(scene, pixel_idx),
        };
        colour.scaled(presence(scene.view.age_sec)).within_range()
    }
}

/// Falls from 1 to 0 while a source is gone for 1 to 2 seconds.
fn presence(age_sec: f64) -> f32 {
    rhythm::unit((2.0 - age_sec) as f32)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::event::Beat;

    /// In the middle of a bar of four at 120 BPM.
    pub(super) fn view(beat_in_bar: u8, phase: f32) -> View {
        let beat = Beat { beat_in_bar, beats_per_bar: 4, intensity: 1.0, number: u64::from(beat_in_bar) - 1, ..Beat::default() };
        View { beat: Some(beat), phase, locked: true, bpm: 120.0, period_sec: 0.5, section: Some(2), section_beats: 9.0, ..View::default() }
    }

    pub(super) fn scene(view: &View) -> Scene<'_> {
        Scene { view, colour: Rgb::new(0.0, 0.0, 1.0), accent: Rgb::WHITE, n_pixels: 40 }
    }

    #[test]
    fn lights_fade_to_black_when_the_source_is_gone() {
        for effect in Effect::ALL {
            let light = |age_sec| {
                let view = View { age_sec, bands: [1.0; 16], hazard_probs: [1.0; 5], ..view(1, 0.0) };
                (0..40).map(|idx| effect.pixel(&scene(&view), idx).sum()).sum::<f32>()
            };
            assert!(light(0.5) > 0.0 && light(0.9) == light(0.0), "{effect:?}");
            assert!((light(1.5) / light(0.0) - 0.5).abs() < 0.01, "{effect:?}");
            assert_eq!((light(2.0), light(1e9), light(f64::NAN)), (0.0, 0.0, 0.0), "{effect:?}");
        }
    }

    #[test]
    fn effects_are_called_in_settings_as_in_the_docs() {
        let names: Vec<_> = Effect::ALL.iter().map(|effect| serde_json::to_string(effect).unwrap()).collect();
        assert_eq!(names, ["\"pulse\"", "\"chase\"", "\"bars\"", "\"build\"", "\"bands\""]);
    }

    proptest! {
        #[test]
        fn any_picture_makes_colours_within_range_and_the_same_ones_again(
            numbers in proptest::collection::vec(any::<f32>(), 30),
            beat in proptest::option::of((any::<u64>(), any::<u8>(), any::<u8>())),
            locked: bool,
            n_pixels in 1_usize..50,
        ) {
            let beat = beat.map(|(number, beat_in_bar, beats_per_bar)| Beat {
                number, beat_in_bar, beats_per_bar, intensity: numbers[0], ..Beat::default()
            });
            let view = View {
                beat, locked, phase: numbers[1], period_sec: f64::from(numbers[2]), section: Some(1), section_beats: f64::from(numbers[3]),
                hazard_probs: std::array::from_fn(|idx| numbers[4 + idx]), bands: std::array::from_fn(|idx| numbers[9 + idx]),
                level: numbers[25], ..View::default()
            };
            let scene = Scene { view: &view, colour: Rgb::new(1.0, 0.5, 0.0), accent: Rgb::WHITE, n_pixels };
            for effect in Effect::ALL {
                for idx in 0..n_pixels {
                    let colour = effect.pixel(&scene, idx);
                    prop_assert!([colour.r, colour.g, colour.b].iter().all(|part| (0.0..=1.0).contains(part)), "{effect:?} {colour:?}");
                    prop_assert_eq!(colour, effect.pixel(&scene, idx));
                }
            }
        }
    }
}
