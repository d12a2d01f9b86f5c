//! The schedule against hand-computable lines, jumps, sleeps and restarts.

use super::*;
use crate::event::EventKind;
use crate::look::{ApproachLook, Line, SectionLook};
use proptest::prelude::*;

const MS: u64 = 1_000_000;
/// Beat 0 of the source falls here.
const START_NS: u64 = 10_000 * MS;

/// 120 BPM in bars of four, beat 0 a downbeat, at `ms` after beat 0.
fn look(ms: i64) -> Look {
    let mono_ns = START_NS.saturating_add_signed(ms * MS as i64);
    let taken = Moment { mono_ns, unix_ns: mono_ns + 1_000_000 * MS };
    let line = Line { origin_mono_ns: START_NS, beat_origin: 0.0, period_ns: 5e8 };
    let heard = Look { taken, session: 1, said_mono_ns: mono_ns, locked: true, reason: Reason::Locked, line, ..Look::default() };
    Look { number: 0, beat_in_bar: 1, beats_per_bar: 4, bpm: 120.0, ..heard }
}

fn beats(events: &[Event]) -> Vec<&Beat> {
    events.iter().filter_map(|event| if let Event::Beat(beat) = event { Some(beat) } else { None }).collect()
}

/// What is said from `from_ms` to `to_ms` in steps of 5 ms.
fn run(schedule: &mut Schedule, from_ms: i64, to_ms: i64, change: impl Fn(Look) -> Look) -> Vec<Event> {
    let mut out = Vec::new();
    (from_ms..=to_ms).step_by(5).for_each(|ms| schedule.take(&change(look(ms)), &mut out));
    out
}

fn schedule(offset_ms: f64, lead_ms: u64) -> Schedule {
    Schedule::new(&Tuning { offset_ms, ..Tuning::default() }, lead_ms * MS)
}

#[test]
fn beats_are_said_once_each_and_ahead_by_the_lead() {
    let mut schedule = schedule(0.0, 100);
    let mut out = Vec::new();
    let mut handed = Vec::new();
    for ms in (-300..2_000).step_by(5) {
        let before = out.len();
        schedule.take(&look(ms), &mut out);
        handed.extend(out[before..].iter().filter(|event| event.kind() == EventKind::Beat).map(|_| ms));
    }
    let said = beats(&out);
    assert_eq!(handed, [-100, 400, 900, 1400, 1900]);
    assert_eq!(said.iter().map(|b| (b.at.mono_ns - START_NS) / MS).collect::<Vec<_>>(), [0, 500, 1000, 1500, 2000]);
    assert_eq!(
        said.iter().map(|b| (b.number, b.beat_in_bar, b.bar)).collect::<Vec<_>>(),
        [(0, 1, 1), (1, 2, 1), (2, 3, 1), (3, 4, 1), (4, 1, 2)]
    );
    assert!(said.iter().all(|b| b.at.unix_ns - b.at.mono_ns == 1_000_000 * MS), "both clocks");
    assert_eq!(schedule.next_due_ns(&look(2_000)), Some(START_NS + 2_400 * MS));
}

#[test]
fn an_offset_moves_beats_to_either_side() {
    for (offset_ms, expected_ms) in [(-80.0, [-80, 420, 920]), (30.0, [30, 530, 1030])] {
        let events = run(&mut schedule(offset_ms, 0), -200, 1_100, |look| look);
        let at: Vec<i64> = beats(&events).iter().map(|b| (b.at.mono_ns as i64 - START_NS as i64) / MS as i64).collect();
        assert_eq!(at, expected_ms, "{offset_ms}");
    }
}

#[test]
fn a_lock_in_the_middle_begins_with_the_next_beat() {
    let mut schedule = schedule(0.0, 0);
    let events = run(&mut schedule, 0, 1_200, |look| Look { locked: look.taken.mono_ns > START_NS + 700 * MS, ..look });
    assert_eq!(beats(&events).iter().map(|b| (b.number, b.at.mono_ns - START_NS)).collect::<Vec<_>>(), [(0, 1_000 * MS)]);
    let locks: Vec<bool> = events.iter().filter_map(|e| if let Event::Lock(lock) = e { Some(lock.locked) } else { None }).collect();
    assert_eq!(locks, [false, true]);
}

