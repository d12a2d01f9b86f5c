//! The receivers of the documentation, each as a second process that hears known events and says what it heard.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;

use outputs::event::{Approach, Beat, Event};
use outputs::view::View;
use web::{Limits, WebConfig, WebHandle};

use crate::support::*;

fn docs(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/receivers").join(name)
}

/// Whether the program is there and takes the arguments; says loudly if not.
pub(crate) fn is_there(program: &str, arguments: &[&str]) -> bool {
    let is_there =
        Command::new(program).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success());
    if !is_there {
        eprintln!("SKIPPED: no {program} {arguments:?} on this machine, so the receiver was not run");
    }
    is_there
}

/// A second process and the lines that it prints. Ended with the test.
pub(crate) struct Receiver {
    child: Child,
    lines: mpsc::Receiver<String>,
}

impl Receiver {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (line, lines) = mpsc::channel();
        std::thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|text| line.send(text)));
        Self { child, lines }
    }

    pub(crate) fn next_line(&mut self) -> String {
        self.lines.recv_timeout(DEADLINE).expect("a line")
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A beat some time from now.
fn beat_in(ms: i64, server_now_ns: u64, number: u64) -> Event {
    let Event::Beat(beat) = beat(number) else { unreachable!() };
    let mono_ns = server_now_ns + ms as u64 * 1_000_000;
    Event::Beat(Beat { at: outputs::event::Moment { mono_ns, unix_ns: mono_ns }, ..beat })
}

/// The server's monotonic clock, as a client learns it.
fn now_ns(server: &WebHandle, token: &str) -> u64 {
    let stream = std::net::TcpStream::connect(server.address()).unwrap();
    let bearer = format!("Bearer {token}");
    let (mut socket, _) = tungstenite::client(request(server.address(), &[("authorization", &bearer)]), stream).unwrap();
    let hello: serde_json::Value = serde_json::from_str(socket.read().unwrap().to_text().unwrap()).unwrap();
    hello["clock"]["mono_ns"].as_u64().unwrap()
}

#[test]
fn the_python_receiver_prints_beats_as_they_fall() {
    if !is_there("python3", &["--version"]) {
        return;
    }
    let server = server_with(WebConfig { token: Some("correct-horse".to_owned()), ..config() }, Limits::default());
    let url = format!("ws://{}/ws", server.address());
    let mut receiver =
        Receiver::start(Command::new("python3").arg(docs("websocket.py")).args([&url, "--token", "correct-horse", "--beats", "3"]));
    assert_eq!(receiver.next_line(), "hello anacrusis schema 1");
    server.publish_event(&lock(true, "locked"));
    let now_ns = now_ns(&server, "correct-horse");
    for (ms, number) in [(300, 8), (600, 9), (900, 10)] {
        server.publish_event(&beat_in(ms, now_ns, number));
    }
    server.publish_state(&View::default());
    server.publish_event(&Event::Approach(Approach { within_beats: 8, next: Some(4), ..Approach::default() }));
    server.publish_event(&section(4));
    // Beats wait for their moment, all else is said at once: the order is not that of sending, however slow the machine is
    // to start a process. (The first beat may be due before the section is read, so only what must be is compared.)
    let lines: Vec<String> = (0..6).map(|_| receiver.next_line()).collect();
    let of = |word: &str| lines.iter().filter(|line| line.starts_with(word)).cloned().collect::<Vec<_>>();
    assert_eq!(of("beat"), ["beat 8 bar 3 1/4 120.0 bpm verse", "beat 9 bar 3 2/4 120.0 bpm verse", "beat 10 bar 3 3/4 120.0 bpm verse"]);
    assert_eq!(
        [of("lock"), of("approach"), of("section")].concat(),
        ["lock on: locked", "approach chorus within 8 beats", "section chorus"]
    );
    assert!(receiver.child.wait().unwrap().success());
    // And not before: on the server's clock the last moment has passed.
    assert!(self::now_ns(&server, "correct-horse") >= now_ns + 890_000_000);
}

#[test]
fn the_python_receiver_says_why_it_cannot() {
    if !is_there("python3", &["--version"]) {
        return;
    }
    let server = server_with(WebConfig { token: Some("correct-horse".to_owned()), ..config() }, Limits::default());
    let run = |url: &str| {
        let output = Command::new("python3").arg(docs("websocket.py")).arg(url).output().unwrap();
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(run(&format!("ws://{}/ws", server.address())).contains("401 Unauthorized"), "the token");
    assert!(run("http://127.0.0.1").contains("expected an address like ws://127.0.0.1:7770/ws, got http://127.0.0.1"));
    let address = server.address();
    drop(server);
    assert!(run(&format!("ws://{address}/ws")).starts_with("websocket.py: "), "nobody there");
}

#[test]
fn the_javascript_receiver_is_called_as_beats_fall() {
    // Older versions of Node have the class behind a switch.
    let probe = ["--experimental-websocket", "-e", "process.exit(typeof WebSocket === 'function' ? 0 : 1)"];
    if !is_there("node", &probe) {
        return;
    }
    let server = server();
    let script = format!(
        "const {{ Anacrusis }} = require({:?});
         const say = (...words) => console.log(words.join(' '));
         const anacrusis = new Anacrusis('ws://{}/ws', {{
           hello: (m) => say('hello', m.v), lock: (m) => say('lock', m.locked), state: () => say('state'),
           beat: (m) => {{
             const late_ms = performance.now() - anacrusis.here_ms(m.at.mono_ns);
             say('beat', m.number, m.beat_in_bar, late_ms > -2 ? 'due' : `early by ${{-late_ms}} ms`);
             if (m.number === 10) anacrusis.close();
           }},
         }}, {{ subscribe: {{ events: ['beat', 'lock'], state_hz: 0 }} }});
         const known = setInterval(() => {{ if (anacrusis.answers.length >= 3) {{ say('synchronised'); clearInterval(known); }} }}, 10);",
        docs("websocket.js"),
        server.address()
    );
    let mut receiver = Receiver::start(Command::new("node").args(["--no-warnings", "--experimental-websocket", "-e", &script]));
    assert_eq!(receiver.next_line(), "hello 1");
    assert_eq!(receiver.next_line(), "synchronised");
    let now_ns = now_ns(&server, "");
    for (ms, number) in [(400, 8), (600, 9), (800, 10)] {
        server.publish_event(&beat_in(ms, now_ns, number));
    }
    server.publish_event(&section(4));
    server.publish_event(&lock(false, "silence"));
    let lines: Vec<String> = (0..4).map(|_| receiver.next_line()).collect();
    let (beats, others): (Vec<_>, Vec<_>) = lines.iter().map(String::as_str).partition(|line| line.starts_with("beat"));
    assert_eq!((beats, others), (vec!["beat 8 1 due", "beat 9 2 due", "beat 10 3 due"], vec!["lock false"]));
    wait_until("it ends by itself", || receiver.child.try_wait().unwrap().is_some());
}
