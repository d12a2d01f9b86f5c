//! The figures that we promise, on the annotated corpus beside the checkout; passes, aloud, where there is none.
//!
//! Our own network must reach them and be better than BeatNet's, piece by piece; BeatNet's have promises of their own, which
//! are asked where they are embedded. Each set of networks runs once per piece; both decoders and the offline analysis
//! follow on what it said. No setting differs between pieces.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use anacrusis::analyzer::Analyzer;
use anacrusis::decode::AudioReader;
use anacrusis::document::Mode;
use anacrusis::eval::bootstrap::Estimate;
use anacrusis::eval::clip::ClipScores;
use anacrusis::eval::report::{ALL, ClipReport, REAL, Subset};
use anacrusis::eval::summary::paired_differences;
use anacrusis::eval::{self, EvalOptions, EvalReport, Tracked, TrackedBeat};
use integration_tests::runs::{Recorder, Replay, chosen, config, recorded};
use integration_tests::{corpus_dir, say};
use runtime_core::analysis::beat_model::BeatModel;
use runtime_core::analysis::config::DecoderKind;
use runtime_core::bus::marks::ModelChoice;

/// What our own network reaches at least, by default.
const PULSE_CLAIMS: [Claim; 5] = [
    (Way::Exact, "f70", 0.84),
    (Way::Exact, "downbeat_f70", 0.60),
    (Way::Exact, "cmlt", 0.69),
    (Way::Exact, "amlt", 0.84),
    (Way::Particle, "f70", 0.80),
];
/// What the mean of BeatNet's weight sets reaches at least.
const BEATNET_CLAIMS: [Claim; 4] =
    [(Way::Exact, "f70", 0.80), (Way::Exact, "downbeat_f70", 0.51), (Way::Exact, "amlt", 0.80), (Way::Particle, "f70", 0.755)];
/// Metrics that are compared with BeatNet's: not below on all pieces, and better beyond chance on recordings.
const COMPARED_METRICS: [&str; 2] = ["f70", "downbeat_f70"];
/// Most that the beats announced in time may fall behind all beats, as F-measure.
const MAX_LIVE0_LOSS: f64 = 0.015;
/// F-measure at 70 ms of aubio on the same corpus, which the fallback beats.
const AUBIO_F70: f64 = 0.567;

/// A metric of a way of tracking, and the least that is promised of it.
type Claim = (Way, &'static str, f64);
/// What one set of networks does, each way.
type Reports = BTreeMap<Way, EvalReport>;

/// The ways a piece is tracked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    /// Live, the default.
    Exact,
    Particle,
    Offline,
}

/// Samples of a piece, mono, and their rate, Hz.
fn read(path: &Path) -> Result<(Vec<f32>, f64), String> {
    let mut reader = AudioReader::open(path).map_err(|e| e.to_string())?;
    let (mut samples, mut block) = (Vec::new(), Vec::new());
    while reader.next_block(&mut block).map_err(|e| e.to_string())?.is_some() {
        samples.extend_from_slice(&block);
    }
    Ok((samples, f64::from(reader.info().sample_rate_hz)))
}

/// Tracks samples one way.
fn track(samples: &[f32], rate_hz: f64, way: Way, model: BeatModel) -> Result<Tracked, String> {
    let (decoder, mode) = match way {
        Way::Exact => (DecoderKind::Exact, Mode::Causal),
        Way::Particle => (DecoderKind::Particle, Mode::Causal),
        Way::Offline => (DecoderKind::Exact, Mode::Offline),
    };
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
    Ok(Tracked { beats, duration_sec: samples.len() as f64 / rate_hz, cpu_sec: 0.0 })
}

/// Tracks one piece every way, with one run of the networks.
fn track_every_way(path: &Path, model: BeatModel) -> Result<[(Way, Tracked); 3], String> {
    let (samples, rate_hz) = read(path)?;
    let delay_frames = model.net.delay_frames();
    let (model, activations) = Recorder::around(model);
    let exact = track(&samples, rate_hz, Way::Exact, model)?;
    let replay = |way| track(&samples, rate_hz, way, Replay::of(recorded(&activations), delay_frames)).map(|tracked| (way, tracked));
    Ok([(Way::Exact, exact), replay(Way::Particle)?, replay(Way::Offline)?])
}

