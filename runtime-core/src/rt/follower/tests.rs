//! What comes out of the follower, as absolute sample positions, for timelines that behave and for those that do not.

mod cuts;
mod host;
mod policies;

use super::*;
use crate::bus::hint::HintFlags;
use crate::bus::updates::{UpdateSender, update_queue};

const RATE_HZ: f64 = 48_000.0;
/// Largest distance from a computed moment, samples: positions are whole numbers.
const ROUNDING_SAMPLES: f64 = 1.0;

/// A follower with the sending end of its queue and all that it has put out.
struct Rig {
    sender: UpdateSender,
    follower: Follower,
    counters: Counters,
    at: u64,
    outputs: Vec<(u64, Output)>,
}

impl Rig {
    fn new() -> Self {
        let (sender, updates) = update_queue();
        let counters = Counters::default();
        let follower = Follower::new(updates, counters.clone(), RATE_HZ);
        Self { sender, follower, counters, at: 0, outputs: Vec::new() }
    }

    /// Plays one block.
    fn block(&mut self, n_samples: u64) {
        let (start, outputs) = (self.at, &mut self.outputs);
        self.follower.block(SamplePos(start), n_samples as u32, |offset, output| {
            assert!(u64::from(offset) < n_samples, "{output:?} at {offset} of a block of {n_samples}");
            outputs.push((start + u64::from(offset), output));
        });
        self.at += n_samples;
    }

    /// Plays blocks of `block_samples` up to `end_sec`.
    fn play_to(&mut self, end_sec: f64, block_samples: u64) {
        let end = (end_sec * RATE_HZ).round() as u64;
        while self.at < end {
            self.block(block_samples.min(end - self.at));
        }
    }

    fn stop(&mut self) {
        let (at, outputs) = (self.at, &mut self.outputs);
        self.follower.stop(SamplePos(at), |output| outputs.push((at, output)));
    }

    fn set_output(&mut self, policy: ClockPolicy, offset_sec: f64) {
        self.follower.set_output(SamplePos(self.at), policy, offset_sec);
    }

    fn n_late(&self) -> u32 {
        self.counters.read().late_updates
    }

    /// Positions and events of the beats.
    fn beats(&self) -> Vec<(u64, BeatEvent)> {
        let beat = |(at, output): &(u64, Output)| match output {
            Output::Beat(event, _) => Some((*at, *event)),
            _ => None,
        };
        self.outputs.iter().filter_map(beat).collect()
    }

    /// Positions of one kind of message.
    fn positions(&self, wanted: Output) -> Vec<u64> {
        self.outputs.iter().filter(|(_, output)| *output == wanted).map(|(at, _)| *at).collect()
    }

    fn ticks(&self) -> Vec<u64> {
        self.positions(Output::Clock(MidiMessage::Tick))
    }

    /// What a receiver hears of the clock besides ticks.
    fn transport(&self) -> Vec<MidiMessage> {
        let message = |(_, output): &(u64, Output)| match output {
            Output::Clock(message) if *message != MidiMessage::Tick => Some(*message),
            _ => None,
        };
        self.outputs.iter().filter_map(message).collect()
    }
}

fn position_of(t_sec: f64) -> u64 {
    StreamSec(t_sec).to_sample_pos(RATE_HZ).0
}

fn assert_near(position: u64, t_sec: f64, what: &str) {
    let expected = t_sec * RATE_HZ;
    assert!((position as f64 - expected).abs() <= ROUNDING_SAMPLES, "{what}: at {position}, expected {expected}");
}

/// Beat `count` of a line in four, announced 60 ms ahead and in force 30 ms ahead.
fn announced(line: Timeline, count: u64) -> BeatUpdate {
    let t_sec = line.time_of(count as f64).0;
    let event = BeatEvent { t_sec, beat_count: count, beat_in_bar: (count % 4) as u8 + 1, beats_per_bar: 4, ..BeatEvent::default() };
    let effective_at = SamplePos(position_of(t_sec - 0.03));
    BeatUpdate {
        effective_at,
        timeline: line,
        conf: 0.9,
        shown_spb: line.spb,
        locked: 1,
        reason: LockReason::default(),
        hints: HintFlags::default(),
        outlook: Outlook::default(),
        event: Some(event),
    }
}

