//! A recorded session to the reader in Python. Test code.

use std::fs::File;

use outputs::event::Moment;
use outputs::look::{Line, Look, Reason, SectionLook};
use outputs::session::SessionWriter;

use crate::receiver::Receiver;

const MS: u64 = 1_000_000;

/// 120 BPM in three; beat 4 of the source, the second of its bar, falls at 10 s of the clock. Locked from `locked_ms` on.
fn look(ms: u64, locked_ms: u64) -> Look {
    let mono_ns = 10_000 * MS + ms * MS;
    let line = Line { origin_mono_ns: 10_000 * MS, beat_origin: 4.0, period_ns: 5e8 };
    let section = SectionLook { change: 1, section: (ms >= 1_600).then_some(4), ..SectionLook::default() };
    Look {
        taken: Moment { mono_ns, unix_ns: mono_ns },
        session: 1,
        said_mono_ns: mono_ns,
        locked: ms >= locked_ms,
        reason: Reason::Locked,
        line,
        number: 4,
        beat_in_bar: 2,
        beats_per_bar: 3,
        bpm: 120.0,
        section,
        ..Look::default()
    }
}

#[test]
fn a_reader_in_another_language_finds_the_beats() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("set.jsonl");
    let mut writer = SessionWriter::new(File::create(&path).unwrap()).unwrap();
    for ms in (0..2_200).step_by(20) {
        writer.look(&look(ms, 100)).unwrap();
    }
    // The source began anew, and its first beat falls where it was the fourth; then nothing is sure any more.
    for ms in (2_200..4_000).step_by(20) {
        let line = Line { origin_mono_ns: 12_500 * MS, beat_origin: 0.0, period_ns: 5e8 };
        let (locked, beats_per_bar) = ((2_300..3_400).contains(&ms), 0);
        writer.look(&Look { session: 2, line, locked, beats_per_bar, ..look(ms, 0) }).unwrap();
    }
    drop(writer);
    let Some(receiver) = Receiver::start("session.py", &[path.to_str().unwrap()]) else { return };
    let expected = [
        "0.500 s beat 5 3/3 120.00 BPM unknown",
        "1.000 s beat 6 1/3 120.00 BPM unknown",
        "1.500 s beat 7 2/3 120.00 BPM unknown",
        "2.000 s beat 8 3/3 120.00 BPM chorus",
        "2.500 s beat 0 - 120.00 BPM chorus",
        "3.000 s beat 1 - 120.00 BPM chorus",
    ];
    assert_eq!(receiver.lines(), expected);
    receiver.ends();
}

#[test]
fn a_session_that_breaks_off_is_read_to_there_and_another_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut.jsonl");
    let mut writer = SessionWriter::new(Vec::new()).unwrap();
    for ms in (0..1_200).step_by(20) {
        writer.look(&look(ms, 0)).unwrap();
    }
    let bytes = writer.into_inner();
    std::fs::write(&path, &bytes[..bytes.len() - 3]).unwrap();
    let Some(receiver) = Receiver::start("session.py", &[path.to_str().unwrap()]) else { return };
    assert_eq!(receiver.lines(), ["0.500 s beat 5 3/3 120.00 BPM unknown", "1.000 s beat 6 1/3 120.00 BPM unknown"]);
    receiver.ends();
    std::fs::write(&path, [0xff, 0xfe, b'\n']).unwrap();
    Receiver::start("session.py", &[path.to_str().unwrap()]).unwrap().ends();
}
