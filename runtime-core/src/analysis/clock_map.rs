//! When was this sample heard? A line from stream time to the wall clock, from the moments at which blocks arrive.
//! INFERENCE THREAD.
//!
//! Blocks arrive in bursts and are looked for every 2 ms, so each observation is late, never early. The least late one of
//! the recent past is the best: the estimate follows earlier ones at once and later ones as fast as two clocks may drift.

/// How fast the estimate gives in to later arrivals, seconds per second: twice what sound cards and system clocks differ.
const DRIFT_RATIO: f64 = 2e-4;
/// An arrival this much later than expected, seconds, is no delay: the stream stood still, or the clock was set.
const MAX_DELAY_SEC: f64 = 0.2;

/// The map of one stream.
#[derive(Debug, Clone, Copy, Default)]
pub struct ClockMap {
    /// Wall time of stream time 0, nanoseconds, and the stream time of the last observation.
    origin: Option<(f64, f64)>,
    /// Kept apart so that a double holds the differences exactly.
    epoch_ns: u64,
}

impl ClockMap {
    /// The newest sample, at `stream_sec`, has arrived by `wall_ns`.
    pub fn observe(&mut self, stream_sec: f64, wall_ns: u64) {
        if self.origin.is_none() {
            self.epoch_ns = wall_ns;
        }
        let seen_ns = wall_ns.wrapping_sub(self.epoch_ns) as i64 as f64 - stream_sec * 1e9;
        let origin_ns = match self.origin {
            Some((origin_ns, last_sec)) if seen_ns - origin_ns <= MAX_DELAY_SEC * 1e9 => {
                let drifted_ns = origin_ns + (stream_sec - last_sec).max(0.0) * DRIFT_RATIO * 1e9;
                seen_ns.min(drifted_ns)
            }
            _ => seen_ns,
        };
        self.origin = Some((origin_ns, stream_sec));
    }

    /// The wall clock at a moment of the stream, nanoseconds; 0 before anything arrived.
    pub fn wall_ns(&self, stream_sec: f64) -> u64 {
        self.origin.map_or(0, |(origin_ns, _)| self.epoch_ns.wrapping_add_signed((origin_ns + stream_sec * 1e9) as i64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EPOCH_NS: u64 = 1_700_000_000_000_000_000;

    fn at(sec: f64) -> u64 {
        EPOCH_NS + (sec * 1e9) as u64
    }

    #[test]
    fn late_arrivals_do_not_move_the_line() {
        let mut map = ClockMap::default();
        assert_eq!(map.wall_ns(1.0), 0);
        for k in 0..1000 {
            let stream_sec = 0.01 * f64::from(k + 1);
            // 3 ms of transport and up to 8 ms of jitter, rarely none.
            let jitter_sec = 0.001 * f64::from(k * 7 % 9);
            map.observe(stream_sec, at(5.0 + stream_sec + 0.003 + jitter_sec));
        }
        let error_ns = map.wall_ns(10.0) as i64 - at(15.003) as i64;
        assert!(error_ns.abs() < 100_000, "{error_ns} ns");
    }

    #[test]
    fn a_stream_that_stood_still_is_followed_at_once() {
        let mut map = ClockMap::default();
        map.observe(1.0, at(1.0));
        map.observe(1.01, at(9.01));
        assert!((map.wall_ns(1.01) as i64 - at(9.01) as i64).abs() < 1000);
        map.observe(1.02, at(3.02));
        assert!((map.wall_ns(1.02) as i64 - at(3.02) as i64).abs() < 1000, "and a clock that was set back");
    }

    #[test]
    fn a_slow_sound_card_is_followed() {
        let mut map = ClockMap::default();
        for k in 0..60_000 {
            let stream_sec = 0.01 * f64::from(k);
            map.observe(stream_sec, at(stream_sec * 1.0001));
        }
        let end_sec = 599.99;
        assert!((map.wall_ns(end_sec) as i64 - at(end_sec * 1.0001) as i64).abs() < 1_000_000);
    }
}
