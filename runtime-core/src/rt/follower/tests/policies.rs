//! What the clock says when the lock is lost or the phase jumps, for each choice that a user has.

use super::*;
use crate::rt::midi_clock::{OnSilence, Relock};
use MidiMessage::{Continue, SongPosition, Start, Stop};

/// Two bars, four seconds of silence that the count runs through, two bars.
fn with_a_break(on_silence: OnSilence) -> Rig {
    let mut rig = Rig::new();
    rig.set_output(ClockPolicy { on_silence, ..ClockPolicy::default() }, 0.0);
    let line = line(1.0, 0.5);
    (0..8).for_each(|count| rig.sender.send(announced(line, count)));
    rig.sender.send(unlocked(line, 5.1));
    (17..26).for_each(|count| rig.sender.send(announced(line, count)));
    rig.play_to(13.0, 333);
    rig
}

#[test]
fn hold_ticks_through_silence() {
    let rig = with_a_break(OnSilence::Hold);
    assert_eq!(rig.transport(), [SongPosition(0), Start]);
    assert_eq!(rig.ticks().len(), 24 * 24, "1 s to 13 s at 120 BPM");
    assert_eq!(rig.positions(Output::Unlocked), [position_of(5.1)]);
    assert_eq!(rig.beats().len(), 8 + 7, "beats that nobody announced are ticked and not played");
}

#[test]
fn stop_stops_in_silence_and_continues_on_a_downbeat_with_its_position() {
    let rig = with_a_break(OnSilence::Stop);
    // Beat 20 is the first downbeat after the lock: sixteenth 80.
    assert_eq!(rig.transport(), [SongPosition(0), Start, Stop, SongPosition(80), Continue]);
    assert_eq!(rig.positions(Output::Clock(Stop)), [position_of(5.1)]);
    assert_near(rig.positions(Output::Clock(Continue))[0], 11.0, "continue");
    assert!(rig.ticks().iter().all(|&at| at <= position_of(5.1) || at >= position_of(11.0)));
}

/// Two bars, then the music is `jump_beats` further on.
fn with_a_jump(relock: Relock, jump_beats: f64) -> Rig {
    let mut rig = Rig::new();
    rig.set_output(ClockPolicy { relock, ..ClockPolicy::default() }, 0.0);
    let before = line(1.0, 0.5);
    (0..8).for_each(|count| rig.sender.send(announced(before, count)));
    let after = line(1.0 - 0.5 * jump_beats, 0.5);
    (9..20).for_each(|count| rig.sender.send(announced(after, count)));
    rig.play_to(10.0, 333);
    rig
}

#[test]
fn a_jump_is_slewed_by_default_without_any_message() {
    let rig = with_a_jump(Relock::Slew, 0.25);
    assert_eq!(rig.transport(), [SongPosition(0), Start]);
    let ticks = rig.ticks();
    // 1000 samples a tick; a quarter of a beat is made up within a beat.
    assert!(ticks.windows(2).all(|pair| (800..=1000).contains(&(pair[1] - pair[0]))), "{ticks:?}");
    let last = *ticks.last().unwrap();
    let tick = 24.0 * line(1.0 - 0.125, 0.5).beat_at(StreamSec(last as f64 / RATE_HZ));
    assert!((tick - tick.round()).abs() < 0.01, "{tick}");
}

#[test]
fn a_jump_restarts_on_the_next_downbeat_where_that_was_chosen() {
    let rig = with_a_jump(Relock::RestartOnDownbeat, 0.25);
    assert_eq!(rig.transport(), [SongPosition(0), Start, Stop, SongPosition(0), Start]);
    let after = line(0.875, 0.5);
    assert_eq!(rig.positions(Output::Clock(Stop)), [announced(after, 9).effective_at.0]);
    assert_near(rig.positions(Output::Clock(Start))[1], after.time_of(12.0).0, "start");
    let small = with_a_jump(Relock::RestartOnDownbeat, 0.1);
    assert_eq!(small.transport(), [SongPosition(0), Start], "a small one is slewed all the same");
}
