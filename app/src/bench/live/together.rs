//! Many whole instances in one process, fed at the real pace. The calling thread stands for the host's audio thread.

use std::time::{Duration, Instant};

use serde::Serialize;

use super::super::cpu_time::process_cpu_sec;
use super::super::measure::Distribution;
use super::instance::{Instance, Setup};
use super::pace::{block_of, deliver};

/// Played before anything is measured, seconds: buffers are touched, the tracker is locked.
const WARM_UP_SEC: f64 = 5.0;
/// Between the music of one instance and the next, seconds: they do not all hear the same.
const SPREAD_SEC: f64 = 1.37;

/// What the instances cost together. Counts are sums over instances, warm-up included.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Together {
    /// Instances.
    pub n_instances: usize,
    /// Length of the measurement, after the warm-up, seconds.
    pub measured_sec: f64,
    /// Processor time of the whole process, audio thread and polls included, as a share of one core per instance; `None` where
    /// the system does not tell.
    pub cpu_share_per_instance: Option<f64>,
    /// Mean time of a hop, mean over instances, nanoseconds.
    pub hop_ns: f64,
    /// Longest hop of any instance, nanoseconds.
    pub max_hop_ns: u32,
    /// Time of one block of one instance on the audio thread.
    pub block: Distribution,
    /// Updates that came after their sample.
    pub late_updates: u64,
    /// Samples that the analysis could not take.
    pub lost_samples: u64,
    /// Most samples that waited in any ring.
    pub max_ring_samples: u32,
    /// Instances that were locked at the end.
    pub n_locked: usize,
    /// Blocks that this program delivered more than one block late: the machine's doing.
    pub n_late_blocks: u64,
    /// Lateness of the latest of them, milliseconds.
    pub max_late_block_ms: f64,
}

/// Runs `n_instances` for `seconds`.
///
/// # Errors
/// An instance that cannot be started, or a feed that cannot be read.
pub(super) fn measure(setup: &Setup, audio: &[Vec<f32>; 2], n_instances: usize, seconds: u32) -> Result<Together, String> {
    let mut instances = (0..n_instances).map(|_| Instance::start(setup)).collect::<Result<Vec<_>, _>>()?;
    let rate_hz = setup.config.sample_rate_hz;
    let spread_samples = (SPREAD_SEC * rate_hz) as usize;
    let n_warm_up = (WARM_UP_SEC * rate_hz / setup.block_samples as f64).round() as u64;
    let mut times_ns = Vec::new();
    let mut from = None;
    let delivery = deliver(Instant::now(), rate_hz, setup.block_samples, WARM_UP_SEC + f64::from(seconds), |k| {
        if k == n_warm_up {
            from = Some((Instant::now(), process_cpu_sec()));
        }
        for (idx, instance) in instances.iter_mut().enumerate() {
            let took_ns = instance.audio.timed_block(block_of(audio, k, setup.block_samples, idx * spread_samples));
            if from.is_some() {
                times_ns.push(took_ns);
            }
        }
    });
    let cpu_sec = process_cpu_sec();
    let (began, cpu_before_sec) = from.ok_or("no block fits into the measurement: choose more --seconds")?;
    let measured_sec = began.elapsed().as_secs_f64();
    let cpu_share_per_instance = cpu_sec.zip(cpu_before_sec).map(|(after, before)| (after - before) / measured_sec / n_instances as f64);
    // The last hops of the stream, too, shall be in the counts.
    std::thread::sleep(Duration::from_millis(100));

    let mut together = Together {
        n_instances,
        measured_sec,
        cpu_share_per_instance,
        hop_ns: 0.0,
        max_hop_ns: 0,
        block: Distribution::of(times_ns),
        late_updates: 0,
        lost_samples: 0,
        max_ring_samples: 0,
        n_locked: 0,
        n_late_blocks: delivery.n_late_blocks,
        max_late_block_ms: delivery.max_late_ns as f64 * 1e-6,
    };
    for instance in &instances {
        let state = instance.feed.state().map_err(|e| e.to_string())?;
        let load = instance.feed.load().map_err(|e| e.to_string())?;
        together.hop_ns += f64::from(load.hop_ns) / n_instances as f64;
        together.max_hop_ns = together.max_hop_ns.max(load.max_hop_ns);
        together.late_updates += u64::from(state.health.late_updates);
        together.lost_samples += state.health.lost_samples;
        together.max_ring_samples = together.max_ring_samples.max(load.max_ring_samples);
        together.n_locked += usize::from(state.beat.locked != 0);
    }
    Ok(together)
}
