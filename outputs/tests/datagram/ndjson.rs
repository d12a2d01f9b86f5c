//! Lines through a real pipe to the reader in Python. Test code.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use outputs::event::{Approach, Event, Lock, Moment, Section};
use outputs::ndjson::{NdjsonConfig, NdjsonOutput, READER_GONE};
use outputs::output::Output;
use outputs::view::View;

use crate::receiver::{PATIENCE, Receiver, at_ms, phrase_start};

#[test]
fn a_reader_in_another_language_reads_every_kind_of_line() {
    let Some(mut receiver) = Receiver::start("ndjson.py", &[]) else { return };
    let mut output = NdjsonOutput::new(NdjsonConfig::default(), receiver.stdin());
    output.open().unwrap();
    for event in [
        Event::Lock(Lock { at: at_ms(0), locked: true, reason: "locked".into() }),
        Event::Beat(phrase_start()),
        Event::Section(Section { section: 2, ..Section::default() }),
        Event::Approach(Approach { within_beats: 4, prob: 0.5, next: Some(4), ..Approach::default() }),
    ] {
        output.event(&event, at_ms(0)).unwrap();
    }
    output.frame(&View::default()).unwrap();
    output.event(&Event::Lock(Lock { reason: "silence".into(), ..Lock::default() }), at_ms(0)).unwrap();
    let expected = [
        "locked: locked",
        "beat 32 1/4 128.00 BPM chorus",
        "section verse",
        "boundary within 4 beats: 0.50, then chorus",
        "not locked: silence",
    ];
    assert_eq!(receiver.lines(), expected, "and the state's line is read over");
    output.close();
}

#[test]
fn a_reader_that_ends_is_an_ordinary_end() {
    let Some(mut receiver) = Receiver::start("ndjson.py", &[]) else { return };
    let mut output = NdjsonOutput::new(NdjsonConfig::default(), receiver.stdin());
    let is_gone = output.reader_gone();
    output.open().unwrap();
    receiver.kill();
    let end = Instant::now() + PATIENCE;
    let error = loop {
        assert!(Instant::now() < end, "the end of the pipe is noticed");
        if let Err(error) = output.event(&Event::Beat(phrase_start()), Moment::default()) {
            break error;
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    assert!(!error.may_pass() && error.to_string() == READER_GONE && is_gone.load(Ordering::Acquire));
    output.close();
}
