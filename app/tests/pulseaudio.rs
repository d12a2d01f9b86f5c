//! Devices and calibration through a real PulseAudio server with null outputs, whose monitors are true loopbacks. Skipped, loudly,
//! where no `pulseaudio` is installed.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that fails panics")]

mod common;

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use common::{anacrusis, run};

/// How long the server may take to begin.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server of this test's own, ended with it.
struct Server {
    child: Child,
    socket: PathBuf,
}

impl Server {
    fn start(folder: &Path) -> Option<Self> {
        let socket = folder.join("native");
        let protocol = format!("module-native-protocol-unix auth-anonymous=1 socket={}", socket.display());
        let child = Command::new("pulseaudio")
            .args(["-n", "--daemonize=no", "--disallow-exit", "--exit-idle-time=-1", "--use-pid-file=no"])
            .args([
                "-L",
                "module-null-sink sink_name=room rate=48000",
                "-L",
                "module-null-sink sink_name=other rate=44100",
                "-L",
                &protocol,
            ])
            .env("HOME", folder)
            .env("XDG_RUNTIME_DIR", folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let mut server = Self { child, socket };
        let started = Instant::now();
        while !server.socket.exists() {
            assert!(started.elapsed() < PATIENCE, "the server did not begin");
            if server.child.try_wait().unwrap().is_some() {
                return None;
            }
            thread::sleep(Duration::from_millis(50));
        }
        Some(server)
    }

    /// The home too: the server's cookie lies there, and PulseAudio hangs up on who has none.
    fn variables(&self) -> [(&'static str, String); 3] {
        let folder = self.socket.parent().unwrap().display().to_string();
        [("PULSE_SERVER", format!("unix:{}", self.socket.display())), ("ANACRUSIS_CONFIG_DIR", folder.clone()), ("HOME", folder)]
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn what_the_machine_plays_is_found_recorded_and_lost_with_its_server() {
    let folder = tempfile::tempdir().unwrap();
    let Some(mut server) = Server::start(folder.path()) else {
        eprintln!("SKIPPED: no pulseaudio that starts here");
        return;
    };

    let listed = run(anacrusis().envs(server.variables()).args(["devices", "--json"]));
    let json: serde_json::Value = serde_json::from_str(&listed.stdout).unwrap();
    assert_eq!(listed.code, 0, "{} {}", listed.stdout, listed.stderr);
    let device = |id: &str| json["devices"].as_array().unwrap().iter().find(|device| device["id"] == id).cloned().unwrap();
    assert_eq!(device("pulseaudio:room.monitor")["is_loopback"], true);
    assert_eq!(device("pulseaudio:other.monitor")["default_rate_hz"], 44_100);
    assert_eq!(json["loopback_advice"], serde_json::Value::Null);

    // The sound goes out through the server and comes back by its monitor.
    let heard = run(anacrusis().envs(server.variables()).args([
        "calibrate",
        "--loopback",
        "--output",
        "room",
        "--clicks",
        "10",
        "--write",
        "osc",
        "--json",
    ]));
    if heard.code == 0 {
        let report: serde_json::Value = serde_json::from_str(&heard.stdout).unwrap();
        assert!((-50.0..400.0).contains(&report["delay_ms"].as_f64().unwrap()), "{report}");
        assert!(report["n_used"].as_u64().unwrap() >= 6, "{report}");
        assert!(std::fs::read_to_string(folder.path().join("anacrusis.toml")).unwrap().contains("[outputs.osc]\noffset_ms = "));
    } else {
        // A machine under load loses samples or scatters them, which has to be refused in so many words.
        assert!(["lost samples", "spread over", "clicks that count"].iter().any(|words| heard.stderr.contains(words)), "{}", heard.stderr);
        assert!(!folder.path().join("anacrusis.toml").exists());
    }

    let mut meter = Command::new(assert_cmd::cargo::cargo_bin!("anacrusis"))
        .envs(server.variables())
        .args(["devices", "--json", "--meter", "60", "--device", "other.monitor"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(meter.stdout.take().unwrap()).lines();
    let line: serde_json::Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    assert_eq!(line["peak_db"].as_array().map(Vec::len), Some(2), "{line}");
    server.child.kill().unwrap();
    assert_eq!(meter.wait().unwrap().code(), Some(3));
    let mut said = String::new();
    meter.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(said.contains("went away"), "{said}");
}
