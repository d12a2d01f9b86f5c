//! Counts of tests, read from what `cargo test` and `pytest` print.

use std::fmt;
use std::ops::AddAssign;

/// How many tests passed, failed and were skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TestCounts {
    /// Tests that passed.
    pub n_passed: u64,
    /// Tests that failed.
    pub n_failed: u64,
    /// Tests that were ignored.
    pub n_skipped: u64,
}

impl TestCounts {
    /// Reads libtest's line `test result: ok. 3 passed; 0 failed; 1 ignored; ...`; `None` for any other line.
    pub fn parse(line: &str) -> Option<Self> {
        let (_, counts) = line.trim_start().strip_prefix("test result: ")?.split_once(". ")?;
        let count = |word: &str| counts.split("; ").find_map(|part| part.strip_suffix(word)?.trim().parse().ok());
        Some(Self { n_passed: count("passed")?, n_failed: count("failed")?, n_skipped: count("ignored")? })
    }

    /// Reads pytest's last line, `3 passed, 1 skipped in 0.52s`, with or without its frame of `=`; `None` for any other line.
    pub fn parse_pytest(line: &str) -> Option<Self> {
        let (counts, seconds) = line.trim_matches(['=', ' ']).rsplit_once(" in ")?;
        seconds.split_once('s')?.0.parse::<f64>().ok()?;
        let mut parsed = Self::default();
        for part in counts.split(", ") {
            let (count, word) = part.split_once(' ')?;
            let count: u64 = count.parse().ok()?;
            match word {
                "passed" => parsed.n_passed += count,
                "failed" | "error" | "errors" => parsed.n_failed += count,
                "skipped" => parsed.n_skipped += count,
                _ => {}
            }
        }
        Some(parsed)
    }
}

impl AddAssign for TestCounts {
    fn add_assign(&mut self, other: Self) {
        self.n_passed += other.n_passed;
        self.n_failed += other.n_failed;
        self.n_skipped += other.n_skipped;
    }
}

impl fmt::Display for TestCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed, {} skipped", self.n_passed, self.n_failed, self.n_skipped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libtests_lines_are_summed() {
        let mut sum = TestCounts::default();
        for line in [
            "running 3 tests",
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s",
            "test result: FAILED. 10 passed; 2 failed; 0 ignored; 0 measured; 4 filtered out; finished in 1.20s",
            "test result: garbage",
        ] {
            if let Some(counts) = TestCounts::parse(line) {
                sum += counts;
            }
        }
        assert_eq!(sum.to_string(), "13 passed, 2 failed, 1 skipped");
    }

    #[test]
    fn pytests_last_line_is_read_and_no_other() {
        let parse = |line| TestCounts::parse_pytest(line).map(|counts| counts.to_string());
        assert_eq!(parse("42 passed in 4.89s").as_deref(), Some("42 passed, 0 failed, 0 skipped"));
        let framed = "==== 2 failed, 40 passed, 3 skipped, 1 warning, 1 error in 75.10s (0:01:15) ====";
        assert_eq!(parse(framed).as_deref(), Some("40 passed, 3 failed, 3 skipped"));
        for other in ["", "....... [100%]", "SKIPPED [1] tests/test_ray.py:3: in a moment", "3 passed"] {
            assert_eq!(parse(other), None, "{other}");
        }
    }
}
