//! The report as aligned text for people. Any thread.

use std::fmt::Write;

use super::bootstrap::Estimate;
use super::calibration::{Bin, Calibration};
use super::clip::ClipScores;
use super::metric_list::{Better, METRICS, Metric};
use super::report::{ALL, ClipReport, EvalReport, Paired, REAL, Status, Subset};
use super::summary::Pooled;

/// Stands where there is no figure.
const NONE: &str = "-";
/// Title, figure and decimals of a pooled figure.
type PooledRow = (&'static str, fn(&Pooled) -> Option<f64>, usize);
/// Metrics that a short line of a subset shows.
const SHORT_KEYS: [&str; 6] = ["f70", "downbeat_f70", "cmlt", "amlt", "live0", "lock_sec"];

impl EvalReport {
    /// The whole report as text: piece by piece, then each subset.
    pub fn table(&self) -> String {
        let mut text = String::new();
        self.write_table(&mut text).expect("writing to a String cannot fail");
        // Columns are padded; a last one that is empty would leave blanks at the end of the line.
        text.lines().map(|line| format!("{}\n", line.trim_end())).collect()
    }

    fn write_table(&self, out: &mut String) -> std::fmt::Result {
        write_clips(out, &self.clips)?;
        for subset in self.subsets.iter().filter(|subset| [ALL, REAL].contains(&subset.name.as_str())) {
            writeln!(out)?;
            write_subset(out, subset, self.paired.as_ref())?;
        }
        let kinds: Vec<&Subset> = self.subsets.iter().filter(|subset| ![ALL, REAL].contains(&subset.name.as_str())).collect();
        if !kinds.is_empty() {
            writeln!(out)?;
            write_kinds(out, &kinds)?;
        }
        writeln!(out)?;
        self.write_notes(out)
    }

    fn write_notes(&self, out: &mut String) -> std::fmt::Result {
        writeln!(out, "{}: {} pieces, {:.1} min, first {} s skipped", self.corpus, self.clips.len(), self.audio_sec / 60.0, self.skip_sec)?;
        if !self.unpaired.is_empty() {
            writeln!(out, "left out, no partner of the same stem: {}", self.unpaired.join(", "))?;
        }
        if !self.configuration.is_empty() {
            writeln!(out, "run: {}", pairs(&self.configuration))?;
        }
        if let Some(paired) = &self.paired {
            let what = pairs(&paired.configuration);
            writeln!(out, "baseline: {} ({} pieces in common); differences are ours minus baseline", or_none(&what), paired.n_pieces)?;
        }
        if let Some(cost) = self.cpu_per_audio {
            writeln!(out, "cost: {cost:.5} s of CPU per second of audio")?;
        }
        if let Some(idle) = &self.idle {
            writeln!(out, "idle: {:.1} beats per minute announced in {} pieces without beats", idle.beats_per_minute, idle.n_pieces)?;
        }
        writeln!(out, "intervals: 95 % bootstrap over pieces; floor: a deaf 120 BPM metronome")
    }
}

fn write_clips(out: &mut String, clips: &[ClipReport]) -> std::fmt::Result {
    let width = clips.iter().map(|clip| clip.id.chars().count()).max().unwrap_or(0).max("piece".len());
    write!(out, "{:width$}", "piece")?;
    for title in ["F70", "F25", "downb", "CMLt", "AMLt", "live0", "lat ms", "lock s", "floor"] {
        write!(out, " {title:>7}")?;
    }
    writeln!(out)?;
    for clip in clips {
        write!(out, "{:width$}", clip.id)?;
        match (&clip.tracker, &clip.floor) {
            (Some(tracker), Some(floor)) => write_clip_scores(out, tracker, floor)?,
            _ => write!(out, " {:>7}", NONE)?,
        }
        match clip.status {
            Status::Scored => writeln!(out)?,
            Status::Idle => writeln!(out, "  no beats in the reference, {} announced", clip.n_beats)?,
            Status::TooShort => writeln!(out, "  not scored: fewer than two reference beats after the skip")?,
            Status::Failed => writeln!(out, "  FAILED: {}", clip.error.as_deref().unwrap_or(NONE))?,
        }
    }
    Ok(())
}

fn write_clip_scores(out: &mut String, tracker: &ClipScores, floor: &ClipScores) -> std::fmt::Result {
    let shares = [Some(tracker.f70), Some(tracker.f25), tracker.downbeat_f70, Some(tracker.cmlt), Some(tracker.amlt), Some(tracker.live0)];
    for share in shares {
        write!(out, " {:>7}", number(share, 3))?;
    }
    let lock_sec = tracker.locked.then_some(tracker.lock_sec);
    write!(out, " {:>7} {:>7} {:>7}", number(tracker.latency_median_ms, 0), number(lock_sec, 1), number(Some(floor.f70), 3))
}

fn write_subset(out: &mut String, subset: &Subset, paired: Option<&Paired>) -> std::fmt::Result {
    let differences = paired.and_then(|paired| paired.subsets.get(&subset.name));
    let title = format!("{} ({} pieces)", subset.name, subset.tracker.n_pieces);
    write!(out, "{title:24} {:>7}  {:15} {:>7}  {:15} {:>3}", "mean", "interval", "floor", "interval", "n")?;
    writeln!(out, "{}", if differences.is_some() { "  difference  interval" } else { "" })?;
    for metric in &METRICS {
        let (ours, floor) = (subset.tracker.means.get(metric.key), subset.floor.means.get(metric.key));
        let Some(ours) = ours else { continue };
        write!(out, "{:24} {:>7}  {:15}", metric.title, number(Some(ours.mean), 3), interval(Some(ours), false))?;
        write!(out, " {:>7}  {:15} {:>3}", number(floor.map(|floor| floor.mean), 3), interval(floor, false), ours.n_pieces)?;
        if let Some(difference) = differences.and_then(|differences| differences.get(metric.key)) {
            write!(out, "  {:>+10.3}  {:17}{}", difference.mean, interval(Some(difference), true), verdict(metric, difference))?;
        }
        writeln!(out)?;
    }
    let rows: [PooledRow; 7] = [
        ("latency median, ms", |pooled| pooled.latency_median_ms, 1),
        ("latency p95, ms", |pooled| pooled.latency_p95_ms, 1),
        ("bias, ms", |pooled| pooled.bias_ms, 1),
        ("MAD, ms", |pooled| pooled.mad_ms, 1),
        ("lock median, s", |pooled| pooled.lock_median_sec, 1),
        ("lock p90, s", |pooled| pooled.lock_p90_sec, 1),
        ("locked", |pooled| pooled.locked, 3),
    ];
    for (title, get, decimals) in rows {
        let (ours, floor) = (number(get(&subset.tracker.pooled), decimals), number(get(&subset.floor.pooled), decimals));
        writeln!(out, "{title:24} {ours:>7}  {:15} {floor:>7}", "")?;
    }
    match &subset.tracker.calibration {
        Some(calibration) => write_calibration(out, calibration),
        None => Ok(()),
    }
}

/// The error of the confidence, and below it the reliability diagram: mean confidence of each tenth of the beats, and how many of
/// them are right.
fn write_calibration(out: &mut String, calibration: &Calibration) -> std::fmt::Result {
    writeln!(out, "{:24} {:>7}", "confidence, ECE", number(Some(calibration.ece), 3))?;
    for (title, get) in [("  confidence by tenth", (|bin| bin.mean_conf) as fn(&Bin) -> f64), ("  share right", |bin| bin.share_right)] {
        write!(out, "{title:24}")?;
        for bin in &calibration.bins {
            write!(out, " {:>7}", number(Some(get(bin)), 3))?;
        }
        writeln!(out)?;
    }
    Ok(())
}

fn write_kinds(out: &mut String, kinds: &[&Subset]) -> std::fmt::Result {
    let width = kinds.iter().map(|subset| subset.name.chars().count()).max().unwrap_or(0);
    write!(out, "{:width$} {:>3}", "", "n")?;
    let titles = METRICS.iter().filter(|metric| SHORT_KEYS.contains(&metric.key));
    for metric in titles.clone() {
        write!(out, " {:>15}", metric.title)?;
    }
    writeln!(out, " {:>15}", "floor F70")?;
    for subset in kinds {
        write!(out, "{:width$} {:>3}", subset.name, subset.tracker.n_pieces)?;
        for metric in titles.clone() {
            write!(out, " {:>15}", number(subset.tracker.means.get(metric.key).map(|estimate| estimate.mean), 3))?;
        }
        writeln!(out, " {:>15}", number(subset.floor.means.get("f70").map(|estimate| estimate.mean), 3))?;
    }
    Ok(())
}

/// Says in words what an interval without 0 means, since less is better for some metrics.
fn verdict(metric: &Metric, difference: &Estimate) -> &'static str {
    match (difference.excludes_zero(), (difference.mean > 0.0) == (metric.better == Better::Higher)) {
        (false, _) => "",
        (true, true) => " better",
        (true, false) => " worse",
    }
}

