//! The receivers that are written out in `docs/outputs.md`, each as a second process that hears its output. Test code.

use std::io::Write as _;
use std::net::{TcpListener, UdpSocket};
use std::time::{Duration, Instant};

use outputs::ddp::{DdpConfig, DdpOutput};
use outputs::event::{Event, Moment};
use outputs::look::Look;
use outputs::ndjson::{NdjsonConfig, NdjsonOutput};
use outputs::os2l::{Os2l, Os2lConfig};
use outputs::osc::{OscConfig, OscOutput};
use outputs::output::Output;
use outputs::session::SessionWriter;
use outputs::view::View;
use outputs::wled::{WledConfig, WledOutput};

use crate::receiver::{PATIENCE, Receiver, at_ms, phrase_start};

const PAGE: &str = include_str!("../../../docs/outputs.md");

/// The first program in Python below a heading.
fn code(heading: &str) -> &'static str {
    let section = PAGE.split(&format!("\n### {heading}\n")).nth(1).unwrap_or_else(|| panic!("the page has a heading {heading}"));
    let (code, _) = section.split_once("```python\n").unwrap().1.split_once("```").unwrap();
    code
}

/// The same with `port` replaced by one that nobody uses; its address.
fn with_free_port(heading: &str, port: &str, is_tcp: bool) -> (String, String) {
    let address = if is_tcp {
        TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
    } else {
        UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
    };
    let code = code(heading);
    assert_eq!(code.matches(&format!("\"127.0.0.1\", {port})")).count(), 1, "{code}");
    (code.replacen(port, &address.port().to_string(), 1), address.to_string())
}

/// Says something again and again until the receiver, which may still be starting, prints a line.
fn first_line(receiver: &Receiver, mut say: impl FnMut()) -> String {
    let end = Instant::now() + PATIENCE;
    loop {
        say();
        std::thread::sleep(Duration::from_millis(20));
        if let Some(line) = receiver.try_line() {
            return line;
        }
        assert!(Instant::now() < end, "it prints nothing");
    }
}

fn beat() -> Event {
    Event::Beat(phrase_start())
}

#[test]
fn osc_is_heard() {
    let (code, target) = with_free_port("OSC", "9000", false);
    let Some(receiver) = Receiver::start_code("OSC", &code) else { return };
    let mut output = OscOutput::new(OscConfig { target, ..OscConfig::default() });
    output.open().unwrap();
    let line = first_line(&receiver, || output.event(&beat(), at_ms(500)).unwrap());
    assert_eq!(line, "beat 32, 128.0 BPM, 50% sure");
}

#[test]
fn wled_is_heard() {
    let (code, target) = with_free_port("WLED", "11988", false);
    let Some(receiver) = Receiver::start_code("WLED", &code) else { return };
    let mut output = WledOutput::new(WledConfig { target, ..WledConfig::default() });
    output.open().unwrap();
    let mut number = 0;
    let line = first_line(&receiver, || {
        number += 1;
        let now = at_ms(500 * number);
        let beat = outputs::event::Beat { at: now, number, ..phrase_start() };
        let mut view = View { now, beat: Some(beat), locked: true, level: 0.5, ..View::default() };
        view.bands[1] = 1.0;
        output.frame(&view).unwrap();
    });
    assert_eq!(line, "beat, bands [0, 254, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]");
}

#[test]
fn ddp_is_heard() {
    let (code, target) = with_free_port("DDP", "4048", false);
    let Some(receiver) = Receiver::start_code("DDP", &code) else { return };
    let mut output = DdpOutput::new(DdpConfig { target, pixels: 7, ..DdpConfig::default() });
    output.open().unwrap();
    let line = first_line(&receiver, || output.frame(&View::default()).unwrap());
    assert!(line.starts_with("7 pixels, the first is #") && line.len() == 30, "{line}");
}

#[test]
fn os2l_is_heard() {
    let (code, target) = with_free_port("OS2L", "9996", true);
    let Some(receiver) = Receiver::start_code("OS2L", &code) else { return };
    let mut output = Os2l::new(Os2lConfig { target, ..Os2lConfig::default() });
    let end = Instant::now() + PATIENCE;
    while output.open().is_err() {
        assert!(Instant::now() < end, "it does not listen");
        std::thread::sleep(Duration::from_millis(20));
    }
    output.event(&beat(), Moment::default()).unwrap();
    let line = receiver.line();
    assert!(line.starts_with(r#"{"evt":"beat","change":true,"pos":"#), "{line}");
}

#[test]
fn ndjson_is_read() {
    let Some(mut receiver) = Receiver::start_code("NDJSON", code("NDJSON")) else { return };
    let mut output = NdjsonOutput::new(NdjsonConfig::default(), receiver.stdin());
    output.open().unwrap();
    output.event(&beat(), at_ms(400)).unwrap();
    assert_eq!(receiver.line(), "beat 1");
    output.close();
}

#[test]
fn a_session_is_read() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let mut writer = SessionWriter::new(Vec::new()).unwrap();
    writer.look(&Look { taken: at_ms(1), bpm: 120.0, ..Look::default() }).unwrap();
    writer.look(&Look { taken: at_ms(21), bpm: 120.5, locked: true, ..Look::default() }).unwrap();
    file.write_all(&writer.into_inner()).unwrap();
    let path = file.path().to_str().unwrap();
    let code = code("Session").replace("sys.argv[1]", &format!("{path:?}"));
    let Some(receiver) = Receiver::start_code("session", &code) else { return };
    assert_eq!(receiver.lines(), ["1000000 False 120.0", "21000000 True 120.5"]);
    receiver.ends();
}
