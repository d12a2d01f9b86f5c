//! The phase ring: fills once a beat around the number of the beat, with a block for each beat of the bar. GUI THREAD.

use egui::{Align2, Rect, pos2, vec2};

use crate::canvas::Canvas;
use crate::format;
use crate::pulse;
use crate::snapshot::{Run, Snapshot};
use crate::theme;

/// Blocks that are drawn at most.
const MAX_BLOCKS: u8 = 16;

pub(crate) fn show(canvas: &Canvas, rect: Rect, snapshot: &Snapshot) {
    canvas.panel(rect);
    let inner = rect.shrink(canvas.pt(9.0));
    let blocks_height = canvas.pt(13.0);
    let ring_area = Rect::from_min_max(inner.min, pos2(inner.right(), inner.bottom() - blocks_height - canvas.pt(7.0)));
    let blocks = Rect::from_min_max(pos2(inner.left(), inner.bottom() - blocks_height), inner.max);
    ring(canvas, ring_area, snapshot);
    bar_blocks(canvas, blocks, snapshot);
}

fn ring(canvas: &Canvas, area: Rect, snapshot: &Snapshot) {
    let beat = &snapshot.beat;
    let width = canvas.pt(7.0);
    let radius = area.width().min(area.height()) / 2.0 - width / 2.0;
    let center = area.center();
    let runs = matches!(snapshot.run, Run::Live | Run::Offline) && beat.is_locked;
    let is_downbeat = beat.beat_in_bar == 1;
    let color = if is_downbeat { theme::DOWNBEAT } else { theme::BEAT };
    canvas.painter.circle_stroke(center, radius, canvas.stroke(7.0, theme::WELL));
    if runs {
        let pulse = pulse::strength(beat.beat_number, beat.phase, beat.tempo_bpm);
        if pulse > 0.0 {
            // A thin ring within the other: a small area, however bright.
            let ring = canvas.stroke(2.5 + if is_downbeat { 1.5 } else { 0.0 }, color.gamma_multiply(pulse));
            canvas.painter.circle_stroke(center, radius - canvas.pt(8.0), ring);
        }
        canvas.arc(center, radius, 0.0, beat.phase.max(0.004), canvas.stroke(7.0, color));
    }
    let (number, size, color) = match (runs, beat.beat_in_bar) {
        (true, 1..) => (beat.beat_in_bar.to_string(), if is_downbeat { 56.0 } else { 48.0 }, color),
        (true, 0) => ("•".to_owned(), 44.0, theme::BEAT),
        (false, _) => ("–".to_owned(), 40.0, theme::DIM),
    };
    let number_size = (radius / canvas.scale / 46.0).min(2.0) * size;
    canvas.text(Rect::from_center_size(center, vec2(1.5 * radius, 1.5 * radius)), Align2::CENTER_CENTER, &number, number_size, color);
}

fn bar_blocks(canvas: &Canvas, row: Rect, snapshot: &Snapshot) {
    let beat = &snapshot.beat;
    let n_blocks = beat.beats_per_bar.min(MAX_BLOCKS);
    if n_blocks == 0 {
        canvas.text(row, Align2::CENTER_CENTER, &format::bar_position(0, 0), 11.0, theme::DIM);
        return;
    }
    let gap = canvas.pt(4.0);
    let width = ((row.width() - gap * f32::from(n_blocks - 1)) / f32::from(n_blocks)).min(canvas.pt(26.0));
    let total = width * f32::from(n_blocks) + gap * f32::from(n_blocks - 1);
    for n in 1..=n_blocks {
        let left = row.center().x - total / 2.0 + (width + gap) * f32::from(n - 1);
        // The downbeat's block is higher, not only of another colour.
        let height = if n == 1 { row.height() } else { row.height() * 0.62 };
        let block = Rect::from_min_max(pos2(left, row.bottom() - height), pos2(left + width, row.bottom()));
        let color = if n == 1 { theme::DOWNBEAT } else { theme::BEAT };
        if beat.is_locked && n == beat.beat_in_bar {
            canvas.fill(block, color, 3.0);
        } else {
            canvas.fill(block, theme::WELL, 3.0);
            canvas.edge(block, color.gamma_multiply(0.5), 3.0);
        }
    }
}
