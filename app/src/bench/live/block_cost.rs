//! What a block costs the audio thread: tap, follower and clock, with updates that a real analysis sent. Calling thread.
//!
//! The music is analysed beforehand. Its updates are put into each instance's queue before the block in which they would
//! have arrived, and what the tap recorded is taken away after it, both untimed: in the plugin other threads do that. Each
//! instance has a buffer of its own, which was written just before, as by the host or the plugin in front.

use std::hint::black_box;

use runtime_core::analysis::engine::Engine;
use runtime_core::bus::audio_ring::{AudioReceiver, audio_ring_for};
use runtime_core::bus::counters::Counters;
use runtime_core::bus::updates::{UpdateSender, update_queue};
use runtime_core::rt::follower::Follower;
use runtime_core::rt::tap::Tap;
use runtime_core::state::BeatUpdate;
use serde::Serialize;

use super::super::allocator::{allocations_of, is_installed};
use super::super::measure::Distribution;
use super::instance::{AudioSide, Setup};

/// How many instances a host's audio thread goes through in each of its blocks.
const N_INSTANCES: [usize; 3] = [1, 4, 20];

/// The cost with one number of instances.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BlockCost {
    /// Instances, in turn.
    pub n_instances: usize,
    /// Time of one block of one instance, from the first lock on.
    pub times: Distribution,
    /// Median over the median of one instance.
    pub ratio_to_one: f64,
    /// Clock messages, beats and ends of beats of each instance: above 0, or nothing was measured.
    pub n_outputs: u64,
    /// Allocations, reallocations and frees of all blocks; `None` where they are not counted.
    pub n_allocations: Option<u64>,
}

/// An update, and how many samples the analysis had heard when it sent it.
type Arrival = (u64, BeatUpdate);

/// The audio thread's side of an instance, with the other ends of its queues.
struct Stage {
    audio: AudioSide,
    /// The host's buffer, left and right.
    buffer: [Vec<f32>; 2],
    updates: UpdateSender,
    receiver: AudioReceiver,
}

/// Measures every number of instances.
///
/// # Errors
/// Options that the engine cannot take.
pub(super) fn measure(setup: &Setup, audio: &[Vec<f32>; 2]) -> Result<Vec<BlockCost>, String> {
    let arrivals = analyse(setup, audio)?;
    let mut costs: Vec<BlockCost> = N_INSTANCES.iter().map(|&n| play(setup, audio, &arrivals, n)).collect();
    let alone_ns = costs.first().map_or(1, |cost| cost.times.median_ns).max(1) as f64;
    costs.iter_mut().for_each(|cost| cost.ratio_to_one = cost.times.median_ns as f64 / alone_ns);
    Ok(costs)
}

/// The updates of the whole of the music.
fn analyse(setup: &Setup, audio: &[Vec<f32>; 2]) -> Result<Vec<Arrival>, String> {
    let mut engine = Engine::new(&setup.config, setup.model()?).map_err(|e| e.to_string())?;
    let mono: Vec<f32> = audio[0].iter().zip(&audio[1]).map(|(left, right)| 0.5 * (left + right)).collect();
    let mut arrivals = Vec::new();
    engine.process(&mono, |report| arrivals.extend(report.update.map(|update| (report.samples_received.0, update))));
    Ok(arrivals)
}

/// Plays the music once through `n_instances` instances in turn, block by block.
fn play(setup: &Setup, audio: &[Vec<f32>; 2], arrivals: &[Arrival], n_instances: usize) -> BlockCost {
    let mut stages: Vec<Stage> = (0..n_instances).map(|_| stage(setup)).collect();
    let mut waiting = arrivals.iter().peekable();
    let (mut times_ns, mut n_allocations, mut is_locked) = (Vec::new(), 0, false);
    let blocks = audio[0].chunks_exact(setup.block_samples).zip(audio[1].chunks_exact(setup.block_samples));
    for (k, (left, right)) in blocks.enumerate() {
        let n_heard = (k * setup.block_samples) as u64;
        while let Some((_, update)) = waiting.next_if(|(at, _)| *at <= n_heard) {
            stages.iter_mut().for_each(|stage| stage.updates.send(*update));
            is_locked |= update.locked != 0;
        }
        for stage in &mut stages {
            let Stage { audio, buffer: [buffer_left, buffer_right], .. } = stage;
            buffer_left.copy_from_slice(left);
            buffer_right.copy_from_slice(right);
            let (took_ns, n) = allocations_of(|| audio.timed_block([&*buffer_left, &*buffer_right]));
            n_allocations += n;
            // Before the lock the follower has nothing to do.
            if is_locked {
                times_ns.push(took_ns);
            }
            stage.receiver.take_samples(left.len(), |part| {
                black_box(part);
            });
        }
    }
    let n_outputs = stages.iter().map(|stage| stage.audio.n_outputs).min().unwrap_or(0);
    // Music without a lock leaves no time: then the report says 0 outputs.
    let times = Distribution::of(if times_ns.is_empty() { vec![0] } else { times_ns });
    BlockCost { n_instances, times, ratio_to_one: 1.0, n_outputs, n_allocations: is_installed().then_some(n_allocations) }
}

fn stage(setup: &Setup) -> Stage {
    let rate_hz = setup.config.sample_rate_hz;
    let counters = Counters::default();
    let (sender, receiver) = audio_ring_for(rate_hz, setup.block_samples);
    let (updates, updates_out) = update_queue();
    let (tap, follower) = (Tap::new(sender, counters.clone()), Follower::new(updates_out, counters.clone(), rate_hz));
    let buffer = [(); 2].map(|()| vec![0.0; setup.block_samples]);
    Stage { audio: AudioSide::new(tap, follower, counters), buffer, updates, receiver }
}
