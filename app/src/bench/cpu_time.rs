//! Processor time of this process, from proc(5). Any thread.

/// Ticks per second of the times in `/proc`: `USER_HZ`, which Linux shows to programs as 100 on every processor that we
/// build for (`include/uapi/asm-generic/param.h`), whatever its timer interrupt.
const TICKS_PER_SEC: f64 = 100.0;

/// Processor time that all threads of this process have spent, ended ones included, seconds, in steps of 10 ms; `None` where
/// the system does not tell.
pub fn process_cpu_sec() -> Option<f64> {
    ticks(&std::fs::read_to_string("/proc/self/stat").ok()?).map(|n_ticks| n_ticks as f64 / TICKS_PER_SEC)
}

/// Fields 14 and 15, `utime` and `stime`. The second field, the program's name in parentheses, may hold blanks and
/// parentheses itself, so that counting starts behind its last one.
fn ticks(stat: &str) -> Option<u64> {
    let (_, behind_name) = stat.rsplit_once(')')?;
    let mut fields = behind_name.split_ascii_whitespace().skip(11);
    let (user, system): (u64, u64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    user.checked_add(system)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_times_are_found_behind_any_name() {
        for name in ["bench", "a b", "x) R 9 (y"] {
            let stat = format!("42 ({name}) S 1 2 3 4 5 6 7 8 9 10 130 25 0 0 20 0");
            assert_eq!(ticks(&stat), Some(155), "{name}");
        }
        assert_eq!((ticks(""), ticks("42 (x) S 1 2"), ticks("42 (x) S 1 2 3 4 5 6 7 8 9 10 a 25")), (None, None, None));
    }

    #[test]
    fn time_never_goes_back() {
        let before = process_cpu_sec();
        let after = process_cpu_sec();
        assert_eq!(before.is_some(), cfg!(target_os = "linux"));
        assert!(after >= before, "{after:?} {before:?}");
    }
}
