//! What was measured live, beside its targets, as JSON and as a table. Any thread.

use std::fmt::Write;

use runtime_core::units::FRAMES_PER_SEC;
use serde::Serialize;

pub use super::block_cost::BlockCost;
pub use super::feed_age::{Ages, FeedAge};
pub use super::together::Together;

use super::super::subject::{Subject, json_of, table_of};

/// Version of the JSON layout.
pub const FORMAT_VERSION: u32 = 1;
/// Tap and follower of one stereo block of 512 samples, median, microseconds.
const MAX_BLOCK_US: f64 = 3.0;
/// Processor share of one whole instance at 48 kHz, per cent of one core.
const MAX_CPU_PERCENT: f64 = 1.5;
/// Age of the state for a reader of 60 Hz, 99th percentile, milliseconds.
const MAX_STATE_AGE_MS: f64 = 60.0;

/// The whole report.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LiveReport {
    /// [`FORMAT_VERSION`].
    pub format: u32,
    /// What was measured.
    #[serde(flatten)]
    pub subject: Subject,
    /// Rate of the stream, Hz.
    pub sample_rate_hz: u32,
    /// Samples per block.
    pub block_samples: u32,
    /// The audio thread alone.
    pub audio_thread: Vec<BlockCost>,
    /// Many instances.
    pub together: Together,
    /// One instance's feed.
    pub feed: FeedAge,
    /// What we want to reach.
    pub targets: Vec<Target>,
}

/// A figure that we want to reach, stated for 512 samples at 48 kHz.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Target {
    /// What is measured, with its unit.
    pub what: &'static str,
    /// At most this.
    pub limit: f64,
    /// This was measured; `None` where it could not be.
    pub got: Option<f64>,
    /// Whether it is within the limit; `None` where nothing was measured.
    pub met: Option<bool>,
}

impl Target {
    fn new(what: &'static str, limit: f64, got: Option<f64>) -> Self {
        Self { what, limit, got, met: got.map(|got| got <= limit) }
    }
}

/// The figures beside what they should be.
pub(super) fn targets(audio_thread: &[BlockCost], together: &Together, feed: &FeedAge) -> Vec<Target> {
    let alone = audio_thread.iter().find(|cost| cost.n_instances == 1 && cost.n_outputs > 0);
    vec![
        Target::new("tap and follower, median, us", MAX_BLOCK_US, alone.map(|cost| cost.times.median_ns as f64 * 1e-3)),
        Target::new("whole instance, % of a core", MAX_CPU_PERCENT, together.cpu_share_per_instance.map(|share| 100.0 * share)),
        Target::new("age of the state, p99, ms", MAX_STATE_AGE_MS, feed.state_age.map(|age| age.p99_ms)),
        Target::new("late updates of all instances", 0.0, Some(together.late_updates as f64)),
        Target::new("lost samples of all instances", 0.0, Some(together.lost_samples as f64)),
    ]
}

impl LiveReport {
    /// One JSON document.
    pub fn json(&self) -> String {
        json_of(self)
    }

    /// Aligned text for people.
    pub fn table(&self) -> String {
        table_of(|out| self.write_table(out))
    }

    fn write_table(&self, out: &mut String) -> std::fmt::Result {
        self.subject.write_head(out, "")?;
        let block_ms = 1e3 * f64::from(self.block_samples) / f64::from(self.sample_rate_hz);
        writeln!(out, "stream        stereo, {} Hz, {} samples a block ({block_ms:.1} ms)", self.sample_rate_hz, self.block_samples)?;
        writeln!(out)?;
        self.write_audio_thread(out)?;
        self.write_together(out)?;
        self.write_feed(out)?;
        writeln!(out, "{:34}{:>10}{:>10}", "target", "at most", "got")?;
        for Target { what, limit, got, met } in &self.targets {
            let got = got.map_or("-".to_owned(), |got| format!("{got:.2}"));
            let met = met.map_or("not measured", |met| if met { "met" } else { "MISSED" });
            writeln!(out, "{what:34}{limit:>10.2}{got:>10}  {met}")?;
        }
        Ok(())
    }

    fn write_audio_thread(&self, out: &mut String) -> std::fmt::Result {
        let title = "audio thread, us per block";
        writeln!(out, "{title:34}{:>10}{:>10}{:>10}{:>8}{:>9}", "median", "p99", "max", "ratio", "outputs")?;
        for BlockCost { n_instances, times, ratio_to_one, n_outputs, n_allocations } in &self.audio_thread {
            let title = format!("  {n_instances} in turn, each");
            let [median, p99, max] = [times.median_ns, times.p99_ns, times.max_ns].map(|ns| ns as f64 * 1e-3);
            write!(out, "{title:34}{median:>10.2}{p99:>10.2}{max:>10.1}{ratio_to_one:>8.2}{n_outputs:>9}")?;
            writeln!(out, "{}", n_allocations.map_or(String::new(), |n| format!("  {n} allocations")))?;
        }
        writeln!(out)
    }

