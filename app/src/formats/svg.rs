//! A picture of the whole file: waveform, sections, beats, tempo, confidence, and how near a boundary is. SVG 1.1, without scripts, fonts or
//! anything from elsewhere. Any thread.

use std::fmt::Write;

use super::finite;
use super::palette::SECTION_COLOURS;
use crate::detail::Detail;
use crate::document::Analysis;
use crate::html::escaped;

/// Size, pixels.
const WIDTH: f64 = 1280.0;
const HEIGHT: f64 = 560.0;
/// Where the lanes begin and end, pixels.
const LEFT: f64 = 96.0;
const RIGHT: f64 = 1264.0;
/// Top and height of each lane, pixels.
const SECTIONS: (f64, f64) = (56.0, 28.0);
const WAVEFORM: (f64, f64) = (92.0, 140.0);
const BEATS: (f64, f64) = (240.0, 28.0);
const TEMPO: (f64, f64) = (282.0, 84.0);
const CONFIDENCE: (f64, f64) = (380.0, 56.0);
const HAZARD: (f64, f64) = (450.0, 56.0);
/// The horizon that is drawn, as a place in the contract's: 8 beats.
const HORIZON_IDX: usize = 3;
/// Beats further apart than this many of their own length are not joined by a line.
const GAP_BEATS: f64 = 3.0;
const TAKES: &str = "a String takes any text";

/// The whole file.
pub(super) fn render(analysis: &Analysis) -> String {
    let duration_sec = finite(analysis.duration_sec).max(1e-3);
    let x = |t_sec: f64| LEFT + (finite(t_sec) / duration_sec).clamp(0.0, 1.0) * (RIGHT - LEFT);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{HEIGHT}\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
         font-family=\"system-ui, sans-serif\" font-size=\"13\">\n<title>{title}</title>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
         <text x=\"{LEFT}\" y=\"32\" font-size=\"20\" font-weight=\"600\" fill=\"#111\">{title}</text>\n",
        title = escaped(&title(analysis)),
    );
    for ((top, height), name) in
        [(SECTIONS, "sections"), (WAVEFORM, "waveform"), (BEATS, "beats"), (TEMPO, "BPM"), (CONFIDENCE, "confidence"), (HAZARD, "boundary")]
    {
        writeln!(svg, "<text x=\"84\" y=\"{:.1}\" text-anchor=\"end\" fill=\"#555\">{name}</text>", top + height / 2.0 + 4.0).expect(TAKES);
    }
    draw_sections(analysis, &x, &mut svg);
    if let Some(detail) = &analysis.detail {
        draw_waveform(detail, &x, &mut svg);
    }
    draw_beats(analysis, &x, &mut svg);
    draw_tempo(analysis, &x, &mut svg);
    let confidence: Vec<_> = analysis.beats.iter().map(|row| (row.event.t_sec, f64::from(row.event.conf))).collect();
    draw_unit_curve(&confidence, CONFIDENCE, "#0072b2", &x, &mut svg);
    let hazard: Vec<_> =
        analysis.structure.at_beats.iter().map(|state| (state.t_sec, f64::from(state.hazard_probs[HORIZON_IDX]))).collect();
    draw_unit_curve(&hazard, HAZARD, "#d55e00", &x, &mut svg);
    draw_axis(duration_sec, &x, &mut svg);
    svg.push_str("</svg>\n");
    svg
}

fn title(analysis: &Analysis) -> String {
    let name = std::path::Path::new(&analysis.file).file_name().map_or_else(|| analysis.file.clone(), |n| n.to_string_lossy().into_owned());
    let tempo = analysis.tempo_bpm().map_or("no tempo".to_owned(), |bpm| format!("{bpm:.1} BPM"));
    let meter = match analysis.beats_per_bar() {
        0 => String::new(),
        n => format!(", {n} beats per bar"),
    };
    format!("{name} \u{2013} {tempo}{meter}, {} beats", analysis.beats.len())
}

