//! `cargo xtask demo [FILE]`: from a fresh clone to beats and to a plugin that plays them, with every step said aloud.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use crate::bundle::Build;
use crate::error::TaskError;
use crate::{bundle, demo_clip, process};

/// Folder of the outputs, in the workspace.
const OUTPUT_FOLDER: &str = "demo-output";
/// Every format of `anacrusis analyze`.
const FORMATS: &str = "beats,json,events,labels,mid,csv";
/// Beats that the table shows.
const N_SHOWN: usize = 12;
/// Width of the bars of the timeline: of a whole piece.
const TIMELINE_COLUMNS: f64 = 60.0;
/// A known beat counts as found within this, seconds: the usual tolerance of the field.
const TOLERANCE_SEC: f64 = 0.07;

/// What is read of `FILE.beats.json`.
#[derive(Debug, Deserialize)]
struct Document {
    duration_sec: f64,
    activation: String,
    models: Vec<String>,
    tempo_bpm: Option<f64>,
    beats_per_bar: Option<u8>,
    beats: Vec<Beat>,
    #[serde(default)]
    anticipator: Option<String>,
    #[serde(default)]
    sections: Vec<Section>,
}

#[derive(Debug, Deserialize)]
struct Section {
    time_sec: f64,
    label: String,
    prob: f64,
}

#[derive(Debug, Deserialize)]
struct Beat {
    time_sec: f64,
    announce_sec: f64,
    beat_in_bar: u8,
    bpm: f64,
    confidence: f64,
}

/// Builds, analyses `file` (or our own clip) and shows what came out. Nothing is fetched but what cargo needs.
///
/// # Errors
/// A build or an analysis that fails.
pub fn run(root: &Path, file: Option<&Path>) -> Result<(), TaskError> {
    eprintln!("[1/4] building the command line (a few minutes the first time)");
    let binary = process::release_binary(root)?;
    let clip = root.join(demo_clip::FOLDER).join(demo_clip::AUDIO_FILE);
    let input = file.unwrap_or(&clip);
    eprintln!("[2/4] analysing {}", input.strip_prefix(root).unwrap_or(input).display());
    let folder = root.join(OUTPUT_FOLDER);
    process::run("anacrusis analyze", Command::new(&binary).args(["analyze", "--format", FORMATS, "--output"]).arg(&folder).arg(input))?;

    let document = read(&output(&folder, input, "beats.json"))?;
    print!("{}", describe(&document));
    print!("{}", timeline(&document));
    if file.is_none() {
        let known = fs::read_to_string(root.join(demo_clip::FOLDER).join(demo_clip::BEATS_FILE)).unwrap_or_default();
        println!("{}", compare(&document.beats, &known_times(&known)));
    }
    print!("\n{}", written(&folder, input));
    play_in_host(root, input)?;
    println!("\n{}", next_steps(binary.strip_prefix(root).unwrap_or(&binary), file.is_none()));
    Ok(())
}

/// Bundles the plugin and plays `input` through the bundle in the test host, which prints what the plugin said.
fn play_in_host(root: &Path, input: &Path) -> Result<(), TaskError> {
    eprintln!("\n[3/4] bundling the plugin (a few minutes the first time)");
    bundle::plugin(root, Build::Release)?;
    eprintln!("[4/4] playing {} through {}, in a test host", input.strip_prefix(root).unwrap_or(input).display(), bundle::CLAP);
    println!();
    let host = ["run", "--release", "--quiet", "--package", "integration-tests", "--bin", "host_play", "--"];
    process::run("host_play", process::cargo(root, &host).arg(absolute(input)?))
}

/// The host runs in the workspace, the user may not.
fn absolute(path: &Path) -> Result<PathBuf, TaskError> {
    std::path::absolute(path).map_err(|e| TaskError::io(path, e))
}

fn output(folder: &Path, input: &Path, suffix: &str) -> PathBuf {
    let stem = input.file_stem().unwrap_or_default().to_string_lossy();
    folder.join(format!("{stem}.{suffix}"))
}

fn read(path: &Path) -> Result<Document, TaskError> {
    let text = fs::read_to_string(path).map_err(|e| TaskError::io(path, e))?;
    serde_json::from_str(&text).map_err(|e| TaskError::Tool { tool: "anacrusis analyze", message: format!("{}: {e}", path.display()) })
}

