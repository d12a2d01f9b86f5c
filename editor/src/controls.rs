//! The controls: buttons, switches, numbers, lists. Every change leaves as begin, value, end. GUI THREAD.

use egui::{Align2, CursorIcon, Event, Id, InputState, MouseWheelUnit, Rect, Response, Sense, Ui, pos2, vec2};

use crate::action::Action;
use crate::canvas::Canvas;
use crate::control::{Control, Kind};
use crate::layout::Layout;
use crate::presses::Presses;
use crate::snapshot::{ControlView, Snapshot};
use crate::theme;

/// A drag across this many design units goes through the whole range; with Shift ten times as far.
const DRAG_UNITS: f32 = 300.0;
const FINE: f32 = 0.1;
/// One notch of the wheel moves a number by this share of its range.
const WHEEL_STEP: f32 = 0.01;
/// What a touch pad calls a notch, points.
const POINTS_PER_NOTCH: f32 = 40.0;

/// What one says while it plays.
pub(crate) const BUTTONS: [Control; 8] = [
    Control::Tap,
    Control::Half,
    Control::Double,
    Control::NudgeEarlier,
    Control::NudgeLater,
    Control::ThisIsOne,
    Control::Hold,
    Control::Forget,
];
/// What one sets about tracking, with shares of the width.
pub(crate) const TRACKING: [(Control, f32); 7] = [
    (Control::Meter, 0.9),
    (Control::TempoMin, 1.0),
    (Control::TempoMax, 1.0),
    (Control::Manual, 0.7),
    (Control::ManualBpm, 1.15),
    (Control::Offset, 0.9),
    (Control::Model, 1.6),
];
/// What one sets about outputs.
pub(crate) const OUTPUTS: [(Control, f32); 7] = [
    (Control::ClockSource, 1.15),
    (Control::OnSilence, 1.15),
    (Control::Relock, 1.6),
    (Control::NoteChannel, 0.75),
    (Control::NoteDownbeat, 0.85),
    (Control::NoteBeat, 0.95),
    (Control::Bypass, 0.8),
];

/// A drag of a number.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Drag {
    control: Control,
    normalized: f32,
}

/// All three rows.
pub(crate) fn show(
    ui: &mut Ui,
    canvas: &Canvas,
    layout: &Layout,
    snapshot: &Snapshot,
    presses: &mut Presses,
    drag: &mut Option<Drag>,
    actions: &mut Vec<Action>,
) {
    for (place, control) in layout.parts(layout.buttons, BUTTONS.len()).into_iter().zip(BUTTONS) {
        match control.kind() {
            Kind::Momentary => momentary(ui, canvas, place, control, snapshot, presses, actions),
            _ => switch(ui, canvas, place, control, snapshot, actions),
        }
    }
    for (row, controls) in [(layout.tracking, TRACKING), (layout.outputs, OUTPUTS)] {
        let places = layout.weighted(row, &controls.map(|(_, weight)| weight));
        for (place, (control, _)) in places.into_iter().zip(controls) {
            match control.kind() {
                Kind::Toggle => labelled_switch(ui, canvas, place, control, snapshot, actions),
                Kind::Choice => choice(ui, canvas, place, control, snapshot, actions),
                _ => number(ui, canvas, place, control, snapshot, drag, actions),
            }
        }
    }
}

fn momentary(
    ui: &mut Ui,
    canvas: &Canvas,
    place: Rect,
    control: Control,
    snapshot: &Snapshot,
    presses: &mut Presses,
    actions: &mut Vec<Action>,
) {
    let response = ui.interact(place, Id::unique(control), Sense::click_and_drag());
    let now = ui.input(|input| input.time);
    let is_down = response.is_pointer_button_down_on();
    let is_held = is_down && ui.input(|input| input.pointer.primary_down());
    // On the way down, not up: a tap is when the finger meets the button.
    if is_held && ui.input(|input| input.pointer.primary_pressed()) {
        presses.press(control, now, actions);
    }
    if !is_held {
        presses.release(control);
    }
    let is_on = presses.is_on(control) || snapshot.control(control).is_on();
    face(canvas, place, &response, is_on, control.label());
    response.on_hover_text(control.tip());
}

/// The face of a button; one that is on is of another colour, and its edge is thicker.
fn face(canvas: &Canvas, place: Rect, response: &Response, is_on: bool, label: &str) {
    let (fill, text) = match (is_on, response.hovered()) {
        (true, _) => (theme::BEAT, theme::BACKGROUND),
        (false, true) => (theme::HOVERED, theme::TEXT),
        (false, false) => (theme::RAISED, theme::TEXT),
    };
    canvas.fill(place, fill, 5.0);
    canvas.edge(place, if is_on { theme::TEXT } else { theme::EDGE }, 5.0);
    canvas.text(place.shrink2(vec2(canvas.pt(4.0), 0.0)), Align2::CENTER_CENTER, label, 13.0, text);
}

/// A switch as large as a button; its label says which way it is.
fn switch(ui: &mut Ui, canvas: &Canvas, place: Rect, control: Control, snapshot: &Snapshot, actions: &mut Vec<Action>) {
    let is_on = snapshot.control(control).is_on();
    let response = ui.interact(place, Id::unique(control), Sense::click());
    let label = format!("{} {}", control.label(), if is_on { "on" } else { "off" });
    face(canvas, place, &response, is_on, &label);
    if response.clicked() {
        actions.extend(Action::whole(control, if is_on { 0.0 } else { 1.0 }));
    }
    response.on_hover_text(control.tip());
}

