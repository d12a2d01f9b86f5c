//! Eight seconds of analysis: six that were, two that are foreseen; and the level beside them. GUI THREAD.
//!
//! Beats that were announced are solid lines, those to come are dashed; downbeats are longer and carry a 1.

use egui::epaint::Mesh;
use egui::{Align2, Color32, Rect, Shape, pos2, vec2};

use crate::canvas::Canvas;
use crate::format;
use crate::snapshot::{Mark, Run, ScopePoint, Snapshot};
use crate::theme;

/// Seconds before now.
pub const PAST_SEC: f32 = 6.0;
/// Seconds beyond now.
pub const FUTURE_SEC: f32 = 2.0;
/// Bottom of the level meter, dB of full scale.
const METER_DB: f32 = -60.0;
/// From here on the meter is of the colour that warns, dB of full scale.
const HOT_DB: f32 = -3.0;

pub(crate) fn show(canvas: &Canvas, rect: Rect, snapshot: &Snapshot) {
    canvas.fill(rect, theme::WELL, theme::CORNER);
    canvas.edge(rect, theme::PANEL, theme::CORNER);
    let axis_height = canvas.pt(14.0);
    let plot = Rect::from_min_max(rect.min + vec2(canvas.pt(6.0), canvas.pt(4.0)), rect.max - vec2(canvas.pt(6.0), axis_height));
    let x_of = |at_sec: f32| plot.left() + plot.width() * (at_sec + PAST_SEC) / (PAST_SEC + FUTURE_SEC);
    let clipped = Canvas { painter: canvas.painter.with_clip_rect(plot.expand2(vec2(canvas.pt(2.0), 0.0))), scale: canvas.scale };

    let foreseen = Rect::from_min_max(pos2(x_of(0.0), plot.top()), plot.max);
    canvas.fill(foreseen, theme::PANEL.gamma_multiply(0.55), 0.0);
    trace(&clipped, plot, &snapshot.scope, x_of, theme::BEAT, |point| point.beat_prob + point.downbeat_prob);
    trace(&clipped, plot, &snapshot.scope, x_of, theme::DOWNBEAT, |point| point.downbeat_prob);
    for mark in snapshot.marks.iter().filter(|mark| (-PAST_SEC..=FUTURE_SEC).contains(&mark.at_sec)) {
        beat_mark(&clipped, plot, x_of(mark.at_sec), mark);
    }
    canvas.painter.vline(x_of(0.0), plot.top()..=plot.bottom(), canvas.stroke(1.5, theme::TEXT));

    for (at_sec, label) in [(-6.0, "-6 s"), (-4.0, "-4"), (-2.0, "-2"), (0.0, "now"), (2.0, "+2 s")] {
        let align = match at_sec {
            -6.0 => Align2::LEFT_CENTER,
            2.0 => Align2::RIGHT_CENTER,
            _ => Align2::CENTER_CENTER,
        };
        let width = canvas.pt(60.0);
        let center = pos2(x_of(at_sec), plot.bottom() + axis_height / 2.0);
        let place = match at_sec {
            -6.0 => Rect::from_min_size(pos2(center.x, plot.bottom()), vec2(width, axis_height)),
            2.0 => Rect::from_min_size(pos2(center.x - width, plot.bottom()), vec2(width, axis_height)),
            _ => Rect::from_center_size(center, vec2(width, axis_height)),
        };
        canvas.text(place, align, label, 10.0, theme::DIM);
    }
    if snapshot.scope.is_empty() {
        let words = if snapshot.run == Run::Stopped { "nothing runs yet" } else { "nothing was heard yet" };
        canvas.text(plot, Align2::CENTER_CENTER, words, 13.0, theme::DIM);
    }
}