fn draw_sections(analysis: &Analysis, x: &impl Fn(f64) -> f64, svg: &mut String) {
    let (top, height) = SECTIONS;
    for section in analysis.sections() {
        let (from, to) = (x(section.start_sec), x(section.end_sec));
        let colour = SECTION_COLOURS[usize::from(section.label_idx)];
        writeln!(
            svg,
            "<rect x=\"{from:.1}\" y=\"{top}\" width=\"{:.1}\" height=\"{height}\" fill=\"{colour}\" fill-opacity=\"0.45\" stroke=\"#fff\"/>",
            to - from
        )
        .expect(TAKES);
        // A name that does not fit would stand in its neighbour.
        if to - from > 9.0 * section.label.len() as f64 {
            writeln!(svg, "<text x=\"{:.1}\" y=\"{:.1}\" fill=\"#111\">{}</text>", from + 6.0, top + 19.0, section.label).expect(TAKES);
        }
    }
}

/// A column a pixel, as one shape: there and back.
fn draw_waveform(detail: &Detail, x: &impl Fn(f64) -> f64, svg: &mut String) {
    let (top, height) = WAVEFORM;
    let n_columns = (RIGHT - LEFT) as usize;
    let mut columns: Vec<Option<[i8; 2]>> = vec![None; n_columns + 1];
    for (idx, &[min, max]) in detail.waveform.peaks.iter().enumerate() {
        let column = (x((idx as f64 + 0.5) * detail.waveform.stretch_sec()) - LEFT) as usize;
        let all = columns[column.min(n_columns)].get_or_insert([min, max]);
        *all = [all[0].min(min), all[1].max(max)];
    }
    let y = |value: i8| top + height / 2.0 * (1.0 - f64::from(value) / 127.0);
    let filled: Vec<_> = columns.iter().enumerate().filter_map(|(column, peak)| peak.map(|peak| (LEFT + column as f64, peak))).collect();
    let mut points = String::new();
    filled.iter().for_each(|&(at, [_, max])| write!(points, "{at:.0},{:.1} ", y(max)).expect(TAKES));
    filled.iter().rev().for_each(|&(at, [min, _])| write!(points, "{at:.0},{:.1} ", y(min)).expect(TAKES));
    writeln!(svg, "<polygon points=\"{}\" fill=\"#8a94a6\"/>", points.trim_end()).expect(TAKES);
}

/// Downbeats are long and thick, beats short and thin.
fn draw_beats(analysis: &Analysis, x: &impl Fn(f64) -> f64, svg: &mut String) {
    let (top, height) = BEATS;
    let (mut beats, mut downbeats) = (String::new(), String::new());
    for row in &analysis.beats {
        let (path, from) = if row.event.beat_in_bar == 1 { (&mut downbeats, top) } else { (&mut beats, top + height / 2.0) };
        write!(path, "M{:.1} {from}V{}", x(row.event.t_sec), top + height).expect(TAKES);
    }
    for (path, width, colour) in [(beats, 1.0, "#666"), (downbeats, 2.0, "#111")] {
        if !path.is_empty() {
            writeln!(svg, "<path d=\"{path}\" stroke=\"{colour}\" stroke-width=\"{width}\"/>").expect(TAKES);
        }
    }
}

fn draw_tempo(analysis: &Analysis, x: &impl Fn(f64) -> f64, svg: &mut String) {
    let (top, height) = TEMPO;
    let bpm: Vec<_> = analysis.beats.iter().map(|row| (row.event.t_sec, finite(row.bpm))).filter(|&(_, bpm)| bpm > 0.0).collect();
    let (low, high) = bpm.iter().fold((f64::INFINITY, 0.0f64), |(low, high), &(_, bpm)| (low.min(bpm), high.max(bpm)));
    if bpm.is_empty() {
        return;
    }
    // A steady tempo is a steady line: never less than 10 BPM from bottom to top.
    let margin = (5.0 - (high - low) / 2.0).max(1.0);
    let (low, high) = (low - margin, high + margin);
    let points: Vec<_> = bpm.iter().map(|&(t_sec, bpm)| (t_sec, (bpm - low) / (high - low))).collect();
    draw_unit_curve(&points, TEMPO, "#009e73", x, svg);
    for (value, at) in [(high, top + 10.0), (low, top + height)] {
        writeln!(svg, "<text x=\"{:.1}\" y=\"{at:.1}\" font-size=\"11\" fill=\"#555\">{value:.0}</text>", LEFT + 2.0).expect(TAKES);
    }
}

