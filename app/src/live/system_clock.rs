//! The clocks of the machine, as feeds stamp them. Any thread.

use outputs::clock::Clock;
use outputs::event::Moment;
use runtime_core::bus::shm::FeedClock;

/// The monotonic clock that all processes of this machine share, and the wall clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct MachineClock;

impl Clock for MachineClock {
    fn now(&self) -> Moment {
        let now = FeedClock::now();
        Moment { mono_ns: now.monotonic_ns, unix_ns: now.wall_ns }
    }
}
