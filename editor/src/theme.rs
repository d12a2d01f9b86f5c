//! Colours and sizes: dark, of the Okabe-Ito palette (M. Okabe and K. Ito, "Color Universal Design", 2008), which people with
//! any common colour vision tell apart. No meaning rests on a colour alone: a word, a form or a size says it again.

use egui::{Color32, CornerRadius, FontId, Stroke, Visuals};

/// Behind everything.
pub const BACKGROUND: Color32 = Color32::from_rgb(0x12, 0x15, 0x1A);
/// A panel.
pub const PANEL: Color32 = Color32::from_rgb(0x1B, 0x20, 0x27);
/// A well within a panel: tracks of bars, the scroll.
pub const WELL: Color32 = Color32::from_rgb(0x0D, 0x10, 0x14);
/// A button, a value.
pub const RAISED: Color32 = Color32::from_rgb(0x2A, 0x31, 0x3B);
/// ... under the pointer.
pub const HOVERED: Color32 = Color32::from_rgb(0x36, 0x3F, 0x4B);
/// Edges.
pub const EDGE: Color32 = Color32::from_rgb(0x3A, 0x43, 0x4F);
/// Text.
pub const TEXT: Color32 = Color32::from_rgb(0xEC, 0xF0, 0xF4);
/// Text that may be read later: at least 4.5 to 1 on a panel.
pub const DIM: Color32 = Color32::from_rgb(0xA3, 0xAE, 0xBC);
/// Beats.
pub const BEAT: Color32 = Color32::from_rgb(0x56, 0xB4, 0xE9);
/// Downbeats, and what needs attention.
pub const DOWNBEAT: Color32 = Color32::from_rgb(0xE6, 0x9F, 0x00);
/// In order.
pub const GOOD: Color32 = Color32::from_rgb(0x00, 0xB8, 0x86);
/// Wrong.
pub const BAD: Color32 = Color32::from_rgb(0xF2, 0x78, 0x28);
/// Corners, points.
pub const CORNER: f32 = 6.0;

/// Text of this size, points.
pub fn font(size: f32) -> FontId {
    FontId::proportional(size)
}

/// Looks of what egui paints itself: tooltips and lists, in text of `scale`.
pub fn style(base: &egui::Style, scale: f32) -> egui::Style {
    let mut style = base.clone();
    style.visuals = Visuals::dark();
    style.visuals.window_fill = PANEL;
    style.visuals.window_stroke = Stroke::new(1.0, EDGE);
    style.visuals.window_corner_radius = CornerRadius::same(CORNER as u8);
    style.visuals.menu_corner_radius = CornerRadius::same(CORNER as u8);
    style.visuals.override_text_color = Some(TEXT);
    style.visuals.selection.bg_fill = BEAT.gamma_multiply(0.45);
    for font in style.text_styles.values_mut() {
        *font = self::font(13.0 * scale);
    }
    style.interaction.selectable_labels = false;
    style.spacing.item_spacing = egui::vec2(4.0, 2.0) * scale;
    style.spacing.button_padding = egui::vec2(8.0, 4.0) * scale;
    style
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Contrast as WCAG 2.2 defines it.
    fn contrast(a: Color32, b: Color32) -> f32 {
        let linear = |byte: u8| {
            let value = f32::from(byte) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        let luminance = |c: Color32| 0.2126 * linear(c.r()) + 0.7152 * linear(c.g()) + 0.0722 * linear(c.b());
        let (a, b) = (luminance(a) + 0.05, luminance(b) + 0.05);
        a.max(b) / a.min(b)
    }

    #[test]
    fn text_stands_out_from_what_is_behind_it() {
        assert!((contrast(Color32::WHITE, Color32::BLACK) - 21.0).abs() < 0.01);
        for behind in [BACKGROUND, PANEL, WELL, RAISED] {
            for text in [TEXT, DIM, BEAT, DOWNBEAT, GOOD, BAD] {
                assert!(contrast(text, behind) >= 4.5, "{text:?} on {behind:?}: {:.2}", contrast(text, behind));
            }
        }
    }
}
