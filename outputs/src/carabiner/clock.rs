//! Where Link's clock stands against ours, from answers whose way here takes an unknown time. Pure; thread of the output.
//!
//! Each answer holds what Link's clock showed at some moment after we asked (if we asked) and before it arrived, so that the
//! difference of the clocks lies between two bounds. Answers within 10 s narrow them to the latest lower and the earliest upper
//! one: the round trip of the quickest answer, or less. Carabiner computes an answer just before it sends it, but may let up to
//! 20 ms pass (its `--poll`) before it does: so the truth is near the lower bound, which is what is used, and not in the middle.

use std::collections::VecDeque;

/// How long an answer counts, nanoseconds. Two quartz clocks that differ by 50 parts in a million part by 0.5 ms in this time.
const WINDOW_NS: i64 = 10_000_000_000;
/// The most answers that count.
const MAX_ANSWERS: usize = 128;
/// Bounds that exclude each other by more than this are no jitter: a clock has jumped, nanoseconds.
const JUMP_NS: i64 = 5_000_000;

#[derive(Debug, Clone, Copy)]
struct Reading {
    received_ns: i64,
    /// Least and greatest difference that it allows, link - ours.
    least_ns: i64,
    greatest_ns: Option<i64>,
}

/// The difference of the two clocks.
#[derive(Debug, Clone, Default)]
pub(super) struct LinkClock {
    readings: VecDeque<Reading>,
}

impl LinkClock {
    /// Takes an answer in: when it was asked for and when it arrived, on our clock, and what Link's clock showed.
    pub(super) fn add(&mut self, sent_ns: Option<i64>, received_ns: i64, link_us: i64) {
        let link_ns = link_us.saturating_mul(1000);
        let reading = Reading {
            received_ns,
            least_ns: link_ns.saturating_sub(received_ns),
            greatest_ns: sent_ns.map(|sent_ns| link_ns.saturating_sub(sent_ns)),
        };
        self.readings.retain(|older| received_ns.saturating_sub(older.received_ns) <= WINDOW_NS);
        let contradicts = |older: &Reading| {
            let apart = |greatest: Option<i64>, least: i64| greatest.is_some_and(|greatest| least.saturating_sub(greatest) > JUMP_NS);
            apart(reading.greatest_ns, older.least_ns) || apart(older.greatest_ns, reading.least_ns)
        };
        if self.readings.iter().any(contradicts) {
            self.readings.clear();
        }
        if self.readings.len() == MAX_ANSWERS {
            self.readings.pop_front();
        }
        self.readings.push_back(reading);
    }

    /// A moment of our clock on Link's, microseconds; `None` before the first answer.
    pub(super) fn link_us(&self, our_ns: i64) -> Option<i64> {
        let offset_ns = self.readings.iter().map(|reading| reading.least_ns).max()?;
        Some(our_ns.saturating_add(offset_ns).div_euclid(1000))
    }

    /// How far the truth may be above what is used, microseconds; `None` before the first answer that was asked for.
    pub(super) fn uncertainty_us(&self) -> Option<i64> {
        let least_ns = self.readings.iter().map(|reading| reading.least_ns).max()?;
        let greatest_ns = self.readings.iter().filter_map(|reading| reading.greatest_ns).min()?;
        Some((greatest_ns - least_ns).max(0) / 1000)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MS: i64 = 1_000_000;

    #[test]
    fn the_quickest_answer_bounds_the_difference() {
        let mut clock = LinkClock::default();
        assert_eq!((clock.link_us(0), clock.uncertainty_us()), (None, None));
        // Link is 7 s ahead. Asked at 100 ms, computed at 118 ms, here at 118.2 ms.
        clock.add(Some(100 * MS), 118_200_000, 7_118_000);
        assert_eq!((clock.link_us(0), clock.uncertainty_us()), (Some(6_999_800), Some(18_200)));
        // Asked at 200 ms, computed at 201 ms, here at 201.1 ms.
        clock.add(Some(200 * MS), 201_100_000, 7_201_000);
        assert_eq!((clock.link_us(0), clock.uncertainty_us()), (Some(6_999_900), Some(1_100)));
        // One that came late does no harm.
        clock.add(Some(300 * MS), 900 * MS, 7_301_000);
        assert_eq!(clock.link_us(300 * MS), Some(7_299_900));
    }

    #[test]
    fn a_clock_that_jumped_is_read_anew() {
        let mut clock = LinkClock::default();
        clock.add(Some(0), MS, 5_000_000);
        clock.add(Some(100 * MS), 101 * MS, 1_100_500);
        assert_eq!(clock.link_us(100 * MS), Some(1_099_500));
        clock.add(Some(200 * MS), 201 * MS, 9_200_500);
        assert_eq!(clock.link_us(200 * MS), Some(9_199_500));
    }

    #[test]
    fn an_old_answer_counts_no_more() {
        let mut clock = LinkClock::default();
        clock.add(None, 0, 3_000);
        clock.add(None, WINDOW_NS + 1, WINDOW_NS / 1000);
        assert_eq!(clock.link_us(0), Some(-1));
        assert_eq!(clock.uncertainty_us(), None);
    }

    proptest! {
        /// Within a millisecond, with clocks that part by 50 parts in a million and answers that take up to 20 ms to be made.
        #[test]
        fn the_difference_is_found_within_a_millisecond(
            offset_us in -1i64 << 40..1 << 40,
            drift_ppm in -50i64..50,
            delays in proptest::collection::vec((0i64..20_000, 20i64..400), 20..60),
        ) {
            let mut clock = LinkClock::default();
            let link_us = |our_us: i64| our_us + offset_us + our_us * drift_ppm / 1_000_000;
            let mut now_us = 0;
            for (index, (thinking_us, travel_us)) in delays.iter().enumerate() {
                let sent_us = index as i64 * 250_000;
                let computed_us = sent_us + travel_us + thinking_us;
                now_us = computed_us + travel_us;
                clock.add(Some(sent_us * 1000), now_us * 1000, link_us(computed_us));
            }
            let error_us = clock.link_us(now_us * 1000).unwrap() - link_us(now_us);
            prop_assert!(error_us.abs() <= 1_000, "{} us", error_us);
        }
    }
}
