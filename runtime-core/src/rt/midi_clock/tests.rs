//! What comes out of the clock, claim by claim.

use super::*;
use proptest::prelude::*;

/// Seconds that rounding may cost.
const ROUNDING_SEC: f64 = 1e-9;

fn line(t_origin_sec: f64, beat_origin: f64, spb: f64) -> Timeline {
    Timeline { t_origin_sec, beat_origin, spb }
}

fn bar(beat: u64, beat_in_bar: u8, beats_per_bar: u8) -> BarInfo {
    BarInfo { beat, beat_in_bar, beats_per_bar, locked: true }
}

const UNLOCKED: BarInfo = BarInfo { beat: 0, beat_in_bar: 0, beats_per_bar: 0, locked: false };
const AT_120_BPM: Timeline = Timeline { t_origin_sec: 0.0, beat_origin: 0.0, spb: 0.5 };

fn drain(clock: &mut MidiClock, end_sec: f64) -> Vec<(f64, MidiMessage)> {
    std::iter::from_fn(|| clock.next_before(StreamSec(end_sec))).map(|(t, message)| (t.0, message)).collect()
}

/// A clock that runs at 120 BPM in four, started at 0, drained up to `end_sec`.
fn running(policy: ClockPolicy, end_sec: f64) -> MidiClock {
    let mut clock = MidiClock::new(policy);
    clock.set_timeline(StreamSec(0.0), AT_120_BPM, bar(0, 1, 4));
    assert_eq!(drain(&mut clock, end_sec)[1].1, MidiMessage::Start);
    clock
}

fn ticks(messages: &[(f64, MidiMessage)]) -> Vec<f64> {
    messages.iter().filter(|(_, message)| *message == MidiMessage::Tick).map(|(t, _)| *t).collect()
}

fn without_ticks(messages: &[(f64, MidiMessage)]) -> Vec<(f64, MidiMessage)> {
    messages.iter().copied().filter(|(_, message)| *message != MidiMessage::Tick).collect()
}

#[test]
fn nothing_comes_before_the_first_lock() {
    let mut clock = MidiClock::new(ClockPolicy::default());
    assert_eq!(drain(&mut clock, 100.0), []);
    clock.set_timeline(StreamSec(100.0), AT_120_BPM, UNLOCKED);
    assert_eq!(drain(&mut clock, 200.0), []);
    assert!(!clock.is_running());
}

#[test]
fn position_start_and_first_tick_fall_together_on_the_first_downbeat() {
    let mut clock = MidiClock::new(ClockPolicy::default());
    // Beat 2 is the third of four, so the next downbeat is beat 4, at 2 s.
    clock.set_timeline(StreamSec(1.1), AT_120_BPM, bar(2, 3, 4));
    let messages = drain(&mut clock, 4.0);
    assert_eq!(messages[..3], [(2.0, MidiMessage::SongPosition(0)), (2.0, MidiMessage::Start), (2.0, MidiMessage::Tick)]);
    let ticks = ticks(&messages);
    assert_eq!(ticks.len(), 96, "two seconds at 120 BPM");
    for (n, t) in ticks.iter().enumerate() {
        assert!((t - (2.0 + n as f64 / 48.0)).abs() < ROUNDING_SEC);
    }
}

#[test]
fn a_downbeat_at_the_very_moment_of_the_update_is_taken() {
    let mut clock = MidiClock::new(ClockPolicy::default());
    clock.set_timeline(StreamSec(2.0), AT_120_BPM, bar(4, 1, 4));
    assert_eq!(clock.peek(), Some((StreamSec(2.0), MidiMessage::SongPosition(0))));
    // Less than half a tick (10.4 ms) ago is taken too, at once; more is not.
    clock.reset();
    clock.set_timeline(StreamSec(2.01), AT_120_BPM, bar(4, 1, 4));
    assert_eq!(clock.peek(), Some((StreamSec(2.01), MidiMessage::SongPosition(0))));
    clock.reset();
    clock.set_timeline(StreamSec(2.02), AT_120_BPM, bar(4, 1, 4));
    assert_eq!(clock.peek(), Some((StreamSec(4.0), MidiMessage::SongPosition(0))));
}

#[test]
fn an_unknown_bar_starts_on_the_first_beat_after_eight() {
    let mut clock = MidiClock::new(ClockPolicy::default());
    clock.set_timeline(StreamSec(0.25), AT_120_BPM, bar(0, 0, 0));
    // Locked since beat 0.5: eight beats later is 8.5, the next beat 9 at 4.5 s.
    assert_eq!(drain(&mut clock, 10.0)[1], (4.5, MidiMessage::Start));
}

