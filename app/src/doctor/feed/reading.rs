//! What a feed says, as plain numbers with units: at one moment, and between two. Any thread.

use runtime_core::analysis::profile::Stage;
use runtime_core::bus::shm::{FeedClock, FeedError, FeedHeader, FeedReader};
use runtime_core::load::Load;
use runtime_core::state::SlowState;
use serde::Serialize;

/// Everything that a feed held at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Moment {
    pub(super) taken: FeedClock,
    /// Age of the heartbeat, nanoseconds; `None` where it is from before the last boot.
    pub(super) heartbeat_age_ns: Option<u64>,
    pub(super) is_alive: bool,
    /// `None` before the first was published.
    pub(super) state: Option<SlowState>,
    /// `None` before the first was published.
    pub(super) load: Option<Load>,
}

impl Moment {
    /// What the feed holds now.
    ///
    /// # Errors
    /// A file that was cut, or a write that never ended.
    pub(super) fn of(reader: &FeedReader, now: FeedClock) -> Result<Self, FeedError> {
        let heartbeat_age_ns = reader.heartbeat_age_ns(now)?;
        let (state, load) = (published(reader.state())?, published(reader.load())?);
        Ok(Self { taken: now, heartbeat_age_ns, is_alive: reader.is_alive(now), state, load })
    }
}

