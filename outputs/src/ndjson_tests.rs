//! Tests of NDJSON lines and of readers that stall, go away or fail. Test code.

use std::sync::mpsc::{Sender, channel};

use super::*;
use crate::event::{Approach, Beat, Lock, Section};

const PATIENCE: Duration = Duration::from_secs(20);

/// A writer that does what it is told, and a list of what was written.
#[derive(Clone, Default)]
struct Script {
    written: Arc<Mutex<Vec<u8>>>,
    answers: Arc<Mutex<Vec<Answer>>>,
}

enum Answer {
    Take(usize),
    Fail(ErrorKind),
    Wait(Receiver<()>),
}

impl Write for Script {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let answer = { self.answers.lock().unwrap().pop() };
        let n_bytes = match answer {
            Some(Answer::Fail(kind)) => return Err(kind.into()),
            Some(Answer::Take(n_bytes)) => n_bytes.min(bytes.len()),
            Some(Answer::Wait(until)) => until.recv().map_or(bytes.len(), |()| bytes.len()),
            None => bytes.len(),
        };
        self.written.lock().unwrap().extend(&bytes[..n_bytes]);
        Ok(n_bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Script {
    /// Answers to the first writes, in order.
    fn new(answers: Vec<Answer>) -> Self {
        Self { answers: Arc::new(Mutex::new(answers.into_iter().rev().collect())), ..Self::default() }
    }

    fn lines(&self) -> Vec<String> {
        String::from_utf8(self.written.lock().unwrap().clone()).unwrap().lines().map(ToOwned::to_owned).collect()
    }
}

fn beat(number: u64) -> Event {
    Event::Beat(Beat { number, section: Some(4), ..Beat::default() })
}

fn output(script: &Script) -> NdjsonOutput<Script> {
    let mut output = NdjsonOutput::new(NdjsonConfig::default(), script.clone());
    output.open().unwrap();
    output
}

fn until(mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < end, "waited for too long");
        std::thread::sleep(POLL);
    }
}

#[test]
fn each_event_is_one_line_with_version_type_both_clocks_and_names() {
    let at = Moment { mono_ns: 5, unix_ns: 1_700_000_000_000_000_007 };
    let now = Moment { mono_ns: 3, unix_ns: 1_700_000_000_000_000_005 };
    let text = |event: Event| String::from_utf8(event_line(&event, now)).unwrap();
    assert_eq!(
        text(Event::Section(Section { at, section: 4, before: Some(2), prob: 0.5 })),
        "{\"v\":1,\"type\":\"section\",\"at\":{\"mono_ns\":5,\"unix_ns\":1700000000000000007},\"section\":4,\"before\":2,\"prob\":0.5,\
         \"now\":{\"mono_ns\":3,\"unix_ns\":1700000000000000005},\"label\":\"chorus\"}\n"
    );
    for event in [
        beat(1),
        Event::Approach(Approach { next: Some(9), ..Approach::default() }),
        Event::Lock(Lock { reason: "a\nb\"".into(), ..Lock::default() }),
    ] {
        let line = text(event.clone());
        assert_eq!(line.find('\n'), Some(line.len() - 1), "one line: {line}");
        assert_eq!(serde_json::from_str::<Event>(&line).unwrap(), event, "an event reads back from its line");
    }
    assert!(text(Event::Approach(Approach::default())).contains("\"next_label\":\"unknown\""));
}

#[test]
fn a_state_is_one_line_and_what_is_no_number_is_null() {
    let view = View {
        reason: "silence",
        bpm: f64::NAN,
        section: Some(1),
        beat: Some(Beat { number: 9, bar: 3, ..Beat::default() }),
        ..View::default()
    };
    let value: serde_json::Value = serde_json::from_slice(&state_line(&view)).unwrap();
    assert_eq!((value["v"].as_u64(), value["type"].as_str(), value["reason"].as_str()), (Some(1), Some("state"), Some("silence")));
    assert_eq!((value["beat"].as_u64(), value["bar"].as_u64(), value["label"].as_str()), (Some(9), Some(3), Some("intro")));
    assert!(
        value["bpm"].is_null() && value["hazard_probs"].as_array().unwrap().len() == 5 && value["bands"].as_array().unwrap().len() == 16
    );
}

