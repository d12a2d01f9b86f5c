//! The whole window: puts the regions in their places and gathers what the user did. GUI THREAD.

use egui::{Id, Sense, Ui};

use crate::action::Action;
use crate::canvas::Canvas;
use crate::controls::{self, Drag};
use crate::layout::Layout;
use crate::presses::Presses;
use crate::snapshot::Snapshot;
use crate::{header, lights, phase, scroll, structure, tempo, theme};

/// The zooms that can be chosen, percent.
pub const ZOOMS_PERCENT: [u16; 7] = [75, 100, 125, 150, 200, 250, 300];

/// What the window remembers from one frame of the screen to the next.
#[derive(Debug, Default)]
pub struct View {
    presses: Presses,
    drag: Option<Drag>,
    /// The scale of the text in tooltips and lists.
    styled_scale: f32,
}

impl View {
    /// Whether a button is on that will go off by itself: the next frame must come soon.
    pub fn is_pressed(&self) -> bool {
        !self.presses.is_empty()
    }

    /// Paints a frame into all of `ui` and returns what the user did since the one before.
    pub fn show(&mut self, ui: &mut Ui, snapshot: Snapshot, zoom_percent: u16) -> Vec<Action> {
        let snapshot = snapshot.made_safe();
        let window = ui.max_rect();
        let layout = Layout::new(window.size(), f32::from(zoom_percent) / 100.0);
        if self.styled_scale != layout.scale {
            self.styled_scale = layout.scale;
            ui.ctx().all_styles_mut(|style| *style = theme::style(style, layout.scale));
        }
        let canvas = Canvas { painter: ui.painter().clone(), scale: layout.scale };
        canvas.painter.rect_filled(window, 0.0, theme::BACKGROUND);
        let mut actions = Vec::new();
        // Whatever no control takes is the window's, and not the host's.
        ui.interact(window, Id::unique("window"), Sense::hover());
        header::show(ui, &canvas, &layout, &snapshot, zoom_percent, &mut actions);
        phase::show(&canvas, layout.phase, &snapshot);
        tempo::show(ui, &canvas, &layout, &snapshot, &mut self.presses, &mut actions);
        structure::show(ui, &canvas, layout.structure, &snapshot);
        scroll::meter(&canvas, layout.meter, &snapshot);
        scroll::show(&canvas, layout.scroll, &snapshot);
        lights::show(ui, &canvas, &layout, &snapshot, &mut actions);
        controls::show(ui, &canvas, &layout, &snapshot, &mut self.presses, &mut self.drag, &mut actions);
        let now = ui.input(|input| input.time);
        self.presses.tick(now, &mut actions);
        // Keys are the host's: nothing here may have the focus, or the space bar would press it.
        ui.memory_mut(|memory| memory.focused().into_iter().for_each(|id| memory.surrender_focus(id)));
        actions
    }
}

#[cfg(test)]
mod tests;
