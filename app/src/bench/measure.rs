//! Runs an engine over hops of audio, back to back or at the real pace, and times it. Calling thread.

use std::thread;
use std::time::{Duration, Instant};

use midi_port::{MonotonicClock, SystemClock};
use runtime_core::analysis::engine::Engine;
use runtime_core::analysis::profile::Stage;
use runtime_core::units::FRAME_SEC;
use serde::Serialize;

use super::allocator::allocations_of;

/// Hops that are run before any is timed (4 s): buffers are touched, the tracker is locked.
const N_WARM_UP_HOPS: usize = 200;

/// Times of many runs of the same thing, nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Distribution {
    /// Half of them took no longer.
    pub median_ns: u64,
    /// 99 of 100 took no longer.
    pub p99_ns: u64,
    /// The longest.
    pub max_ns: u64,
    /// The mean.
    pub mean_ns: f64,
}

impl Distribution {
    /// Of at least one time.
    pub(super) fn of(mut times_ns: Vec<u64>) -> Self {
        times_ns.sort_unstable();
        let rank = |share: f64| times_ns[((share * times_ns.len() as f64).ceil() as usize).clamp(1, times_ns.len()) - 1];
        let mean_ns = times_ns.iter().sum::<u64>() as f64 / times_ns.len() as f64;
        Self { median_ns: rank(0.5), p99_ns: rank(0.99), max_ns: rank(1.0), mean_ns }
    }
}

/// How hops follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// Back to back: caches and clock frequency at their best.
    Hot,
    /// One every 20 ms, as live: both as a real host leaves them.
    Live,
}

/// One stage.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StageTimes {
    /// Name of the stage.
    pub stage: &'static str,
    /// Its times.
    #[serde(flatten)]
    pub times: Distribution,
    /// Its share of the time of all stages, `[0, 1]`.
    pub share: f64,
}

/// Times of one pace.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Timing {
    /// Hops timed, in each of the two passes.
    pub n_hops: usize,
    /// The whole hop, measured without profiling.
    pub whole_hop: Distribution,
    /// The stages, measured in a pass of their own.
    pub stages: Vec<StageTimes>,
    /// Allocations, reallocations and frees of all hops of the first pass.
    pub n_allocations: u64,
}

/// Times `n_hops` hops of `hop_samples` samples twice over, whole and by stage. `audio` is repeated where it is short; it
/// holds at least one hop.
pub fn measure(engine: &mut Engine, audio: &[f32], hop_samples: usize, n_hops: usize, pace: Pace) -> Timing {
    let mut hops = audio.chunks_exact(hop_samples).cycle();
    let mut times_ns = Vec::with_capacity(n_hops);
    let mut n_allocations = 0;
    for_each_hop(&mut hops, n_hops, pace, |hop, is_timed| {
        let from = Instant::now();
        let ((), n) = allocations_of(|| engine.process(hop, |_| {}));
        if is_timed {
            times_ns.push(from.elapsed().as_nanos() as u64);
            n_allocations += n;
        }
    });

    engine.profile_mut().switch_on(|| SystemClock.now_ns());
    let mut stages_ns = Stage::ALL.map(|_| Vec::with_capacity(n_hops));
    for_each_hop(&mut hops, n_hops, pace, |hop, is_timed| {
        engine.process(hop, |_| {});
        let spent_ns = engine.profile_mut().take_spent_ns();
        if is_timed {
            stages_ns.iter_mut().zip(spent_ns).for_each(|(times, ns)| times.push(ns));
        }
    });
    *engine.profile_mut() = Default::default();

    let stages = stages_ns.map(Distribution::of);
    let total_ns: f64 = stages.iter().map(|times| times.mean_ns).sum();
    let stage_times = Stage::ALL.iter().zip(stages).map(|(stage, times)| {
        let share = if total_ns > 0.0 { times.mean_ns / total_ns } else { 0.0 };
        StageTimes { stage: stage.name(), times, share }
    });
    Timing { n_hops, stages: stage_times.collect(), whole_hop: Distribution::of(times_ns), n_allocations }
}

/// Hands over the warm-up hops back to back, then `n_hops` at the pace. Deadlines are absolute, so lateness does not add up.
fn for_each_hop<'a>(hops: &mut impl Iterator<Item = &'a [f32]>, n_hops: usize, pace: Pace, mut run: impl FnMut(&[f32], bool)) {
    hops.take(N_WARM_UP_HOPS).for_each(|hop| run(hop, false));
    let start = Instant::now();
    for (k, hop) in hops.take(n_hops).enumerate() {
        if pace == Pace::Live {
            let deadline = start + Duration::from_secs_f64((k + 1) as f64 * FRAME_SEC);
            thread::sleep(deadline.saturating_duration_since(Instant::now()));
        }
        run(hop, true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use runtime_core::analysis::beat_model::BeatModel;
    use runtime_core::analysis::config::EngineConfig;

    #[test]
    fn ranks_are_as_counted_by_hand() {
        let times = Distribution::of((1..=200).rev().collect());
        assert_eq!((times.median_ns, times.p99_ns, times.max_ns, times.mean_ns), (100, 198, 200, 100.5));
        let one = Distribution::of(vec![7]);
        assert_eq!((one.median_ns, one.p99_ns, one.max_ns), (7, 7, 7));
    }

    #[test]
    fn every_stage_is_timed_and_the_shares_make_a_whole() {
        let mut engine = Engine::new(&EngineConfig::new(44_100.0), BeatModel::flux(None)).unwrap();
        for (pace, n_hops) in [(Pace::Hot, 50), (Pace::Live, 5)] {
            let timing = measure(&mut engine, &[0.01; 8_820], 882, n_hops, pace);
            assert_eq!((timing.n_hops, timing.stages.len()), (n_hops, Stage::ALL.len()));
            assert!(timing.whole_hop.median_ns > 0 && timing.stages.iter().all(|stage| stage.times.max_ns > 0), "{timing:?}");
            assert!((timing.stages.iter().map(|stage| stage.share).sum::<f64>() - 1.0).abs() < 1e-9);
        }
    }
}
