//! Every kind of bad input gets its own message on stderr and an exit code; the other files still get done.

#![allow(clippy::unwrap_used, reason = "a test that fails panics")]

mod common;

use std::path::Path;

use common::{RATE_HZ, anacrusis, clicks, folder_with, golden_format, names_in, run, write_wav};

/// Analyses one bad file: exit 1, one error naming the file and the cause, nothing on stdout, nothing written.
fn assert_refused(path: &Path, cause: &str) {
    let out = tempfile::tempdir().unwrap();
    let ran = run(anacrusis().args(["analyze", "-o"]).arg(out.path()).arg(path));
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    let expected = format!("error: {}: ", path.display());
    assert!(ran.stderr.contains(&expected) && ran.stderr.contains(cause), "expected {cause:?} in {}", ran.stderr);
    assert_eq!((ran.stdout.as_str(), names_in(out.path()).len()), ("", 0));
}

#[test]
fn each_bad_file_is_refused_with_its_cause() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    assert_refused(&folder.path().join("gone.wav"), "no such file");
    assert_refused(&file("empty.wav", b""), "is empty (0 bytes)");
    assert_refused(&file("text.wav", b"This is no audio at all.\n"), "is no audio file that we know (WAV, ");
    assert_refused(&file("zeros.mp3", &[0; 10_000]), "is no audio file that we know");
    assert_refused(&file("header.wav", b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0"), "is a broken file");
    assert_refused(&golden_format("click-opus.ogg"), "has the codec Opus, which we cannot decode (we can: ");
    assert_refused(&golden_format("video-only.mp4"), "has no audio track (isomp4)");

    let no_samples = folder.path().join("no-samples.wav");
    write_wav(&no_samples, &[], RATE_HZ);
    assert_refused(&no_samples, "has an audio track without a single sample");
    let slow = folder.path().join("slow.wav");
    write_wav(&slow, &[0.0; 8_000], 4_000);
    assert_refused(&slow, "has a sample rate of 4000 Hz, outside 8000..384000 Hz");
    let fast = folder.path().join("fast.wav");
    write_wav(&fast, &[0.0; 8_000], 400_000);
    assert_refused(&fast, "has a sample rate of 400000 Hz");
}

#[test]
fn a_directory_without_audio_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("notes.txt"), "x").unwrap();
    let ran = run(anacrusis().arg("analyze").arg(folder.path()));
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("no audio file in this directory (looked for wav, "), "{}", ran.stderr);
}

#[test]
fn a_truncated_file_still_gives_its_beats_and_counts_as_failed() {
    let folder = folder_with(&["whole.wav"]);
    let bytes = std::fs::read(folder.path().join("whole.wav")).unwrap();
    let cut = folder.path().join("cut.wav");
    std::fs::write(&cut, &bytes[..bytes.len() * 3 / 4]).unwrap();
    let ran = run(anacrusis().arg("analyze").arg(&cut));
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("ended early at 9.0 s of 12.0 s; the beats up to there are written"), "{}", ran.stderr);
    assert!(folder.path().join("cut.beats").is_file());
}

#[test]
fn one_bad_file_among_good_ones_stops_nobody() {
    let folder = folder_with(&["a.wav", "c.wav"]);
    std::fs::write(folder.path().join("b.wav"), b"nonsense").unwrap();
    for jobs in ["1", "4"] {
        let out = tempfile::tempdir().unwrap();
        let ran = run(anacrusis().args(["analyze", "--jobs", jobs, "-o"]).arg(out.path()).arg(folder.path()));
        assert_eq!(ran.code, 1);
        assert_eq!(names_in(out.path()), ["a.beats", "c.beats"]);
        assert_eq!(ran.stderr.matches("error: ").count(), 1, "{}", ran.stderr);
        assert!(ran.stderr.contains("2 done, 0 skipped, 1 failed"), "{}", ran.stderr);
    }
}

