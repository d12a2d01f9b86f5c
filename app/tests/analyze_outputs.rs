//! What `analyze` writes, where, and what it keeps off stdout.

#![allow(clippy::unwrap_used, reason = "a test that fails panics")]

mod common;

use std::io::Read;
use std::process::Stdio;

use common::{RATE_HZ, anacrusis, clicks, folder_with, names_in, run};

const ALL_FORMATS: &str = "beats,json,events,labels,sections,mid,csv,reaper,jams,npy,svg,wav,report";

#[test]
fn beats_go_beside_the_input_and_stdout_stays_empty() {
    let folder = folder_with(&["song.wav"]);
    let ran = run(anacrusis().arg("analyze").arg(folder.path().join("song.wav")));
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""));
    assert_eq!(names_in(folder.path()), ["song.beats", "song.wav"]);
    assert!(ran.stderr.contains("song.wav: ") && ran.stderr.contains("x real time"), "{}", ran.stderr);
    assert!(!ran.stderr.contains('\r') && !ran.stderr.contains('\x1b'), "no bar where nobody looks: {:?}", ran.stderr);
}

#[test]
fn every_format_is_written_once_even_if_named_twice() {
    let folder = folder_with(&["song.wav"]);
    let ran = run(anacrusis().args(["analyze", "-f", ALL_FORMATS, "-f", "beats"]).arg(folder.path().join("song.wav")));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let expected = [
        "song.beats",
        "song.beats.csv",
        "song.beats.json",
        "song.beats.mid",
        "song.beats.npy",
        "song.beats.svg",
        "song.clicks.wav",
        "song.events.tsv",
        "song.jams",
        "song.labels.txt",
        "song.reaper.csv",
        "song.report.html",
        "song.sections.txt",
        "song.wav",
    ];
    assert_eq!(names_in(folder.path()), expected);
}

#[test]
fn a_click_track_at_120_bpm_is_found() {
    let folder = folder_with(&["song.wav"]);
    for mode in ["--causal", "--offline"] {
        let ran = run(anacrusis().args(["analyze", "--quiet", "--stdout", "-f", "json", mode]).arg(folder.path().join("song.wav")));
        let value: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
        let tempo_bpm = value["tempo_bpm"].as_f64().unwrap_or_else(|| panic!("no beats {mode}: {}", ran.stderr));
        let octave = tempo_bpm / 120.0;
        assert!([0.5, 1.0].iter().any(|o| (octave / o - 1.0).abs() < 0.03), "{mode}: {tempo_bpm} BPM");
        assert!(value["beats"].as_array().unwrap().len() >= 5, "{mode}");
        assert_eq!(value["mode"], mode.trim_start_matches('-'));
    }
}

#[test]
fn a_directory_keeps_its_tree_below_o() {
    let folder = folder_with(&["a/one.wav", "b/deep/two.wav"]);
    let out = tempfile::tempdir().unwrap();
    let ran = run(anacrusis().args(["analyze", "-f", "beats,csv", "-o"]).arg(out.path().join("new")).arg(folder.path()));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let expected = ["new/a/one.beats", "new/a/one.beats.csv", "new/b/deep/two.beats", "new/b/deep/two.beats.csv"];
    assert_eq!(names_in(out.path()), expected);
}

#[test]
fn skip_existing_leaves_whole_sets_alone_and_completes_the_others() {
    let folder = folder_with(&["a.wav", "b.wav"]);
    std::fs::write(folder.path().join("a.beats"), "mine\n").unwrap();
    std::fs::write(folder.path().join("a.beats.csv"), "mine\n").unwrap();
    std::fs::write(folder.path().join("b.beats"), "mine\n").unwrap();
    let ran = run(anacrusis().args(["analyze", "--skip-existing", "-f", "beats,csv"]).arg(folder.path()));
    assert_eq!(ran.code, 0);
    assert!(ran.stderr.contains("1 done, 1 skipped, 0 failed"), "{}", ran.stderr);
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    assert_eq!((read("a.beats").as_str(), read("a.beats.csv").as_str()), ("mine\n", "mine\n"));
    assert_ne!(read("b.beats"), "mine\n");
    let again = run(anacrusis().args(["analyze", "--skip-existing", "-f", "beats,csv"]).arg(folder.path()));
    assert!(again.stderr.contains("0 done, 2 skipped, 0 failed"), "{}", again.stderr);
}

#[test]
fn stdout_is_exactly_the_file() {
    let folder = folder_with(&["song.wav"]);
    let wav = folder.path().join("song.wav");
    for (format, name) in [("beats", "song.beats"), ("events", "song.events.tsv"), ("csv", "song.beats.csv"), ("labels", "song.labels.txt")]
    {
        let ran = run(anacrusis().args(["analyze", "--stdout", "-f", format]).arg(&wav));
        run(anacrusis().args(["analyze", "-f", format]).arg(&wav));
        assert_eq!(ran.stdout, std::fs::read_to_string(folder.path().join(name)).unwrap(), "{format}");
    }
}

