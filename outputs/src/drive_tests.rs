//! An output driven step by step: errors, pauses, panics, frames.

use std::time::Duration;

use super::*;
use crate::event::Moment;
use crate::look::{Line, Reason};
use crate::test_outputs::Probe;

const MS: u64 = 1_000_000;

/// 120 BPM, `ms` after beat 0, which falls at 10 s of the clock.
fn look(ms: u64) -> Look {
    let mono_ns = 10_000 * MS + ms * MS;
    let line = Line { origin_mono_ns: 10_000 * MS, beat_origin: 0.0, period_ns: 5e8 };
    let taken = Moment { mono_ns, unix_ns: mono_ns };
    Look { taken, session: 1, said_mono_ns: mono_ns, locked: true, reason: Reason::Locked, line, bpm: 120.0, ..Look::default() }
}

fn drive(probe: &Probe) -> Drive {
    Drive::new(Box::new(probe.clone()), &Tuning::default()).unwrap()
}

fn run(drive: &mut Drive, from_ms: u64, to_ms: u64) {
    (from_ms..to_ms).step_by(5).for_each(|ms| {
        drive.step(&look(ms));
    });
}

#[test]
fn beats_and_frames_arrive_and_goodbye_is_said_once() {
    let probe = Probe { frame_interval: Some(Duration::from_millis(20)), ..Probe::default() };
    let mut drive = drive(&probe);
    run(&mut drive, 0, 1_100);
    drive.close();
    drive.close();
    probe.with(|notes| assert_eq!((notes.opened, &notes.beats[..], notes.frames, notes.closed), (1, &[0, 1, 2][..], 55, 1)));
    let status = drive.status().read();
    assert_eq!((status.name.as_str(), status.phase, status.n_beats, status.n_errors), ("probe", Phase::Open, 3, 0));
}

#[test]
fn an_offset_that_is_turned_moves_the_next_beat_and_doubles_none() {
    let probe = Probe::default();
    let mut drive = drive(&probe).identified("left", "ddp");
    let handle = drive.handle();
    run(&mut drive, 0, 600);
    probe.with(|notes| assert_eq!(notes.beats, [0, 1]));
    // Beat 2 falls at 1000 ms, said at 800 ms from now on.
    handle.offset.set_ms(-200.0).unwrap();
    run(&mut drive, 600, 800);
    probe.with(|notes| assert_eq!(notes.beats, [0, 1]));
    run(&mut drive, 800, 805);
    probe.with(|notes| assert_eq!(notes.beats, [0, 1, 2]));
    // And half a second later again: beat 3, of 1500 ms, at 2000 ms; nothing is said twice.
    handle.offset.set_ms(500.0).unwrap();
    run(&mut drive, 805, 2_000);
    probe.with(|notes| assert_eq!((&notes.beats[..], notes.offset_ms), (&[0, 1, 2][..], 500.0)));
    run(&mut drive, 2_000, 2_005);
    probe.with(|notes| assert_eq!(notes.beats, [0, 1, 2, 3]));
    let status = handle.status.read();
    assert_eq!((status.id.as_str(), status.kind.as_str(), status.n_left_out), ("left", "ddp", 0));
}

#[test]
fn it_is_opened_again_with_growing_pauses_and_counts_on() {
    let probe = Probe::default();
    probe.with(|notes| notes.refuse_to_open = true);
    let mut drive = drive(&probe);
    // Pauses of 0.25, 0.5, 1, 2 s: tried at 0, 250, 750, 1750 and 3750 ms.
    run(&mut drive, 0, 3_800);
    assert_eq!(probe.with(|notes| notes.opened), 5);
    let status = drive.status().read();
    assert_eq!((status.phase, status.last_error.as_str(), status.n_errors), (Phase::Waiting, "refused 5", 5));
    probe.with(|notes| notes.refuse_to_open = false);
    run(&mut drive, 3_800, 8_600);
    assert_eq!(probe.with(|notes| notes.beats.clone()), [16, 17], "the numbers of the music, not of what it was told");
    let status = drive.status().read();
    assert_eq!((status.phase, status.n_opened, status.last_error.as_str()), (Phase::Open, 1, "refused 5"));
}

#[test]
fn an_event_that_fails_closes_it_and_after_a_while_the_pause_is_short_again() {
    let probe = Probe::default();
    let mut drive = drive(&probe);
    run(&mut drive, 0, 100);
    probe.with(|notes| notes.fail = true);
    run(&mut drive, 100, 600);
    probe.with(|notes| notes.fail = false);
    run(&mut drive, 600, 20_900);
    assert_eq!(probe.with(|notes| notes.opened), 2);
    probe.with(|notes| notes.fail = true);
    run(&mut drive, 20_900, 21_100);
    probe.with(|notes| notes.fail = false);
    run(&mut drive, 21_100, 21_300);
    assert_eq!(probe.with(|notes| notes.opened), 3, "a quarter of a second after the error at 21.0 s");
}

#[test]
fn what_can_never_work_and_what_panics_is_switched_off_for_good() {
    for panics in [false, true] {
        let probe = Probe::default();
        probe.with(|notes| (notes.panic, notes.never_again) = (panics, true));
        let mut drive = drive(&probe);
        run(&mut drive, 0, 60_000);
        let status = drive.status().read();
        assert_eq!((status.phase, status.n_errors, probe.with(|notes| notes.opened)), (Phase::Off, 1, 1));
        assert_eq!(status.last_error, if panics { "stopped by an error of ours; please report it" } else { "never" });
        drive.close();
        assert_eq!(probe.with(|notes| notes.closed), 0);
    }
}

#[test]
fn the_next_step_is_when_something_is_due() {
    let probe = Probe::default();
    let mut drive = drive(&probe);
    assert_eq!(drive.step(&look(496)), look(500).taken.mono_ns, "the beat at 500 ms");
    assert_eq!(drive.step(&look(100)), look(110).taken.mono_ns, "to look after the receiver");
}

#[test]
fn a_tuning_that_cannot_be_is_refused() {
    let tuning = Tuning { offset_ms: -501.0, ..Tuning::default() };
    assert_eq!(Drive::new(Box::new(Probe::default()), &tuning).err().unwrap().name, "offset_ms");
}
