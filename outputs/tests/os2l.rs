//! OS2L against real sockets: what arrives, servers that misbehave or go, discovery on this machine, and the receiver in Python.

#![allow(clippy::unwrap_used, reason = "a test that fails panics")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use mdns_sd::ServiceInfo;
use outputs::event::{Beat, Event, Lock, Moment, Section};
use outputs::os2l::{Os2l, Os2lConfig, Reach, SERVICE_TYPE};
use outputs::output::Output;
use outputs::view::View;

/// How long a test waits for something that a healthy machine does at once.
const PATIENCE: Duration = Duration::from_secs(20);

fn at(address: impl ToString) -> Os2lConfig {
    Os2lConfig { target: address.to_string(), ..Os2lConfig::default() }
}

fn beat(number: u64, beat_in_bar: u8) -> Event {
    Event::Beat(Beat { number, beat_in_bar, beats_per_bar: 4, bpm: 128.004, intensity: 0.75, ..Beat::default() })
}

fn section(section: u8) -> Event {
    Event::Section(Section { section, ..Section::default() })
}

fn say(output: &mut Os2l, event: &Event) {
    output.event(event, Moment::default()).unwrap();
}

/// Polls until `done` says so.
fn poll_until(output: &mut Os2l, what: &str, mut done: impl FnMut(&mut Os2l) -> bool) {
    let until = Instant::now() + PATIENCE;
    while !done(output) {
        assert!(Instant::now() < until, "waited in vain: {what}");
        output.poll(Moment::default()).unwrap();
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Calls the output until it fails, as the runner does, and gives the error.
fn poll_until_error(output: &mut Os2l) -> String {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Err(error) = output.poll(Moment::default()) {
            assert!(error.may_pass(), "{error}");
            return error.to_string();
        }
        assert!(Instant::now() < until, "it never failed");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn open_until_it_works(output: &mut Os2l) {
    let until = Instant::now() + PATIENCE;
    while let Err(error) = output.open() {
        assert!(error.may_pass() && Instant::now() < until, "{error}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn accept(listener: &TcpListener) -> TcpStream {
    let (stream, _) = listener.accept().unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

#[test]
fn a_server_reads_beats_buttons_and_commands_byte_for_byte() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let config =
        Os2lConfig { level_command: Some(1), hazard_command: Some(2), button_page: "*".into(), ..at(listener.local_addr().unwrap()) };
    let mut output = Os2l::new(config);
    output.open().unwrap();
    assert_eq!(output.frame_interval(), Some(Duration::from_millis(50)));
    let server = std::thread::spawn(move || {
        let lines = BufReader::new(accept(&listener)).lines();
        lines.map(Result::unwrap).collect::<Vec<_>>()
    });
    say(&mut output, &Event::Lock(Lock { locked: true, ..Lock::default() }));
    say(&mut output, &section(4));
    say(&mut output, &beat(0, 1));
    say(&mut output, &beat(1, 2));
    say(&mut output, &section(2));
    let view = View { level: 0.5, hazard_probs: [0.1, 0.2, 0.3, 0.57, 0.6], ..View::default() };
    output.frame(&view).unwrap();
    output.frame(&view).unwrap();
    output.close();
    let lines = server.join().unwrap();
    let (beats, others): (Vec<_>, Vec<_>) = lines.iter().map(String::as_str).partition(|line| line.contains("\"beat\""));
    assert_eq!(
        beats,
        [
            r#"{"evt":"beat","change":true,"pos":0,"bpm":128.0,"strength":0.75}"#,
            r#"{"evt":"beat","change":false,"pos":1,"bpm":128.0,"strength":0.75}"#,
        ]
    );
    assert_eq!(
        others,
        [
            r#"{"evt":"btn","name":"chorus","page":"*","state":"on"}"#,
            r#"{"evt":"btn","name":"chorus","page":"*","state":"off"}"#,
            r#"{"evt":"btn","name":"verse","page":"*","state":"on"}"#,
            r#"{"evt":"cmd","id":1,"param":50.0}"#,
            r#"{"evt":"cmd","id":2,"param":57.0}"#,
            r#"{"evt":"btn","name":"verse","page":"*","state":"off"}"#,
        ]
    );
}

#[test]
fn a_closed_port_is_an_error_that_may_pass() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = Os2l::new(at(address)).open().unwrap_err();
    assert!(error.may_pass() && error.to_string().contains(&address.to_string()), "{error}");
}

#[test]
fn what_a_server_says_is_shown_and_garbage_is_counted_and_survived() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut output = Os2l::new(at(listener.local_addr().unwrap()));
    output.open().unwrap();
    let mut server = accept(&listener);
    server.write_all(b"HTTP/1.1 400 }{\"evt\":5}\x00\xff{\"evt\":\"feedback\",\"name\":\"verse\",").unwrap();
    server.write_all(b"\"state\":\"on\"}{\"evt\":\"subscribe\"}").unwrap();
    poll_until(&mut output, "the feedback", |output| output.detail().contains("says verse on"));
    assert!(output.detail().contains("odd"), "{}", output.detail());
    let flood = vec![b'{'; 300_000];
    let writer = std::thread::spawn(move || {
        server.write_all(&flood).unwrap();
        server.write_all(b"}{\"evt\":\"feedback\",\"name\":\"x\",\"state\":\"off\"}").unwrap();
        server
    });
    let until = Instant::now() + PATIENCE;
    while !writer.is_finished() && Instant::now() < until {
        output.poll(Moment::default()).unwrap();
    }
    let _server = writer.join().unwrap();
    say(&mut output, &beat(0, 1));
}

#[test]
fn a_server_that_closes_half_or_whole_is_an_error_and_comes_back_with_the_section() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut output = Os2l::new(at(listener.local_addr().unwrap()));
    output.open().unwrap();
    let server = accept(&listener);
    say(&mut output, &section(4));
    say(&mut output, &beat(0, 1));
    // It hears on and says nothing more: half open.
    server.shutdown(std::net::Shutdown::Write).unwrap();
    assert!(poll_until_error(&mut output).contains("closed the connection"));
    drop(server);
    output.open().unwrap();
    let mut server = accept(&listener);
    say(&mut output, &beat(1, 2));
    output.close();
    let mut heard = String::new();
    server.read_to_string(&mut heard).unwrap();
    let lines: Vec<_> = heard.lines().collect();
    assert_eq!(
        lines,
        [
            r#"{"evt":"btn","name":"chorus","state":"on"}"#,
            r#"{"evt":"beat","change":true,"pos":1,"bpm":128.0,"strength":0.75}"#,
            r#"{"evt":"btn","name":"chorus","state":"off"}"#,
        ]
    );
}

#[test]
fn a_server_that_never_reads_ends_in_an_error_and_no_call_waits_for_it() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut output = Os2l::new(at(listener.local_addr().unwrap()));
    output.open().unwrap();
    let _server = accept(&listener);
    let until = Instant::now() + 3 * PATIENCE;
    let mut number = 0;
    let error = loop {
        let said = output.event(&beat(number, (number % 4) as u8 + 1), Moment::default());
        number += 1;
        match said {
            Err(error) => break error,
            Ok(()) => assert!(Instant::now() < until, "{number} beats, and no error"),
        }
    };
    assert!(error.may_pass() && error.to_string().contains("has taken nothing"), "{error}");
}

#[test]
fn a_server_that_is_announced_is_found_and_one_that_is_not_is_waited_for() {
    // A port of its own, so that nothing of this test reaches a network.
    let reach = Reach::ThisMachine { port: 45_353 };
    let mut output = Os2l::with_reach(Os2lConfig::default(), reach);
    let error = output.open().unwrap_err();
    assert!(error.may_pass(), "{error}");
    if !error.to_string().contains("no OS2L server announced yet") {
        eprintln!("SKIPPED: DNS-SD does not start on this machine: {error}");
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let responder = reach.daemon().unwrap();
    let service = ServiceInfo::new(SERVICE_TYPE, "Desk 1", "desk-1.local.", "127.0.0.1", port, &[("txtv", "0")][..]).unwrap();
    responder.register(service).unwrap();
    let until = Instant::now() + PATIENCE;
    while let Err(error) = output.open() {
        assert!(error.may_pass(), "{error}");
        if Instant::now() > until {
            eprintln!("SKIPPED: multicast does not come through on loopback here: {error}");
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(output.detail(), format!("Desk 1 at 127.0.0.1:{port}"));
    let mut server = BufReader::new(accept(&listener));
    say(&mut output, &beat(0, 1));
    let mut line = String::new();
    server.read_line(&mut line).unwrap();
    assert!(line.starts_with(r#"{"evt":"beat""#), "{line}");
    // The server goes and comes back on the same port; the output finds it again.
    drop(server);
    assert!(poll_until_error(&mut output).contains("Desk 1"));
    open_until_it_works(&mut output);
    responder.shutdown().unwrap();
}

/// A receiver of the documentation, as a second process.
struct Receiver {
    process: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Receiver {
    /// `None`, loudly, where there is no Python.
    fn start(name: &str, args: &[&str]) -> Option<Self> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/receivers").join(name);
        let started = Command::new("python3").arg("-u").arg(script).args(args).stdout(Stdio::piped()).spawn();
        let mut process = match started {
            Ok(process) => process,
            Err(error) => {
                eprintln!("SKIPPED: python3 cannot be started: {error}");
                return None;
            }
        };
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        Some(Self { process, lines })
    }

    fn line(&mut self) -> String {
        self.lines.next().unwrap().unwrap()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn the_receiver_of_the_manual_prints_what_it_is_told() {
    let Some(mut receiver) = Receiver::start("os2l.py", &["127.0.0.1", "0"]) else { return };
    let listening = receiver.line();
    let address = listening.strip_prefix("listening on ").unwrap();
    let mut output = Os2l::new(Os2lConfig { hazard_command: Some(7), ..at(address) });
    output.open().unwrap();
    assert!(receiver.line().starts_with("connected: 127.0.0.1:"));
    say(&mut output, &beat(0, 1));
    say(&mut output, &beat(1, 2));
    assert_eq!(receiver.line(), "beat     0 bar 128.00 BPM strength 0.75 change");
    assert_eq!(receiver.line(), "beat     1     128.00 BPM strength 0.75");
    say(&mut output, &section(4));
    output.frame(&View { hazard_probs: [0.57; 5], ..View::default() }).unwrap();
    output.close();
    assert_eq!(receiver.line(), "button chorus on");
    assert_eq!(receiver.line(), "command 7: 57 %");
    assert_eq!(receiver.line(), "button chorus off");
    assert_eq!(receiver.line(), "gone");
}