/// A line through values in `[0, 1]`, broken where the beats are.
fn draw_unit_curve(values: &[(f64, f64)], (top, height): (f64, f64), colour: &str, x: &impl Fn(f64) -> f64, svg: &mut String) {
    let bottom = top + height;
    writeln!(svg, "<path d=\"M{LEFT} {bottom}H{RIGHT}\" stroke=\"#ddd\"/>").expect(TAKES);
    let mut steps: Vec<f64> = values.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
    steps.sort_by(f64::total_cmp);
    let gap_sec = GAP_BEATS * steps.get(steps.len() / 2).copied().unwrap_or(f64::INFINITY);
    let mut path = String::new();
    let mut last_sec = f64::NEG_INFINITY;
    for &(t_sec, value) in values {
        let command = if t_sec - last_sec > gap_sec || path.is_empty() { 'M' } else { 'L' };
        write!(path, "{command}{:.1} {:.1}", x(t_sec), bottom - finite(value).clamp(0.0, 1.0) * height).expect(TAKES);
        last_sec = t_sec;
    }
    if !path.is_empty() {
        writeln!(svg, "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\"/>").expect(TAKES);
    }
}

/// Minutes and seconds, about ten of them.
fn draw_axis(duration_sec: f64, x: &impl Fn(f64) -> f64, svg: &mut String) {
    const STEPS_SEC: [f64; 10] = [1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0];
    let step_sec = STEPS_SEC.into_iter().find(|step_sec| duration_sec / step_sec <= 12.0).unwrap_or((duration_sec / 12.0).ceil());
    let bottom = HAZARD.0 + HAZARD.1;
    for n in 0..=(duration_sec / step_sec) as u64 {
        let t_sec = n as f64 * step_sec;
        let (at, minutes, seconds) = (x(t_sec), (t_sec / 60.0) as u64, t_sec % 60.0);
        writeln!(
            svg,
            "<path d=\"M{at:.1} {bottom}V{}\" stroke=\"#999\"/><text x=\"{at:.1}\" y=\"{}\" text-anchor=\"middle\" fill=\"#555\">{minutes}:{seconds:02.0}</text>",
            bottom + 6.0,
            bottom + 22.0
        )
        .expect(TAKES);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detail::DetailCollector;
    use crate::document::samples::{steady, with_sections};

    #[test]
    fn everything_that_is_known_is_drawn() {
        let mut analysis = with_sections(16, 0.5, 1);
        analysis.file = "a/<R&B>.wav".to_owned();
        let mut collector = DetailCollector::new(100.0);
        collector.hear(&[0.5, -0.5].repeat(500));
        analysis.detail = Some(collector.finish(10.0));
        let svg = render(&analysis);
        assert!(svg.contains("&lt;R&amp;B&gt;.wav \u{2013} 120.0 BPM, 4 beats per bar, 16 beats"), "{svg}");
        for part in [">verse<", ">chorus<", "<polygon", "stroke-width=\"2\"", "#009e73", "#0072b2", ">0:05<"] {
            assert!(svg.contains(part), "{part}: {svg}");
        }
        let downbeats = svg.lines().find(|line| line.contains("stroke-width=\"2\"")).unwrap();
        assert_eq!(downbeats.matches('M').count(), 4);
    }

    #[test]
    fn nothing_is_an_empty_frame() {
        let mut analysis = steady(0, 0.0, 1);
        analysis.duration_sec = 0.0;
        let svg = render(&analysis);
        assert!(svg.starts_with("<svg") && svg.ends_with("</svg>\n") && !svg.contains("NaN"), "{svg}");
    }
}
