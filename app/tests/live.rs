//! The real binary listening: a file at the pace of the clock, into real receivers; stopped, killed, started again.

#![allow(clippy::unwrap_used, reason = "a helper of a test fails with it")]

mod common;

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpStream, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use common::{RATE_HZ, anacrusis, clicks, run, write_wav};
use runtime_core::bus::shm::{FeedClock, FeedReader};
use serde_json::Value;
use tungstenite::stream::MaybeTlsStream;

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running `anacrusis`, killed when dropped.
struct Running {
    child: Child,
    /// Lines of stdout with the moment at which they came, monotonic nanoseconds.
    lines: Receiver<(u64, Value)>,
}

impl Running {
    /// Starts it with its feeds in `folder` and no settings of the user.
    fn start(folder: &Path, arguments: &[&str]) -> Self {
        let mut child = command(folder, arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let (lines_in, lines) = channel();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                let now_ns = FeedClock::now().monotonic_ns;
                if lines_in.send((now_ns, serde_json::from_str(&line).unwrap())).is_err() {
                    return;
                }
            }
        });
        Self { child, lines }
    }

    /// The next line that is wanted.
    fn wait(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> (u64, Value) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let (at_ns, line) = self.lines.recv_timeout(left).unwrap_or_else(|error| panic!("{what}: {error}"));
            if wanted(&line) {
                return (at_ns, line);
            }
        }
    }

    fn beat(&self) -> (u64, Value) {
        self.wait("a beat", is_beat)
    }

    #[cfg(unix)]
    fn signal(&self, signal: &str) {
        assert!(Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap().success());
    }

    /// Ctrl-C, and the exit code.
    #[cfg(unix)]
    fn interrupt(mut self) -> i32 {
        self.signal("-INT");
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code().expect("ended by itself");
            }
            assert!(Instant::now() < deadline, "it does not end");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("anacrusis"));
    command.args(arguments).env("ANACRUSIS_FEED_DIR", folder.join("feeds")).env("ANACRUSIS_CONFIG_DIR", folder);
    command
}

fn is_beat(line: &Value) -> bool {
    line["type"] == "beat"
}

fn at_ns(line: &Value) -> u64 {
    line["at"]["mono_ns"].as_u64().unwrap()
}

/// A folder with a click track at 120 BPM.
fn folder_with_clicks(n_seconds: f64) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    write_wav(&folder.path().join("clicks.wav"), &clicks(n_seconds, RATE_HZ), RATE_HZ);
    folder
}

