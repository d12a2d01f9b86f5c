//! What `eval` scores besides our own run: another program's beats, BeatNet's cascade, activations that know the truth.

#![allow(clippy::unwrap_used, reason = "a test that fails panics")]

mod common;

use std::path::Path;

use anacrusis::bench::band::Band;
use common::{RATE_HZ, Ran, anacrusis, run, write_wav};
use serde_json::Value;

const N_SECONDS: f64 = 20.0;

/// A piece of the synthetic band.
fn corpus() -> tempfile::TempDir {
    let (folder, band) = (tempfile::tempdir().unwrap(), Band::default());
    write_wav(&folder.path().join("a.wav"), &band.render(f64::from(RATE_HZ), N_SECONDS), RATE_HZ);
    std::fs::write(folder.path().join("a.beats"), rows(|time_sec, place| format!("{time_sec}\t{place}\n"))).unwrap();
    folder
}

/// A row for each beat of the piece.
fn rows(row: impl Fn(f64, usize) -> String) -> String {
    Band::default().beats_sec(N_SECONDS).into_iter().enumerate().map(|(n, time_sec)| row(time_sec, n % 4 + 1)).collect()
}

fn eval(corpus: &Path, options: &[&str]) -> Ran {
    run(anacrusis().args(["eval", "--corpus"]).arg(corpus).args(options))
}

fn report(ran: &Ran) -> Value {
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    serde_json::from_str(&ran.stdout).unwrap()
}

#[test]
fn another_programs_beats_are_scored_like_ours() {
    let (corpus, said) = (corpus(), tempfile::tempdir().unwrap());
    let folder = said.path().to_str().unwrap();
    let ran = eval(corpus.path(), &["--beats", folder]);
    assert!(ran.code == 2 && ran.stderr.contains("no beats for ") && ran.stderr.contains("a.events.tsv"), "{}", ran.stderr);

    std::fs::write(said.path().join("a.beats"), rows(|time_sec, place| format!("{time_sec}\t{place}\n"))).unwrap();
    let scores = &report(&eval(corpus.path(), &["--json", "--beats", folder]))["clips"][0]["tracker"];
    assert_eq!((&scores["f70"], &scores["downbeat_f70"], &scores["live0"]), (&1.0.into(), &1.0.into(), &0.0.into()));

    // Half a beat off, and announced ahead.
    let late = rows(|time_sec, place| format!("{}\t{time_sec}\t{place}\n", time_sec + 0.25));
    std::fs::write(said.path().join("a.events.tsv"), late).unwrap();
    let said = report(&eval(corpus.path(), &["--json", "--beats", folder]));
    assert_eq!(said["configuration"]["mode"], "foreign");
    assert_eq!(said["clips"][0]["tracker"]["failure"], "off_beat");
    let text = eval(corpus.path(), &["--failures", "--beats", folder]).stdout;
    assert!(text.contains("failures: 1 of 1 pieces") && text.contains("off-beat: 1\n  a: F70 0.000"), "{text}");

    let ran = eval(corpus.path(), &["--beats", folder, "--offline"]);
    assert!(ran.code == 2 && ran.stderr.contains("cannot be used with"), "{}", ran.stderr);
}

#[test]
fn the_truth_in_part_or_whole_is_not_worse_than_the_network() {
    let corpus = corpus();
    let f70 = |options: &[&str]| {
        let said = report(&eval(corpus.path(), &[&["--json"], options].concat()));
        (said["clips"][0]["tracker"]["f70"].as_f64().unwrap(), said["configuration"]["activation"].as_str().unwrap().to_owned())
    };
    let (network, _) = f70(&[]);
    for oracle in ["beat", "all"] {
        for mode in ["--causal", "--offline"] {
            let (known, name) = f70(&["--oracle", oracle, mode]);
            assert!(known >= network - 0.02 && known > 0.9, "{oracle} {mode}: {known}, network {network}");
            assert!(name.ends_with(&format!("oracle: {oracle}")), "{name}");
        }
    }
    assert!(f70(&["--oracle", "split"]).0 > 0.8);
}

#[test]
fn beatnets_cascade_is_a_decoder_of_eval() {
    let corpus = corpus();
    let said = report(&eval(corpus.path(), &["--json", "--cascade", "repaired"]));
    assert_eq!(said["configuration"]["decoder"], "BeatNet's cascade, repaired");
    let scores = &said["clips"][0]["tracker"];
    assert!(scores["f70"].as_f64().unwrap() > 0.8 && scores["live0"] == 0.0, "{scores}");
    let ran = eval(corpus.path(), &["--cascade", "upstream", "--decoder", "particle"]);
    assert!(ran.code == 2 && ran.stderr.contains("cannot be used with"), "{}", ran.stderr);
}
