//! What was measured, as JSON and as a table. Any thread.

use std::fmt::Write;

use model_contracts::v1::clocks::POOL_FRAMES;
use runtime_core::analysis::profile::Stage;
use serde::Serialize;

use super::measure::{Distribution, Timing};
use super::subject::{Subject, json_of, table_of};

/// Version of the JSON layout.
pub const FORMAT_VERSION: u32 = 1;
/// Multiplications of one BeatNet weight set per frame: convolution 5,260, dense 39,300, two LSTM layers 360,000, output 450
/// (mjhydri/BeatNet `model.py`).
pub const MAC_PER_NET: u64 = 405_010;
/// What the matrix products and the transform of one weight set cost in NumPy with BLAS on one thread, nanoseconds per frame:
/// 18-20 us and 8-10 us. It is the mark to beat and no law of nature: three nets share one transform.
pub const FLOOR_NS_PER_NET: f64 = 30_000.0;

/// The whole report.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// [`FORMAT_VERSION`].
    pub format: u32,
    /// What was measured.
    #[serde(flatten)]
    pub subject: Subject,
    /// `exact` or `particle`.
    pub decoder: String,
    /// What was played.
    pub audio: String,
    /// Its rate, Hz.
    pub sample_rate_hz: u32,
    /// Hops back to back.
    pub hot: Timing,
    /// Hops every 20 ms.
    pub at_pace: Timing,
    /// Allocations, reallocations and frees per hop in steady state; `None` where they are not counted.
    pub allocations_per_hop: Option<f64>,
    /// Seconds of audio per second of work: causal, one thread, decoding included.
    pub realtime_factor: f64,
    /// Length of the audio that factor was measured on, seconds.
    pub realtime_audio_sec: f64,
    /// Largest resident memory after analysing that audio, bytes; `None` where the system does not tell.
    pub peak_resident_bytes: Option<u64>,
    /// Distance to what the arithmetic costs; `None` for networks other than BeatNet's and for the flux.
    pub arithmetic: Option<Arithmetic>,
}

/// Distance to what the arithmetic costs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Arithmetic {
    /// Multiplications of all networks per frame.
    pub mac_per_frame: u64,
    /// Multiplications per second of the activation stage, hot.
    pub mac_per_sec: f64,
    /// Median of features and activation, hot, nanoseconds.
    pub spent_ns: f64,
    /// [`FLOOR_NS_PER_NET`] times the number of networks, nanoseconds.
    pub floor_ns: f64,
    /// Spent over floor; below 1 = faster.
    pub ratio_to_floor: f64,
}

impl Arithmetic {
    /// Of `n_nets` BeatNet weight sets, from the hot timing.
    pub fn of(n_nets: usize, hot: &Timing) -> Option<Self> {
        let median_ns = |name: &str| hot.stages.iter().find(|stage| stage.stage == name).map(|stage| stage.times.median_ns as f64);
        let (features_ns, activation_ns) = (median_ns("features")?, median_ns("activation")?);
        let mac_per_frame = n_nets as u64 * MAC_PER_NET;
        let (spent_ns, floor_ns) = (features_ns + activation_ns, n_nets as f64 * FLOOR_NS_PER_NET);
        let mac_per_sec = mac_per_frame as f64 * 1e9 / activation_ns.max(1.0);
        Some(Self { mac_per_frame, mac_per_sec, spent_ns, floor_ns, ratio_to_floor: spent_ns / floor_ns })
    }
}

impl Report {
    /// One JSON document.
    pub fn json(&self) -> String {
        json_of(self)
    }

    /// Aligned text for people.
    pub fn table(&self) -> String {
        table_of(|out| self.write_table(out))
    }

    fn write_table(&self, out: &mut String) -> std::fmt::Result {
        self.subject.write_head(out, &format!("; {} decoder", self.decoder))?;
        writeln!(out, "audio         {}, {} Hz", self.audio, self.sample_rate_hz)?;
        writeln!(out)?;
        let (hot, live) = (&self.hot, &self.at_pace);
        writeln!(out, "{:14}{:^36}{:^36}", "", format!("hot, {} hops", hot.n_hops), format!("every 20 ms, {} hops", live.n_hops))?;
        writeln!(
            out,
            "{:14}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}",
            "us per hop", "median", "p99", "max", "share", "median", "p99", "max", "share"
        )?;
        for (hot, live) in hot.stages.iter().zip(&live.stages) {
            write!(out, "{:14}", hot.stage)?;
            for stage in [hot, live] {
                write_times(out, &stage.times)?;
                write!(out, "{:>7.1} %", 100.0 * stage.share)?;
            }
            writeln!(out)?;
        }
        write!(out, "{:14}", "whole hop")?;
        write_times(out, &hot.whole_hop)?;
        write!(out, "{:9}", "")?;
        write_times(out, &live.whole_hop)?;
        writeln!(out)?;
        writeln!(out)?;
        self.write_figures(out)
    }

