//! Does the writer live? Its heartbeat against our clock. Any thread.

use super::header::FeedHeader;
use super::layout::HEARTBEAT_TIMEOUT_NS;
use super::os::FeedClock;

impl FeedHeader {
    /// Age of the heartbeat when the header was read, nanoseconds; `None` where it lies in the future, from before the last
    /// boot.
    pub fn heartbeat_age_ns(&self, now: FeedClock) -> Option<u64> {
        age_ns(self.heartbeat_monotonic_ns, now)
    }

    /// Whether the heartbeat was at most a second old when the header was read.
    pub fn is_alive(&self, now: FeedClock) -> bool {
        self.heartbeat_age_ns(now).is_some_and(is_fresh)
    }
}

/// Whether a heartbeat of this age is that of a living writer.
pub(super) fn is_fresh(age_ns: u64) -> bool {
    age_ns <= HEARTBEAT_TIMEOUT_NS
}

/// Age of a heartbeat, nanoseconds; 0 where it was written just after `now` was taken, `None` where it lies further in the
/// future: the clock has started anew since.
pub(super) fn age_ns(heartbeat_ns: u64, now: FeedClock) -> Option<u64> {
    match now.monotonic_ns.checked_sub(heartbeat_ns) {
        Some(age_ns) => Some(age_ns),
        None if is_fresh(heartbeat_ns - now.monotonic_ns) => Some(0),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEC: u64 = 1_000_000_000;

    fn is_alive(heartbeat_monotonic_ns: u64) -> bool {
        let header = FeedHeader { heartbeat_monotonic_ns, ..FeedHeader::new("") };
        header.is_alive(FeedClock { monotonic_ns: 100 * SEC, wall_ns: 0 })
    }

    #[test]
    fn a_writer_lives_for_a_second_after_its_heartbeat() {
        assert!(is_alive(100 * SEC) && is_alive(99 * SEC));
        assert!(!is_alive(99 * SEC - 1) && !is_alive(0));
    }

    #[test]
    fn a_heartbeat_just_after_we_looked_at_our_clock_is_alive() {
        assert!(is_alive(100 * SEC + 5));
    }

    #[test]
    fn a_heartbeat_from_before_the_boot_is_not() {
        assert!(!is_alive(101 * SEC + 1) && !is_alive(u64::MAX));
    }
}
