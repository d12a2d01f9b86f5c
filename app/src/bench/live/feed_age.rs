//! How old is what a reader finds in the feed? One instance hears clicks at the real pace on a thread that stands for the
//! host; the calling thread polls the feed 60 times a second, as a visualizer does.

use std::thread;
use std::time::{Duration, Instant};

use runtime_core::bus::shm::{FeedClock, FeedReader};
use serde::Serialize;

use super::instance::{Instance, Setup};
use super::pace::{block_of, deliver};
use crate::eval::stats::percentile;

/// Polls per second: a display's frame rate.
const POLLS_PER_SEC: f64 = 60.0;
/// A click shows where the spectrum's sum is above this share of the loudest row's.
const LOUD_SHARE: f64 = 0.5;

/// Ages, milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Ages {
    /// Measured so many times.
    pub n: usize,
    /// Smallest.
    pub min_ms: f64,
    /// Half are no older.
    pub median_ms: f64,
    /// 99 of 100 are no older.
    pub p99_ms: f64,
    /// The oldest.
    pub max_ms: f64,
}

impl Ages {
    /// `None` of nothing.
    fn of(ages_ms: &[f64]) -> Option<Self> {
        let rank = |percent| percentile(ages_ms, percent);
        Some(Self { n: ages_ms.len(), min_ms: rank(0.0)?, median_ms: rank(50.0)?, p99_ms: rank(99.0)?, max_ms: rank(100.0)? })
    }
}

/// What the reader saw.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FeedAge {
    /// Polls per second.
    pub polls_per_sec: f64,
    /// Now minus the wall time of the newest sample that the state describes, by the feed's own wall clock.
    pub state_age: Option<Ages>,
    /// From the moment that a click is recorded to the first poll that sees it in the spectrum.
    pub click_age: Option<Ages>,
    /// How long before its beat falls the first poll sees an event.
    pub event_lead: Option<Ages>,
    /// Blocks that this program delivered more than one block late: the machine's doing.
    pub n_late_blocks: u64,
}

/// What one poll found.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Poll {
    /// Stream time at which everything was recorded up to this moment, seconds.
    now_sec: f64,
    /// Now minus the feed's wall time of the newest sample, milliseconds.
    state_age_ms: f64,
    /// Sum over the bands of the newest row.
    loudness: f64,
}

/// Polls the feed of one instance for `seconds`, with clicks `click_period_sec` apart from time 0 on.
///
/// # Errors
/// An instance that cannot be started.
pub(super) fn measure(setup: &Setup, audio: &[Vec<f32>; 2], click_period_sec: f64, seconds: u32) -> Result<FeedAge, String> {
    let mut instance = Instance::start(setup)?;
    let (start, n_seconds) = (Instant::now(), f64::from(seconds));
    // The two ends of an instance go to the two threads.
    let Instance { audio: audio_side, feed: reader, .. } = &mut instance;
    let (delivery, polls, leads_ms) = thread::scope(|scope| {
        let host = scope.spawn(move || {
            deliver(start, setup.config.sample_rate_hz, setup.block_samples, n_seconds, |k| {
                audio_side.timed_block(block_of(audio, k, setup.block_samples, 0));
            })
        });
        let (polls, leads_ms) = poll(reader, start, n_seconds);
        (host.join(), polls, leads_ms)
    });
    let delivery = delivery.map_err(|_| "the thread that delivers blocks panicked".to_owned())?;
    let state_ages_ms: Vec<f64> = polls.iter().map(|poll| poll.state_age_ms).collect();
    Ok(FeedAge {
        polls_per_sec: POLLS_PER_SEC,
        state_age: Ages::of(&state_ages_ms),
        click_age: Ages::of(&click_ages_ms(&polls, click_period_sec)),
        event_lead: Ages::of(&leads_ms),
        n_late_blocks: delivery.n_late_blocks,
    })
}

/// Polls until the stream ends; returns what was found, and by how much each event was ahead of its beat, milliseconds.
fn poll(reader: &FeedReader, start: Instant, n_seconds: f64) -> (Vec<Poll>, Vec<f64>) {
    let (mut polls, mut leads_ms, mut seen) = (Vec::new(), Vec::new(), 0);
    for k in 1..(n_seconds * POLLS_PER_SEC) as u64 {
        thread::sleep((start + Duration::from_secs_f64(k as f64 / POLLS_PER_SEC)).saturating_duration_since(Instant::now()));
        let now_sec = start.elapsed().as_secs_f64();
        let wall_ns = FeedClock::now().wall_ns;
        let (Ok(state), Ok(spectrum), Ok(events)) = (reader.state(), reader.spectrum(), reader.events_since(seen)) else { continue };
        if state.wall_ns != 0 {
            let state_age_ms = wall_ns.wrapping_sub(state.wall_ns) as i64 as f64 * 1e-6;
            polls.push(Poll { now_sec, state_age_ms, loudness: spectrum.bands.iter().copied().map(f64::from).sum() });
        }
        seen = events.last().map_or(seen, |event| event.number);
        leads_ms.extend(events.iter().map(|event| 1e3 * (event.event.t_sec - now_sec)));
    }
    (polls, leads_ms)
}

/// From each click to the first poll that shows it, milliseconds. A click that none shows before the next one falls is left
/// out.
fn click_ages_ms(polls: &[Poll], period_sec: f64) -> Vec<f64> {
    let threshold = LOUD_SHARE * polls.iter().map(|poll| poll.loudness).fold(0.0, f64::max);
    let end_sec = polls.last().map_or(0.0, |poll| poll.now_sec);
    // The clicks that fell at least one period before the last poll.
    let n_clicks = (end_sec / period_sec) as usize;
    let age_ms = |k: usize| {
        let click_sec = k as f64 * period_sec;
        let mut later = polls.iter().filter(|poll| (click_sec..click_sec + period_sec).contains(&poll.now_sec));
        later.find(|poll| poll.loudness > threshold).map(|poll| 1e3 * (poll.now_sec - click_sec))
    };
    // From 1 on: before the first row there is nothing to compare with.
    (1..n_clicks).filter_map(age_ms).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_loud_poll_after_a_click_counts() {
        let poll = |now_sec, loudness| Poll { now_sec, state_age_ms: 0.0, loudness };
        let polls = [poll(0.45, 0.1), poll(0.53, 1.0), poll(0.56, 9.0), poll(0.60, 10.0), poll(0.9, 0.0), poll(1.07, 8.0), poll(2.0, 0.0)];
        let ages = click_ages_ms(&polls, 0.5);
        assert_eq!(ages.len(), 2, "nothing shows the click at 1.5 s");
        assert!((ages[0] - 60.0).abs() < 1e-9 && (ages[1] - 70.0).abs() < 1e-9, "{ages:?}");
        assert!(click_ages_ms(&[], 0.5).is_empty());
    }

    #[test]
    fn ages_of_nothing_are_unknown() {
        assert_eq!(Ages::of(&[]), None);
        let ages = Ages::of(&[3.0, 1.0, 2.0]).unwrap();
        assert_eq!((ages.n, ages.min_ms, ages.median_ms, ages.max_ms), (3, 1.0, 2.0, 3.0));
    }
}
