//! The demo's own clip through the whole engine, as the README's first command runs it: tempo, meter, beats and their
//! announcement, with our own network, with BeatNet's where they are embedded, and on the fallback.

use anacrusis::eval::metrics::{WINDOW_SEC, f_measure};
use integration_tests::golden_dir;
use integration_tests::runs::chosen;
use runtime_core::analysis::beat_model::BeatModel;
use runtime_core::analysis::config::EngineConfig;
use runtime_core::analysis::engine::Engine;
use runtime_core::bus::marks::ModelChoice;
use runtime_core::state::BeatEvent;
use xtask::demo_clip::{AUDIO_FILE, BEATS_FILE, BEATS_PER_BAR, TEMPO_BPM};

/// Seconds at the start that a tracker may need to lock.
const SETTLE_SEC: f64 = 4.0;
/// Beats that must be found after that, as F-measure at 70 ms.
const MIN_F_MEASURE: f64 = 0.95;
/// Downbeats that must be found once bars are settled, as F-measure at 70 ms.
const MIN_DOWNBEAT_F_MEASURE: f64 = 0.8;
/// How far the tempo of the last beats may be off, as a share.
const TEMPO_TOLERANCE: f64 = 0.01;
/// Share of the beats that must be announced no later than they fall.
const MIN_AHEAD_SHARE: f64 = 0.95;

struct Run {
    /// Beats with the seconds of input consumed when they were announced.
    beats: Vec<(BeatEvent, f64)>,
    last_bpm: f64,
}

fn run(model: BeatModel) -> Run {
    let mut reader = hound::WavReader::open(golden_dir().join("demo").join(AUDIO_FILE)).expect("the clip is in the repository");
    let rate_hz = f64::from(reader.spec().sample_rate);
    let samples: Vec<f32> = reader.samples::<i16>().map(|sample| f32::from(sample.expect("a whole file")) / 32_768.0).collect();
    let mut engine = Engine::new(&EngineConfig::new(rate_hz), model).expect("the defaults are valid");
    let mut out = Run { beats: Vec::new(), last_bpm: 0.0 };
    engine.process(&samples, |report| {
        let event = report.update.and_then(|update| update.event);
        out.beats.extend(event.map(|event| (event, report.samples_received.to_stream_sec(rate_hz).0)));
        out.last_bpm = 60.0 / report.state.timeline.spb;
    });
    out
}

/// Times of the known beats, and of the downbeats among them, after the settling time.
fn known() -> (Vec<f64>, Vec<f64>) {
    let text = std::fs::read_to_string(golden_dir().join("demo").join(BEATS_FILE)).expect("the beats are in the repository");
    let rows: Vec<(f64, &str)> =
        text.lines().map(|line| line.split_once('\t').map(|(t, p)| (t.parse().expect("seconds"), p)).expect("two columns")).collect();
    let after = |rows: Vec<&(f64, &str)>| rows.into_iter().map(|row| row.0).filter(|&t| t >= SETTLE_SEC).collect();
    (after(rows.iter().collect()), after(rows.iter().filter(|row| row.1 == "1").collect()))
}

fn check(run: &Run) {
    let settled: Vec<&(BeatEvent, f64)> = run.beats.iter().filter(|(event, _)| event.t_sec >= SETTLE_SEC).collect();
    let times_sec: Vec<f64> = settled.iter().map(|(event, _)| event.t_sec).collect();
    let f70 = f_measure(&known().0, &times_sec, WINDOW_SEC);
    assert!(f70 >= MIN_F_MEASURE, "F70 {f70}");
    assert!((run.last_bpm / TEMPO_BPM - 1.0).abs() < TEMPO_TOLERANCE, "{} BPM", run.last_bpm);
    let n_ahead = settled.iter().filter(|(event, said_sec)| *said_sec <= event.t_sec).count();
    assert!(n_ahead as f64 >= MIN_AHEAD_SHARE * settled.len() as f64, "{n_ahead} of {} ahead", settled.len());
}

#[test]
fn the_networks_find_tempo_beats_and_bars() {
    for choice in [ModelChoice::Auto, ModelChoice::BeatNet] {
        let Some(model) = chosen(choice) else { continue };
        let run = run(model);
        check(&run);
        let (last, _) = run.beats.last().expect("beats were found");
        assert_eq!(u32::from(last.beats_per_bar), BEATS_PER_BAR, "{choice:?}");
        // From the verse on: bars are not settled in the introduction, which has no backbeat.
        let downbeats: Vec<f64> = run.beats.iter().filter(|(event, _)| event.beat_in_bar == 1).map(|(event, _)| event.t_sec).collect();
        let late = |times: &[f64]| times.iter().copied().filter(|&t| t >= 2.0 * SETTLE_SEC).collect::<Vec<_>>();
        let f70 = f_measure(&late(&known().1), &late(&downbeats), WINDOW_SEC);
        assert!(f70 >= MIN_DOWNBEAT_F_MEASURE, "{choice:?}: downbeat F70 {f70}");
    }
}

#[test]
fn the_fallback_finds_tempo_and_beats() {
    check(&run(BeatModel::flux(None)));
}