/// What the embedded networks of a choice do on the corpus.
fn evaluate(corpus: &Path, choice: ModelChoice) -> Reports {
    let options = EvalOptions::new(corpus);
    let said: Mutex<BTreeMap<(Way, PathBuf), Tracked>> = Mutex::default();
    // The first evaluation tracks every way and remembers; the others look up.
    let exact = eval::run(&options, &|path| {
        let ways = track_every_way(path, BeatModel::load(choice))?;
        let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
        said.extend(ways.map(|(way, tracked)| ((way, path.to_owned()), tracked)));
        Ok(said[&(Way::Exact, path.to_owned())].clone())
    })
    .expect("a corpus");
    assert_eq!(exact.n_failed(), 0);
    let said = said.into_inner().unwrap_or_else(PoisonError::into_inner);
    let report_of = |way| (way, eval::run(&options, &|path| Ok(said[&(way, path.to_owned())].clone())).expect("a corpus"));
    let reports: Reports = [(Way::Exact, exact), report_of(Way::Particle), report_of(Way::Offline)].into();
    for (way, report) in &reports {
        say_figures(&format!("{choice:?}, {way:?}"), report);
    }
    reports
}

/// What runs by default does on the corpus, tracked once for all tests; `None`, said aloud, without a corpus or networks.
fn default_reports() -> Option<&'static (PathBuf, Reports)> {
    static REPORTS: OnceLock<Option<(PathBuf, Reports)>> = OnceLock::new();
    let evaluate = || {
        let corpus = corpus_dir()?;
        chosen(ModelChoice::Auto)?;
        let reports = evaluate(&corpus, ModelChoice::Auto);
        say(reports[&Way::Exact].table());
        Some((corpus, reports))
    };
    REPORTS.get_or_init(evaluate).as_ref()
}

fn say_figures(name: &str, report: &EvalReport) {
    let figures = ["f70", "downbeat_f70", "cmlt", "amlt", "live0"].map(|metric| format!("{metric} {:.4}", mean(report, metric)));
    let bias_ms = subset(report).tracker.pooled.bias_ms.unwrap_or(f64::NAN);
    say(format_args!("{name}: {}, bias {bias_ms:.1} ms", figures.join(", ")));
}

fn subset(report: &EvalReport) -> &Subset {
    report.subsets.iter().find(|subset| subset.name == ALL).expect("a subset of all pieces")
}

fn mean(report: &EvalReport, metric: &str) -> f64 {
    subset(report).tracker.means[metric].mean
}

/// What is claimed, what was found, and the least that is right.
type Finding = (String, f64, f64);

/// The promises, and what holds for every network: beats are said in time, and hindsight helps.
fn findings(reports: &Reports, claims: &[Claim]) -> Vec<Finding> {
    let figure = |way, metric| mean(&reports[&way], metric);
    let promised = claims.iter().map(|&(way, metric, least)| (format!("{way:?} {metric}"), figure(way, metric), least));
    let in_time = ("live0".to_owned(), figure(Way::Exact, "live0"), figure(Way::Exact, "f70") - MAX_LIVE0_LOSS);
    let hindsight = ["f70", "downbeat_f70"]
        .map(|metric| (format!("offline {metric} against live"), figure(Way::Offline, metric), figure(Way::Exact, metric)));
    promised.chain([in_time]).chain(hindsight).collect()
}

fn assert_all(findings: &[Finding]) {
    let missed = findings.iter().filter(|(_, got, least)| got < least);
    let missed: Vec<String> = missed.map(|(claim, got, least)| format!("{claim}: {got:.4}, promised {least:.4}")).collect();
    assert!(missed.is_empty(), "{missed:#?}");
}

