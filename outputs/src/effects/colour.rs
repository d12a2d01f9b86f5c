//! Colours as light: red, green and blue in `[0, 1]`, proportional to what an LED is driven with. Pure.

/// A colour; each part in `[0, 1]`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Rgb {
    /// Red.
    pub r: f32,
    /// Green.
    pub g: f32,
    /// Blue.
    pub b: f32,
}

impl Rgb {
    /// No light.
    pub const BLACK: Self = Self::new(0.0, 0.0, 0.0);
    /// All light.
    pub const WHITE: Self = Self::new(1.0, 1.0, 1.0);

    /// Of its parts.
    pub const fn new(r: f32, g: f32, b: f32) -> Self {
        Self { r, g, b }
    }

    /// Reads `#rrggbb`; `None` = it is something else.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
        let value = u32::from_str_radix(digits, 16).ok()?;
        let part = |shift: u32| ((value >> shift) & 0xff) as f32 / 255.0;
        Some(Self::new(part(16), part(8), part(0)))
    }

    /// So many times the light.
    #[must_use]
    pub fn scaled(self, by: f32) -> Self {
        Self::new(self.r * by, self.g * by, self.b * by)
    }

    /// This at a share of 0, `other` at 1.
    #[must_use]
    pub fn mixed(self, other: Self, share: f32) -> Self {
        let mix = |from: f32, to: f32| from + (to - from) * share;
        Self::new(mix(self.r, other.r), mix(self.g, other.g), mix(self.b, other.b))
    }

    /// Parts that are too large or small stop at the ends; what is no number is dark.
    #[must_use]
    pub fn within_range(self) -> Self {
        let part = |value: f32| if value.is_nan() { 0.0 } else { value.clamp(0.0, 1.0) };
        Self::new(part(self.r), part(self.g), part(self.b))
    }

    /// Sum of the parts.
    pub fn sum(self) -> f32 {
        self.r + self.g + self.b
    }

    /// What the LED is sent.
    pub fn to_bytes(self) -> [u8; 3] {
        let Self { r, g, b } = self.within_range();
        [r, g, b].map(|part| (part * 255.0).round() as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_written_as_on_the_web() {
        assert_eq!(Rgb::parse("#ff8000").map(Rgb::to_bytes), Some([255, 128, 0]));
        for bad in ["", "ff8000", "#ff80", "#ff80001", "#gg0000", "#+f8000", "#äää", "red"] {
            assert_eq!(Rgb::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_mix_lies_between() {
        assert_eq!(Rgb::BLACK.mixed(Rgb::WHITE, 0.25), Rgb::new(0.25, 0.25, 0.25));
        assert_eq!(Rgb::new(f32::NAN, 7.0, -1.0).to_bytes(), [0, 255, 0]);
    }
}
