//! The live pipe on the heap: the audio side allocates nothing at any time, the analysis nothing in steady state.

use anacrusis::bench::allocator::{CountingAllocator, allocations_of, is_installed};
use anacrusis::bench::band::Band;
use integration_tests::runs::{config, networks};
use runtime_core::analysis::beat_model::BeatModel;
use runtime_core::analysis::config::DecoderKind;
use runtime_core::analysis::engine::Engine;
use runtime_core::analysis::worker::{Outlets, Worker};
use runtime_core::bus::audio_ring::audio_ring;
use runtime_core::bus::counters::Counters;
use runtime_core::bus::marks::{Hint, MarkKind};
use runtime_core::bus::shm::{FeedClock, FeedInfo, FeedWriter, prepare_directory};
use runtime_core::bus::state_cell::state_cell;
use runtime_core::bus::updates::update_queue;
use runtime_core::rt::follower::{Follower, HostTime, Output, Source};
use runtime_core::rt::midi_clock::{ClockPolicy, OnSilence, Relock};
use runtime_core::rt::tap::Tap;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

const RATE_HZ: f64 = 48_000.0;
const BLOCK: usize = 480;
/// Audio before the analysis is counted, seconds.
const WARM_UP_SEC: f64 = 1.0;

struct Instance {
    tap: Tap,
    worker: Worker,
    follower: Follower,
}

fn instance(model: BeatModel, feed: Option<FeedWriter>) -> Instance {
    let counters = Counters::default();
    let (sender, receiver) = audio_ring(RATE_HZ);
    let (updates, update_receiver) = update_queue();
    let (state, _) = state_cell();
    let engine = Engine::new(&config(RATE_HZ, DecoderKind::Exact), model).expect("a valid configuration");
    Instance {
        tap: Tap::new(sender, counters.clone()),
        worker: Worker::new(engine, receiver, Outlets { updates, state, feed }, counters.clone(), || 0),
        follower: Follower::new(update_receiver, counters, RATE_HZ),
    }
}

/// What the host says in a block.
fn source(k: usize) -> Source {
    let beat = k as f64 * 0.02;
    match k / 400 {
        1 => Source::Host(Some(HostTime { beat, tempo_bpm: 120.0, bar_start_beat: (beat / 4.0).floor() * 4.0, beats_per_bar: 4 })),
        2 => Source::Host(None),
        _ => Source::Audio,
    }
}

/// One block on the audio thread; returns how many beats and clock messages came out.
fn audio_block(instance: &mut Instance, block: &[f32], k: usize) -> (u32, u32) {
    let Instance { tap, follower, .. } = instance;
    let (mut n_beats, mut n_messages) = (0, 0);
    let mut count = |output: Output| match output {
        Output::Beat(..) => n_beats += 1,
        Output::Clock(_) => n_messages += 1,
        Output::BeatEnd | Output::Unlocked | Output::Hints(_) | Output::Reason(_) | Output::Outlook(_) => {}
    };
    let start = tap.position();
    match k % 300 {
        100 => drop(tap.mark(MarkKind::Jump)),
        200 => drop(tap.mark(MarkKind::Hint(Hint::Tap))),
        _ => {}
    }
    tap.push(&[block, &block[..block.len() / 2]], block.len());
    let policy = ClockPolicy { on_silence: OnSilence::Stop, relock: Relock::RestartOnDownbeat };
    follower.set_output(start, policy, [0.0, -0.3, 0.2][k / 500 % 3]);
    follower.set_source(start, source(k));
    follower.block(start, block.len() as u32, |_, output| count(output));
    if k % 700 == 699 {
        follower.stop(tap.position(), &mut count);
    }
    (n_beats, n_messages)
}

fn music(n_seconds: f64) -> Vec<f32> {
    let mut samples = Band::default().render(RATE_HZ, n_seconds);
    samples.iter_mut().step_by(9_973).for_each(|v| *v = f32::NAN);
    samples
}

#[test]
fn the_allocator_counts() {
    assert!(is_installed());
}