    fn write_together(&self, out: &mut String) -> std::fmt::Result {
        let t = &self.together;
        writeln!(out, "{} instances, {:.0} s at the real pace", t.n_instances, t.measured_sec)?;
        match t.cpu_share_per_instance {
            Some(share) => writeln!(out, "  processor     {:.2} % of a core each, everything included", 100.0 * share)?,
            None => writeln!(out, "  processor     not known: this system has no /proc")?,
        }
        let analysis_percent = 100.0 * t.hop_ns * 1e-9 * FRAMES_PER_SEC;
        writeln!(
            out,
            "  analysis      {:.0} us a hop = {analysis_percent:.2} %, longest {:.1} ms",
            t.hop_ns * 1e-3,
            f64::from(t.max_hop_ns) * 1e-6
        )?;
        let [median, p99, max] = [t.block.median_ns, t.block.p99_ns, t.block.max_ns].map(|ns| ns as f64 * 1e-3);
        writeln!(out, "  audio thread  {median:.2} us median, {p99:.2} p99, {max:.1} worst block of an instance")?;
        let ring_ms = 1e3 * f64::from(t.max_ring_samples) / f64::from(self.sample_rate_hz);
        writeln!(out, "  trouble       {} late updates, {} lost samples, fullest ring {ring_ms:.0} ms", t.late_updates, t.lost_samples)?;
        writeln!(out, "  machine       {} blocks delivered more than a block late, latest {:.1} ms", t.n_late_blocks, t.max_late_block_ms)?;
        writeln!(out, "  locked        {} of {} at the end", t.n_locked, t.n_instances)?;
        writeln!(out)
    }

    fn write_feed(&self, out: &mut String) -> std::fmt::Result {
        let title = format!("feed, read {:.0} times a second, ms", self.feed.polls_per_sec);
        writeln!(out, "{title:34}{:>10}{:>10}{:>10}{:>10}{:>8}", "min", "median", "p99", "max", "n")?;
        let rows = [
            ("age of the state", self.feed.state_age),
            ("click to spectrum", self.feed.click_age),
            ("event ahead of its beat", self.feed.event_lead),
        ];
        for (name, ages) in rows {
            match ages {
                Some(Ages { n, min_ms, median_ms, p99_ms, max_ms }) => {
                    writeln!(out, "  {name:32}{min_ms:>10.1}{median_ms:>10.1}{p99_ms:>10.1}{max_ms:>10.1}{n:>8}")?;
                }
                None => writeln!(out, "  {name:32}{:>10}", "none seen")?,
            }
        }
        writeln!(out, "  machine       {} blocks delivered more than a block late", self.feed.n_late_blocks)?;
        writeln!(out)
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::measure::Distribution;
    use super::*;

    fn report() -> LiveReport {
        let times = Distribution { median_ns: 1_500, p99_ns: 2_500, max_ns: 9_000, mean_ns: 1_600.0 };
        let cost = |n_instances, ratio_to_one| BlockCost { n_instances, times, ratio_to_one, n_outputs: 3_000, n_allocations: Some(0) };
        let together = Together {
            n_instances: 20,
            measured_sec: 60.0,
            cpu_share_per_instance: Some(0.02),
            hop_ns: 300_000.0,
            max_hop_ns: 2_000_000,
            block: times,
            late_updates: 4,
            lost_samples: 0,
            max_ring_samples: 960,
            n_locked: 20,
            n_late_blocks: 1,
            max_late_block_ms: 12.5,
        };
        let ages = Ages { n: 100, min_ms: 3.0, median_ms: 25.0, p99_ms: 45.0, max_ms: 50.0 };
        let feed = FeedAge { polls_per_sec: 60.0, state_age: Some(ages), click_age: None, event_lead: Some(ages), n_late_blocks: 0 };
        let audio_thread = vec![cost(1, 1.0), cost(20, 1.25)];
        LiveReport {
            format: FORMAT_VERSION,
            subject: Subject::sample(&[]),
            sample_rate_hz: 48_000,
            block_samples: 512,
            targets: targets(&audio_thread, &together, &feed),
            audio_thread,
            together,
            feed,
        }
    }

    #[test]
    fn targets_are_met_missed_or_not_measured() {
        let met = |report: &LiveReport| report.targets.iter().map(|target| target.met).collect::<Vec<_>>();
        assert_eq!(met(&report()), [Some(true), Some(false), Some(true), Some(false), Some(true)]);
        let mut silent = report();
        silent.audio_thread[0].n_outputs = 0;
        (silent.together.cpu_share_per_instance, silent.feed.state_age) = (None, None);
        silent.targets = targets(&silent.audio_thread, &silent.together, &silent.feed);
        assert_eq!(met(&silent), [None, None, None, Some(false), Some(true)]);
    }

    #[test]
    fn the_table_shows_every_figure() {
        let table = report().table();
        for part in
            ["1.50", "1.25", "0 allocations", "2.00 % of a core", "300 us a hop = 1.50 %", "4 late updates", "ring 20 ms", "latest 12.5 ms"]
        {
            assert!(table.contains(part), "{part}\n{table}");
        }
        for part in ["20 of 20", "none seen", "MISSED", "45.0", "spectral flux", "(10.7 ms)"] {
            assert!(table.contains(part), "{part}\n{table}");
        }
        assert!(table.lines().all(|line| line.trim_end() == line), "{table}");
    }

    #[test]
    fn the_json_is_versioned() {
        let json: serde_json::Value = serde_json::from_str(&report().json()).unwrap();
        assert_eq!((&json["format"], &json["audio_thread"][1]["times"]["p99_ns"]), (&1.into(), &2_500.into()));
        assert_eq!(json["targets"][1]["met"], false);
    }
}