/// An activation as a filled area.
fn trace(
    canvas: &Canvas,
    plot: Rect,
    points: &[ScopePoint],
    x_of: impl Fn(f32) -> f32,
    color: Color32,
    value: impl Fn(&ScopePoint) -> f32,
) {
    let top_of = |point: &ScopePoint| plot.bottom() - 0.8 * plot.height() * value(point).clamp(0.0, 1.0);
    let fill = color.gamma_multiply(0.28);
    let mut mesh = Mesh::default();
    for (n, point) in points.iter().filter(|point| (-PAST_SEC..=0.0).contains(&point.at_sec)).enumerate() {
        let x = x_of(point.at_sec);
        mesh.colored_vertex(pos2(x, top_of(point)), fill);
        mesh.colored_vertex(pos2(x, plot.bottom()), fill);
        if n > 0 {
            let at = 2 * n as u32;
            mesh.add_triangle(at - 2, at - 1, at);
            mesh.add_triangle(at - 1, at, at + 1);
        }
    }
    if mesh.vertices.len() < 4 {
        return;
    }
    canvas.painter.add(Shape::mesh(mesh));
    let line = points.iter().filter(|point| (-PAST_SEC..=0.0).contains(&point.at_sec)).map(|point| pos2(x_of(point.at_sec), top_of(point)));
    canvas.painter.add(Shape::line(line.collect(), canvas.stroke(1.2, color)));
}

fn beat_mark(canvas: &Canvas, plot: Rect, x: f32, mark: &Mark) {
    let (color, top, width) = if mark.is_downbeat {
        (theme::DOWNBEAT, plot.top() + canvas.pt(10.0), 2.0)
    } else {
        (theme::BEAT, plot.top() + 0.35 * plot.height(), 1.4)
    };
    if mark.is_predicted {
        canvas.dashes(x, top, plot.bottom(), canvas.stroke(width, color));
    } else {
        canvas.painter.vline(x, top..=plot.bottom(), canvas.stroke(width, color));
    }
    if mark.is_downbeat {
        let place = Rect::from_center_size(pos2(x, plot.top() + canvas.pt(4.0)), vec2(canvas.pt(14.0), canvas.pt(11.0)));
        canvas.text(place, Align2::CENTER_CENTER, "1", 10.0, color);
    }
}

/// The level of the input: a bar with the highest of late as a line, and the number.
pub(crate) fn meter(canvas: &Canvas, rect: Rect, snapshot: &Snapshot) {
    let label_height = canvas.pt(14.0);
    let track = Rect::from_min_max(rect.min, rect.max - vec2(0.0, label_height));
    let track = Rect::from_center_size(track.center(), vec2(canvas.pt(16.0), track.height()));
    canvas.fill(track, theme::WELL, 3.0);
    let share = |db: f32| ((db - METER_DB) / -METER_DB).clamp(0.0, 1.0);
    let runs = !matches!(snapshot.run, Run::Stopped | Run::Waiting);
    let (level_db, peak_db) = if runs { (snapshot.level_db, snapshot.peak_db) } else { (-120.0, -120.0) };
    if share(level_db) > 0.0 {
        let color = if level_db >= HOT_DB { theme::DOWNBEAT } else { theme::GOOD };
        canvas.fill(track.with_min_y(track.bottom() - share(level_db) * track.height()), color, 2.0);
    }
    if share(peak_db) > 0.0 {
        let y = track.bottom() - share(peak_db) * track.height();
        canvas.painter.hline(track.x_range(), y, canvas.stroke(1.5, theme::TEXT));
    }
    for db in [-12.0, -24.0, -36.0, -48.0] {
        let y = track.bottom() - share(db) * track.height();
        canvas.painter.hline(track.right() + canvas.pt(2.0)..=track.right() + canvas.pt(5.0), y, canvas.stroke(1.0, theme::EDGE));
    }
    let label = Rect::from_min_max(pos2(rect.left(), rect.bottom() - label_height), rect.max);
    canvas.text(label, Align2::CENTER_CENTER, &format::level(level_db), 10.0, theme::DIM);
}