#[test]
fn samples_that_are_not_finite_are_counted_and_change_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("nan.wav");
    let spec = hound::WavSpec { channels: 2, sample_rate: RATE_HZ, bits_per_sample: 32, sample_format: hound::SampleFormat::Float };
    let mut writer = hound::WavWriter::create(&path, spec).unwrap();
    for (n, &sample) in clicks(8.0, RATE_HZ).iter().enumerate() {
        let broken = match n % 1000 {
            0 => f32::NAN,
            1 => f32::INFINITY,
            _ => sample,
        };
        writer.write_sample(sample).unwrap();
        writer.write_sample(broken).unwrap();
    }
    writer.finalize().unwrap();
    let ran = run(anacrusis().args(["analyze", "-f", "beats,json,events,labels,mid,csv"]).arg(&path));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stderr.contains("354 samples are not finite and count as 0"), "{}", ran.stderr);
}

#[test]
fn a_command_line_that_asks_for_the_impossible_is_usage() {
    let folder = folder_with(&["x.wav"]);
    let wav = folder.path().join("x.wav");
    std::fs::copy(&wav, folder.path().join("y.wav")).unwrap();
    let other = folder.path().join("y.wav");
    let wav = wav.to_str().unwrap();
    let other = other.to_str().unwrap();
    let cases: [(&[&str], &str); 14] = [
        (&["analyze"], "required"),
        (&["analyse", wav], "unrecognized subcommand"),
        (&["analyze", "-f", "xml", wav], "invalid value 'xml'"),
        (&["analyze", "--bpm-range", "70-180", wav], "expected MIN:MAX"),
        (&["analyze", "--bpm-range", "180:70", wav], "tempo range 180:70 BPM"),
        (&["analyze", "--bpm-range", "10:500", wav], "must lie within 40:240"),
        (&["analyze", "--meter", "9", wav], "expected auto or 2 to 7"),
        (&["analyze", "--causal", "--offline", wav], "cannot be used with"),
        (&["analyze", "--jobs", "0", wav], "invalid value '0'"),
        (&["analyze", "--stdout", "-f", "beats,csv", wav], "standard output takes one format of one file, not 2 formats of 1"),
        (&["analyze", "--stdout", wav, other], "not 1 formats of 2 files"),
        (&["analyze", "-o", wav, other], "is a file: -o takes a directory"),
        (&["analyze", "--raw-rate", "44100", wav], "--raw-rate describes standard input"),
        (&["analyze", "--model", "/nowhere/at/all", wav], "/nowhere/at/all"),
    ];
    for (args, message) in cases {
        let ran = run(anacrusis().args(args));
        assert_eq!(ran.code, 2, "{args:?}: {}", ran.stderr);
        assert!(ran.stderr.starts_with("error: ") && ran.stderr.contains(message), "{args:?}: expected {message:?} in {}", ran.stderr);
        assert_eq!(ran.stdout, "", "{args:?}");
    }
    assert_eq!(names_in(folder.path()), ["x.wav", "y.wav"], "nothing was written");
}

#[test]
fn two_inputs_that_would_share_an_output_are_refused_before_any_work() {
    let folder = folder_with(&["x.wav"]);
    std::fs::copy(folder.path().join("x.wav"), folder.path().join("x.wave")).unwrap();
    let ran = run(anacrusis().arg("analyze").arg(folder.path()));
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("x.wav and ") && ran.stderr.contains("x.wave would both be written to"), "{}", ran.stderr);
    assert_eq!(names_in(folder.path()), ["x.wav", "x.wave"]);
}

#[cfg(unix)]
#[test]
fn an_output_that_cannot_be_written_is_that_files_failure() {
    let folder = folder_with(&["x.wav"]);
    std::fs::create_dir_all(folder.path().join("x.beats/taken")).unwrap();
    let ran = run(anacrusis().arg("analyze").arg(folder.path().join("x.wav")));
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("cannot write") && ran.stderr.contains("x.beats"), "{}", ran.stderr);
    assert_eq!(names_in(folder.path()), ["x.wav"], "no temporary file stays");
}