fn unlocked(line: Timeline, t_sec: f64) -> BeatUpdate {
    BeatUpdate {
        effective_at: SamplePos(position_of(t_sec)),
        timeline: line,
        conf: 0.0,
        shown_spb: line.spb,
        locked: 0,
        reason: LockReason::default(),
        hints: HintFlags::default(),
        outlook: Outlook::default(),
        event: None,
    }
}

/// A line whose beat 0 falls at `first_sec`.
fn line(first_sec: f64, spb: f64) -> Timeline {
    Timeline { t_origin_sec: first_sec, beat_origin: 0.0, spb }
}

#[test]
fn sections_and_boundaries_are_said_with_a_beat_where_they_changed() {
    let mut rig = Rig::new();
    let line = line(0.7, 0.5);
    let outlook = |section, hazard_prob| Outlook { section, hazard_prob };
    for (count, told) in [outlook(0, 0.0), outlook(3, 0.2), outlook(3, 0.2), outlook(5, 0.4)].into_iter().enumerate() {
        rig.sender.send(BeatUpdate { outlook: told, ..announced(line, count as u64) });
    }
    rig.sender.send(BeatUpdate { outlook: outlook(5, 0.4), ..unlocked(line, 2.6) });
    rig.sender.send(BeatUpdate { outlook: outlook(5, 0.4), ..announced(line, 6) });
    rig.play_to(4.0, 441);
    let said: Vec<(u64, Outlook)> = rig
        .outputs
        .iter()
        .filter_map(|(at, output)| if let Output::Outlook(outlook) = output { Some((*at, *outlook)) } else { None })
        .collect();
    let beats: Vec<u64> = rig.beats().iter().map(|beat| beat.0).collect();
    let again = beats[4];
    assert_eq!(said, [(beats[1], outlook(3, 0.2)), (beats[3], outlook(5, 0.4)), (again, outlook(5, 0.4))]);
}

#[test]
fn steady_updates_give_24_ticks_a_beat_on_the_timeline() {
    for spb in [0.3, 0.483_7, 0.5, 1.05] {
        let mut rig = Rig::new();
        let line = line(0.7, spb);
        (0..20).for_each(|count| rig.sender.send(announced(line, count)));
        rig.play_to(0.7 + 19.99 * spb, 441);
        let ticks = rig.ticks();
        assert_eq!(ticks.len(), 20 * 24, "{spb} s");
        for (k, &at) in ticks.iter().enumerate() {
            assert_near(at, line.time_of(k as f64 / 24.0).0, "tick");
        }
        for (k, (at, event)) in rig.beats().iter().enumerate() {
            assert_near(*at, line.time_of(k as f64).0, "beat");
            assert_eq!((event.beat_count, usize::from(event.beat_in_bar)), (k as u64, k % 4 + 1));
        }
        assert_eq!((rig.beats().len(), rig.n_late()), (20, 0));
        assert_eq!(rig.transport(), [MidiMessage::SongPosition(0), MidiMessage::Start]);
        let ends = rig.positions(Output::BeatEnd);
        assert!(ends.len() == 20 && ends.iter().zip(rig.beats()).all(|(end, (at, _))| end - at == 2400));
    }
}

#[test]
fn the_reason_of_the_lock_is_said_when_it_changes_and_not_else() {
    let mut rig = Rig::new();
    let line = line(0.5, 0.5);
    let reasons = [LockReason::Searching, LockReason::Locked, LockReason::Locked, LockReason::WeakPulse, LockReason::Silence];
    for (count, &reason) in reasons.iter().enumerate() {
        rig.sender.send(BeatUpdate { reason, ..announced(line, count as u64) });
    }
    rig.play_to(3.0, 480);
    let said: Vec<(u64, Output)> = rig.outputs.iter().filter(|(_, o)| matches!(o, Output::Reason(_))).copied().collect();
    let expected = [(1.0, LockReason::Locked), (2.0, LockReason::WeakPulse), (2.5, LockReason::Silence)];
    // In force 30 ms before the beat with which it came.
    assert_eq!(said, expected.map(|(t_sec, reason)| (position_of(t_sec - 0.03), Output::Reason(reason))));
}