#[test]
fn a_process_that_slept_leaves_out_what_fell_meanwhile_and_keeps_the_bar() {
    let mut schedule = schedule(0.0, 0);
    run(&mut schedule, 0, 600, |look| look);
    let mut out = Vec::new();
    // Beats 2 to 6 fell at 1.0 to 3.0 s; the one at 3.5 s is 20 ms old.
    schedule.take(&look(3_520), &mut out);
    assert_eq!(beats(&out).iter().map(|b| (b.number, b.beat_in_bar, b.bar)).collect::<Vec<_>>(), [(2, 4, 2)]);
    assert_eq!(schedule.n_left_out(), 5);
    // Hours later: no loop over them, and the next beat is in time.
    out.clear();
    schedule.take(&look(36_000_100), &mut out);
    let events = run(&mut schedule, 36_000_105, 36_000_500, |look| look);
    assert_eq!(beats(&events).iter().map(|b| (b.at.mono_ns - START_NS) / MS).collect::<Vec<_>>(), [36_000_500]);
}

#[test]
fn a_source_that_starts_anew_counts_on() {
    let mut schedule = schedule(0.0, 0);
    run(&mut schedule, 0, 1_100, |look| look);
    let events = run(&mut schedule, 1_105, 2_100, |look| {
        let line = Line { beat_origin: -3.0, ..look.line };
        Look { session: 2, line, number: 0, beat_in_bar: 1, ..look }
    });
    assert_eq!(beats(&events).iter().map(|b| (b.number, b.beat_in_bar)).collect::<Vec<_>>(), [(3, 1), (4, 2)]);
}

#[test]
fn a_source_that_counts_from_zero_at_its_first_beat_is_followed_at_once() {
    // It has counted since the start of the sound, locks, and then calls the first beat that it announces number 0.
    let mut schedule = schedule(0.0, 0);
    let events = run(&mut schedule, 1_600, 3_600, |look| {
        let known = look.taken.mono_ns > START_NS + 1_700 * MS;
        let line = Line { beat_origin: if known { -4.0 } else { 0.0 }, ..look.line };
        Look { line, number: 0, beat_in_bar: u8::from(known), ..look }
    });
    let said: Vec<_> = beats(&events).iter().map(|b| ((b.at.mono_ns - START_NS) / MS, b.number, b.beat_in_bar)).collect();
    assert_eq!(said, [(2_000, 0, 1), (2_500, 1, 2), (3_000, 2, 3), (3_500, 3, 4)]);
}

#[test]
fn a_source_that_falls_silent_is_told_once_and_says_nothing_more() {
    let mut schedule = schedule(0.0, 0);
    let events = run(&mut schedule, 0, 4_000, |look| Look { said_mono_ns: look.taken.mono_ns.min(START_NS + 600 * MS), ..look });
    assert_eq!(beats(&events).len(), 4, "0 to 1.5 s; then it is gone");
    let Some(Event::Lock(lock)) = events.last() else { panic!("{events:?}") };
    assert_eq!((lock.locked, lock.reason.as_str()), (false, "no input"));
    assert_eq!(schedule.view(&Look { said_mono_ns: START_NS, ..look(4_000) }).reason, "no input");
}

#[test]
fn a_line_that_no_music_has_gives_no_beats() {
    for (beat_origin, period_ns) in [(1e300, 5e8), (f64::NAN, 5e8), (0.0, f64::INFINITY), (0.0, -1.0)] {
        let line = Line { beat_origin, period_ns, ..look(0).line };
        let events = run(&mut schedule(0.0, 0), 0, 100, |look| Look { line, ..look });
        assert!(beats(&events).is_empty(), "{line:?}");
    }
}

#[test]
fn filters_leave_the_numbers_alone() {
    let tuning = Tuning { every_beats: 2, only: vec![EventKind::Beat], ..Tuning::default() };
    let events = run(&mut Schedule::new(&tuning, 0), 0, 2_600, |look| look);
    assert_eq!(beats(&events).iter().map(|b| (b.number, b.beat_in_bar)).collect::<Vec<_>>(), [(0, 1), (2, 3), (4, 1)]);
    assert_eq!(events.len(), 3, "no lock event");
}

