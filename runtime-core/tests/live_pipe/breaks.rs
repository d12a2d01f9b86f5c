//! Lost samples, jumps of the host, and an analysis that breaks down.

use crate::rig::{RATE_HZ, Rig};
use crate::{MUSIC, TOLERANCE_SEC};
use runtime_core::analysis::activation::{Activation, StepError, StepModel};
use runtime_core::analysis::beat_model::BeatModel;
use runtime_core::analysis::front_end::FrontEnd;
use runtime_core::bus::marks::MarkKind;
use runtime_core::bus::shm::FeedClock;
use runtime_core::rt::follower::Output;
use runtime_core::rt::midi_clock::{ClockPolicy, MidiMessage, OnSilence};
use runtime_core::state::Fault;
use runtime_core::units::SamplePos;

#[test]
fn after_lost_samples_count_and_times_are_true() {
    // Not a whole number of frames, nor of hops.
    for n_unheard in [100_001, 3 * 44_100] {
        let mut rig = Rig::flux();
        rig.listen(&MUSIC, 6.003);
        let last_count = rig.beats_from(0.0).last().map_or(0, |(_, event)| event.beat_count);
        // The analysis stands for some seconds: the ring fills up, whole blocks are dropped.
        let unheard = MUSIC.render(rig.tap.position().0, n_unheard);
        rig.play(&unheard, 441, usize::MAX);
        let resumed_sec = rig.now_sec();
        rig.listen(&MUSIC, 8.0);
        let state = rig.state.read();
        let lost = state.health.lost_samples;
        assert!(lost > 0 && lost + 2 * 44_100 >= n_unheard as u64 && lost <= (n_unheard - 2 * 44_100 + 441) as u64, "{lost}");
        assert!((state.beat.t_sec - rig.now_sec()).abs() < 0.021, "{} s of {}", state.beat.t_sec, rig.now_sec());
        let beats = rig.beats_from(resumed_sec + 3.0);
        assert!(beats.len() >= 9, "{} beats", beats.len());
        for (t_sec, event) in &beats {
            assert!(MUSIC.error_sec(*t_sec).abs() < TOLERANCE_SEC, "beat {} at {t_sec}", event.beat_count);
            assert!(event.beat_count > last_count);
        }
    }
}

#[test]
fn a_jump_keeps_the_tempo_and_finds_the_phase_anew() {
    let mut rig = Rig::flux();
    rig.listen(&MUSIC, 8.0);
    let count = rig.beats_from(0.0).last().map_or(0, |(_, event)| event.beat_count);
    assert!(rig.tap.mark(MarkKind::Jump));
    // Elsewhere in the song, 40 % of a beat off.
    let elsewhere = crate::rig::Clicks { first_sec: MUSIC.first_sec + 0.4 * MUSIC.spb, ..MUSIC };
    let jumped_sec = rig.now_sec();
    rig.listen(&elsewhere, 8.0);
    let beats = rig.beats_from(jumped_sec + 2.0);
    assert!(beats.len() >= 11, "{} beats", beats.len());
    assert!(beats.iter().all(|(t_sec, _)| elsewhere.error_sec(*t_sec).abs() < TOLERANCE_SEC));
    assert!(beats[0].1.beat_count > count, "counts go on");
    assert!((rig.state.read().beat.spb - MUSIC.spb).abs() < 0.01);
}

/// Hears a beat every 25 frames and panics at one frame.
struct Bomb {
    n_features: usize,
    n_steps: u32,
    panics_at: u32,
}

impl StepModel for Bomb {
    fn name(&self) -> &str {
        "bomb"
    }

    fn n_features(&self) -> usize {
        self.n_features
    }

    fn step(&mut self, _: &[f32]) -> Result<Activation, StepError> {
        self.n_steps += 1;
        assert!(self.n_steps < self.panics_at, "the bomb goes off, as the test wants");
        let beat = if self.n_steps.is_multiple_of(26) { 0.9 } else { 0.01 };
        Ok(Activation { beat, downbeat: 0.0, none: 1.0 - beat })
    }

    fn reset(&mut self) {}
}

fn bomb(panics_at: u32) -> BeatModel {
    let front_end = FrontEnd::default();
    let net = Box::new(Bomb { n_features: front_end.len, n_steps: 0, panics_at });
    BeatModel::from_network(front_end, net)
}

#[test]
fn a_panic_in_the_analysis_leaves_everything_else_alive() {
    let mut rig = Rig::new(bomb(500));
    let policy = ClockPolicy { on_silence: OnSilence::Stop, ..ClockPolicy::default() };
    rig.follower.set_output(SamplePos(0), policy, 0.0);
    rig.listen(&MUSIC, 9.5);
    assert_eq!((rig.state.read().health.fault, rig.state.read().beat.locked), (Fault::None as u8, 1));
    rig.listen(&MUSIC, 4.0);
    let state = rig.state.read();
    assert_eq!((state.health.fault, state.beat.locked, state.beat.conf), (Fault::Analysis as u8, 0, 0.0));
    let said = |wanted: Output| rig.outputs.iter().filter(|(_, output)| *output == wanted).map(|(at, _)| *at).collect::<Vec<_>>();
    assert_eq!(said(Output::Unlocked).len(), 1);
    assert_eq!((said(Output::Clock(MidiMessage::Stop)), rig.counters.read().late_updates), (said(Output::Unlocked), 0));
    // The timeline runs on with the stream, and nothing waits in the ring.
    assert!((state.beat.t_sec - rig.now_sec()).abs() < 1e-9);
    assert_eq!(state.beat.beat_count, state.timeline.beat_at(rig.tap.position().to_stream_sec(RATE_HZ)) as u64);
    assert_eq!((rig.worker.pump(FeedClock::default), rig.tap.n_free_samples()), (0, 88_200));
}

#[test]
fn marks_after_a_panic_are_taken_and_change_nothing() {
    let mut rig = Rig::new(bomb(3));
    rig.listen(&MUSIC, 1.0);
    for kind in [MarkKind::Jump, MarkKind::Hint(runtime_core::bus::marks::Hint::Half)] {
        assert!(rig.tap.mark(kind));
    }
    // More than the ring holds: a gap.
    let unheard = MUSIC.render(rig.tap.position().0, 3 * 44_100);
    rig.play(&unheard, 441, usize::MAX);
    rig.listen(&MUSIC, 1.0);
    let state = rig.state.read();
    assert!(state.health.lost_samples >= 44_100);
    assert!((state.beat.t_sec - rig.now_sec()).abs() < 1e-9, "{} of {}", state.beat.t_sec, rig.now_sec());
}