#[test]
fn a_bar_that_becomes_known_ends_the_waiting() {
    let mut clock = MidiClock::new(ClockPolicy::default());
    clock.set_timeline(StreamSec(0.25), AT_120_BPM, bar(0, 0, 0));
    assert_eq!(drain(&mut clock, 1.2), []);
    clock.set_timeline(StreamSec(1.2), AT_120_BPM, bar(2, 2, 3));
    assert_eq!(drain(&mut clock, 10.0)[1], (2.0, MidiMessage::Start));
}

#[test]
fn a_position_beyond_the_meter_counts_as_unknown() {
    let mut clock = MidiClock::new(ClockPolicy::default());
    clock.set_timeline(StreamSec(0.0), AT_120_BPM, bar(0, 5, 4));
    assert_eq!(clock.peek(), Some((StreamSec(4.0), MidiMessage::SongPosition(0))));
}

#[test]
fn a_phase_correction_is_spread_over_one_beat_of_ticks() {
    let mut clock = running(ClockPolicy::default(), 2.0);
    // The music is 0.1 beats (50 ms) ahead of the outputs.
    clock.set_timeline(StreamSec(2.0), line(2.0, 4.1, 0.5), bar(4, 1, 4));
    let ticks = ticks(&drain(&mut clock, 4.0));
    let lengths: Vec<f64> = ticks.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let usual_sec = 0.5 / 24.0;
    assert!(lengths[..25].iter().all(|length| (length - usual_sec / 1.1).abs() < 1e-9), "{lengths:?}");
    assert!(lengths[27..].iter().all(|length| (length - usual_sec).abs() < 1e-9));
    // Tick 24 x 5 is beat 5 of the outputs; beat 6 falls on the new line, at 2.95 s.
    assert!((ticks[48] - 2.95).abs() < ROUNDING_SEC, "{}", ticks[48]);
}

#[test]
fn a_relock_is_slewed_without_any_other_message() {
    let mut clock = running(ClockPolicy::default(), 2.0);
    let correction = clock.set_timeline(StreamSec(2.0), line(2.0, 4.4, 0.5), bar(4, 1, 4));
    assert!(matches!(correction, Correction::Relock { .. }));
    let messages = drain(&mut clock, 4.0);
    assert_eq!(without_ticks(&messages), []);
    assert!(ticks(&messages).windows(2).all(|pair| pair[1] - pair[0] > 0.5 / 24.0 / 1.5 - ROUNDING_SEC));
}

#[test]
fn a_relock_restarts_on_the_next_downbeat_where_that_was_chosen() {
    let mut clock = running(ClockPolicy { relock: Relock::RestartOnDownbeat, ..ClockPolicy::default() }, 2.1);
    // Beats now fall a quarter of a beat later: beat 5 at 2.625 s, and it is a downbeat.
    clock.set_timeline(StreamSec(2.1), line(0.125, 0.0, 0.5), bar(5, 1, 4));
    let messages = drain(&mut clock, 4.0);
    let expected =
        [(2.1, MidiMessage::Stop), (2.625, MidiMessage::SongPosition(0)), (2.625, MidiMessage::Start), (2.625, MidiMessage::Tick)];
    assert_eq!(messages[..4], expected);
    assert!(messages[4..].iter().all(|(_, message)| *message == MidiMessage::Tick));
}

#[test]
fn a_small_correction_does_not_restart() {
    let mut clock = running(ClockPolicy { relock: Relock::RestartOnDownbeat, ..ClockPolicy::default() }, 2.1);
    clock.set_timeline(StreamSec(2.1), line(0.05, 0.0, 0.5), bar(5, 1, 4));
    assert_eq!(without_ticks(&drain(&mut clock, 10.0)), []);
}

#[test]
fn silence_is_ticked_through_by_default() {
    let mut clock = running(ClockPolicy::default(), 2.0);
    clock.set_timeline(StreamSec(2.0), AT_120_BPM, UNLOCKED);
    let messages = drain(&mut clock, 4.0);
    assert_eq!((ticks(&messages).len(), without_ticks(&messages).len()), (96, 0));
}

