//! The outputs are a function of the updates and not of the blocks, whatever the updates say.

use crate::bus::hint::HintFlags;
use proptest::prelude::*;

use super::*;
use crate::rt::midi_clock::{OnSilence, Relock};

/// One step of a timeline that behaves badly.
#[derive(Debug, Clone, Copy)]
struct Step {
    wait_samples: u64,
    tempo_ratio: f64,
    phase_jump_beats: f64,
    locked: bool,
    announces: bool,
    beats_per_bar: u8,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (0u64..40_000, 0.5f64..2.0, -3.0f64..3.0, 0u8..5, any::<bool>(), 0u8..5);
    let step = step.prop_map(|(wait_samples, tempo_ratio, phase_jump_beats, lock, announces, beats_per_bar)| Step {
        wait_samples,
        tempo_ratio,
        phase_jump_beats,
        locked: lock > 0,
        announces,
        beats_per_bar,
    });
    prop::collection::vec(step, 1..40)
}

fn policies() -> impl Strategy<Value = ClockPolicy> {
    let on_silence = prop_oneof![Just(OnSilence::Hold), Just(OnSilence::Stop)];
    let relock = prop_oneof![Just(Relock::Slew), Just(Relock::RestartOnDownbeat)];
    (on_silence, relock).prop_map(|(on_silence, relock)| ClockPolicy { on_silence, relock })
}

/// The updates of such a timeline. Numbers of announced beats only rise, as the tracker has it; all else may jump.
fn updates(steps: &[Step]) -> Vec<BeatUpdate> {
    let mut line = Timeline { t_origin_sec: 0.0, beat_origin: 0.0, spb: 0.5 };
    let (mut at, mut next_count) = (0, 0);
    let mut update = |step: &Step| {
        at += step.wait_samples;
        let now = SamplePos(at).to_stream_sec(RATE_HZ);
        let spb = (line.spb * step.tempo_ratio).clamp(0.28, 1.1);
        let beat = (line.beat_at(now) + step.phase_jump_beats).max(0.0);
        line = Timeline { t_origin_sec: now.0, beat_origin: beat, spb };
        let event = (step.announces && step.locked).then(|| {
            next_count = line.beat_at(now).ceil().max(next_count as f64) as u64;
            let beat_in_bar = (next_count % u64::from(step.beats_per_bar.max(1))) as u8 + u8::from(step.beats_per_bar > 0);
            let t_sec = line.time_of(next_count as f64).0.min(now.0 + 0.3);
            let event = BeatEvent { t_sec, beat_count: next_count, beat_in_bar, beats_per_bar: step.beats_per_bar, ..BeatEvent::default() };
            next_count += 1;
            event
        });
        let locked = u8::from(step.locked);
        BeatUpdate {
            effective_at: SamplePos(at),
            timeline: line,
            conf: 0.5,
            shown_spb: line.spb,
            locked,
            reason: LockReason::default(),
            hints: HintFlags::default(),
            outlook: Outlook::default(),
            event,
        }
    };
    steps.iter().map(&mut update).collect()
}

/// Plays the updates in blocks of these lengths, over and over; each is sent before the block in which it takes effect.
fn play(updates: &[BeatUpdate], policy: ClockPolicy, offset_sec: f64, blocks: &[u64]) -> Rig {
    let mut rig = Rig::new();
    rig.set_output(policy, offset_sec);
    let end = updates.last().map_or(0, |update| update.effective_at.0) + 48_000;
    let mut blocks = blocks.iter().cycle();
    let mut waiting = updates.iter().peekable();
    while rig.at < end {
        let n_samples = (*blocks.next().expect("a cycle has no end")).min(end - rig.at);
        while let Some(update) = waiting.next_if(|update| update.effective_at.0 < rig.at + n_samples) {
            rig.sender.send(*update);
        }
        rig.block(n_samples);
    }
    rig
}

