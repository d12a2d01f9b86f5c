//! The one list of what is averaged over pieces: key in the JSON, title in the table, and how to get it. Any thread.

use super::clip::ClipScores;

/// Which way is up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Better {
    /// More is better.
    Higher,
    /// Less is better.
    Lower,
}

/// A figure that every piece has and that is averaged over pieces.
pub struct Metric {
    /// Name in the JSON report.
    pub key: &'static str,
    /// Name in the table.
    pub title: &'static str,
    /// Which way is up.
    pub better: Better,
    /// The figure of a piece; `None` = the piece does not count.
    pub get: fn(&ClipScores) -> Option<f64>,
}

/// Every averaged figure, in the order of the table.
pub const METRICS: [Metric; 19] = [
    higher("f70", "F70", |clip| Some(clip.f70)),
    higher("f25", "F25", |clip| Some(clip.f25)),
    higher("downbeat_f70", "downbeat F70", |clip| clip.downbeat_f70),
    higher("f70_no_skip", "F70, no skip", |clip| Some(clip.f70_no_skip)),
    higher("downbeat_f70_no_skip", "downbeat F70, no skip", |clip| clip.downbeat_f70_no_skip),
    higher("cmlc", "CMLc", |clip| Some(clip.cmlc)),
    higher("cmlt", "CMLt", |clip| Some(clip.cmlt)),
    higher("amlc", "AMLc", |clip| Some(clip.amlc)),
    higher("amlt", "AMLt", |clip| Some(clip.amlt)),
    higher("cemgil", "Cemgil", |clip| Some(clip.cemgil)),
    higher("information_gain", "information gain", |clip| clip.information_gain),
    higher("live0", "live0", |clip| Some(clip.live0)),
    higher("live50", "live50", |clip| Some(clip.live50)),
    higher("acc1", "tempo Acc1", |clip| Some(share(clip.acc1))),
    higher("acc2", "tempo Acc2", |clip| Some(share(clip.acc2))),
    Metric { key: "lock_sec", title: "time to lock, s", better: Better::Lower, get: |clip| Some(clip.lock_sec) },
    higher("longest_run", "longest run", |clip| Some(clip.longest_run)),
    Metric { key: "slip", title: "slips once locked", better: Better::Lower, get: |clip| clip.slipped.map(share) },
    higher("usable", "usable", |clip| Some(share(clip.usable))),
];

/// The metric of a key.
pub fn metric(key: &str) -> Option<&'static Metric> {
    METRICS.iter().find(|metric| metric.key == key)
}

const fn higher(key: &'static str, title: &'static str, get: fn(&ClipScores) -> Option<f64>) -> Metric {
    Metric { key, title, better: Better::Higher, get }
}

/// A yes as 1, so that the mean is the share of pieces.
fn share(yes: bool) -> f64 {
    if yes { 1.0 } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_unique_and_found() {
        for (idx, one) in METRICS.iter().enumerate() {
            assert!(METRICS[..idx].iter().all(|other| other.key != one.key), "{}", one.key);
            assert!(metric(one.key).is_some_and(|found| found.title == one.title));
        }
        assert!(metric("none").is_none());
    }
}
