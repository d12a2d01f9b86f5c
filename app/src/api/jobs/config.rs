//! What jobs may cost, as settings: the table `[jobs]`. Plain data; any thread.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Bytes in a megabyte.
const MB: u64 = 1_000_000;

/// What jobs may cost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct JobsConfig {
    /// Folders below which files may be named; empty = files are uploaded.
    pub roots: Vec<PathBuf>,
    /// Largest upload, MB.
    pub max_upload_mb: u64,
    /// Files at a time.
    pub parallel: usize,
    /// Jobs that wait; more are refused.
    pub max_queued: usize,
    /// How long one may run, seconds.
    pub time_limit_sec: u64,
    /// Finished jobs that are kept, the newest.
    pub keep: usize,
    /// ... for how long, days,
    pub keep_days: u64,
    /// ... and with how much of results, MB: the newest job's stay in any case.
    pub keep_mb: u64,
}

impl Default for JobsConfig {
    fn default() -> Self {
        Self {
            roots: Vec::new(),
            max_upload_mb: 512,
            parallel: 1,
            max_queued: 1_000,
            time_limit_sec: 3_600,
            keep: 200,
            keep_days: 30,
            keep_mb: 2_000,
        }
    }
}

impl JobsConfig {
    /// Checks the values.
    ///
    /// # Errors
    /// The name of the first that cannot be used, with what was expected and what is there.
    pub fn validate(&self) -> Result<(), (&'static str, String)> {
        let bad = |name, expected: &str, value: &dyn std::fmt::Display| Err((name, format!("expected {expected}, got {value}")));
        if let Some(root) = self.roots.iter().find(|root| !root.is_absolute()) {
            return bad("roots", "folders from the root on", &root.display());
        }
        if !(1..=16_384).contains(&self.max_upload_mb) {
            return bad("max_upload_mb", "1 to 16384", &self.max_upload_mb);
        }
        if !(1..=64).contains(&self.parallel) {
            return bad("parallel", "1 to 64", &self.parallel);
        }
        if !(1..=100_000).contains(&self.max_queued) {
            return bad("max_queued", "1 to 100000", &self.max_queued);
        }
        if !(1..=604_800).contains(&self.time_limit_sec) {
            return bad("time_limit_sec", "1 to 604800", &self.time_limit_sec);
        }
        if !(1..=100_000).contains(&self.keep) {
            return bad("keep", "1 to 100000", &self.keep);
        }
        if !(1..=36_500).contains(&self.keep_days) {
            return bad("keep_days", "1 to 36500", &self.keep_days);
        }
        if !(1..=10_000_000).contains(&self.keep_mb) {
            return bad("keep_mb", "1 to 10000000", &self.keep_mb);
        }
        Ok(())
    }

    /// Most bytes of results.
    pub fn keep_bytes(&self) -> u64 {
        self.keep_mb * MB
    }

    /// Largest upload, bytes.
    pub fn max_upload_bytes(&self) -> u64 {
        self.max_upload_mb * MB
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_cannot_be_is_named() {
        assert_eq!(JobsConfig::default().validate(), Ok(()));
        let cases = [
            ("roots", JobsConfig { roots: vec!["music".into()], ..JobsConfig::default() }),
            ("max_upload_mb", JobsConfig { max_upload_mb: 0, ..JobsConfig::default() }),
            ("parallel", JobsConfig { parallel: 65, ..JobsConfig::default() }),
            ("max_queued", JobsConfig { max_queued: 0, ..JobsConfig::default() }),
            ("time_limit_sec", JobsConfig { time_limit_sec: 0, ..JobsConfig::default() }),
            ("keep", JobsConfig { keep: 0, ..JobsConfig::default() }),
            ("keep_days", JobsConfig { keep_days: 0, ..JobsConfig::default() }),
            ("keep_mb", JobsConfig { keep_mb: 0, ..JobsConfig::default() }),
        ];
        for (name, config) in cases {
            let (named, message) = config.validate().unwrap_err();
            assert!(named == name && message.starts_with("expected "), "{name}: {named}: {message}");
        }
    }
}
