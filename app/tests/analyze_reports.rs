//! Reports of folders: many files with broken ones among them, run again, and an index of what is there.

#![allow(clippy::unwrap_used, reason = "a test that fails panics")]

mod common;

use std::path::Path;
use std::time::{Duration, SystemTime};

use common::{RATE_HZ, anacrusis, clicks, folder_with, names_in, run, write_wav};

/// Set to any value, runs the test with a thousand clips too.
const LARGE_VARIABLE: &str = "ANACRUSIS_LARGE_TESTS";

/// A folder of short clips with one in the middle that is no audio.
fn clips(n_clips: usize) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let samples = clicks(2.0, RATE_HZ);
    for k in 0..n_clips {
        write_wav(&folder.path().join(format!("clip_{k:04}.wav")), &samples, RATE_HZ);
    }
    std::fs::write(folder.path().join(format!("clip_{:04}.wav", n_clips / 2)), "no audio").unwrap();
    folder
}

fn modified(path: &Path) -> SystemTime {
    path.metadata().unwrap().modified().unwrap()
}

/// All but the broken one are done; the same again does only that one; mended, it is done too.
fn check_unattended(n_clips: usize) {
    let folder = clips(n_clips);
    let out = tempfile::tempdir().unwrap();
    let broken = format!("clip_{:04}", n_clips / 2);
    let analyze =
        || run(anacrusis().args(["analyze", "--report", "-f", "beats", "--skip-existing", "-o"]).arg(out.path()).arg(folder.path()));
    let ran = analyze();
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{}", ran.stderr);
    assert!(ran.stderr.contains(&format!("{} done, 0 skipped, 1 failed", n_clips - 1)), "{}", ran.stderr);
    let last = ran.stderr.lines().last().unwrap();
    assert!(last.starts_with("failed: ") && last.contains(&broken), "the list of failures comes last: {last}");
    assert_eq!(names_in(out.path()).len(), 2 * (n_clips - 1) + 1, "two outputs a clip, and the index");
    let index = || std::fs::read_to_string(out.path().join("index.html")).unwrap();
    assert_eq!(index().matches("<tr><th scope=\"row\">").count(), n_clips, "the broken one has a row too");
    assert!(index().contains("1 failed") && index().contains(&broken));

    let first = out.path().join("clip_0000.report.html");
    let before = modified(&first);
    let again = analyze();
    assert_eq!(again.code, 1);
    assert!(again.stderr.contains(&format!("0 done, {} skipped, 1 failed", n_clips - 1)), "{}", again.stderr);
    assert_eq!(modified(&first), before, "what is done is left alone");

    write_wav(&folder.path().join(format!("{broken}.wav")), &clicks(2.0, RATE_HZ), RATE_HZ);
    std::fs::remove_file(&first).unwrap();
    let mended = analyze();
    assert_eq!(mended.code, 0, "{}", mended.stderr);
    assert!(mended.stderr.contains(&format!("2 done, {} skipped, 0 failed", n_clips - 2)), "{}", mended.stderr);
    assert_eq!(index().matches("<tr><th scope=\"row\">").count(), n_clips, "the index is that of the whole folder");
    assert!(!index().contains("failed</strong>"));
}

#[test]
fn a_broken_clip_in_the_middle_stops_nobody_and_the_next_run_does_what_is_missing() {
    check_unattended(40);
}

#[test]
fn a_thousand_clips_run_unattended() {
    if std::env::var_os(LARGE_VARIABLE).is_some() {
        check_unattended(1000);
    }
}

#[test]
fn what_broke_off_and_what_was_replaced_is_done_again() {
    let folder = folder_with(&["a.wav", "cut.wav"]);
    let cut = folder.path().join("cut.wav");
    let whole = std::fs::read(&cut).unwrap();
    std::fs::write(&cut, &whole[..whole.len() / 2]).unwrap();
    let analyze = || run(anacrusis().args(["analyze", "--resume", "-f", "beats,report"]).arg(folder.path()));
    let ran = analyze();
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("the beats up to there are written"), "{}", ran.stderr);
    let report = std::fs::read_to_string(folder.path().join("cut.report.html")).unwrap();
    assert!(report.contains("could not be read to its end"));
    assert!(std::fs::read_to_string(folder.path().join("index.html")).unwrap().contains("1 failed"));
    let again = analyze();
    assert!(again.code == 1 && again.stderr.contains("0 done, 1 skipped, 1 failed"), "still cut: {}", again.stderr);

    std::fs::write(&cut, &whole).unwrap();
    let mended = analyze();
    assert!(mended.code == 0 && mended.stderr.contains("1 done, 1 skipped, 0 failed"), "{}", mended.stderr);
    let later = SystemTime::now() + Duration::from_secs(60);
    std::fs::File::options().write(true).open(folder.path().join("a.wav")).unwrap().set_modified(later).unwrap();
    let replaced = analyze();
    assert!(replaced.code == 0 && replaced.stderr.contains("1 done, 1 skipped, 0 failed"), "{}", replaced.stderr);
}

#[test]
fn reports_find_their_audio_and_an_index_stands_in_each_folder() {
    let folder = folder_with(&["music/a/one.wav", "music/two.wav"]);
    let music = folder.path().join("music");
    let ran = run(anacrusis().args(["analyze", "--report", "-o"]).arg(folder.path().join("out")).arg(&music));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let expected = ["music/a/one.wav", "music/two.wav", "out/a/one.report.html", "out/index.html", "out/two.report.html"];
    assert_eq!(names_in(folder.path()), expected);
    let one = std::fs::read_to_string(folder.path().join("out/a/one.report.html")).unwrap();
    assert!(one.contains(" src=\"../../music/a/one.wav\""));
    let index = std::fs::read_to_string(folder.path().join("out/index.html")).unwrap();
    assert!(index.contains("href=\"a/one.report.html\"") && index.contains("href=\"two.report.html\""));

    let beside = run(anacrusis().args(["analyze", "--report"]).arg(&music));
    assert_eq!(beside.code, 0, "{}", beside.stderr);
    assert!(music.join("index.html").is_file() && music.join("a/one.report.html").is_file());
    let alone = run(anacrusis().args(["analyze", "--report", "--embed-audio"]).arg(music.join("two.wav")));
    assert_eq!(alone.code, 0);
    assert!(std::fs::read_to_string(music.join("two.report.html")).unwrap().contains(" src=\"data:audio/wav;base64,UklGR"));
}

#[test]
fn what_cannot_be_is_refused_before_the_first_file() {
    let folder = folder_with(&["song.wav"]);
    let song = folder.path().join("song.wav");
    let ran = run(anacrusis().args(["analyze", "--embed-audio"]).arg(&song));
    assert!(ran.code == 2 && ran.stderr.contains("ask for one with --report"), "{}", ran.stderr);
    let ran = run(anacrusis().args(["analyze", "-f", "wav", "-"]).write_stdin(std::fs::read(&song).unwrap()));
    assert!(ran.code == 2 && ran.stderr.contains("needs the audio a second time"), "{}", ran.stderr);
    assert_eq!(names_in(folder.path()), ["song.wav"]);
}

#[test]
fn a_page_of_the_users_own_is_left_alone() {
    let folder = folder_with(&["song.wav"]);
    std::fs::write(folder.path().join("index.html"), "mine").unwrap();
    let ran = run(anacrusis().args(["analyze", "--report", "--quiet"]).arg(folder.path()));
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    assert_eq!(std::fs::read(folder.path().join("index.html")).unwrap(), b"mine");
    assert!(folder.path().join("anacrusis-index.html").is_file());
}
