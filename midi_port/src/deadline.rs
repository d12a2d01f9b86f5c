//! The clock that messages are timed by, and waiting for a moment of it. MIDI PORT CLOCK THREAD.
//!
//! Deadlines are absolute: a wait that began late ends no later, so nothing drifts. Linux: `clock_nanosleep` with
//! `TIMER_ABSTIME` on `CLOCK_MONOTONIC` (man 2 clock_nanosleep). Elsewhere: the difference is slept, computed anew for each
//! deadline, which drifts no more but wakes as late as the system's timer is coarse (not measured).

/// Length of the busy wait before a deadline where real-time priority was granted, nanoseconds.
///
/// NB: under load, with SCHED_FIFO, it took the 99th percentile of the interval error from 150 to 8 us; without the
/// priority it made it worse (3.9 to 7.8 ms), so it is left out there.
const SPIN_NS: u64 = 300_000;

/// A clock that never goes back, and waiting on it.
pub trait MonotonicClock {
    /// Now, nanoseconds since a moment that is the same for all readers in the process.
    fn now_ns(&self) -> u64;

    /// Returns at `deadline_ns` or later; at once where that is past.
    fn sleep_until(&self, deadline_ns: u64);
}

/// Waits for a deadline, the last 0.3 ms of it busily if `spin`.
pub(crate) fn wait_until(clock: &impl MonotonicClock, deadline_ns: u64, spin: bool) {
    if !spin {
        clock.sleep_until(deadline_ns);
        return;
    }
    clock.sleep_until(deadline_ns.saturating_sub(SPIN_NS));
    while clock.now_ns() < deadline_ns {
        std::hint::spin_loop();
    }
}

/// The operating system's monotonic clock: `CLOCK_MONOTONIC` on Linux, that of [`std::time::Instant`] elsewhere.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

#[cfg(target_os = "linux")]
impl MonotonicClock for SystemClock {
    fn now_ns(&self) -> u64 {
        let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: `now` is valid for writes; the call cannot fail for this clock, and would leave zeros.
        unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) };
        now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
    }

    fn sleep_until(&self, deadline_ns: u64) {
        let deadline = libc::timespec {
            tv_sec: (deadline_ns / 1_000_000_000) as libc::time_t,
            tv_nsec: (deadline_ns % 1_000_000_000) as libc::c_long,
        };
        // SAFETY: `deadline` is valid for reads, and with TIMER_ABSTIME the remainder is never written.
        let wait =
            || unsafe { libc::clock_nanosleep(libc::CLOCK_MONOTONIC, libc::TIMER_ABSTIME, &raw const deadline, std::ptr::null_mut()) };
        // A signal ends the wait early; the deadline stays the same.
        while wait() == libc::EINTR {}
    }
}

#[cfg(not(target_os = "linux"))]
impl MonotonicClock for SystemClock {
    fn now_ns(&self) -> u64 {
        static EPOCH: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
        EPOCH.get_or_init(std::time::Instant::now).elapsed().as_nanos() as u64
    }

    fn sleep_until(&self, deadline_ns: u64) {
        let wait_ns = deadline_ns.saturating_sub(self.now_ns());
        if wait_ns > 0 {
            std::thread::sleep(std::time::Duration::from_nanos(wait_ns));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_ends_at_the_deadline_or_later_and_a_past_one_at_once() {
        for spin in [false, true] {
            let start_ns = SystemClock.now_ns();
            wait_until(&SystemClock, start_ns + 3_000_000, spin);
            assert!(SystemClock.now_ns() >= start_ns + 3_000_000);
            wait_until(&SystemClock, start_ns, spin);
            wait_until(&SystemClock, 0, spin);
        }
    }
}