/// Pieces that share a collection, and with it a kind of music; recordings are one group, whoever made them.
fn group(clip: &ClipReport) -> &str {
    match (clip.real, clip.id.split_once('_')) {
        (Some(true), _) => REAL,
        (_, Some((collection, _))) => collection,
        (_, None) => &clip.id,
    }
}

/// Differences of ours minus theirs by metric, of all pieces under [`ALL`] and of each group.
fn differences(ours: &EvalReport, theirs: &EvalReport) -> BTreeMap<String, BTreeMap<String, Estimate>> {
    let mut pairs: BTreeMap<String, Vec<(&ClipScores, &ClipScores)>> = BTreeMap::new();
    for (our_clip, their_clip) in ours.clips.iter().zip(&theirs.clips) {
        assert_eq!(our_clip.id, their_clip.id);
        let Some(pair) = our_clip.tracker.as_ref().zip(their_clip.tracker.as_ref()) else { continue };
        for name in [ALL, group(our_clip)] {
            pairs.entry(name.to_owned()).or_default().push(pair);
        }
    }
    pairs.into_iter().map(|(name, pairs)| (name, paired_differences(&pairs))).collect()
}

#[test]
fn our_network_tracks_the_corpus_as_well_as_promised() {
    let Some((_, reports)) = default_reports() else { return };
    assert_all(&findings(reports, &PULSE_CLAIMS));
}

#[test]
fn the_fallback_is_better_than_aubio() {
    let Some(corpus) = corpus_dir() else { return };
    let flux = eval::run(&EvalOptions::new(corpus), &|path| {
        let (samples, rate_hz) = read(path)?;
        track(&samples, rate_hz, Way::Exact, BeatModel::flux(None))
    })
    .expect("a corpus");
    say_figures("Flux, Exact", &flux);
    assert_all(&[("flux F70".to_owned(), mean(&flux, "f70"), AUBIO_F70)]);
}

#[test]
fn beatnet_keeps_its_promises_and_ours_is_better() {
    let Some((corpus, ours)) = default_reports() else { return };
    if chosen(ModelChoice::BeatNet).is_none() {
        return;
    }
    let beatnet = evaluate(corpus, ModelChoice::BeatNet);
    let mut findings = findings(&beatnet, &BEATNET_CLAIMS);
    let differences = differences(&ours[&Way::Exact], &beatnet[&Way::Exact]);
    for (name, by_metric) in &differences {
        for (metric, Estimate { mean, interval, n_pieces }) in by_metric {
            let interval = interval.map_or(String::new(), |[low, high]| format!(" [{low:+.3}, {high:+.3}]"));
            say(format_args!("ours minus BeatNet, {name} ({n_pieces}): {metric} {mean:+.3}{interval}"));
        }
    }
    // Downbeats are found more often on all pieces, recordings or not.
    let low = differences[ALL]["downbeat_f70"].interval.map_or(f64::NEG_INFINITY, |[low, _]| low);
    findings.push(("downbeat_f70 over BeatNet's, low end of the interval".to_owned(), low, f64::MIN_POSITIVE));
    for metric in COMPARED_METRICS {
        findings.push((format!("{metric} over BeatNet's"), differences[ALL][metric].mean, 0.0));
        let low = differences[REAL][metric].interval.map_or(f64::NEG_INFINITY, |[low, _]| low);
        // The smallest number above 0: an interval that begins at 0 does not exclude it.
        findings.push((format!("{metric} over BeatNet's on recordings, low end of the interval"), low, f64::MIN_POSITIVE));
    }
    assert_all(&findings);
}

#[test]
fn groups_are_collections_and_recordings() {
    let clip = |id: &str, real| ClipReport {
        id: id.to_owned(),
        kind: String::new(),
        genre: String::new(),
        real,
        status: anacrusis::eval::report::Status::TooShort,
        error: None,
        duration_sec: 0.0,
        cpu_sec: 0.0,
        n_beats: 0,
        tracker: None,
        floor: None,
    };
    assert_eq!(group(&clip("fd_map05", Some(false))), "fd");
    assert_eq!(group(&clip("us_flickr", Some(true))), REAL);
    assert_eq!(group(&clip("alone", None)), "alone");
}
