//! Tempo, lock and why, confidence, and the tempi that are possible besides. GUI THREAD.

use egui::{Align2, Id, Rect, Sense, Ui, pos2, vec2};

use crate::action::Action;
use crate::canvas::Canvas;
use crate::control::Control;
use crate::format;
use crate::layout::Layout;
use crate::presses::Presses;
use crate::snapshot::{LightState, Run, Snapshot, TempoView};
use crate::theme;

/// Candidates that are shown where there is room, and elsewhere.
const N_CANDIDATES: (usize, usize) = (3, 2);
/// From this width of the row on there is room, design units.
const ROOMY: f32 = 280.0;

pub(crate) fn show(ui: &mut Ui, canvas: &Canvas, layout: &Layout, snapshot: &Snapshot, presses: &mut Presses, actions: &mut Vec<Action>) {
    let rect = layout.tempo;
    canvas.panel(rect);
    let inner = rect.shrink2(vec2(canvas.pt(12.0), canvas.pt(7.0)));
    let beat = &snapshot.beat;
    let row = |from: f32, to: f32| {
        Rect::from_min_max(pos2(inner.left(), inner.top() + from * inner.height()), pos2(inner.right(), inner.top() + to * inner.height()))
    };

    // Digits to the left, the state in words to the right.
    let top = row(0.0, 0.42);
    let (digits, words) = top.split_left_right_at_fraction(0.56);
    let shown_bpm = shown_bpm(snapshot);
    let size = (top.height() / canvas.scale * 0.98).min(0.33 * digits.width() / canvas.scale);
    let color = if beat.is_locked { theme::TEXT } else { theme::DIM };
    let unit_width = canvas.pt(30.0);
    let number = canvas.text(digits.with_max_x(digits.right() - unit_width), Align2::LEFT_CENTER, &format::tempo(shown_bpm), size, color);
    let unit = Rect::from_min_max(pos2(number.right() + canvas.pt(4.0), top.top()), pos2(number.right() + unit_width, top.bottom()));
    canvas.text(unit, Align2::LEFT_CENTER, "BPM", 12.0, theme::DIM);
    let (state, position) = words.split_top_bottom_at_fraction(0.55);
    lock_state(canvas, state, snapshot);
    canvas.text(position, Align2::RIGHT_CENTER, &format::bar_position(beat.beat_in_bar, beat.beats_per_bar), 12.0, theme::DIM);

    canvas.text(row(0.43, 0.57), Align2::LEFT_CENTER, format::reason_sentence(snapshot.run, beat.reason), 12.0, theme::DIM);

    let confidence = row(0.58, 0.74);
    let (name, rest) = confidence.split_left_right_at_x(confidence.left() + canvas.pt(68.0));
    let (track, value) = rest.split_left_right_at_x(rest.right() - canvas.pt(42.0));
    canvas.text(name, Align2::LEFT_CENTER, "confidence", 12.0, theme::DIM);
    let track = Rect::from_center_size(track.center(), vec2(track.width(), canvas.pt(7.0)));
    let conf = if beat.is_locked { beat.conf } else { 0.0 };
    canvas.bar(track, conf, if conf >= 0.5 { theme::GOOD } else { theme::DOWNBEAT });
    canvas.text(value, Align2::RIGHT_CENTER, &format::percent(conf), 12.0, theme::TEXT);

    candidates(ui, canvas, layout, row(0.79, 1.0), snapshot, presses, actions);
}

/// The tempo where there is one: of beats that are announced, or the last of those that were.
fn shown_bpm(snapshot: &Snapshot) -> f32 {
    let beat = &snapshot.beat;
    let is_known = beat.is_locked || beat.beats_per_bar > 0;
    if is_known && snapshot.run != Run::Stopped { beat.tempo_bpm } else { 0.0 }
}

/// A form and a word.
fn lock_state(canvas: &Canvas, area: Rect, snapshot: &Snapshot) {
    let beat = &snapshot.beat;
    let word = format::state_word(snapshot.run, beat.is_locked, beat.reason);
    let (state, color) = match word {
        "LOCKED" | "HELD" => (LightState::On, theme::GOOD),
        "LOCKED ?" | "COASTING" => (LightState::Idle, theme::DOWNBEAT),
        _ => (LightState::Off, theme::DIM),
    };
    let text = canvas.text(area.with_min_x(area.left() + canvas.pt(14.0)), Align2::RIGHT_CENTER, word, 15.0, color);
    crate::lights::glyph(canvas, pos2(text.left() - canvas.pt(9.0), text.center().y), state, color);
}

/// Chips of the other tempi; half and double can be clicked.
fn candidates(
    ui: &mut Ui,
    canvas: &Canvas,
    layout: &Layout,
    row: Rect,
    snapshot: &Snapshot,
    presses: &mut Presses,
    actions: &mut Vec<Action>,
) {
    if snapshot.tempi.is_empty() || matches!(snapshot.run, Run::Stopped | Run::Waiting) {
        canvas.text(row, Align2::LEFT_CENTER, "no tempo is considered yet", 11.0, theme::DIM);
        return;
    }
    let n_candidates = if row.width() >= canvas.pt(ROOMY) { N_CANDIDATES.0 } else { N_CANDIDATES.1 };
    let places = layout.parts(row, n_candidates);
    for (n, (place, tempo)) in places.into_iter().zip(&snapshot.tempi).enumerate() {
        let TempoView { bpm, prob } = *tempo;
        let relation = format::relation(bpm, shown_bpm(snapshot));
        let control = match relation {
            "half" => Some(Control::Half),
            "double" => Some(Control::Double),
            _ => None,
        };
        let now = ui.input(|input| input.time);
        let response = ui.interact(place, Id::unique(("tempo", n)), if control.is_some() { Sense::click() } else { Sense::hover() });
        let fill = if control.is_some() && response.hovered() { theme::HOVERED } else { theme::WELL };
        canvas.fill(place, fill, 4.0);
        if relation == "now" {
            canvas.edge(place, theme::BEAT.gamma_multiply(0.6), 4.0);
        } else if control.is_some() {
            canvas.edge(place, theme::EDGE, 4.0);
        }
        let text = format!("{} {} {}", format::tempo(bpm), relation, format::percent(prob)).replace("  ", " ");
        canvas.text(place.shrink2(vec2(canvas.pt(5.0), 0.0)), Align2::CENTER_CENTER, &text, 11.0, theme::TEXT);
        if let Some(control) = control.filter(|_| response.clicked()) {
            presses.press(control, now, actions);
            presses.release(control);
        }
        response.on_hover_text(match control {
            Some(_) => format!("{bpm:.1} BPM is {} likely. Click to count {relation} as fast.", format::percent(prob)),
            None => format!("{bpm:.1} BPM is {} likely.", format::percent(prob)),
        });
    }
}
