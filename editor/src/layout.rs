//! Where everything is. Pure: a window's size and a zoom in, rectangles out.
//!
//! Sizes are thought in design units and multiplied by the scale: the zoom, or less where the window is too small for it, so that
//! nothing ever overlaps or leaves the window.

use egui::{Rect, Vec2, pos2, vec2};

/// The window as it opens, design units.
pub const DEFAULT_SIZE: Vec2 = vec2(860.0, 460.0);
/// The smallest window that is laid out, design units; smaller ones shrink the picture.
pub const LEAST_SIZE: Vec2 = vec2(600.0, 400.0);
/// The largest window, design units.
pub const LARGEST_SIZE: Vec2 = vec2(1_600.0, 1_000.0);
const MARGIN: f32 = 10.0;
const GAP: f32 = 8.0;
const HEADER_HEIGHT: f32 = 22.0;
const LIGHTS_HEIGHT: f32 = 26.0;
const BUTTONS_HEIGHT: f32 = 34.0;
const VALUES_HEIGHT: f32 = 36.0;
const METER_WIDTH: f32 = 40.0;
/// Share of the free height that the three panels on top take; the scroll has the rest.
const TOP_SHARE: f32 = 0.63;

/// The rectangles of the window, points.
#[derive(Debug, Clone, PartialEq)]
pub struct Layout {
    /// Points per design unit.
    pub scale: f32,
    /// Name, trouble, zoom.
    pub header: Rect,
    /// The phase ring.
    pub phase: Rect,
    /// Tempo and lock.
    pub tempo: Rect,
    /// Section and boundaries.
    pub structure: Rect,
    /// Level.
    pub meter: Rect,
    /// The last seconds.
    pub scroll: Rect,
    /// Outputs, side by side.
    pub lights: Rect,
    /// What one says while it plays.
    pub buttons: Rect,
    /// What one sets about tracking.
    pub tracking: Rect,
    /// What one sets about outputs.
    pub outputs: Rect,
}

impl Layout {
    /// For a window of `size` points at this zoom, 1 = 100 %.
    pub fn new(size: Vec2, zoom: f32) -> Self {
        let fits = (size.x / LEAST_SIZE.x).min(size.y / LEAST_SIZE.y);
        let scale = zoom.min(fits).max(0.05);
        let size = size / scale;
        let width = size.x - 2.0 * MARGIN;
        let fixed = 2.0 * MARGIN + 6.0 * GAP + HEADER_HEIGHT + LIGHTS_HEIGHT + BUTTONS_HEIGHT + 2.0 * VALUES_HEIGHT;
        let free = size.y - fixed;
        let top_height = (TOP_SHARE * free).floor();
        let mut y = MARGIN;
        let mut row = |height: f32| {
            let row = Rect::from_min_size(pos2(MARGIN, y), vec2(width, height));
            y += height + GAP;
            row
        };
        let header = row(HEADER_HEIGHT);
        let top = row(top_height);
        let strip = row(free - top_height);
        let lights = row(LIGHTS_HEIGHT);
        let buttons = row(BUTTONS_HEIGHT);
        let tracking = row(VALUES_HEIGHT);
        let outputs = row(VALUES_HEIGHT);

        // The ring is as wide as it is high, where there is room.
        let phase_width = (top_height + 6.0).clamp(120.0, 0.24 * width);
        let half = ((width - phase_width - 2.0 * GAP) / 2.0).floor();
        let (phase, rest) = top.split_left_right_at_x(top.left() + phase_width);
        let tempo = Rect::from_min_size(rest.min + vec2(GAP, 0.0), vec2(half, top_height));
        let structure = Rect::from_min_max(pos2(tempo.right() + GAP, top.top()), top.max);
        let meter = Rect::from_min_size(strip.min, vec2(METER_WIDTH, strip.height()));
        let scroll = Rect::from_min_max(pos2(meter.right() + GAP, strip.top()), strip.max);
        let scaled = |rect: Rect| rect * scale;
        Self {
            scale,
            header: scaled(header),
            phase: scaled(phase),
            tempo: scaled(tempo),
            structure: scaled(structure),
            meter: scaled(meter),
            scroll: scaled(scroll),
            lights: scaled(lights),
            buttons: scaled(buttons),
            tracking: scaled(tracking),
            outputs: scaled(outputs),
        }
    }

    /// `n` equal parts of a row, `gap` design units apart.
    pub fn parts(&self, row: Rect, n: usize) -> Vec<Rect> {
        self.weighted(row, &vec![1.0; n])
    }

    /// Parts of a row with these shares of its width.
    pub fn weighted(&self, row: Rect, weights: &[f32]) -> Vec<Rect> {
        let gap = 6.0 * self.scale;
        let free = row.width() - gap * (weights.len().saturating_sub(1)) as f32;
        let unit = free / weights.iter().sum::<f32>();
        let mut left = row.left();
        let part = |weight: &f32| {
            let part = Rect::from_min_size(pos2(left, row.top()), vec2(unit * weight, row.height()));
            left = part.right() + gap;
            part
        };
        weights.iter().map(part).collect()
    }

    /// All regions.
    pub fn regions(&self) -> [Rect; 10] {
        [
            self.header,
            self.phase,
            self.tempo,
            self.structure,
            self.meter,
            self.scroll,
            self.lights,
            self.buttons,
            self.tracking,
            self.outputs,
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rounding of points.
    const SLACK: f32 = 0.01;

    #[test]
    fn nothing_overlaps_or_leaves_the_window_at_any_size_and_zoom() {
        for width in [100.0, 450.0, 600.0, 860.0, 1_200.0, 1_600.0, 4_800.0] {
            for height in [80.0, 300.0, 400.0, 460.0, 700.0, 2_000.0] {
                for zoom in [0.75, 1.0, 1.5, 2.0, 3.0] {
                    let layout = Layout::new(vec2(width, height), zoom);
                    let regions = layout.regions();
                    let window = Rect::from_min_size(pos2(0.0, 0.0), vec2(width, height)).expand(SLACK);
                    for (n, region) in regions.iter().enumerate() {
                        assert!(
                            region.is_positive() && window.contains_rect(*region),
                            "{width} x {height} at {zoom}: region {n}, {region:?}"
                        );
                        for other in &regions[n + 1..] {
                            assert!(!region.shrink(SLACK).intersects(*other), "{width} x {height} at {zoom}: {region:?} and {other:?}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn the_zoom_is_the_scale_where_the_window_has_room() {
        assert_eq!(Layout::new(DEFAULT_SIZE, 1.0).scale, 1.0);
        assert_eq!(Layout::new(DEFAULT_SIZE * 2.0, 2.0).scale, 2.0);
        // A host that does not give a larger window: what fits.
        assert_eq!(Layout::new(LEAST_SIZE, 3.0).scale, 1.0);
    }

    #[test]
    fn parts_fill_their_row() {
        let layout = Layout::new(DEFAULT_SIZE, 1.0);
        let parts = layout.weighted(layout.buttons, &[1.0, 2.0, 1.0]);
        assert_eq!((parts[0].left(), parts.len()), (layout.buttons.left(), 3));
        assert!((parts[2].right() - layout.buttons.right()).abs() < SLACK && (parts[1].width() - 2.0 * parts[0].width()).abs() < SLACK);
    }
}