#[test]
fn equal_samples_come_in_order_end_clock_beat() {
    let mut rig = Rig::new();
    // Beats as far apart as a pulse is long.
    let line = line(0.5, PULSE_SEC);
    (0..9).for_each(|count| rig.sender.send(announced(line, count)));
    rig.play_to(0.5 + 8.5 * PULSE_SEC, 100);
    let at_fourth: Vec<Output> = rig.outputs.iter().filter(|(at, _)| *at == position_of(0.5 + 4.0 * PULSE_SEC)).map(|(_, o)| *o).collect();
    assert!(matches!(at_fourth[..], [Output::BeatEnd, Output::Clock(MidiMessage::Tick), Output::Beat(..)]), "{at_fourth:?}");
    let at_first: Vec<Output> = rig.outputs.iter().filter(|(at, _)| *at == position_of(0.5)).map(|(_, o)| *o).collect();
    let [Output::Clock(first), Output::Clock(second), Output::Clock(third), Output::Beat(..)] = at_first[..] else {
        panic!("{at_first:?}")
    };
    assert_eq!([first, second, third], [MidiMessage::SongPosition(0), MidiMessage::Start, MidiMessage::Tick]);
}

#[test]
fn a_late_update_holds_from_the_blocks_first_sample_and_is_counted() {
    let mut rig = Rig::new();
    let line = line(1.0, 0.5);
    rig.play_to(1.01, 512);
    // 30 ms before beat 0 has passed: the beat is 10 ms late.
    rig.sender.send(announced(line, 0));
    let start = rig.at;
    rig.block(512);
    assert_eq!((rig.n_late(), rig.beats()[0].0), (1, start));
    // Beat 1 arrives 110 ms late: counted as an update and as a beat, and not played.
    rig.play_to(1.61, 512);
    rig.sender.send(announced(line, 1));
    rig.play_to(2.2, 512);
    assert_eq!((rig.n_late(), rig.beats().len()), (3, 1));
    // Nothing was sent twice, nothing comes back in time.
    rig.sender.send(announced(line, 3));
    rig.play_to(3.0, 512);
    assert_eq!(rig.beats().iter().map(|(_, event)| event.beat_count).collect::<Vec<_>>(), [0, 3]);
    assert!(rig.outputs.is_sorted_by_key(|(at, _)| *at));
}

#[test]
fn offsets_move_beats_and_ticks() {
    for offset_sec in [-0.5, -0.02, 0.0, 0.5] {
        let mut rig = Rig::new();
        rig.set_output(ClockPolicy::default(), offset_sec);
        let line = line(1.0, 0.4);
        (0..30).for_each(|count| rig.sender.send(announced(line, count)));
        rig.play_to(12.0, 500);
        let beats = rig.beats();
        assert!(beats.len() >= 25, "{offset_sec} s: {} beats", beats.len());
        for (at, event) in &beats {
            assert_near(*at, line.time_of(event.beat_count as f64).0 + offset_sec, "beat");
            assert_eq!(u64::from(event.beat_in_bar), event.beat_count % 4 + 1);
        }
        assert!(beats.windows(2).all(|pair| pair[1].1.beat_count == pair[0].1.beat_count + 1));
        // The clock comes in on a downbeat and keeps to the line.
        let first_beat = line.beat_at(StreamSec(rig.ticks()[0] as f64 / RATE_HZ - offset_sec)).round();
        assert_eq!(first_beat % 4.0, 0.0, "{offset_sec} s");
        for (k, &at) in rig.ticks().iter().enumerate() {
            assert_near(at, line.time_of(first_beat + k as f64 / 24.0).0 + offset_sec, "tick");
        }
        assert_eq!(rig.n_late(), 0);
    }
}

