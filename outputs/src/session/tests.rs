//! Sessions written and read: the same looks, any bytes, the same events each time.

use std::io::Write;
use std::sync::Arc;

use super::*;
use crate::event::{Event, Moment};
use crate::look::{Board, Line, Look, Reason, SectionLook};
use crate::output::{Output, OutputError, Tuning};
use crate::schedule::Schedule;
use crate::view::View;
use proptest::prelude::*;

const MS: u64 = 1_000_000;

/// 120 BPM, a look every 20 ms from 5 s of the clock on.
fn looks(n: u64) -> Vec<Look> {
    let look = |k: u64| {
        let mono_ns = 5_000 * MS + k * 20 * MS;
        let taken = Moment { mono_ns, unix_ns: 1_000_000_000 * MS + mono_ns };
        let line = Line { origin_mono_ns: 5_000 * MS, beat_origin: 0.25, period_ns: 5e8 };
        let section = SectionLook { change: k / 50, section: Some((k / 50 % 8) as u8), since_mono_ns: mono_ns, ..SectionLook::default() };
        let (session, said_mono_ns) = (1, mono_ns - 3 * MS);
        let mut look = Look { taken, session, said_mono_ns, locked: k > 20, reason: Reason::Locked, line, section, ..Look::default() };
        (look.beat_in_bar, look.beats_per_bar, look.bpm, look.level) = (1, 4, 120.0, 0.25);
        look
    };
    (0..n).map(look).collect()
}

fn file(looks: &[Look]) -> Vec<u8> {
    let mut writer = SessionWriter::new(Vec::new()).unwrap();
    looks.iter().for_each(|look| writer.look(look).unwrap());
    writer.into_inner()
}

/// The events of a session played from `start_ns` of a run's clock, in steps of 5 ms.
fn events(session: &Session, start_ns: u64) -> Vec<Event> {
    let (mut player, mut schedule) = (Player::new(session.clone()), Schedule::new(&Tuning::default(), 50 * MS));
    let (mut out, mut now) = (Vec::new(), Moment { mono_ns: start_ns, unix_ns: start_ns });
    while !player.is_over(now) {
        schedule.take(&player.look_at(now), &mut out);
        now = now.shifted_ns(5 * MS as i64);
    }
    out
}

/// The same event, earlier by so many nanoseconds.
fn earlier(mut event: Event, by_ns: u64) -> Event {
    let at = match &mut event {
        Event::Beat(beat) => &mut beat.at,
        Event::Section(section) => &mut section.at,
        Event::Approach(approach) => &mut approach.at,
        Event::Lock(lock) => &mut lock.at,
    };
    *at = at.shifted_ns(-(by_ns as i64));
    event
}

#[test]
fn what_was_written_is_read_and_unchanged_fields_are_not_repeated() {
    let looks = looks(100);
    let bytes = file(&looks);
    let session = Session::read(&bytes[..]).unwrap();
    assert_eq!((session.looks.len(), session.is_cut), (100, false));
    assert_eq!(session.looks, looks);
    assert!((session.duration_sec() - 1.98).abs() < 1e-9);
    let lines: Vec<&str> = std::str::from_utf8(&bytes).unwrap().lines().collect();
    assert!(lines[1].contains("bands") && !lines[2].contains("bands"), "{}", lines[2]);
}

#[test]
fn a_session_played_twice_gives_the_same_events_at_any_time() {
    let session = Session::read(&file(&looks(500))[..]).unwrap();
    let (one, two) = (events(&session, 77 * MS), events(&session, 1_000_077 * MS));
    assert!(one.iter().filter(|event| matches!(event, Event::Beat(_))).count() >= 18, "{}", one.len());
    let back: Vec<Event> = two.into_iter().map(|event| earlier(event, 1_000_000 * MS)).collect();
    assert_eq!(one, back);
    assert!(matches!(one.last(), Some(Event::Lock(lock)) if lock.reason == "no input"));
}

