//! Painting in design units: text that fits its place, panels, bars. GUI THREAD.

use egui::text::{LayoutJob, TextWrapping};
use egui::{Align2, Color32, CornerRadius, Painter, Pos2, Rect, Shape, Stroke, StrokeKind, Vec2, pos2, vec2};

use crate::theme;

/// Text becomes smaller down to this share of its size before it is cut.
const LEAST_SHRINK: f32 = 0.72;
/// Steps from the full size to the smallest.
const SHRINK_STEPS: usize = 6;

/// A painter with a scale.
pub(crate) struct Canvas {
    pub(crate) painter: Painter,
    /// Points per design unit.
    pub(crate) scale: f32,
}

impl Canvas {
    /// Design units as points.
    pub(crate) fn pt(&self, units: f32) -> f32 {
        units * self.scale
    }

    /// A panel's ground.
    pub(crate) fn panel(&self, rect: Rect) {
        self.fill(rect, theme::PANEL, theme::CORNER);
    }

    /// A filled rectangle with round corners, design units.
    pub(crate) fn fill(&self, rect: Rect, color: Color32, corner: f32) {
        self.painter.rect_filled(rect, self.corner(corner), color);
    }

    /// The edge of a rectangle.
    pub(crate) fn edge(&self, rect: Rect, color: Color32, corner: f32) {
        self.painter.rect_stroke(rect, self.corner(corner), self.stroke(1.0, color), StrokeKind::Inside);
    }

    /// A line `width` design units wide.
    pub(crate) fn stroke(&self, width: f32, color: Color32) -> Stroke {
        Stroke::new(self.pt(width), color)
    }

    /// Text of `size` design units within `rect`: smaller where it does not fit, cut with an ellipsis where that is not enough.
    pub(crate) fn text(&self, rect: Rect, align: Align2, text: &str, size: f32, color: Color32) -> Rect {
        if text.is_empty() || !rect.is_positive() {
            return Rect::from_min_size(rect.min, Vec2::ZERO);
        }
        let mut size = self.pt(size);
        let least = size * LEAST_SHRINK;
        let step = (size - least) / SHRINK_STEPS as f32;
        let mut galley = self.painter.layout_no_wrap(text.to_owned(), theme::font(size), color);
        while galley.size().x > rect.width() && size > least {
            size -= step;
            galley = self.painter.layout_no_wrap(text.to_owned(), theme::font(size), color);
        }
        if galley.size().x > rect.width() {
            let mut job = LayoutJob::simple_singleline(text.to_owned(), theme::font(size), color);
            job.wrap = TextWrapping::truncate_at_width(rect.width());
            galley = self.painter.layout_job(job);
        }
        let placed = align.align_size_within_rect(galley.size(), rect);
        self.painter.galley(placed.min, galley, color);
        placed
    }

    /// A bar from left to right in a well.
    pub(crate) fn bar(&self, rect: Rect, share: f32, color: Color32) {
        let corner = rect.height() / self.scale / 2.0;
        self.fill(rect, theme::WELL, corner);
        if share > 0.0 {
            let width = (rect.width() * share.min(1.0)).max(rect.height());
            self.fill(Rect::from_min_size(rect.min, vec2(width, rect.height())), color, corner);
        }
    }

    /// Part of a circle, from the top clockwise; angles in turns.
    pub(crate) fn arc(&self, center: Pos2, radius: f32, from: f32, to: f32, stroke: Stroke) {
        let n_points = (((to - from).abs() * 96.0) as usize).max(2);
        let point = |n: usize| {
            let angle = std::f32::consts::TAU * (from + (to - from) * n as f32 / n_points as f32);
            pos2(center.x + radius * angle.sin(), center.y - radius * angle.cos())
        };
        self.painter.add(Shape::line((0..=n_points).map(point).collect(), stroke));
    }

    /// A line of dashes from top to bottom.
    pub(crate) fn dashes(&self, x: f32, top: f32, bottom: f32, stroke: Stroke) {
        let line = [pos2(x, top), pos2(x, bottom)];
        self.painter.extend(Shape::dashed_line(&line, stroke, self.pt(4.0), self.pt(3.0)));
    }

    fn corner(&self, units: f32) -> CornerRadius {
        CornerRadius::same(self.pt(units).clamp(0.0, 250.0) as u8)
    }
}