fn number(value: Option<f64>, decimals: usize) -> String {
    value.map_or(NONE.to_owned(), |value| format!("{value:.decimals$}"))
}

fn interval(estimate: Option<&Estimate>, signed: bool) -> String {
    match estimate.and_then(|estimate| estimate.interval) {
        Some([low, high]) if signed => format!("{low:+.3} {high:+.3}"),
        Some([low, high]) => format!("{low:.3} {high:.3}"),
        None => NONE.to_owned(),
    }
}

fn pairs(configuration: &std::collections::BTreeMap<String, String>) -> String {
    configuration.iter().map(|(key, value)| format!("{key} {value}")).collect::<Vec<_>>().join(", ")
}

fn or_none(text: &str) -> &str {
    if text.is_empty() { NONE } else { text }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::clip::score_clip;
    use super::super::test_data::{reference, tracked};
    use super::*;

    /// Two pieces of thirty seconds at 120 BPM, the second tracked late by `late_sec` seconds.
    fn report(late_sec: f64) -> EvalReport {
        let beats = || (0..60).map(|idx| (f64::from(idx) * 0.5, idx as u8 % 4 + 1));
        let clip = |id: &str, late_sec: f64, status: Status| {
            let said = tracked(beats().map(|(time_sec, position)| (time_sec + late_sec, position)), 0.0);
            let scores = || Some(score_clip(&reference(beats()), true, &said, 5.0));
            let (real, kind) = (Some(id == "first"), format!("kind of {id}"));
            let (id, genre, error) = (id.to_owned(), String::new(), None);
            ClipReport {
                id,
                kind,
                genre,
                error,
                real,
                status,
                duration_sec: 30.0,
                cpu_sec: 0.3,
                n_beats: 60,
                tracker: scores(),
                floor: scores(),
            }
        };
        EvalReport::of(
            "corpus".to_owned(),
            BTreeMap::new(),
            5.0,
            vec![clip("first", 0.0, Status::Scored), clip("second", late_sec, Status::Failed)],
        )
    }

    #[test]
    fn columns_line_up_and_every_subset_is_there() {
        let text = report(0.05).table();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0].len(), lines[1].len(), "{text}");
        for part in ["all (2 pieces)", "real (1 pieces)", "kind: kind of first", "FAILED: -", "2 pieces, 1.0 min, first 5 s skipped"] {
            assert!(text.contains(part), "{part} is missing:\n{text}");
        }
        let f25 = lines.iter().find(|line| line.starts_with("F25 ")).unwrap();
        assert!(f25.contains("0.500") && f25.contains("0.000 1.000"), "{f25}");
    }

    #[test]
    fn a_difference_is_named_better_or_worse() {
        let mut late = report(0.05);
        late.clips.remove(0);
        let mut on_time = report(0.0);
        on_time.clips.remove(0);
        on_time.compare(std::path::Path::new("before.json"), &late).unwrap();
        // One piece in common has no interval, so no verdict either.
        let f25 = on_time.table().lines().find(|line| line.starts_with("F25 ")).unwrap().to_owned();
        assert!(f25.contains("+1.000") && !f25.contains("better"), "{f25}");
        let estimate = |mean: f64| Estimate { mean, interval: Some([mean, mean]), n_pieces: 9 };
        let metric = |key: &str| METRICS.iter().find(|metric| metric.key == key).unwrap();
        assert_eq!((verdict(metric("f70"), &estimate(0.1)), verdict(metric("lock_sec"), &estimate(0.1))), (" better", " worse"));
        assert_eq!(verdict(metric("f70"), &estimate(0.0)), "");
    }

    #[test]
    fn an_empty_report_is_still_text() {
        let text = EvalReport::of(String::new(), BTreeMap::new(), 5.0, vec![]).table();
        assert!(text.starts_with("piece") && text.contains("0 pieces"));
    }
}
