//! The section that plays, when it ends, and how probable that is. GUI THREAD.

use egui::{Align2, Rect, Ui, pos2, vec2};

use crate::canvas::Canvas;
use crate::format;
use crate::snapshot::{Run, Snapshot};
use crate::theme;

pub(crate) fn show(ui: &mut Ui, canvas: &Canvas, rect: Rect, snapshot: &Snapshot) {
    canvas.panel(rect);
    let inner = rect.shrink2(vec2(canvas.pt(12.0), canvas.pt(7.0)));
    let section = &snapshot.section;
    let row = |from: f32, to: f32| {
        Rect::from_min_max(pos2(inner.left(), inner.top() + from * inner.height()), pos2(inner.right(), inner.top() + to * inner.height()))
    };
    let runs = !matches!(snapshot.run, Run::Stopped | Run::Waiting);
    let now = section.now.filter(|_| runs);
    let (name, prob) = row(0.0, 0.30).split_left_right_at_fraction(0.72);
    let (word, color) = now.map_or(("section unknown", theme::DIM), |(word, _)| (word, theme::TEXT));
    canvas.text(name, Align2::LEFT_CENTER, word, if now.is_some() { 24.0 } else { 16.0 }, color);
    if let Some((_, share)) = now {
        canvas.text(prob, Align2::RIGHT_CENTER, &format::percent(share), 13.0, theme::DIM);
    }
    let words = if runs { format::countdown(section) } else { format::countdown(&Default::default()) };
    let is_near = words.starts_with("change");
    canvas.text(row(0.30, 0.46), Align2::LEFT_CENTER, &words, 12.0, if is_near { theme::DOWNBEAT } else { theme::DIM });

    let bars = row(0.50, 1.0);
    let label_height = canvas.pt(13.0);
    let unit_width = canvas.pt(34.0);
    let column = (bars.width() - unit_width) / 5.0;
    for (n, (beats, prob)) in section.horizons_beats.iter().zip(section.hazard_probs).enumerate() {
        let prob = if runs { prob } else { 0.0 };
        let place = Rect::from_min_size(pos2(bars.left() + column * n as f32, bars.top()), vec2(column, bars.height()));
        let track = Rect::from_min_max(place.min, pos2(place.right(), place.bottom() - label_height)).shrink2(vec2(canvas.pt(3.0), 0.0));
        canvas.fill(track, theme::WELL, 3.0);
        if prob > 0.0 {
            let top = track.bottom() - track.height() * prob;
            let color = if prob >= 0.5 { theme::DOWNBEAT } else { theme::BEAT };
            canvas.fill(track.with_min_y(top), color, 2.0);
        }
        // Over the bar, and readable on any of its colours: the number in a line of its own above the label.
        let label = Rect::from_min_max(pos2(place.left(), place.bottom() - label_height), place.max);
        canvas.text(label, Align2::CENTER_CENTER, &beats.to_string(), 11.0, theme::TEXT);
    }
    let unit = Rect::from_min_max(pos2(bars.right() - unit_width, bars.bottom() - label_height), bars.max);
    canvas.text(unit, Align2::RIGHT_CENTER, "beats", 11.0, theme::DIM);
    let hover = ui.interact(bars, egui::Id::unique("hazards"), egui::Sense::hover());
    if hover.hovered() {
        let lines = section.horizons_beats.iter().zip(section.hazard_probs);
        let lines: Vec<String> = lines.map(|(beats, prob)| format!("within {beats} beats: {}", format::percent(prob))).collect();
        hover.on_hover_text(format!("Probability that a new section begins\n{}", lines.join("\n")));
    }
}
