//! What the process of a test holds: memory, descriptors, threads. `None` where the system has no /proc. Tests only.

use std::fs;

/// Resident memory, bytes.
pub fn resident_bytes() -> Option<u64> {
    let statm = fs::read_to_string("/proc/self/statm").ok()?;
    Some(4_096 * statm.split_whitespace().nth(1)?.parse::<u64>().ok()?)
}

/// Open file descriptors.
pub fn n_descriptors() -> Option<usize> {
    Some(fs::read_dir("/proc/self/fd").ok()?.count())
}

/// Threads of this name.
pub fn n_threads_named(name: &str) -> Option<usize> {
    let threads = fs::read_dir("/proc/self/task").ok()?.flatten();
    let names = threads.filter_map(|thread| fs::read_to_string(thread.path().join("comm")).ok());
    Some(names.filter(|comm| comm.trim_end() == name).count())
}

/// Threads that run code of the process: those that the system is taking down do not.
pub fn n_threads_running() -> Option<usize> {
    let threads = fs::read_dir("/proc/self/task").ok()?.flatten();
    // One that is gone by now has ended, too.
    let stats = threads.filter_map(|thread| fs::read_to_string(thread.path().join("stat")).ok());
    Some(stats.filter(|stat| is_running(stat)).count())
}

/// Whether a thread with this `/proc/<id>/stat` has not ended.
///
/// # Panics
/// On a text that is none.
fn is_running(stat: &str) -> bool {
    /// A thread that ends, as its flags say (Linux, `include/linux/sched.h`).
    const PF_EXITING: u64 = 0x4;
    // After the name, which may hold anything: state, parent, group, session, terminal, the terminal's group, flags.
    let (_, fields) = stat.rsplit_once(')').expect("the name is in parentheses");
    let flags: u64 = fields.split_whitespace().nth(6).and_then(|word| word.parse().ok()).expect("flags");
    flags & PF_EXITING == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_ends_does_not_run() {
        // The flags of a thread that waits, and those with PF_EXITING beside them.
        assert!(is_running("12 (a (b) c) S 1 12 12 0 -1 4194304 108 0"));
        assert!(!is_running("12 (a (b) c) R 1 12 12 0 -1 4194308 108 0"));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_holds_something() {
        assert!(resident_bytes().is_some_and(|bytes| bytes > 1 << 20));
        assert!(n_descriptors().is_some_and(|n| n >= 3) && n_threads_running().is_some_and(|n| n >= 1));
        assert_eq!(n_threads_named("nobody"), Some(0));
    }
}
