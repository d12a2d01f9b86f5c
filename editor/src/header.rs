//! The line on top: the name, what is wrong or fixed, and the zoom. GUI THREAD.

use egui::{Align2, Rect, Ui, pos2};

use crate::action::Action;
use crate::canvas::Canvas;
use crate::controls::value_button;
use crate::layout::Layout;
use crate::snapshot::Snapshot;
use crate::theme;
use crate::view::ZOOMS_PERCENT;

pub(crate) fn show(ui: &mut Ui, canvas: &Canvas, layout: &Layout, snapshot: &Snapshot, zoom_percent: u16, actions: &mut Vec<Action>) {
    let row = layout.header;
    let name = Rect::from_min_max(row.min, pos2(row.left() + canvas.pt(110.0), row.bottom()));
    canvas.text(name, Align2::LEFT_CENTER, "ANACRUSIS", 15.0, theme::TEXT);
    let zoom = Rect::from_min_max(pos2(row.right() - canvas.pt(74.0), row.top()), row.max);
    let middle = Rect::from_min_max(pos2(name.right(), row.top()), pos2(zoom.left() - canvas.pt(8.0), row.bottom()));
    if !snapshot.trouble.is_empty() {
        canvas.text(middle, Align2::LEFT_CENTER, &format!("! {}", snapshot.trouble), 12.0, theme::DOWNBEAT);
    } else if !snapshot.hints.is_empty() {
        canvas.text(middle, Align2::LEFT_CENTER, &format!("fixed by you: {}", snapshot.hints), 12.0, theme::DIM);
    }
    let response =
        value_button(ui, canvas, zoom, "zoom", &format!("{zoom_percent} %"), "Zoom of this window, percent. Drag its corner to resize it.");
    egui::Popup::menu(&response).show(|ui| {
        for percent in ZOOMS_PERCENT {
            if ui.selectable_label(percent == zoom_percent, format!("{percent} %")).clicked() {
                actions.push(Action::Zoom(percent));
                ui.close();
            }
        }
    });
}