fn web_client(address: &str) -> tungstenite::WebSocket<MaybeTlsStream<TcpStream>> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match tungstenite::connect(format!("ws://{address}/ws")) {
            Ok((client, _)) => return client,
            Err(error) => assert!(Instant::now() < deadline, "{error}"),
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A TCP port of loopback that nobody uses now.
fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn a_file_without_any_device_reaches_clients_before_the_beats_fall() {
    let folder = folder_with_clicks(30.0);
    let file = folder.path().join("clicks.wav");
    let record = folder.path().join("set.jsonl");
    let osc = UdpSocket::bind("127.0.0.1:0").unwrap();
    osc.set_read_timeout(Some(PATIENCE)).unwrap();
    let (address, osc_target) = (format!("127.0.0.1:{}", free_port()), osc.local_addr().unwrap().to_string());
    let arguments = ["live", "--file", file.to_str().unwrap(), "--json", "--web", &address, "--osc", &osc_target, "--quiet"];
    let live = Running::start(folder.path(), &[&arguments[..], &["--record", record.to_str().unwrap()]].concat());
    let mut web = web_client(&address);
    // A hundred more, one of which never reads.
    let crowd: Vec<_> = (0..100).map(|_| web_client(&address)).collect();
    let mut readers = Vec::new();
    for mut client in crowd.into_iter().skip(1) {
        readers.push(std::thread::spawn(move || {
            let mut n_beats = 0;
            while let Ok(message) = client.read() {
                n_beats += usize::from(message.to_text().is_ok_and(|text| text.contains("\"type\":\"beat\"")));
            }
            n_beats
        }));
    }
    let mut seen = Vec::new();
    while let Ok(message) = web.read() {
        let now_ns = FeedClock::now().monotonic_ns;
        let Ok(text) = message.to_text() else { continue };
        let Ok(line) = serde_json::from_str::<Value>(text) else { continue };
        if is_beat(&line) {
            seen.push((now_ns, line));
        }
        if seen.len() == 20 {
            break;
        }
    }
    drop(web);
    assert_eq!(seen.len(), 20, "beats over the WebSocket");
    let n_ahead = seen.iter().filter(|(now_ns, line)| now_ns < &at_ns(line)).count();
    assert!(n_ahead >= 19, "{n_ahead} of 20 beats arrived before they fell");
    let numbers: Vec<u64> = seen.iter().map(|(_, line)| line["number"].as_u64().unwrap()).collect();
    assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "{numbers:?}");
    let gaps: Vec<i64> = seen.windows(2).map(|pair| (at_ns(&pair[1].1) - at_ns(&pair[0].1)) as i64 / 1_000_000).collect();
    assert!(gaps.iter().all(|gap_ms| (gap_ms - 500).abs() < 60), "{gaps:?}");
    // Nothing was dropped on the way to the analysis, whatever the crowd did.
    let feed = FeedReader::list(&folder.path().join("feeds")).unwrap().remove(0);
    let health = FeedReader::open(&feed.path).unwrap().state().unwrap().health;
    assert_eq!((health.lost_samples, health.late_updates, health.fault), (0, 0, 0));
    let mut bytes = [0; 2_048];
    let n = osc.recv(&mut bytes).unwrap();
    assert!(bytes[..n].starts_with(b"/") || bytes[..n].starts_with(b"#bundle"), "{:?}", &bytes[..n.min(20)]);
    live.beat();
    #[cfg(unix)]
    assert_eq!(live.interrupt(), 0, "Ctrl-C is how it ends");
    assert!(readers.into_iter().all(|reader| reader.join().unwrap() >= 15), "everybody who reads is told");
    let session = outputs::session::Session::read(BufReader::new(std::fs::File::open(&record).unwrap())).unwrap();
    assert!(session.duration_sec() > 8.0 && session.looks.iter().any(|look| look.locked), "{}", session.duration_sec());
    // And once more from the recording: the first beats come at the same distances.
    let replay = Running::start(folder.path(), &["replay", record.to_str().unwrap(), "--json", "--quiet"]);
    let again: Vec<u64> = (0..4).map(|_| at_ns(&replay.beat().1)).collect();
    let gaps: Vec<i64> = again.windows(2).map(|pair| (pair[1] - pair[0]) as i64 / 1_000_000).collect();
    assert!(gaps.iter().all(|gap_ms| (gap_ms - 500).abs() < 60), "{gaps:?}");
}

#[cfg(unix)]
#[test]
fn a_bridge_follows_a_killed_writer_and_a_stopped_one_does_not_hurry() {
    let folder = folder_with_clicks(60.0);
    let file = folder.path().join("clicks.wav");
    let listen = || Running::start(folder.path(), &["live", "--file", file.to_str().unwrap(), "--quiet", "--repeat"]);
    let first = listen();
    let bridge = Running::start(folder.path(), &["bridge", "--json", "--quiet"]);
    let (_, before) = bridge.beat();
    // Stopped for two seconds: the bridge says so, and beats go on one by one.
    first.signal("-STOP");
    bridge.wait("the source is gone", |line| line["type"] == "lock" && line["reason"] == "no input");
    first.signal("-CONT");
    let beats: Vec<Value> = (0..4).map(|_| bridge.beat().1).collect();
    assert!(beats.windows(2).all(|pair| at_ns(&pair[1]) > at_ns(&pair[0]) + 200_000_000), "{beats:?}");
    first.signal("-KILL");
    bridge.wait("the source is gone", |line| line["type"] == "lock" && line["reason"] == "no input");
    let second = listen();
    let (_, after) = bridge.beat();
    assert!(after["number"].as_u64() > before["number"].as_u64(), "{before} {after}");
    assert_eq!((bridge.interrupt(), second.interrupt()), (0, 0));
}

