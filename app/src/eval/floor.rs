//! The deaf metronome: the score that a tracker gets for not listening. Any thread.
//!
//! A figure that does not beat this one says nothing about hearing. Conventions, chosen to be those of the stored
//! baselines: 120 BPM, beats from 0 to the end of the audio, bars of four with a downbeat at 0, and every beat is
//! announced one beat ahead, since whoever does not listen has nothing to wait for.

use super::{Tracked, TrackedBeat};

/// Tempo of the metronome, BPM.
pub const FLOOR_BPM: f64 = 120.0;
/// Beats per bar of the metronome.
pub const FLOOR_BEATS_PER_BAR: u8 = 4;
/// How far ahead each beat is announced, beats.
pub const FLOOR_LEAD_BEATS: f64 = 1.0;

/// What the metronome says of a piece of `duration_sec` seconds.
pub fn metronome(duration_sec: f64) -> Tracked {
    let spb = 60.0 / FLOOR_BPM;
    let n_beats = (duration_sec / spb).ceil().max(0.0) as u32;
    let beat = |idx: u32| {
        let time_sec = f64::from(idx) * spb;
        let beat_in_bar = (idx % u32::from(FLOOR_BEATS_PER_BAR)) as u8 + 1;
        TrackedBeat { time_sec, announce_sec: time_sec - FLOOR_LEAD_BEATS * spb, beat_in_bar, bpm: FLOOR_BPM, conf: 0.0 }
    };
    Tracked { beats: (0..n_beats).map(beat).collect(), duration_sec, cpu_sec: 0.0 }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::{EvalOptions, run};
    use super::*;

    #[test]
    fn two_and_a_half_seconds_hold_five_beats_and_the_fifth_is_a_downbeat() {
        let said = metronome(2.5);
        let times: Vec<f64> = said.beats.iter().map(|beat| beat.time_sec).collect();
        let positions: Vec<u8> = said.beats.iter().map(|beat| beat.beat_in_bar).collect();
        assert_eq!((times, positions), (vec![0.0, 0.5, 1.0, 1.5, 2.0], vec![1, 2, 3, 4, 1]));
        assert_eq!(said.beats[1].announce_sec, 0.0);
    }

    #[test]
    fn no_audio_has_no_beats() {
        assert!(metronome(0.0).beats.is_empty());
    }

    /// The stored baselines have three digits.
    const BASELINE_TOLERANCE: f64 = 0.005;

    /// Holds the conventions at the head of this file to the figures that other trackers were compared with. Runs only
    /// where the evaluation corpus lies beside the checkout.
    #[test]
    fn the_metronome_scores_what_the_stored_baselines_say() {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/eval");
        let Ok(manifest) = std::fs::read(corpus.join("manifest.json")) else { return };
        let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
        let duration_sec = |audio: &Path| {
            let is_it = |piece: &&serde_json::Value| piece["audio"].as_str().is_some_and(|name| audio.ends_with(name));
            manifest["pieces"].as_array().unwrap().iter().find(is_it).unwrap()["duration_s"].as_f64().unwrap()
        };
        let report = run(&EvalOptions::new(&corpus), &|audio| Ok(metronome(duration_sec(audio)))).unwrap();
        let all = &report.subsets[0];
        assert_eq!(all.tracker, all.floor);
        for (key, expected) in [("f70", 0.368), ("f25", 0.165), ("downbeat_f70", 0.107), ("cmlt", 0.246), ("amlt", 0.266), ("live0", 0.361)]
        {
            let got = all.floor.means[key].mean;
            assert!((got - expected).abs() <= BASELINE_TOLERANCE, "{key}: {got}, stored {expected}");
        }
    }
}