/// `None` for what has not been published yet.
fn published<T>(read: Result<T, FeedError>) -> Result<Option<T>, FeedError> {
    match read {
        Ok(value) => Ok(Some(value)),
        Err(FeedError::NothingYet { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// A feed, read twice.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Reading {
    pub(super) file: String,
    pub(super) name: String,
    pub(super) pid: u32,
    pub(super) sample_rate_hz: f64,
    pub(super) is_alive: bool,
    pub(super) heartbeat_age_ms: Option<f64>,
    /// `None` before the first hop.
    pub(super) live: Option<Live>,
}

/// What an instance that has heard something says of itself. Counts are since it was activated.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Live {
    pub(super) stream_sec: f64,
    pub(super) tempo_bpm: f64,
    pub(super) is_locked: bool,
    /// Why beats are announced or not, in words.
    pub(super) reason: &'static str,
    pub(super) beat_in_bar: u8,
    pub(super) beats_per_bar: u8,
    pub(super) conf: f32,
    /// Now minus the wall time of the newest sample that the state describes.
    pub(super) age_ms: Option<f64>,
    pub(super) fault: u8,
    pub(super) lost_samples: u64,
    pub(super) late_updates: u32,
    pub(super) nan_samples: u32,
    pub(super) n_hops: u64,
    pub(super) n_blocks: u64,
    /// Between the two readings.
    pub(super) blocks_per_sec: f64,
    /// Since it was activated.
    pub(super) mean_block_samples: Option<f64>,
    pub(super) stages: Vec<StageTime>,
    pub(super) hop_us: f64,
    pub(super) max_hop_us: f64,
    pub(super) max_block_us: f64,
    pub(super) ring_samples: u32,
    pub(super) max_ring_samples: u32,
    pub(super) max_pending_updates: u32,
    pub(super) n_gaps: u32,
    pub(super) n_jumps: u32,
    pub(super) midi_jitter_p50_us: f32,
    pub(super) midi_jitter_p99_us: f32,
}

/// Mean time of a hop in one stage.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct StageTime {
    pub(super) stage: &'static str,
    pub(super) mean_us: f64,
}

impl Reading {
    /// What two moments of one feed say together.
    pub(super) fn between(file: String, header: &FeedHeader, before: &Moment, after: &Moment) -> Self {
        let to_ms = |ns: u64| ns as f64 * 1e-6;
        Self {
            file,
            name: header.name.clone(),
            pid: header.pid,
            sample_rate_hz: header.sample_rate_hz,
            is_alive: after.is_alive,
            heartbeat_age_ms: after.heartbeat_age_ns.map(to_ms),
            live: live_of(header.sample_rate_hz, before, after),
        }
    }
}

fn live_of(sample_rate_hz: f64, before: &Moment, after: &Moment) -> Option<Live> {
    let (state, load) = (after.state?, after.load?);
    let elapsed_sec = after.taken.monotonic_ns.saturating_sub(before.taken.monotonic_ns) as f64 * 1e-9;
    let n_blocks_before = before.load.map_or(0, |load| load.n_blocks);
    let n_new_blocks = load.n_blocks.saturating_sub(n_blocks_before) as f64;
    let n_samples = state.beat.t_sec * sample_rate_hz;
    let is_aged = state.wall_ns != 0 && after.taken.wall_ns != 0;
    Some(Live {
        stream_sec: state.beat.t_sec,
        tempo_bpm: 60.0 / state.beat.spb,
        is_locked: state.beat.locked != 0,
        reason: state.beat.reason.name(),
        beat_in_bar: state.beat.beat_in_bar,
        beats_per_bar: state.beat.beats_per_bar,
        conf: state.beat.conf,
        age_ms: is_aged.then(|| after.taken.wall_ns.wrapping_sub(state.wall_ns) as i64 as f64 * 1e-6),
        fault: state.health.fault,
        lost_samples: state.health.lost_samples,
        late_updates: state.health.late_updates,
        nan_samples: state.health.nan_samples,
        n_hops: load.n_hops,
        n_blocks: load.n_blocks,
        blocks_per_sec: if elapsed_sec > 0.0 { n_new_blocks / elapsed_sec } else { 0.0 },
        mean_block_samples: (load.n_blocks > 0 && n_samples > 0.0).then(|| n_samples / load.n_blocks as f64),
        stages: Stage::ALL
            .iter()
            .zip(load.stage_ns)
            .map(|(stage, ns)| StageTime { stage: stage.name(), mean_us: f64::from(ns) * 1e-3 })
            .collect(),
        hop_us: f64::from(load.hop_ns) * 1e-3,
        max_hop_us: f64::from(load.max_hop_ns) * 1e-3,
        max_block_us: f64::from(load.max_block_ns) * 1e-3,
        ring_samples: load.ring_samples,
        max_ring_samples: load.max_ring_samples,
        max_pending_updates: load.max_pending_updates,
        n_gaps: load.n_gaps,
        n_jumps: load.n_jumps,
        midi_jitter_p50_us: load.midi_jitter_p50_us,
        midi_jitter_p99_us: load.midi_jitter_p99_us,
    })
}

/// Values for the tests of this folder.
#[cfg(test)]
pub(super) mod samples {
    use runtime_core::state::LockReason;

    use super::*;

    /// An instance in the best of health: 512 samples a block at 48 kHz, ten minutes old.
    pub(in super::super) fn healthy() -> Reading {
        let mut state = SlowState { wall_ns: 1_000_000_000, ..SlowState::default() };
        state.beat.t_sec = 600.0;
        (state.beat.locked, state.beat.reason, state.beat.beat_in_bar, state.beat.beats_per_bar) = (1, LockReason::Locked, 3, 4);
        state.beat.conf = 0.9;
        let load = Load {
            n_hops: 30_000,
            n_blocks: 56_250,
            stage_ns: [10e3, 20e3, 200e3, 30e3, 1e3],
            hop_ns: 261e3,
            max_hop_ns: 900_000,
            max_block_ns: 40_000,
            ring_samples: 480,
            max_ring_samples: 1_500,
            max_pending_updates: 2,
            ..Load::default()
        };
        let after = Moment {
            taken: FeedClock { monotonic_ns: 2_000_000_000, wall_ns: 1_030_000_000 },
            heartbeat_age_ns: Some(3_000_000),
            is_alive: true,
            state: Some(state),
            load: Some(load),
        };
        let taken = FeedClock { monotonic_ns: 1_000_000_000, ..after.taken };
        let before = Moment { taken, load: Some(Load { n_blocks: load.n_blocks - 100, ..load }), ..after };
        Reading {
            file: "feed-7-1.bin".to_owned(),
            name: "Drums".to_owned(),
            pid: 7,
            sample_rate_hz: 48_000.0,
            is_alive: true,
            heartbeat_age_ms: Some(3.0),
            live: live_of(48_000.0, &before, &after),
        }
    }

    /// The same with something changed.
    pub(in super::super) fn with(change: impl FnOnce(&mut Live)) -> Reading {
        let mut reading = healthy();
        change(reading.live.as_mut().expect("the sample has heard something"));
        reading
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_and_ages_are_as_computed_by_hand() {
        let live = samples::healthy().live.unwrap();
        assert_eq!((live.blocks_per_sec, live.mean_block_samples, live.age_ms), (100.0, Some(512.0), Some(30.0)));
        assert_eq!((live.tempo_bpm, live.hop_us, live.stages[2].mean_us), (120.0, 261.0, 200.0));
        assert_eq!(live.stages[4].stage, "tracker");
    }

    #[test]
    fn before_the_first_hop_there_is_nothing_to_say() {
        let nothing =
            Moment { taken: FeedClock::default(), heartbeat_age_ns: Some(0), is_alive: true, state: None, load: Some(Load::default()) };
        assert_eq!(live_of(48_000.0, &nothing, &nothing), None);
        let first = Moment { state: Some(SlowState::default()), ..nothing };
        let live = live_of(0.0, &nothing, &first).unwrap();
        assert_eq!((live.blocks_per_sec, live.mean_block_samples, live.age_ms), (0.0, None, None));
    }
}
