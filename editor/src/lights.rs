//! What the outputs do: a form, a name and a word each; a click switches those that can be switched. GUI THREAD.

use egui::{Align2, Color32, Id, Pos2, Rect, Sense, Shape, Ui, pos2, vec2};

use crate::action::Action;
use crate::canvas::Canvas;
use crate::layout::Layout;
use crate::snapshot::{LightState, Snapshot};
use crate::theme;

pub(crate) fn show(ui: &mut Ui, canvas: &Canvas, layout: &Layout, snapshot: &Snapshot, actions: &mut Vec<Action>) {
    if snapshot.lights.is_empty() {
        canvas.panel(layout.lights);
        canvas.text(layout.lights, Align2::CENTER_CENTER, "no outputs yet", 11.0, theme::DIM);
        return;
    }
    for (n, (place, light)) in layout.parts(layout.lights, snapshot.lights.len()).into_iter().zip(&snapshot.lights).enumerate() {
        let sense = if light.control.is_some() { Sense::click() } else { Sense::hover() };
        let response = ui.interact(place, Id::unique(("light", n)), sense);
        canvas.fill(place, if light.control.is_some() && response.hovered() { theme::HOVERED } else { theme::PANEL }, 5.0);
        let color = match light.state {
            LightState::Off => theme::DIM,
            LightState::Idle => theme::BEAT,
            LightState::On => theme::GOOD,
            LightState::Fault => theme::BAD,
        };
        glyph(canvas, pos2(place.left() + canvas.pt(12.0), place.center().y), light.state, color);
        let text = Rect::from_min_max(pos2(place.left() + canvas.pt(21.0), place.top()), place.max - vec2(canvas.pt(6.0), 0.0));
        let (name, word) = text.split_left_right_at_fraction(0.58);
        canvas.text(name, Align2::LEFT_CENTER, light.name, 12.0, theme::TEXT);
        canvas.text(word, Align2::RIGHT_CENTER, light.word, 12.0, color);
        if let Some(control) = light.control.filter(|_| response.clicked()) {
            let is_on = snapshot.control(control).is_on();
            actions.extend(Action::whole(control, if is_on { 0.0 } else { 1.0 }));
        }
        response.on_hover_text(&light.tip);
    }
}

/// A form for a state: a disc, half a disc, a ring, a triangle.
pub(crate) fn glyph(canvas: &Canvas, center: Pos2, state: LightState, color: Color32) {
    let radius = canvas.pt(4.5);
    match state {
        LightState::On => {
            canvas.painter.circle_filled(center, radius, color);
        }
        LightState::Off => {
            canvas.painter.circle_stroke(center, radius - canvas.pt(0.7), canvas.stroke(1.4, color));
        }
        LightState::Idle => {
            canvas.painter.circle_stroke(center, radius - canvas.pt(0.7), canvas.stroke(1.4, color));
            canvas.painter.circle_filled(center, radius * 0.5, color);
        }
        LightState::Fault => {
            let corner = |x: f32, y: f32| pos2(center.x + x * radius, center.y + y * radius);
            canvas.painter.add(Shape::convex_polygon(
                vec![corner(0.0, -1.1), corner(1.1, 0.9), corner(-1.1, 0.9)],
                color,
                egui::Stroke::NONE,
            ));
        }
    }
}