#[test]
fn sections_and_boundaries_are_said_once_and_begin_a_phrase() {
    let tuning = Tuning { every_bars: vec![2], phrase_bars: 2, ..Tuning::default() };
    let mut schedule = Schedule::new(&tuning, 0);
    let events = run(&mut schedule, 0, 6_000, |look| {
        let since_mono_ns = START_NS + 2_600 * MS;
        let known = look.taken.mono_ns >= since_mono_ns;
        let section = SectionLook { change: u64::from(known), section: known.then_some(4), before: None, prob: 0.7, since_mono_ns };
        let approach = ApproachLook { change: u64::from(known), within_beats: 8, prob: 0.6, since_mono_ns, ..ApproachLook::default() };
        Look { section, approach, ..look }
    });
    let others: Vec<&Event> = events.iter().filter(|e| !matches!(e, Event::Beat(_) | Event::Lock(_))).collect();
    let [Event::Section(section), Event::Approach(approach)] = others[..] else { panic!("{others:?}") };
    assert_eq!((section.section, section.at.mono_ns), (4, START_NS + 2_600 * MS));
    assert_eq!(approach.latest.unwrap().mono_ns, START_NS + 6_600 * MS, "eight beats of half a second");
    // Known in bar 2, which becomes the first of its phrase: the next pair of bars begins with bar 4.
    let pairs: Vec<u64> = beats(&events).iter().filter(|b| b.every_bars == [2]).map(|b| b.bar).collect();
    assert_eq!(pairs, [1, 4]);
}

#[test]
fn no_more_than_so_many_others_a_second() {
    let tuning = Tuning { max_per_sec: 2, ..Tuning::default() };
    let mut schedule = Schedule::new(&tuning, 0);
    let events = run(&mut schedule, 0, 995, |look| {
        let section = SectionLook { change: look.taken.mono_ns, section: Some(4), ..SectionLook::default() };
        Look { section, ..look }
    });
    assert_eq!(events.iter().filter(|e| e.kind() != EventKind::Beat).count(), 2, "the lock, and one section");
    assert_eq!(beats(&events).len(), 2, "beats are never dropped");
}

#[test]
fn a_view_is_of_the_moment() {
    let mut schedule = schedule(-100.0, 300);
    run(&mut schedule, -500, 1_140, |look| look);
    let view = schedule.view(&look(1_150));
    // Heard 100 ms early: beat 2.5; told of beat 3 already, which has not fallen.
    assert_eq!((view.beat.unwrap().number, view.phase), (2, 0.5));
    assert!(view.locked && view.bpm == 120.0 && view.age_sec == 0.0);
}

proptest! {
    #[test]
    fn whatever_the_line_does_beats_come_in_order_and_apart(
        steps in prop::collection::vec((1u64..400, 0.2f64..2.0, -2.0f64..2.0, any::<bool>()), 1..80), offset_ms in -500.0f64..500.0, lead_ms in 0u64..500,
    ) {
        let mut schedule = schedule(offset_ms, lead_ms);
        let (mut out, mut now, mut beat) = (Vec::new(), look(0), 0.0);
        for (ms, period_sec, jump_beats, locked) in steps {
            beat = (now.line.beat_at(now.taken.mono_ns + ms * MS) + if jump_beats > 1.5 { jump_beats } else { 0.0 }).max(beat);
            now.taken = now.taken.shifted_ns((ms * MS) as i64);
            now.said_mono_ns = now.taken.mono_ns;
            now.line = Line { origin_mono_ns: now.taken.mono_ns, beat_origin: beat, period_ns: period_sec * 1e9 };
            now.locked = locked;
            schedule.take(&now, &mut out);
            prop_assert!((0.0..1.0).contains(&schedule.view(&now).phase));
        }
        let said = beats(&out);
        for pair in said.windows(2) {
            prop_assert_eq!(pair[1].number, pair[0].number + 1);
            prop_assert!(pair[1].at.mono_ns > pair[0].at.mono_ns + 50 * MS, "{} {}", pair[0].at.mono_ns, pair[1].at.mono_ns);
        }
    }
}