#[test]
fn the_audio_side_allocates_nothing_from_the_first_block_on() {
    let mut instance = instance(BeatModel::flux(None), None);
    let (mut n_allocations, mut n_beats, mut n_messages) = (0, 0, 0);
    for (k, block) in music(20.0).chunks(BLOCK).enumerate() {
        let ((beats, messages), n) = allocations_of(|| audio_block(&mut instance, block, k));
        (n_allocations, n_beats, n_messages) = (n_allocations + n, n_beats + beats, n_messages + messages);
        // Towards the end the analysis stands: the ring fills up and blocks are dropped.
        if k < 1_500 {
            instance.worker.pump(FeedClock::default);
        }
    }
    assert_eq!(n_allocations, 0);
    assert!(n_beats > 15 && n_messages > 200, "{n_beats} beats, {n_messages} messages");
}

#[test]
fn a_mutant_that_keeps_the_outputs_in_a_vector_is_caught() {
    let mut instance = instance(BeatModel::flux(None), None);
    let mut kept: Vec<Output> = Vec::new();
    let mut n_allocations = 0;
    for block in music(6.0).chunks(BLOCK) {
        let start = instance.tap.position();
        let Instance { tap, follower, .. } = &mut instance;
        let ((), n) = allocations_of(|| {
            tap.push(&[block], block.len());
            follower.block(start, block.len() as u32, |_, output| kept.push(output));
        });
        n_allocations += n;
        instance.worker.pump(FeedClock::default);
    }
    assert!(n_allocations > 0 && !kept.is_empty());
}

/// Allocations of the analysis after the warm-up, and beats that were put out.
fn analysis_allocations(mut instance: Instance, samples: &[f32]) -> (u64, u32) {
    let warm_up_blocks = (WARM_UP_SEC * RATE_HZ) as usize / BLOCK;
    let (mut n_allocations, mut n_beats) = (0, 0);
    for (k, block) in samples.chunks(BLOCK).enumerate() {
        let start = instance.tap.position();
        instance.tap.push(&[block], block.len());
        let (_, n) = allocations_of(|| instance.worker.pump(FeedClock::now));
        n_allocations += if k < warm_up_blocks { 0 } else { n };
        instance.follower.block(start, block.len() as u32, |_, output| n_beats += u32::from(matches!(output, Output::Beat(..))));
    }
    (n_allocations, n_beats)
}

#[test]
fn the_analysis_allocates_nothing_in_steady_state() {
    let samples = music(12.0);
    let directory = tempfile::tempdir().expect("a folder for temporary files");
    let feeds = directory.path().join("feeds");
    prepare_directory(&feeds).expect("a private folder");
    for model in [Some(BeatModel::flux(None)), networks()].into_iter().flatten() {
        let info = FeedInfo { name: "allocations", sample_rate_hz: RATE_HZ };
        let feed = FeedWriter::create(&feeds, &info, FeedClock::now()).expect("a feed");
        let (n_allocations, n_beats) = analysis_allocations(instance(model, Some(feed)), &samples);
        assert_eq!(n_allocations, 0);
        assert!(n_beats > 12, "{n_beats} beats");
    }
}

#[test]
fn jumps_and_harmless_hints_allocate_nothing() {
    let mut instance = instance(BeatModel::flux(None), None);
    let samples = music(4.0);
    instance.tap.push(&[&samples[..48_000]], 48_000);
    instance.worker.pump(FeedClock::default);
    let hints = [Hint::Nudge { by_us: 5_000 }, Hint::ThisIsOne, Hint::Hold(true), Hint::Hold(false), Hint::Tap];
    for kind in hints.map(MarkKind::Hint).into_iter().chain([MarkKind::Jump]) {
        assert!(instance.tap.mark(kind));
        instance.tap.push(&[&samples[48_000..96_000]], 48_000);
        let (_, n_allocations) = allocations_of(|| instance.worker.pump(FeedClock::default));
        assert_eq!(n_allocations, 0, "{kind:?}");
    }
}