    fn write_figures(&self, out: &mut String) -> std::fmt::Result {
        let step_us = |timing: &Timing| {
            let stage = timing.stages.iter().find(|stage| stage.stage == Stage::Structure.name());
            stage.map_or(0.0, |stage| stage.times.mean_ns * f64::from(POOL_FRAMES) * 1e-3)
        };
        writeln!(out, "structure     {:.1} us a step of 80 ms hot, {:.1} at the pace (mean)", step_us(&self.hot), step_us(&self.at_pace))?;
        match self.allocations_per_hop {
            Some(n) => writeln!(out, "allocations   {n} per hop in steady state")?,
            None => writeln!(out, "allocations   not counted in this process")?,
        }
        let factor = self.realtime_factor;
        writeln!(
            out,
            "speed         {factor:.0} x real time: {:.0} s of audio, causal, one thread, with decoding",
            self.realtime_audio_sec
        )?;
        if let Some(bytes) = self.peak_resident_bytes {
            writeln!(out, "peak memory   {:.1} MB after that", bytes as f64 / 1e6)?;
        }
        if let Some(Arithmetic { mac_per_frame, mac_per_sec, spent_ns, floor_ns, ratio_to_floor }) = self.arithmetic {
            writeln!(out, "arithmetic    {mac_per_frame} MAC per frame at {:.2} GMAC/s in the activation stage, hot", mac_per_sec * 1e-9)?;
            let (spent_us, floor_us) = (spent_ns * 1e-3, floor_ns * 1e-3);
            writeln!(
                out,
                "              features and activation {spent_us:.1} us = {ratio_to_floor:.2} x the floor of {floor_us:.0} us (30 us a network)"
            )?;
        }
        Ok(())
    }
}

fn write_times(out: &mut String, times: &Distribution) -> std::fmt::Result {
    [times.median_ns, times.p99_ns, times.max_ns].iter().try_for_each(|&ns| write!(out, "{:>9.1}", ns as f64 * 1e-3))
}

#[cfg(test)]
mod tests {
    use super::super::measure::StageTimes;
    use super::*;

    fn report() -> Report {
        let times = Distribution { median_ns: 60_000, p99_ns: 70_000, max_ns: 80_000, mean_ns: 61_000.0 };
        let stages: Vec<_> = ["features", "activation"].map(|stage| StageTimes { stage, times, share: 0.5 }).into();
        let timing = Timing { n_hops: 10, whole_hop: times, stages, n_allocations: 0 };
        Report {
            format: FORMAT_VERSION,
            subject: Subject::sample(&["beatnet-1", "beatnet-2"]),
            decoder: "exact".to_owned(),
            audio: "synthetic band".to_owned(),
            sample_rate_hz: 44_100,
            arithmetic: Arithmetic::of(2, &timing),
            at_pace: timing.clone(),
            hot: timing,
            allocations_per_hop: Some(0.0),
            realtime_factor: 123.4,
            realtime_audio_sec: 60.0,
            peak_resident_bytes: Some(12_345_678),
        }
    }

    #[test]
    fn the_distance_to_the_floor_is_as_computed_by_hand() {
        let arithmetic = report().arithmetic.unwrap();
        assert_eq!(
            (arithmetic.mac_per_frame, arithmetic.spent_ns, arithmetic.floor_ns, arithmetic.ratio_to_floor),
            (810_020, 120_000.0, 60_000.0, 2.0)
        );
        assert!((arithmetic.mac_per_sec - 810_020.0 / 60e-6).abs() < 1.0);
    }

    #[test]
    fn the_table_shows_every_figure() {
        let table = report().table();
        for part in ["60.0", "beatnet-1 + beatnet-2", "0 per hop", "123 x real time", "12.3 MB", "2.00 x the floor", "50.0 %"] {
            assert!(table.contains(part), "{part}\n{table}");
        }
        assert!(table.lines().all(|line| line.trim_end() == line), "{table}");
    }

    #[test]
    fn the_json_is_versioned_and_flat_where_it_matters() {
        let json: serde_json::Value = serde_json::from_str(&report().json()).unwrap();
        assert_eq!((&json["format"], &json["hot"]["stages"][1]["median_ns"]), (&1.into(), &60_000.into()));
        assert_eq!(json["at_pace"]["whole_hop"]["p99_ns"], 70_000);
    }
}