#[test]
fn silence_stops_and_the_next_lock_continues_on_a_downbeat_with_its_position() {
    let mut clock = running(ClockPolicy { on_silence: OnSilence::Stop, ..ClockPolicy::default() }, 3.1);
    clock.set_timeline(StreamSec(3.1), AT_120_BPM, UNLOCKED);
    assert_eq!(drain(&mut clock, 9.2), [(3.1, MidiMessage::Stop)]);
    assert!(!clock.is_running());
    // The timeline ran on to beat 18.4. Beat 20, at 10 s, is a downbeat: five bars, position 80.
    clock.set_timeline(StreamSec(9.2), AT_120_BPM, bar(18, 3, 4));
    let messages = drain(&mut clock, 11.0);
    assert_eq!(messages[..3], [(10.0, MidiMessage::SongPosition(80)), (10.0, MidiMessage::Continue), (10.0, MidiMessage::Tick)]);
    assert_eq!((messages.len(), clock.next_tick()), (2 + 48, 20 * 24 + 48));
}

#[test]
fn a_continue_off_the_old_bars_rounds_its_position_up_to_a_whole_bar() {
    let mut clock = running(ClockPolicy { on_silence: OnSilence::Stop, ..ClockPolicy::default() }, 3.1);
    clock.set_timeline(StreamSec(3.1), AT_120_BPM, UNLOCKED);
    // Beat 18 is now the downbeat: bars of four since the start would have 16 or 20.
    clock.set_timeline(StreamSec(8.9), AT_120_BPM, bar(18, 1, 4));
    assert_eq!(drain(&mut clock, 9.1)[1..3], [(9.0, MidiMessage::SongPosition(80)), (9.0, MidiMessage::Continue)]);
}

#[test]
fn a_continue_never_repeats_a_position_that_was_played() {
    let mut clock = running(ClockPolicy { on_silence: OnSilence::Stop, ..ClockPolicy::default() }, 3.1);
    clock.set_timeline(StreamSec(3.1), AT_120_BPM, UNLOCKED);
    // Re-locked 0.4 beats back: the downbeat falls on beat 6, and ticks up to beat 6.2 are out.
    clock.set_timeline(StreamSec(3.1), line(3.1, 5.8, 0.5), bar(5, 3, 3));
    let messages = drain(&mut clock, 3.3);
    assert_eq!(messages[1].1, MidiMessage::SongPosition(36), "{messages:?}");
}

#[test]
fn the_song_position_wraps_by_whole_multiples_of_16384() {
    let mut clock = running(ClockPolicy { on_silence: OnSilence::Stop, ..ClockPolicy::default() }, 3.1);
    clock.set_timeline(StreamSec(3.1), AT_120_BPM, UNLOCKED);
    clock.set_timeline(StreamSec(2049.9), AT_120_BPM, bar(4100, 1, 4));
    assert_eq!(clock.next_before(StreamSec(3.2)), Some((StreamSec(3.1), MidiMessage::Stop)));
    assert_eq!(clock.next_before(StreamSec(2051.0)), Some((StreamSec(2050.0), MidiMessage::SongPosition(16))));
}

#[test]
fn stop_is_said_once_and_resume_starts_again_on_a_downbeat() {
    let mut clock = running(ClockPolicy::default(), 1.0);
    clock.stop(StreamSec(1.0));
    clock.stop(StreamSec(1.2));
    clock.set_timeline(StreamSec(1.5), AT_120_BPM, bar(3, 4, 4));
    assert_eq!(drain(&mut clock, 9.0), [(1.0, MidiMessage::Stop)]);
    clock.resume();
    clock.set_timeline(StreamSec(9.0), AT_120_BPM, bar(18, 3, 4));
    assert_eq!(drain(&mut clock, 10.01)[..2], [(10.0, MidiMessage::SongPosition(0)), (10.0, MidiMessage::Start)]);
}

#[test]
fn an_interrupted_clock_continues_with_a_position() {
    let mut clock = running(ClockPolicy::default(), 1.1);
    clock.interrupt(StreamSec(1.1));
    clock.set_timeline(StreamSec(1.2), AT_120_BPM, bar(2, 3, 4));
    let expected = [(1.1, MidiMessage::Stop), (2.0, MidiMessage::SongPosition(16)), (2.0, MidiMessage::Continue), (2.0, MidiMessage::Tick)];
    assert_eq!(drain(&mut clock, 2.01), expected);
}

#[test]
fn reset_is_the_state_after_new() {
    let mut clock = running(ClockPolicy::default(), 7.7);
    clock.reset();
    assert_eq!(clock, MidiClock::new(ClockPolicy::default()));
}

