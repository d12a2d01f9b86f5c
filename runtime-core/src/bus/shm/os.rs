//! What the feed asks of the system beyond the standard library: the monotonic clock, our user, when a process started.
//!
//! Where: at the edge of [`shm`](super). Any thread but the audio thread: all of it calls the system. The standard
//! library's `Instant` hides its number, which other processes must be able to compare, so the functions of the C library
//! and of Windows, to which the standard library links anyway, are declared here.

use std::time::{SystemTime, UNIX_EPOCH};

/// One moment on the two clocks of the heartbeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FeedClock {
    /// Nanoseconds of a clock that never goes back and that all processes of this machine share since its boot: Linux and
    /// other Unix `CLOCK_MONOTONIC`, macOS `CLOCK_UPTIME_RAW`, Windows `GetTickCount64` (steps of 10 to 16 ms). 0 where
    /// there is none.
    pub monotonic_ns: u64,
    /// Nanoseconds since the Unix epoch; 0 = unknown. May jump: for readers that cannot reach the other clock.
    pub wall_ns: u64,
}

impl FeedClock {
    /// The present moment. Real-time safe: no.
    pub fn now() -> Self {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { monotonic_ns: monotonic_ns(), wall_ns: u64::try_from(wall.as_nanos()).unwrap_or(0) }
    }
}

#[cfg(unix)]
mod unix {
    use std::ffi::{c_int, c_long};

    /// `struct timespec` of every Unix whose `time_t` is a `long`.
    #[repr(C)]
    pub(super) struct Timespec {
        pub(super) sec: c_long,
        pub(super) nsec: c_long,
    }

    #[cfg(target_os = "linux")]
    pub(super) const CLOCK: c_int = 1;
    /// `CLOCK_UPTIME_RAW`, as Python's `time.monotonic` uses; it does not count sleep.
    #[cfg(target_vendor = "apple")]
    pub(super) const CLOCK: c_int = 8;
    #[cfg(not(any(target_os = "linux", target_vendor = "apple")))]
    pub(super) const CLOCK: c_int = 4;

    unsafe extern "C" {
        pub(super) fn clock_gettime(clock: c_int, time: *mut Timespec) -> c_int;
        pub(super) safe fn geteuid() -> u32;
    }
}

#[cfg(unix)]
fn monotonic_ns() -> u64 {
    let mut time = unix::Timespec { sec: 0, nsec: 0 };
    // SAFETY: `time` is a valid timespec for the whole call, which writes it and keeps no pointer to it.
    let failed = unsafe { unix::clock_gettime(unix::CLOCK, &raw mut time) } != 0;
    if failed { 0 } else { (time.sec as u64).wrapping_mul(1_000_000_000).wrapping_add(time.nsec as u64) }
}

#[cfg(windows)]
fn monotonic_ns() -> u64 {
    #[link(name = "kernel32")]
    unsafe extern "system" {
        safe fn GetTickCount64() -> u64;
    }
    GetTickCount64().wrapping_mul(1_000_000)
}

#[cfg(not(any(unix, windows)))]
fn monotonic_ns() -> u64 {
    0
}

/// Id of the user that we run as.
#[cfg(unix)]
pub(super) fn user_id() -> u32 {
    unix::geteuid()
}

/// Whether a process runs, as far as the system says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    /// It runs, and it is the one that started at the given time.
    Runs,
    /// It does not run, or its number now belongs to another process.
    Dead,
    /// This system was not asked.
    Unknown,
}

/// Whether process `pid` is the one that started at `process_start`, clock ticks after boot.
pub(super) fn owner(pid: u32, process_start: u64) -> Owner {
    if !cfg!(target_os = "linux") || process_start == 0 {
        return Owner::Unknown;
    }
    match process_start_ticks(pid) {
        Some(ticks) if ticks == process_start => Owner::Runs,
        _ => Owner::Dead,
    }
}

/// When a process started, clock ticks after boot; `None` where it does not run or the system does not say so (proc(5),
/// `/proc/<pid>/stat`: field 22, and field 3, by which a process that ended and waits for its parent does not run).
pub(super) fn process_start_ticks(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // Field 2 is the program's name in parentheses, and may hold anything, parentheses and blanks too.
    let after_name = stat.rsplit_once(')')?.1;
    let mut fields = after_name.split_ascii_whitespace();
    let state = fields.next()?;
    let start = fields.nth(18)?.parse().ok()?;
    (!matches!(state, "Z" | "X")).then_some(start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_does_not_go_back() {
        let (first, second) = (FeedClock::now(), FeedClock::now());
        assert!(second.monotonic_ns >= first.monotonic_ns && first.monotonic_ns > 0);
        assert!(first.wall_ns > 1_500_000_000_000_000_000, "the wall clock counts from 1970: {}", first.wall_ns);
    }

    #[test]
    #[cfg(target_os = "linux")]
    #[cfg_attr(miri, ignore)]
    fn a_process_is_known_by_its_number_and_its_start() {
        let ticks = process_start_ticks(std::process::id()).unwrap();
        assert_eq!(owner(std::process::id(), ticks), Owner::Runs);
        assert_eq!(owner(std::process::id(), ticks + 1), Owner::Dead);
        assert_eq!(owner(u32::MAX, ticks), Owner::Dead);
        assert_eq!(owner(std::process::id(), 0), Owner::Unknown);
    }

    #[test]
    #[cfg(target_os = "linux")]
    #[cfg_attr(miri, ignore)]
    fn a_killed_process_that_nobody_waited_for_does_not_run() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let ticks = process_start_ticks(child.id()).unwrap();
        child.kill().unwrap();
        let ended = (0..1000).any(|_| {
            std::thread::sleep(std::time::Duration::from_millis(5));
            owner(child.id(), ticks) == Owner::Dead
        });
        child.wait().unwrap();
        assert!(ended);
    }

    #[test]
    #[cfg(target_os = "linux")]
    #[cfg_attr(miri, ignore)]
    fn the_clock_is_the_one_of_the_system() {
        // `/proc/uptime` counts sleep, the monotonic clock does not; so it can only be ahead, but for its rounding.
        let uptime = std::fs::read_to_string("/proc/uptime").unwrap();
        let uptime_sec: f64 = uptime.split(' ').next().unwrap().parse().unwrap();
        assert!(FeedClock::now().monotonic_ns as f64 * 1e-9 < uptime_sec + 1.0);
    }
}