/// What any receiver relies on.
fn assert_legal(outputs: &[(u64, Output)]) {
    let (mut is_running, mut has_position, mut note_is_on) = (false, false, false);
    let (mut last_tick, mut last_count) = (None, None);
    assert!(outputs.is_sorted_by_key(|(at, _)| *at), "back in time");
    for &(at, output) in outputs {
        match output {
            Output::Clock(MidiMessage::Tick) => {
                assert!(is_running && last_tick.is_none_or(|last| last < at), "a tick at {at} after {last_tick:?}");
                last_tick = Some(at);
            }
            Output::Clock(MidiMessage::SongPosition(_)) => {
                assert!(!is_running, "a song position while running, at {at}");
                has_position = true;
            }
            Output::Clock(MidiMessage::Start | MidiMessage::Continue) => {
                assert!(!is_running && has_position, "a start at {at}");
                (is_running, has_position, last_tick) = (true, false, None);
            }
            Output::Clock(MidiMessage::Stop) => assert!(std::mem::take(&mut is_running), "a second stop at {at}"),
            Output::Beat(event, tempo_bpm) => {
                assert!(
                    !note_is_on && last_count.is_none_or(|last| last < event.beat_count),
                    "beat {event:?} at {at} after {last_count:?}"
                );
                assert!((50.0..220.0).contains(&tempo_bpm), "{tempo_bpm} BPM");
                (note_is_on, last_count) = (true, Some(event.beat_count));
            }
            Output::BeatEnd => assert!(std::mem::take(&mut note_is_on), "an end without a beat at {at}"),
            Output::Unlocked | Output::Hints(_) | Output::Reason(_) | Output::Outlook(_) => {}
        }
    }
}

proptest! {
    #[test]
    fn outputs_are_legal_and_do_not_depend_on_the_cuts(
        steps in steps(),
        policy in policies(),
        offset_sec in prop_oneof![Just(0.0), -0.5f64..0.5],
        blocks in prop::collection::vec(prop_oneof![0u64..4, 1u64..3_000, 1u64..100_000], 1..30),
    ) {
        let updates = updates(&steps);
        let whole = play(&updates, policy, offset_sec, &[u64::from(u32::MAX)]);
        assert_legal(&whole.outputs);
        prop_assert_eq!(whole.counters.read().n_blocks, 0, "the caller counts blocks");
        // A plan of empty blocks alone would never end.
        let blocks: Vec<u64> = blocks.into_iter().chain([700]).collect();
        let cut = play(&updates, policy, offset_sec, &blocks);
        prop_assert_eq!(&whole.outputs, &cut.outputs);
        prop_assert_eq!(whole.n_late(), cut.n_late());
    }
}

#[test]
fn the_test_itself_hears_something() {
    let steady = Step { wait_samples: 24_000, tempo_ratio: 1.0, phase_jump_beats: 0.0, locked: true, announces: true, beats_per_bar: 4 };
    let rig = play(&updates(&[steady; 30]), ClockPolicy::default(), 0.0, &[512]);
    assert!(rig.beats().len() >= 29 && rig.ticks().len() > 24 * 20, "{} beats, {} ticks", rig.beats().len(), rig.ticks().len());
}

#[test]
fn ten_seconds_at_once_are_as_many_small_blocks() {
    // Far more updates in one block than can wait.
    let line = line(0.1, 0.05);
    let updates: Vec<BeatUpdate> = (0..198).map(|count| announced(line, count)).collect();
    let whole = play(&updates, ClockPolicy::default(), 0.0, &[480_000]);
    assert_eq!((whole.beats().len(), whole.n_late()), (198, 0));
    for blocks in [&[1][..], &[0, 1, 64], &[48_000]] {
        assert_eq!(play(&updates, ClockPolicy::default(), 0.0, blocks).outputs, whole.outputs, "blocks of {blocks:?}");
    }
}

#[test]
fn a_block_without_samples_puts_nothing_out() {
    let mut rig = Rig::new();
    let line = line(0.5, 0.5);
    (0..3).for_each(|count| rig.sender.send(announced(line, count)));
    rig.play_to(1.75, 480);
    rig.sender.send(unlocked(line, 1.0));
    let n_before = rig.outputs.len();
    rig.block(0);
    assert_eq!((rig.outputs.len(), rig.n_late()), (n_before, 0));
    rig.block(1);
    assert_eq!((rig.outputs[n_before].1, rig.n_late()), (Output::Unlocked, 1));
}