#[test]
fn a_timeline_that_cannot_be_followed_changes_nothing() {
    let mut clock = running(ClockPolicy { on_silence: OnSilence::Stop, ..ClockPolicy::default() }, 2.0);
    let before = clock.clone();
    assert_eq!(clock.set_timeline(StreamSec(2.0), line(f64::NAN, 0.0, 0.5), UNLOCKED), Correction::Refused);
    assert_eq!(clock.set_timeline(StreamSec(f64::NAN), AT_120_BPM, UNLOCKED), Correction::Refused);
    assert_eq!(clock.set_timeline(StreamSec(2.0), line(0.0, 0.0, 0.0), UNLOCKED), Correction::Refused);
    assert_eq!(clock, before);
    assert_eq!(clock.next_before(StreamSec(f64::NAN)), None);
    assert_eq!(clock, before);
}

#[test]
fn a_late_update_does_not_call_messages_back() {
    let mut clock = running(ClockPolicy::default(), 2.0);
    clock.set_timeline(StreamSec(0.5), line(0.0, 0.2, 0.5), bar(1, 2, 4));
    assert!(drain(&mut clock, 3.0).iter().all(|(t, _)| *t >= 2.0));
}

/// One update: seconds after the last, phase (beats), seconds per beat, beat in bar, beats per bar, locked.
type Update = (f64, f64, f64, u8, u8, bool);

fn updates() -> impl Strategy<Value = Vec<Update>> {
    prop::collection::vec((0.0f64..3.0, -0.6f64..0.6, 0.25f64..1.5, 0u8..6, 0u8..5, prop::bool::weighted(0.8)), 1..25)
}

/// Plays the updates, asking for messages in pieces of the given lengths (seconds).
fn play(policy: ClockPolicy, updates: &[Update], cuts_sec: &[f64]) -> Vec<(f64, MidiMessage)> {
    let mut clock = MidiClock::new(policy);
    let (mut out, mut at_sec, mut asked_sec) = (Vec::new(), 0.0, 0.0);
    let mut cuts_sec = cuts_sec.iter().cycle();
    for &(wait_sec, phase_beats, spb, beat_in_bar, beats_per_bar, locked) in updates.iter().chain([&(9.0, 0.0, 0.5, 1, 4, true)]) {
        at_sec += wait_sec;
        loop {
            asked_sec = (asked_sec + cuts_sec.next().copied().unwrap_or(at_sec)).min(at_sec);
            out.extend(drain(&mut clock, asked_sec));
            if asked_sec >= at_sec {
                break;
            }
        }
        let timeline = line(at_sec, (at_sec / spb).round() + phase_beats, spb);
        let beat = timeline.beat_at(StreamSec(at_sec)).max(0.0) as u64;
        clock.set_timeline(StreamSec(at_sec), timeline, BarInfo { beat, beat_in_bar, beats_per_bar, locked });
    }
    out
}

proptest! {
    #[test]
    fn messages_do_not_depend_on_how_time_is_cut(
        updates in updates(),
        cuts_sec in prop::collection::vec(0.001f64..0.7, 1..20),
        stop: bool,
        restart: bool,
    ) {
        let policy = ClockPolicy {
            on_silence: if stop { OnSilence::Stop } else { OnSilence::Hold },
            relock: if restart { Relock::RestartOnDownbeat } else { Relock::Slew },
        };
        let whole = play(policy, &updates, &[]);
        prop_assert_eq!(&whole, &play(policy, &updates, &cuts_sec));

        // The rules that hold for every sequence: time order, command order, tick spacing.
        let mut is_running = false;
        let mut previous: Option<(f64, MidiMessage)> = None;
        for &(t, message) in &whole {
            let (before_sec, before) = previous.unwrap_or((f64::NEG_INFINITY, MidiMessage::Stop));
            prop_assert!(t >= before_sec);
            match message {
                MidiMessage::SongPosition(_) => prop_assert!(!is_running),
                MidiMessage::Start | MidiMessage::Continue => {
                    prop_assert!(!is_running && matches!(before, MidiMessage::SongPosition(_)) && t == before_sec);
                    is_running = true;
                }
                MidiMessage::Stop => {
                    prop_assert!(is_running);
                    is_running = false;
                }
                MidiMessage::Tick => {
                    prop_assert!(is_running);
                    if before == MidiMessage::Tick {
                        // 0.25 s per beat at most 1.5 times as fast, 1.5 s at least half as fast. The first tick after a late start
                        // may follow up to half a tick sooner.
                        prop_assert!(t - before_sec > 0.25 / 24.0 / 1.5 / 2.0 - ROUNDING_SEC, "burst: {}", t - before_sec);
                        prop_assert!(t - before_sec < 1.5 / 24.0 * 2.0 + ROUNDING_SEC, "gap: {}", t - before_sec);
                    } else {
                        prop_assert_eq!(t, before_sec);
                    }
                }
            }
            previous = Some((t, message));
        }
    }
}