#[test]
fn lines_come_whole_and_in_order_though_the_writer_takes_bits() {
    let script = Script::new(vec![Answer::Take(1), Answer::Fail(ErrorKind::Interrupted), Answer::Take(7)]);
    let mut output = output(&script);
    for number in 0..50 {
        output.event(&beat(number), Moment::default()).unwrap();
    }
    output.close();
    let numbers: Vec<_> =
        script.lines().iter().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (0..50).collect::<Vec<_>>());
    assert_eq!(output.detail(), "50 lines");
}

#[test]
fn a_reader_that_goes_away_is_an_ordinary_end() {
    let script = Script::new(vec![Answer::Fail(ErrorKind::BrokenPipe)]);
    let mut output = output(&script);
    let is_gone = output.reader_gone();
    output.event(&beat(0), Moment::default()).unwrap();
    until(|| is_gone.load(Ordering::Acquire));
    let error = output.poll(Moment::default()).unwrap_err();
    assert!(!error.may_pass() && error.to_string() == READER_GONE);
    assert!(!output.event(&beat(1), Moment::default()).unwrap_err().may_pass());
    assert!(!output.open().unwrap_err().may_pass());
    output.close();
}

#[test]
fn a_reader_that_stalls_holds_up_nobody_and_is_told_what_it_missed() {
    let (go, wait): (Sender<()>, _) = channel();
    let script = Script::new(vec![Answer::Wait(wait)]);
    let mut output = output(&script);
    let n_sent = QUEUE_LINES as u64 + 100;
    for number in 0..n_sent {
        output.event(&beat(number), Moment::default()).unwrap();
    }
    let n_dropped = output.n_dropped;
    assert!((99..=100).contains(&n_dropped), "one line is in the writer's hands, the queue holds {QUEUE_LINES}: {n_dropped}");
    assert!(output.detail().ends_with("dropped: the reader is too slow"));
    go.send(()).unwrap();
    until(|| script.lines().len() as u64 == n_sent - n_dropped);
    output.event(&beat(n_sent), Moment::default()).unwrap();
    output.close();
    let lines = script.lines();
    assert_eq!(
        lines[lines.len() - 2],
        format!("{{\"v\":1,\"type\":\"dropped\",\"now\":{{\"mono_ns\":0,\"unix_ns\":0}},\"n_lines\":{n_dropped}}}")
    );
    assert!(lines[lines.len() - 1].contains(&format!("\"number\":{n_sent},")));
}

#[test]
fn the_end_does_not_wait_for_a_reader_that_stalls() {
    let (_go, wait): (Sender<()>, _) = channel();
    let script = Script::new(vec![Answer::Wait(wait)]);
    let mut output = output(&script);
    output.event(&beat(0), Moment::default()).unwrap();
    output.close();
    assert!(script.lines().is_empty());
}

#[test]
fn an_error_in_the_middle_of_a_line_is_said_and_the_next_line_is_whole() {
    let script = Script::new(vec![Answer::Take(5), Answer::Fail(ErrorKind::StorageFull)]);
    let mut output = output(&script);
    output.event(&beat(0), Moment::default()).unwrap();
    let mut said = None;
    until(|| {
        said = output.poll(Moment::default()).err();
        said.is_some()
    });
    let error = said.unwrap();
    assert!(error.may_pass() && error.to_string().starts_with("cannot write lines: "), "{error}");
    output.open().unwrap();
    output.event(&beat(1), Moment::default()).unwrap();
    output.close();
    let lines = script.lines();
    assert_eq!((lines.len(), lines[0].as_str()), (2, "{\"v\":"));
    assert!(lines[1].contains("\"number\":1,"));
}

#[test]
fn settings_are_checked_by_name() {
    assert_eq!(NdjsonConfig::default().validate(), Ok(()));
    for (config, message) in [
        (NdjsonConfig { lead_ms: -1.0, ..NdjsonConfig::default() }, "lead_ms: expected 0 to 2000, got -1"),
        (NdjsonConfig { state_hz: f64::NAN, ..NdjsonConfig::default() }, "state_hz: expected 0, or 0.1 to 100, got NaN"),
    ] {
        assert_eq!(config.validate().unwrap_err().to_string(), message);
        assert!(!NdjsonOutput::new(config, Vec::new()).open().unwrap_err().may_pass());
    }
}
