//! Ctrl-C leaves no half-written file: a real child process, a real signal.

#![allow(clippy::unwrap_used, reason = "a test that fails panics")]
#![cfg(unix)]

mod common;

use std::io::{Seek, SeekFrom, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::{clicks, names_in, write_wav};

/// Rate of the long file, Hz.
const RATE_HZ: u32 = 8_000;

/// Half a day of silence after a few clicks; the silence takes no room on the disk.
fn write_long_wav(path: &Path) {
    let n_data = RATE_HZ * 12 * 3600 * 2;
    write_wav(path, &clicks(10.0, RATE_HZ), RATE_HZ);
    let mut file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
    for (at, value) in [(4, n_data + 36), (40, n_data)] {
        file.seek(SeekFrom::Start(at)).unwrap();
        file.write_all(&u32::to_le_bytes(value)).unwrap();
    }
    file.set_len(u64::from(n_data) + 44).unwrap();
}

fn start(folder: &Path, input: &str) -> Child {
    Command::new(assert_cmd::cargo::cargo_bin!("anacrusis"))
        .args(["analyze", "-f", "beats,json,events,labels,mid,csv", "-o", "out", input])
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn interrupt(child: &mut Child, signal: &str) {
    let status = Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
    assert!(status.success());
    let waiting = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        assert!(waiting.elapsed() < Duration::from_secs(10), "did not end");
        std::thread::sleep(Duration::from_millis(10));
    };
    assert_eq!(status.code(), Some(130), "ended by itself, not by the signal ({:?})", status.signal());
}

#[test]
fn a_long_analysis_ends_at_once_and_leaves_nothing() {
    for signal in ["-INT", "-TERM"] {
        let folder = tempfile::tempdir().unwrap();
        write_long_wav(&folder.path().join("long.wav"));
        let mut child = start(folder.path(), "long.wav");
        std::thread::sleep(Duration::from_millis(400));
        assert_eq!(child.try_wait().unwrap(), None, "still at work");
        interrupt(&mut child, signal);
        assert_eq!(names_in(folder.path()), ["long.wav"]);
    }
}

#[test]
fn waiting_for_standard_input_ends_at_once_too() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = start(folder.path(), "-");
    std::thread::sleep(Duration::from_millis(400));
    assert_eq!(child.try_wait().unwrap(), None, "still waiting");
    interrupt(&mut child, "-INT");
    assert_eq!(names_in(folder.path()), [""; 0]);
}

#[test]
fn at_any_moment_each_output_is_whole_or_absent() {
    let folder = tempfile::tempdir().unwrap();
    for k in 0..40 {
        write_wav(&folder.path().join(format!("{k:02}.wav")), &clicks(3.0, RATE_HZ), RATE_HZ);
    }
    for wait_ms in [60, 120, 180, 240, 300] {
        let mut child = start(folder.path(), ".");
        std::thread::sleep(Duration::from_millis(wait_ms));
        let _ = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
        child.wait().unwrap();
        let out = folder.path().join("out");
        for name in if out.is_dir() { names_in(&out) } else { vec![] } {
            assert!(!name.ends_with(".tmp"), "{name}");
            let bytes = std::fs::read(out.join(&name)).unwrap();
            if name.ends_with(".json") {
                serde_json::from_slice::<serde_json::Value>(&bytes).unwrap();
            }
            if name.ends_with(".mid") {
                assert!(bytes.ends_with(&[0xff, 0x2f, 0x00]), "the last track ends");
            }
        }
        let _ = std::fs::remove_dir_all(&out);
    }
}