/// The sections, a bar of time each: when each was known, how sure it was then, how long it stood.
fn timeline(document: &Document) -> String {
    let Some(name) = &document.anticipator else {
        return "\nsections    not said: this build embeds no anticipator\n".to_owned();
    };
    let mut text = format!("\nsections    by {name}, as they were known\n\n");
    let ends = document.sections.iter().skip(1).map(|next| next.time_sec).chain([document.duration_sec]);
    for (section, end_sec) in document.sections.iter().zip(ends) {
        let share = (end_sec - section.time_sec).max(0.0) / document.duration_sec.max(f64::MIN_POSITIVE);
        let bar = "#".repeat((share * TIMELINE_COLUMNS).round() as usize);
        let _ = writeln!(text, "{:>8.1} s  {:<11} {:>3.0} %  {bar}", section.time_sec, section.label, 100.0 * section.prob);
    }
    text
}

/// Tempo, meter, what ran, and the first beats as a table.
fn describe(document: &Document) -> String {
    let mut text = String::from("\n");
    let tempo = document.tempo_bpm.map_or("unknown".to_owned(), |bpm| format!("{bpm:.1} BPM"));
    let meter = document.beats_per_bar.map_or("unknown".to_owned(), |beats| format!("{beats} beats per bar"));
    let activation = match (document.activation.as_str(), &document.models[..]) {
        ("networks", [name]) => format!("the network {name}"),
        ("networks", names) => format!("mean of the networks {}", names.join(", ")),
        _ => "spectral flux, the fallback: this build embeds no network".to_owned(),
    };
    let n_beats = document.beats.len();
    let _ = writeln!(text, "tempo       {tempo}\nmeter       {meter}\nbeats       {n_beats} in {:.1} s", document.duration_sec);
    let _ = writeln!(text, "activation  {activation}\n");
    let _ = writeln!(text, "{:>10}  {:>14}  {:>8}  {:>7}  {:>10}", "beat at", "said ahead by", "bar.beat", "BPM", "confidence");
    let mut bar = 0;
    for beat in document.beats.iter().take(N_SHOWN) {
        bar += u32::from(beat.beat_in_bar == 1);
        let position = if beat.beat_in_bar == 0 { "-".to_owned() } else { format!("{bar}.{}", beat.beat_in_bar) };
        let ahead_ms = (beat.time_sec - beat.announce_sec) * 1e3;
        let ahead = if ahead_ms >= 0.0 { format!("{ahead_ms:.0} ms") } else { format!("{:.0} ms late", -ahead_ms) };
        let _ =
            writeln!(text, "{:>8.3} s  {ahead:>14}  {position:>8}  {:>7.1}  {:>8.0} %", beat.time_sec, beat.bpm, 100.0 * beat.confidence);
    }
    if n_beats > N_SHOWN {
        let _ = writeln!(text, "       ... {} more", n_beats - N_SHOWN);
    }
    text
}

/// The first column of a `.beats` file, seconds.
fn known_times(text: &str) -> Vec<f64> {
    text.lines().filter_map(|line| line.split('\t').next()?.parse().ok()).collect()
}

/// How many of the beats that are known were found, and how exactly.
fn compare(beats: &[Beat], known_sec: &[f64]) -> String {
    let mut errors_ms: Vec<f64> = known_sec
        .iter()
        .filter_map(|known| beats.iter().map(|beat| beat.time_sec - known).min_by(|a, b| a.abs().total_cmp(&b.abs())))
        .filter(|error| error.abs() <= TOLERANCE_SEC)
        .map(|error| error.abs() * 1e3)
        .collect();
    errors_ms.sort_by(f64::total_cmp);
    let median = errors_ms.get(errors_ms.len() / 2).map_or(String::new(), |ms| format!(", half of them within {ms:.0} ms"));
    format!(
        "\nThis clip is ours, so its beats are known: {} of {} found within {:.0} ms{median}; {} BPM is right.",
        errors_ms.len(),
        known_sec.len(),
        TOLERANCE_SEC * 1e3,
        demo_clip::TEMPO_BPM
    )
}

