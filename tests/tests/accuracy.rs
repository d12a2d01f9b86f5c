//! The figures that we promise, on the annotated corpus beside the checkout; passes, aloud, where there is none.
//!
//! Each piece is decoded once and its networks run once; both decoders, the offline analysis and the flux fallback follow
//! on it. No setting differs between pieces.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anacrusis::analyzer::Analyzer;
use anacrusis::decode::AudioReader;
use anacrusis::document::Mode;
use anacrusis::eval::report::{ALL, Subset};
use anacrusis::eval::{self, EvalOptions, EvalReport, Tracked, TrackedBeat};
use integration_tests::runs::{Recorder, Replay, config, networks, recorded};
use integration_tests::{corpus_dir, say};
use runtime_core::analysis::beat_model::BeatModel;
use runtime_core::analysis::config::DecoderKind;

/// Least F-measure at 70 ms, exact decoder, causal.
const EXACT_F70: f64 = 0.81;
/// Least F-measure of downbeats.
const EXACT_DOWNBEAT_F70: f64 = 0.51;
/// Least continuity at any metrical level.
const EXACT_AMLT: f64 = 0.80;
/// Most that the beats announced in time may fall behind all beats.
const EXACT_LIVE0_LOSS: f64 = 0.015;
/// Least F-measure at 70 ms, particle decoder, causal.
const PARTICLE_F70: f64 = 0.755;
/// F-measure at 70 ms of aubio on the same corpus, which the fallback beats.
const AUBIO_F70: f64 = 0.567;

/// The ways a piece is tracked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    Exact,
    Particle,
    Offline,
    Flux,
}

/// What each way said of each piece.
type Said = BTreeMap<(Way, PathBuf), Tracked>;

/// Tracks one piece every way.
fn track(path: &Path, model: BeatModel) -> Result<Vec<(Way, Tracked)>, String> {
    let mut reader = AudioReader::open(path).map_err(|e| e.to_string())?;
    let rate_hz = f64::from(reader.info().sample_rate_hz);
    let (mut samples, mut block) = (Vec::new(), Vec::new());
    while reader.next_block(&mut block).map_err(|e| e.to_string())?.is_some() {
        samples.extend_from_slice(&block);
    }
    let run = |decoder, mode, model| {
        let mut analyzer = Analyzer::new(&config(rate_hz, decoder), model, mode).map_err(|e| e.to_string())?;
        samples.chunks(4096).for_each(|block| analyzer.process(block));
        let beat = |row: anacrusis::document::BeatRow| TrackedBeat {
            time_sec: row.event.t_sec,
            announce_sec: row.announce_sec,
            beat_in_bar: row.event.beat_in_bar,
            bpm: row.bpm,
            conf: f64::from(row.event.conf),
        };
        let beats = analyzer.finish().into_iter().map(beat).collect();
        Ok::<_, String>(Tracked { beats, duration_sec: samples.len() as f64 / rate_hz, cpu_sec: 0.0 })
    };
    let (model, activations) = Recorder::around(model);
    let exact = run(DecoderKind::Exact, Mode::Causal, model)?;
    let replay = || Replay::of(recorded(&activations));
    Ok(vec![
        (Way::Exact, exact),
        (Way::Particle, run(DecoderKind::Particle, Mode::Causal, replay())?),
        (Way::Offline, run(DecoderKind::Exact, Mode::Offline, replay())?),
        (Way::Flux, run(DecoderKind::Exact, Mode::Causal, BeatModel::flux(None))?),
    ])
}

fn subset(report: &EvalReport) -> &Subset {
    report.subsets.iter().find(|subset| subset.name == ALL).expect("a subset of all pieces")
}

fn mean(report: &EvalReport, metric: &str) -> f64 {
    subset(report).tracker.means[metric].mean
}

#[test]
fn the_corpus_is_tracked_as_well_as_promised() {
    let (Some(corpus), Some(_)) = (corpus_dir(), networks()) else { return };
    let options = EvalOptions::new(corpus);
    let said: Mutex<Said> = Mutex::default();
    // The first evaluation tracks every way and remembers; the others look up.
    let exact = eval::run(&options, &|path| {
        let ways = track(path, BeatModel::load_default())?;
        let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
        said.extend(ways.into_iter().map(|(way, tracked)| ((way, path.to_owned()), tracked)));
        Ok(said[&(Way::Exact, path.to_owned())].clone())
    })
    .expect("a corpus");
    assert_eq!(exact.n_failed(), 0);
    let said = said.into_inner().unwrap_or_else(PoisonError::into_inner);
    let report_of = |way| eval::run(&options, &|path| Ok(said[&(way, path.to_owned())].clone())).expect("a corpus");
    let (particle, offline, flux) = (report_of(Way::Particle), report_of(Way::Offline), report_of(Way::Flux));

    say(exact.table());
    say(format_args!("{:10}{:>8}{:>8}{:>8}{:>8}{:>8}{:>9}", "way", "F70", "downb", "CMLt", "AMLt", "live0", "bias ms"));
    for (name, report) in [("exact", &exact), ("particle", &particle), ("offline", &offline), ("flux", &flux)] {
        let [f70, downbeat, cmlt, amlt, live0] = ["f70", "downbeat_f70", "cmlt", "amlt", "live0"].map(|metric| mean(report, metric));
        let bias_ms = subset(report).tracker.pooled.bias_ms.unwrap_or(f64::NAN);
        say(format_args!("{name:10}{f70:8.4}{downbeat:8.4}{cmlt:8.4}{amlt:8.4}{live0:8.4}{bias_ms:9.1}"));
    }

    let claims = [
        ("exact F70", mean(&exact, "f70"), EXACT_F70),
        ("exact downbeat F70", mean(&exact, "downbeat_f70"), EXACT_DOWNBEAT_F70),
        ("exact AMLt", mean(&exact, "amlt"), EXACT_AMLT),
        ("exact live0", mean(&exact, "live0"), mean(&exact, "f70") - EXACT_LIVE0_LOSS),
        ("particle F70", mean(&particle, "f70"), PARTICLE_F70),
        ("flux F70", mean(&flux, "f70"), AUBIO_F70),
        ("offline F70 against causal", mean(&offline, "f70"), mean(&exact, "f70")),
        ("offline downbeat F70 against causal", mean(&offline, "downbeat_f70"), mean(&exact, "downbeat_f70")),
    ];
    let missed: Vec<String> = claims
        .iter()
        .filter(|(_, got, least)| got < least)
        .map(|(claim, got, least)| format!("{claim}: {got:.4}, promised {least:.4}"))
        .collect();
    assert!(missed.is_empty(), "{missed:#?}");
}