fn labelled_switch(ui: &mut Ui, canvas: &Canvas, place: Rect, control: Control, snapshot: &Snapshot, actions: &mut Vec<Action>) {
    let is_on = snapshot.control(control).is_on();
    let value = label(canvas, place, control);
    let response = ui.interact(value, Id::unique(control), Sense::click());
    face(canvas, value, &response, is_on, if is_on { "on" } else { "off" });
    if response.clicked() {
        actions.extend(Action::whole(control, if is_on { 0.0 } else { 1.0 }));
    }
    response.on_hover_text(control.tip());
}

fn number(
    ui: &mut Ui,
    canvas: &Canvas,
    place: Rect,
    control: Control,
    snapshot: &Snapshot,
    drag: &mut Option<Drag>,
    actions: &mut Vec<Action>,
) {
    let view = snapshot.control(control);
    let value = label(canvas, place, control);
    let response = ui.interact(value, Id::unique(control), Sense::click_and_drag()).on_hover_and_drag_cursor(CursorIcon::ResizeHorizontal);
    if response.drag_started() {
        *drag = Some(Drag { control, normalized: view.normalized });
        actions.push(Action::Begin(control));
    }
    if let Some(held) = drag.as_mut().filter(|held| held.control == control) {
        let motion = response.drag_delta();
        if motion != egui::Vec2::ZERO {
            let fine = if ui.input(|input| input.modifiers.shift) { FINE } else { 1.0 };
            let moved = (motion.x - motion.y) * fine / canvas.pt(DRAG_UNITS);
            held.normalized = (held.normalized + moved).clamp(0.0, 1.0);
            actions.push(Action::Set(control, held.normalized));
        }
        if !response.dragged() {
            *drag = None;
            actions.push(Action::End(control));
        }
    } else if response.double_clicked() {
        actions.extend(Action::whole(control, view.default_normalized));
    } else if response.hovered() {
        let notches = ui.input(wheel_notches);
        if notches != 0.0 {
            let moved = (view.normalized + WHEEL_STEP * notches).clamp(0.0, 1.0);
            actions.extend(Action::whole(control, moved));
        }
    }
    value_face(canvas, value, &response, &view);
    response.on_hover_text(control.tip());
}

/// How far the wheel was turned, notches up.
fn wheel_notches(input: &InputState) -> f32 {
    let notches = input.events.iter().map(|event| match event {
        Event::MouseWheel { unit: MouseWheelUnit::Point, delta, .. } => delta.y / POINTS_PER_NOTCH,
        Event::MouseWheel { delta, .. } => delta.y,
        _ => 0.0,
    });
    notches.filter(|notches| notches.is_finite()).sum()
}

/// A value in its well, with a line that shows where in its range it is.
fn value_face(canvas: &Canvas, place: Rect, response: &Response, view: &ControlView) {
    canvas.fill(place, if response.hovered() || response.dragged() { theme::HOVERED } else { theme::RAISED }, 4.0);
    let line = Rect::from_min_max(
        pos2(place.left() + canvas.pt(3.0), place.bottom() - canvas.pt(3.0)),
        place.max - vec2(canvas.pt(3.0), canvas.pt(1.0)),
    );
    let filled = line.with_max_x(line.left() + line.width() * view.normalized);
    canvas.fill(filled, theme::BEAT, 1.0);
    canvas.text(place.shrink2(vec2(canvas.pt(4.0), 0.0)), Align2::CENTER_CENTER, &view.text, 12.0, theme::TEXT);
}

fn choice(ui: &mut Ui, canvas: &Canvas, place: Rect, control: Control, snapshot: &Snapshot, actions: &mut Vec<Action>) {
    let view = snapshot.control(control);
    let value = label(canvas, place, control);
    let response = value_button(ui, canvas, value, control.id(), &view.text, control.tip());
    let last = view.choices.len().saturating_sub(1).max(1) as f32;
    egui::Popup::menu(&response).show(|ui| {
        for (n, text) in view.choices.iter().enumerate() {
            let normalized = n as f32 / last;
            if ui.selectable_label((normalized - view.normalized).abs() < 0.5 / last, text).clicked() {
                actions.extend(Action::whole(control, normalized));
                ui.close();
            }
        }
    });
}

/// A button that opens a list, with its value and a mark that says so.
pub(crate) fn value_button(ui: &mut Ui, canvas: &Canvas, place: Rect, id: &str, text: &str, tip: &str) -> Response {
    let response = ui.interact(place, Id::unique(("value", id)), Sense::click());
    canvas.fill(place, if response.hovered() { theme::HOVERED } else { theme::RAISED }, 4.0);
    let mark = pos2(place.right() - canvas.pt(9.0), place.center().y);
    let corner = |x: f32, y: f32| pos2(mark.x + canvas.pt(x), mark.y + canvas.pt(y));
    canvas.painter.add(egui::Shape::convex_polygon(
        vec![corner(-3.5, -2.0), corner(3.5, -2.0), corner(0.0, 2.5)],
        theme::DIM,
        egui::Stroke::NONE,
    ));
    let room = Rect::from_min_max(place.min + vec2(canvas.pt(6.0), 0.0), pos2(place.right() - canvas.pt(15.0), place.bottom()));
    canvas.text(room, Align2::LEFT_CENTER, text, 12.0, theme::TEXT);
    response.on_hover_text(tip)
}

/// The name over a value; returns the value's place.
fn label(canvas: &Canvas, place: Rect, control: Control) -> Rect {
    let (name, value) = place.split_top_bottom_at_y(place.top() + canvas.pt(14.0));
    canvas.text(name, Align2::LEFT_CENTER, control.label(), 11.0, theme::DIM);
    value
}