/// Where each output is and what it is for.
fn written(folder: &Path, input: &Path) -> String {
    const USES: [(&str, &str); 6] = [
        ("beats", "time and position in the bar, for scripts and mir_eval"),
        ("beats.json", "everything, in one document"),
        ("events.tsv", "with the moment at which each beat was said"),
        ("labels.txt", "Audacity: File > Import > Labels"),
        ("beats.mid", "tempo map for a DAW: drop it at bar 1 beside the audio"),
        ("beats.csv", "spreadsheet"),
    ];
    let mut text = format!("Written to {}:\n", folder.display());
    for (suffix, use_for) in USES {
        let name = output(folder, input, suffix);
        let name = name.file_name().unwrap_or_default().to_string_lossy();
        let _ = writeln!(text, "  {name:<28}  {use_for}");
    }
    text
}

/// What to do next; `binary` is the command line that was built.
fn next_steps(binary: &Path, is_our_clip: bool) -> String {
    let binary = binary.display();
    let mut steps = vec![
        (format!("{binary} analyze --help"), "all options of the command line"),
        (format!("{binary} doctor"), "what this machine and this build can do"),
        ("cargo xtask install".to_owned(), "put the plugin where your music software looks for it"),
        ("cargo xtask test".to_owned(), "every test of the project"),
    ];
    if is_our_clip {
        steps.insert(0, ("cargo xtask demo YOUR-SONG.mp3".to_owned(), "the same with your own music (wav, flac, mp3, ogg, m4a)"));
    }
    let lines: Vec<String> = steps.iter().map(|(command, what)| format!("  {command:<44}  {what}")).collect();
    format!("Next:\n{}", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document() -> Document {
        let beat = |k: u32| Beat {
            time_sec: f64::from(k) * 0.5,
            announce_sec: f64::from(k) * 0.5 - 0.08,
            beat_in_bar: ((k + 3) % 4 + 1) as u8,
            bpm: 120.0,
            confidence: 0.9,
        };
        Document {
            duration_sec: 10.0,
            activation: "networks".to_owned(),
            models: vec!["a".to_owned(), "b".to_owned()],
            tempo_bpm: Some(120.0),
            beats_per_bar: Some(4),
            beats: (0..20).map(beat).collect(),
            anticipator: Some("tiny".to_owned()),
            sections: [(0.5, "intro"), (2.5, "verse")]
                .map(|(time_sec, label)| Section { time_sec, label: label.to_owned(), prob: 0.62 })
                .into(),
        }
    }

    #[test]
    fn sections_are_as_long_as_they_stood() {
        let text = timeline(&document());
        assert!(text.contains("by tiny"), "{text}");
        let lines: Vec<&str> = text.lines().filter(|line| line.contains('#')).collect();
        assert_eq!(lines[0], format!("     0.5 s  intro        62 %  {}", "#".repeat(12)), "2 of 10 s");
        assert_eq!(lines[1].matches('#').count(), 45);
        assert!(timeline(&Document { anticipator: None, ..document() }).contains("embeds no anticipator"));
    }

    #[test]
    fn the_table_counts_bars_from_the_first_downbeat() {
        let text = describe(&document());
        for part in ["120.0 BPM", "4 beats per bar", "networks a, b", "80 ms", "0.4", "1.1", "2.1", "... 8 more"] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }

    #[test]
    fn a_network_alone_is_no_mean() {
        let text = describe(&Document { models: vec!["a".to_owned()], ..document() });
        assert!(text.contains("activation  the network a\n"), "{text}");
    }

    #[test]
    fn without_beats_and_networks_it_says_so() {
        let nothing = Document {
            activation: "flux".to_owned(),
            tempo_bpm: None,
            beats_per_bar: None,
            beats: Vec::new(),
            models: Vec::new(),
            ..document()
        };
        let text = describe(&nothing);
        assert!(text.contains("unknown") && text.contains("the fallback: this build embeds no network\n"), "{text}");
        assert!(compare(&[], &[1.0]).contains("0 of 1 found"));
    }

    #[test]
    fn known_beats_are_counted_within_the_tolerance() {
        let text = compare(&document().beats, &known_times("0.01\t4\n0.5\t1\n1.08\t2\nnonsense\n"));
        assert!(text.contains("2 of 3 found within 70 ms, half of them within 10 ms"), "{text}");
    }
}