#[test]
fn a_file_that_breaks_off_is_read_up_to_there() {
    let bytes = file(&looks(10));
    let session = Session::read(&bytes[..bytes.len() - 3]).unwrap();
    assert_eq!((session.looks.len(), session.is_cut), (9, true));
    assert_eq!(Session::read(&file(&[])[..]).unwrap(), Session::default());
}

#[test]
fn what_is_no_session_is_refused_with_its_line() {
    let error = |text: &str| Session::read(text.as_bytes()).unwrap_err().to_string();
    assert_eq!(error(""), r#"expected a session of this program, got "" in line 1"#);
    assert!(error("RIFF....").contains("RIFF"));
    assert_eq!(error("{\"anacrusis_session\":2}\n"), "expected a session of version 1, got 2");
    assert!(error("{\"anacrusis_session\":1}\nnonsense\n{}\n").starts_with("line 2: "));
    assert!(error("{\"anacrusis_session\":1}\n{}\n").contains("missing field"));
    let long = format!("{{\"anacrusis_session\":1}}\n{}", " ".repeat(70_000));
    assert_eq!(error(&long), "line 2: expected at most 65536 bytes, got more");
    let still = looks(1).remove(0);
    let stopped = Look { line: Line { period_ns: 0.0, ..still.line }, ..still };
    assert!(Session::read(&file(&[stopped])[..]).unwrap_err().to_string().contains("period_ns: expected a number above 0, got 0"));
    let later = Look { taken: Moment::default(), ..still };
    assert!(Session::read(&file(&[still, later])[..]).unwrap_err().to_string().contains("time goes back"));
}

#[test]
fn the_recorder_writes_each_look_once_and_overwrites_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("set.jsonl");
    let board = Arc::new(Board::default());
    let mut recorder = Recorder::new(path.clone(), Arc::clone(&board));
    recorder.open().unwrap();
    for look in looks(30) {
        board.put(&look);
        (0..2).for_each(|_| recorder.frame(&View { now: look.taken, ..View::default() }).unwrap());
    }
    recorder.close();
    assert_eq!(Session::read(&std::fs::read(&path).unwrap()[..]).unwrap().looks, looks(30));
    let error = Recorder::new(path.clone(), Arc::clone(&board)).open().unwrap_err();
    assert!(matches!(&error, OutputError::Unusable(text) if text.contains("exists")), "{error}");
    // After an error in the middle it goes on beside the first part.
    recorder.open().unwrap();
    board.put(&looks(31)[30]);
    recorder.frame(&View::default()).unwrap();
    recorder.close();
    assert_eq!(Session::read(&std::fs::read(folder.path().join("set.2.jsonl")).unwrap()[..]).unwrap().looks.len(), 1);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error_that_names_the_file() {
    let mut writer =
        SessionWriter::new(std::io::BufWriter::with_capacity(16, std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap()));
    let error = match &mut writer {
        Err(error) => std::io::Error::new(error.kind(), error.to_string()),
        Ok(writer) => looks(1).iter().try_for_each(|look| writer.look(look)).and_then(|()| writer.flush()).unwrap_err(),
    };
    assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
}

proptest! {
    #[test]
    fn any_bytes_give_a_session_or_an_error(head in any::<bool>(), bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let mut text = Vec::new();
        if head {
            writeln!(text, "{{\"anacrusis_session\":1}}").unwrap();
        }
        text.extend(bytes);
        drop(Session::read(&text[..]));
    }

    #[test]
    fn a_session_with_a_byte_changed_never_panics(at in 0usize..4000, byte in any::<u8>()) {
        let mut bytes = file(&looks(6));
        let at = at % bytes.len();
        bytes[at] = byte;
        if let Ok(session) = Session::read(&bytes[..]) {
            let mut player = Player::new(session);
            for ms in (0..300).step_by(5) {
                let now = Moment { mono_ns: ms * MS, unix_ns: ms * MS };
                let look = player.look_at(now);
                Schedule::new(&Tuning::default(), 0).take(&look, &mut Vec::new());
            }
        }
    }
}