#[test]
fn an_offset_that_changes_while_running_repeats_no_beat_and_stops_no_clock() {
    let offsets_sec = [0.5, -0.5, 0.0, -0.02, -0.3, 0.3];
    let mut rig = Rig::new();
    let line = line(1.0, 0.5);
    (0..100).for_each(|count| rig.sender.send(announced(line, count)));
    rig.play_to(3.0, 480);
    for (k, offset_sec) in offsets_sec.into_iter().enumerate() {
        rig.set_output(ClockPolicy::default(), offset_sec);
        let until_sec = 3.0 + 6.03 * (k + 1) as f64;
        rig.play_to(until_sec, 480);
        // Two seconds later, all is where it belongs.
        let settled = position_of(until_sec - 4.0);
        let beats: Vec<_> = rig.beats().into_iter().filter(|(at, _)| *at > settled).collect();
        assert!((7..=9).contains(&beats.len()), "{offset_sec} s: {} beats in 4 s", beats.len());
        for (at, event) in beats {
            assert_near(at, line.time_of(event.beat_count as f64).0 + offset_sec, "beat");
        }
        for at in rig.ticks().into_iter().filter(|at| *at > settled) {
            let tick = 24.0 * line.beat_at(StreamSec(at as f64 / RATE_HZ - offset_sec));
            assert!((tick - tick.round()).abs() < 24.0 / 0.5 / RATE_HZ * ROUNDING_SAMPLES, "{offset_sec} s: tick {tick}");
        }
    }
    assert!(rig.beats().windows(2).all(|pair| pair[1].1.beat_count > pair[0].1.beat_count));
    assert_eq!(rig.transport(), [MidiMessage::SongPosition(0), MidiMessage::Start]);
}

#[test]
fn an_offset_that_is_no_offset_is_refused_or_limited() {
    for (offset_sec, expected_sec) in [(f64::NAN, 0.0), (7.0, MAX_OFFSET_SEC), (f64::NEG_INFINITY, -MAX_OFFSET_SEC)] {
        let mut rig = Rig::new();
        rig.set_output(ClockPolicy::default(), offset_sec);
        let line = line(1.0, 0.5);
        (0..12).for_each(|count| rig.sender.send(announced(line, count)));
        rig.play_to(6.0, 480);
        let beats = rig.beats();
        assert!(beats.len() >= 8);
        for (at, event) in beats {
            assert_near(at, line.time_of(event.beat_count as f64).0 + expected_sec, "beat");
        }
    }
}

#[test]
fn a_stop_ends_note_and_clock_once_and_a_later_lock_starts_again() {
    let mut rig = Rig::new();
    let line = line(1.0, 0.5);
    rig.stop();
    assert!(rig.outputs.is_empty(), "nothing sounded");
    (0..3).for_each(|count| rig.sender.send(announced(line, count)));
    rig.play_to(2.01, 256);
    let n_before = rig.outputs.len();
    rig.stop();
    let said: Vec<Output> = rig.outputs[n_before..].iter().map(|(_, output)| *output).collect();
    assert_eq!(said, [Output::BeatEnd, Output::Clock(MidiMessage::Stop), Output::Unlocked]);
    rig.stop();
    rig.play_to(2.9, 256);
    assert_eq!(rig.outputs.len(), n_before + 3, "once, and silence after it");
    (4..9).for_each(|count| rig.sender.send(announced(line, count)));
    rig.play_to(6.0, 256);
    let (song, start) = (MidiMessage::SongPosition(0), MidiMessage::Start);
    assert_eq!(rig.transport(), [song, start, MidiMessage::Stop, song, start]);
    assert_near(rig.positions(Output::Clock(start))[1], line.time_of(4.0).0, "the second start");
    assert_eq!(rig.beats().iter().map(|(_, event)| event.beat_count).collect::<Vec<_>>(), [0, 1, 2, 4, 5, 6, 7, 8]);
}