#[test]
fn events_are_in_order_and_said_no_later_than_the_end() {
    let folder = folder_with(&["song.wav"]);
    let ran = run(anacrusis().args(["analyze", "--stdout", "-f", "events"]).arg(folder.path().join("song.wav")));
    let rows: Vec<Vec<f64>> = ran.stdout.lines().map(|line| line.split('\t').map(|field| field.parse().unwrap()).collect()).collect();
    assert!(rows.iter().all(|row| row.len() == 5));
    assert!(rows.windows(2).all(|pair| pair[0][0] < pair[1][0] && pair[0][1] <= pair[1][1]));
    assert!(rows.iter().all(|row| (0.0..=12.0).contains(&row[0]) && (0.0..=12.0).contains(&row[1])));
}

#[test]
fn standard_input_gives_what_the_file_gives() {
    let folder = folder_with(&["song.wav"]);
    let wav = folder.path().join("song.wav");
    let from_file = run(anacrusis().args(["analyze", "--stdout"]).arg(&wav));
    let from_pipe = run(anacrusis().args(["analyze", "-"]).write_stdin(std::fs::read(&wav).unwrap()));
    assert_eq!((from_pipe.code, &from_pipe.stdout), (0, &from_file.stdout), "{}", from_pipe.stderr);
    let out = tempfile::tempdir().unwrap();
    let ran = run(anacrusis().args(["analyze", "-", "-o"]).arg(out.path()).write_stdin(std::fs::read(&wav).unwrap()));
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""));
    assert_eq!(names_in(out.path()), ["stdin.beats"]);
}

#[test]
fn a_wav_of_unknown_length_from_a_pipe_is_read_to_its_end() {
    let folder = folder_with(&["song.wav"]);
    let bytes = std::fs::read(folder.path().join("song.wav")).unwrap();
    let expected = run(anacrusis().args(["analyze", "-"]).write_stdin(bytes.clone())).stdout;
    // What FFmpeg and SoX write when they cannot go back and fill in the length.
    for placeholder in [u32::MAX, 0xffff_ff00, 0x7fff_f000] {
        let mut streamed = bytes.clone();
        streamed[4..8].copy_from_slice(&placeholder.saturating_add(36).to_le_bytes());
        streamed[40..44].copy_from_slice(&placeholder.to_le_bytes());
        let ran = run(anacrusis().args(["analyze", "-"]).write_stdin(streamed));
        assert_eq!((ran.code, &ran.stdout), (0, &expected), "{placeholder:#x}: {}", ran.stderr);
    }
}

#[test]
fn raw_samples_from_a_pipe_are_read() {
    let bytes: Vec<u8> = clicks(12.0, RATE_HZ).iter().flat_map(|sample| sample.to_le_bytes()).collect();
    let rate = RATE_HZ.to_string();
    let ran = run(anacrusis().args(["analyze", "--raw-rate", &rate, "-f", "json", "-"]).write_stdin(bytes));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let value: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((value["file"].as_str(), value["duration_sec"].as_f64()), (Some("stdin"), Some(12.0)));
    let empty = run(anacrusis().args(["analyze", "-"]).write_stdin(""));
    assert_eq!((empty.code, empty.stdout.as_str()), (1, ""));
    assert!(empty.stderr.contains("error: stdin: is empty (0 bytes)"), "{}", empty.stderr);
}

#[test]
fn quiet_says_nothing_but_errors() {
    let folder = folder_with(&["a.wav", "b.wav"]);
    let ran = run(anacrusis().args(["analyze", "--quiet", "--activation", "flux"]).arg(folder.path()));
    assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.as_str()), (0, "", ""));
}

#[test]
fn the_number_of_jobs_does_not_change_the_results() {
    let folder = folder_with(&["a.wav", "b.wav", "c.wav"]);
    let results = |jobs: &str| {
        let out = tempfile::tempdir().unwrap();
        run(anacrusis().args(["analyze", "--jobs", jobs, "-f", ALL_FORMATS, "-o"]).arg(out.path()).arg(folder.path()));
        // The index bears the name of its folder, a temporary one.
        let names = names_in(out.path()).into_iter().filter(|name| name != "index.html");
        names.map(|name| std::fs::read(out.path().join(name)).unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(results("1").len(), 3 * 13);
    assert_eq!(results("1"), results("3"));
}

#[test]
fn a_reader_that_goes_away_is_a_quiet_end() {
    let folder = folder_with(&["song.wav"]);
    let mut child = std::process::Command::new(assert_cmd::cargo::cargo_bin!("anacrusis"))
        .args(["analyze", "--quiet", "--activation", "flux", "--stdout", "-f", "json"])
        .arg(folder.path().join("song.wav"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!((child.wait().unwrap().code(), stderr.as_str()), (Some(0), ""));
}

#[test]
fn help_and_version_are_data() {
    for args in [&["--help"][..], &["analyze", "--help"], &["doctor", "--help"], &["eval", "--help"], &["--version"]] {
        let ran = run(anacrusis().args(args));
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{args:?}");
        assert!(ran.stdout.to_lowercase().contains("anacrusis"), "{args:?}: {}", ran.stdout);
    }
    let help = run(anacrusis().args(["analyze", "--help"])).stdout;
    for word in ["Examples:", "Exit codes:", "--skip-existing", "announce_time_sec<TAB>", "--raw-rate"] {
        assert!(help.contains(word), "{word}");
    }
}