#[test]
fn without_a_device_it_says_so_and_a_file_that_is_none_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let with = |arguments: &[&str]| {
        run(anacrusis().args(arguments).env("ANACRUSIS_CONFIG_DIR", folder.path()).env("ANACRUSIS_FEED_DIR", folder.path().join("feeds")))
    };
    let ran = with(&["live", "--device", "no such input"]);
    assert_eq!(ran.code, 3, "{}", ran.stderr);
    assert!(ran.stderr.contains("no such input"), "{}", ran.stderr);
    let ran = with(&["live", "--file", "no/such.wav"]);
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("no/such.wav"), "{}", ran.stderr);
    let noise = folder.path().join("noise.wav");
    std::fs::File::create(&noise).unwrap().write_all(b"no sound at all").unwrap();
    let ran = with(&["replay", noise.to_str().unwrap()]);
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("expected a session of this program"), "{}", ran.stderr);
    let ran = with(&["bridge", "--list"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""));
    assert!(ran.stderr.contains("there is no feed"), "{}", ran.stderr);
}

#[test]
fn it_ends_when_nobody_reads_its_lines_any_more() {
    let folder = folder_with_clicks(60.0);
    let file = folder.path().join("clicks.wav");
    let mut child = command(folder.path(), &["live", "--file", file.to_str().unwrap(), "--json", "--quiet", "--repeat"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.starts_with('{'), "{line}");
    let deadline = Instant::now() + PATIENCE;
    while child.try_wait().unwrap().is_none() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(20));
    }
    // Does nothing to a process that has ended.
    drop(child.kill());
    assert_eq!(child.wait().unwrap().code(), Some(0), "it does not end");
}

#[test]
fn settings_are_printed_used_again_and_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let with = |arguments: &[&str]| run(anacrusis().args(arguments).env("ANACRUSIS_CONFIG_DIR", folder.path()));
    let printed = with(&[
        "live",
        "--print-config",
        "--web",
        "--osc",
        "127.0.0.1:9000",
        "--offset",
        "osc=-20",
        "--midi",
        "--ddp",
        "127.0.0.1",
        "--pixels",
        "30",
    ]);
    assert_eq!(printed.code, 0, "{}", printed.stderr);
    assert!(printed.stdout.contains("offset_ms = -20.0") && printed.stdout.contains("[outputs.midi]"), "{}", printed.stdout);
    let path = folder.path().join("show.toml");
    std::fs::write(&path, &printed.stdout).unwrap();
    let again = with(&["live", "--print-config", "--config", path.to_str().unwrap()]);
    assert_eq!(again.stdout, printed.stdout);
    for (arguments, named) in [
        (&["live", "--set", "outputs.osc.kind=\"lights\"", "--print-config"][..], "outputs.osc.kind: expected one of"),
        (
            &["live", "--osc", "127.0.0.1:9000", "--offset", "osc=900", "--print-config"][..],
            "outputs.osc.offset_ms: expected -500 to 500, got 900",
        ),
        (&["live", "--offline", "--file", "x.wav"][..], "--offline"),
        (&["bridge", "--config", "no/such.toml"][..], "no/such.toml"),
        (&["live", "--web", "0.0.0.0:7770", "--print-config"][..], "token"),
        (&["live", "--record", path.to_str().unwrap(), "--print-config"][..], "exists"),
        (&["live", "--file", "x.wav", "--gain", "3"][..], "--gain"),
    ] {
        let ran = with(arguments);
        assert_eq!(ran.code, 2, "{arguments:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(named), "{arguments:?}: {}", ran.stderr);
    }
}
