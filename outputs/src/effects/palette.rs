//! Colours by section, and the cross-fade from one to the next over a beat. Pure but for the colour that was left.

use std::collections::BTreeMap;

use super::colour::Rgb;
use super::rhythm::unit;
use crate::event::SECTION_LABELS;
use crate::output::TuningError;
use crate::view::View;

/// Name of the colour for music whose section is unknown.
pub const UNKNOWN: &str = "unknown";
/// A new section's colour is there after so many beats.
const FADE_BEATS: f64 = 1.0;
/// Colours unless told otherwise, in the order of the labels: dark and cold where music is calm, warm where it is not.
const USUAL_COLOURS: [Rgb; SECTION_LABELS.len()] = [
    Rgb::new(0.03, 0.05, 0.15), // silence
    Rgb::new(0.10, 0.20, 0.80), // intro
    Rgb::new(0.00, 0.60, 0.60), // verse
    Rgb::new(0.55, 0.20, 1.00), // pre-chorus
    Rgb::new(1.00, 0.20, 0.05), // chorus
    Rgb::new(0.10, 0.75, 0.25), // bridge
    Rgb::new(1.00, 0.60, 0.00), // inst
    Rgb::new(0.25, 0.15, 0.60), // outro
];
const USUAL_UNKNOWN: Rgb = Rgb::new(0.75, 0.55, 0.35);

/// A colour for each section, and one for unknown ones.
#[derive(Debug, Clone, PartialEq)]
pub struct Palette {
    sections: [Rgb; SECTION_LABELS.len()],
    unknown: Rgb,
}

impl Palette {
    /// The usual colours, with those of `colours` (label to `#rrggbb`) in place of some.
    ///
    /// # Errors
    /// A name that is no section, or a colour that is none.
    pub fn new(colours: &BTreeMap<String, String>) -> Result<Self, TuningError> {
        let mut palette = Self { sections: USUAL_COLOURS, unknown: USUAL_UNKNOWN };
        for (label, text) in colours {
            let bad = |value: String, expected| TuningError { name: "colours", value, expected };
            let colour = Rgb::parse(text).ok_or_else(|| bad(format!("{text:?} for {label}"), "colours like \"#ff8000\""))?;
            let section = SECTION_LABELS.iter().position(|known| known == label);
            match section {
                Some(idx) => palette.sections[idx] = colour,
                None if label == UNKNOWN => palette.unknown = colour,
                None => {
                    let expected = "silence, intro, verse, pre-chorus, chorus, bridge, inst, outro or unknown";
                    return Err(bad(format!("{label:?}"), expected));
                }
            }
        }
        Ok(palette)
    }

    /// Colour of a section.
    pub fn colour(&self, section: Option<u8>) -> Rgb {
        section.and_then(|idx| self.sections.get(usize::from(idx))).copied().unwrap_or(self.unknown)
    }
}

/// The colour to draw with now: fades over one beat from what was shown when the section changed.
#[derive(Debug, Clone)]
pub struct SectionFader {
    palette: Palette,
    section: Option<u8>,
    before: Rgb,
    shown: Rgb,
    is_fading: bool,
}

impl SectionFader {
    /// Of a palette; begins with the colour of unknown sections.
    pub fn new(palette: Palette) -> Self {
        let unknown = palette.colour(None);
        Self { palette, section: None, before: unknown, shown: unknown, is_fading: false }
    }

    /// The colour of the next picture.
    pub fn step(&mut self, view: &View) -> Rgb {
        if view.section != self.section {
            (self.section, self.before, self.is_fading) = (view.section, self.shown, true);
        }
        let share = unit((view.section_beats / FADE_BEATS) as f32);
        // Once there, it stays there: the count of beats may begin anew without another section.
        self.is_fading &= share < 1.0 && self.section.is_some();
        let colour = self.palette.colour(self.section);
        self.shown = if self.is_fading { self.before.mixed(colour, share) } else { colour };
        self.shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_fades_into_the_next_over_one_beat() {
        let colours = BTreeMap::from([("verse".into(), "#000000".into()), ("chorus".into(), "#ff0000".into())]);
        let mut fader = SectionFader::new(Palette::new(&colours).unwrap());
        let mut red = |section, section_beats| fader.step(&View { section: Some(section), section_beats, ..View::default() }).r;
        assert_eq!(red(2, 5.0), 0.0);
        assert_eq!([red(4, 0.0), red(4, 0.25), red(4, 0.5), red(4, 1.0)], [0.0, 0.25, 0.5, 1.0]);
        assert_eq!(red(4, 0.0), 1.0, "the same section again: nothing to fade from");
        // A change in the middle of a fade goes on from what is shown.
        assert_eq!([red(2, 0.0), red(2, 0.5), red(4, 0.0), red(4, 0.5)], [1.0, 0.5, 0.5, 0.75]);
    }

    #[test]
    fn what_is_no_section_or_no_colour_is_named() {
        let error = |label: &str, colour: &str| Palette::new(&BTreeMap::from([(label.into(), colour.into())])).unwrap_err().to_string();
        assert_eq!(
            error("drop", "#ff0000"),
            "colours: expected silence, intro, verse, pre-chorus, chorus, bridge, inst, outro or unknown, got \"drop\""
        );
        assert_eq!(error("chorus", "red"), "colours: expected colours like \"#ff8000\", got \"red\" for chorus");
        let palette = Palette::new(&BTreeMap::from([("unknown".into(), "#ffffff".into())])).unwrap();
        assert_eq!((palette.colour(None), palette.colour(Some(99))), (Rgb::WHITE, Rgb::WHITE));
    }
}
