//! Frozen outputs of the exact decoder and the offline path on the stored activations: a change shows here first.
//!
//! Where a change is meant, write the files anew and commit them with it:
//!
//! ```text
//! ANACRUSIS_BLESS=1 cargo test -p integration-tests --test golden_exact
//! ```

use std::fmt::Write;

use integration_tests::golden::{CLIPS, Manifest, clip_activations, clip_mean_activations, files_in};
use integration_tests::golden_dir;
use runtime_core::analysis::activation::Activation;
use runtime_core::analysis::config::{Meter, TempoRange};
use runtime_core::analysis::decoder::{BeatPosterior, Decoder as _};
use runtime_core::analysis::exact::ExactDecoder;
use runtime_core::analysis::viterbi::ViterbiDecoder;

/// Largest difference of a number: other processors round exponentials and sums otherwise.
const TOLERANCE: f64 = 1e-3;
/// Every so many frames the belief is written down (half a second).
const FRAMES_PER_ROW: usize = 25;
/// Set to anything, it makes the test write the files in place of comparing them.
const BLESS: &str = "ANACRUSIS_BLESS";

/// A table: a line of names, then numbers.
fn posterior_table(activations: &[Activation]) -> String {
    let mut decoder = ExactDecoder::new(TempoRange::default(), Meter::Auto);
    let mut posterior = BeatPosterior::default();
    let mut text = "frame\tinterval_frames\tframes_to_beat\tconf\tbeats_per_bar\tbeat_in_bar\tdownbeat_prob\tpulse_nats\n".to_owned();
    for (frame, activation) in activations.iter().enumerate() {
        decoder.step(activation, &mut posterior);
        if (frame + 1) % FRAMES_PER_ROW == 0 {
            let p = &posterior;
            writeln!(
                text,
                "{frame}\t{:.5}\t{:.5}\t{:.5}\t{}\t{}\t{:.5}\t{:.5}",
                p.interval_frames, p.frames_to_beat, p.conf, p.beats_per_bar, p.beat_in_bar, p.downbeat_prob, p.pulse_nats
            )
            .expect("writing to a String cannot fail");
        }
    }
    text
}

/// A table of the best path's beats.
fn path_table(activations: &[Activation]) -> String {
    let mut decoder = ViterbiDecoder::new(TempoRange::default(), Meter::Auto);
    let mut text = "frame\tinterval_frames\tbeat_in_bar\tbeats_per_bar\n".to_owned();
    let mut on_beat = |beat: runtime_core::analysis::viterbi::PathBeat| {
        writeln!(text, "{}\t{}\t{}\t{}", beat.frame, beat.interval_frames, beat.beat_in_bar, beat.beats_per_bar)
            .expect("writing to a String cannot fail");
    };
    activations.iter().for_each(|activation| decoder.step(activation, &mut on_beat));
    decoder.finish(&mut on_beat);
    text
}

/// Every frozen file: name and contents as the present code has them.
fn tables() -> Vec<(String, String)> {
    let inputs = CLIPS
        .iter()
        .flat_map(|clip| [(format!("{clip}.mean"), clip_mean_activations(clip)), (format!("{clip}.m1"), clip_activations(clip, 1))]);
    inputs
        .flat_map(|(name, activations)| {
            [(format!("{name}.posterior.tsv"), posterior_table(&activations)), (format!("{name}.path.tsv"), path_table(&activations))]
        })
        .collect()
}

fn bless(tables: &[(String, String)]) {
    let folder = golden_dir().join("exact");
    std::fs::create_dir_all(&folder).expect("a writable folder");
    for old in files_in(&folder) {
        std::fs::remove_file(folder.join(old.path)).expect("a writable folder");
    }
    for (name, text) in tables {
        std::fs::write(folder.join(name), text).expect("a writable folder");
    }
    let manifest = Manifest {
        format: 1,
        content: "Belief of the exact decoder every 25 frames (*.posterior.tsv) and beats of the offline path (*.path.tsv) on \
                  tests/golden/activations: mean of the three weight sets (mean) and weight set 1 (m1)."
            .to_owned(),
        generator: format!("{BLESS}=1 cargo test -p integration-tests --test golden_exact"),
        tolerance: [("every number".to_owned(), TOLERANCE)].into(),
        files: files_in(&folder),
    };
    let text = serde_json::to_string_pretty(&manifest).expect("strings and numbers make JSON") + "\n";
    std::fs::write(folder.join("MANIFEST.json"), text).expect("a writable folder");
}

/// The first line that differs by more than the tolerance, with its number.
fn first_difference(ours: &str, frozen: &str) -> Option<String> {
    let same = |a: &str, b: &str| a == b || matches!((a.parse::<f64>(), b.parse::<f64>()), (Ok(a), Ok(b)) if (a - b).abs() <= TOLERANCE);
    let same_line =
        |a: &str, b: &str| a.split('\t').count() == b.split('\t').count() && a.split('\t').zip(b.split('\t')).all(|(a, b)| same(a, b));
    if ours.lines().count() != frozen.lines().count() {
        return Some(format!("{} lines, expected {}", ours.lines().count(), frozen.lines().count()));
    }
    let mut lines = ours.lines().zip(frozen.lines()).enumerate();
    lines.find(|(_, (a, b))| !same_line(a, b)).map(|(n, (a, b))| format!("line {}:\n  {a}\nexpected\n  {b}", n + 1))
}

#[test]
fn the_exact_decoder_believes_what_it_believed() {
    let tables = tables();
    if std::env::var_os(BLESS).is_some() {
        bless(&tables);
    }
    for (name, ours) in &tables {
        let frozen = std::fs::read_to_string(golden_dir().join("exact").join(name)).expect("a frozen table; see the top of this file");
        if let Some(difference) = first_difference(ours, &frozen) {
            panic!("{name}, {difference}\nIf the change is meant, see the top of this file.");
        }
    }
}

#[test]
fn a_difference_is_noticed() {
    assert_eq!(first_difference("a\tb\n1\t2.00001\n", "a\tb\n1\t2.0\n"), None);
    for changed in ["a\tb\n1\t2.1\n", "a\tb\n1\n", "a\tb\n", "a\tc\n1\t2.0\n"] {
        assert!(first_difference(changed, "a\tb\n1\t2.0\n").is_some(), "{changed:?}");
    }
}
