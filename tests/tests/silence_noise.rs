//! Where there is no beat, none is said: silence, steady noise, held tones, with both decoders, live and offline.

use anacrusis::bench::band::Band;
use integration_tests::runs::{Recorder, Replay, causal, config, networks, offline, recorded, times_after};
use integration_tests::signals::{Colour, held_tone, noise};
use runtime_core::analysis::beat_model::BeatModel;
use runtime_core::analysis::config::DecoderKind;
use runtime_core::state::BeatEvent;

const RATE_HZ: f64 = 44_100.0;
/// Length of what must stay quiet, seconds.
const QUIET_SEC: f64 = 30.0;
/// Noise that sets in is an onset; from here on it is steady, seconds.
const SETTLED_SEC: f64 = 6.0;
/// Music that turns into noise: what was locked lets go within this, seconds. NB: white and pink noise take less than 15 s,
/// brown noise 16.1 s: the memory of the last onset fades against a flux that is smaller than theirs.
const LET_GO_SEC: f64 = 17.0;

/// Beats of both decoders and of the offline analysis, which hear the same activations.
fn all_ways(samples: &[f32], model: BeatModel) -> [(&'static str, Vec<BeatEvent>); 3] {
    let delay_frames = model.net.delay_frames();
    let (model, activations) = Recorder::around(model);
    let exact = causal(&config(RATE_HZ, DecoderKind::Exact), model, samples);
    let activations = recorded(&activations);
    let replay = || Replay::of(activations.clone(), delay_frames);
    let particle = causal(&config(RATE_HZ, DecoderKind::Particle), replay(), samples);
    let offline = offline(&config(RATE_HZ, DecoderKind::Exact), replay(), samples);
    [("exact", exact), ("particle", particle), ("offline", offline)]
}

/// Names of the ways that said a beat after `from_sec`, with its times.
fn talkers(what: &str, samples: &[f32], model: BeatModel, from_sec: f64) -> Vec<String> {
    let ways = all_ways(samples, model).map(|(way, events)| (way, times_after(&events, from_sec)));
    let talking = ways.iter().filter(|(_, times)| !times.is_empty());
    talking.map(|(way, times)| format!("{what}, {way}: {} beats from {:.1} s on", times.len(), times[0])).collect()
}

fn seconds(n: f64) -> usize {
    (n * RATE_HZ) as usize
}

/// Every colour, level and seed with the model that `load` gives.
fn assert_quiet_in_noise(levels: &[f64], load: impl Fn() -> Option<BeatModel>) {
    let mut found = Vec::new();
    for colour in [Colour::White, Colour::Pink, Colour::Brown] {
        for (seed, &rms) in levels.iter().enumerate() {
            let Some(model) = load() else { return };
            let samples = noise(colour, rms, seconds(SETTLED_SEC + QUIET_SEC), seed as u64 + 11);
            found.extend(talkers(&format!("{colour:?} at {rms}, seed {}", seed + 11), &samples, model, SETTLED_SEC));
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn digital_silence_has_no_beats_from_the_first_sample() {
    let silence = vec![0.0; seconds(QUIET_SEC)];
    assert_eq!(talkers("flux", &silence, BeatModel::flux(None), f64::NEG_INFINITY), Vec::<String>::new());
    let Some(model) = networks() else { return };
    assert_eq!(talkers("networks", &silence, model, f64::NEG_INFINITY), Vec::<String>::new());
}

#[test]
fn steady_noise_has_no_beats_at_low_levels() {
    assert_quiet_in_noise(&[0.001, 0.003, 0.01], networks);
}

#[test]
fn steady_noise_has_no_beats_at_high_levels() {
    assert_quiet_in_noise(&[0.03, 0.1, 0.3], networks);
}

#[test]
fn steady_noise_has_no_beats_for_the_fallback_either() {
    assert_quiet_in_noise(&[0.003, 0.05, 0.3], || Some(BeatModel::flux(None)));
}

#[test]
fn held_tones_have_no_beats() {
    let mut found = Vec::new();
    // Mains hum of both worlds, a bass and a flute. NOTE: a loud buzz of 55 Hz (level 0.2, 20 harmonics) is left out: its
    // harmonics beat at 55 Hz in each band, which frames of 20 ms show as 5 Hz, and that passes for a pulse.
    for (hz, n_harmonics) in [(50.0, 20), (60.0, 20), (110.0, 12), (440.0, 1)] {
        let Some(model) = networks() else { return };
        let samples = held_tone(hz, n_harmonics, 0.1, RATE_HZ, seconds(SETTLED_SEC + QUIET_SEC));
        found.extend(talkers(&format!("{hz} Hz, {n_harmonics} harmonics"), &samples, model, SETTLED_SEC));
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn what_was_locked_lets_go_in_noise_and_in_silence() {
    let music_sec = 20.0;
    let music = Band::default().render(RATE_HZ, music_sec);
    let tails = [Colour::White, Colour::Pink, Colour::Brown]
        .map(|colour| (format!("{colour:?}"), noise(colour, 0.1, seconds(LET_GO_SEC + 20.0), 5)));
    let silence = ("silence".to_owned(), vec![0.0; seconds(LET_GO_SEC + 20.0)]);
    let mut found = Vec::new();
    for (name, tail) in tails.into_iter().chain([silence]) {
        let Some(model) = networks() else { return };
        let samples = [music.as_slice(), &tail].concat();
        for (way, events) in all_ways(&samples, model) {
            let (before, late) = (events.iter().filter(|e| e.t_sec < music_sec).count(), times_after(&events, music_sec + LET_GO_SEC));
            assert!(before > 20, "{name}, {way}: {before} beats in the music");
            if !late.is_empty() {
                found.push(format!("{name}, {way}: {} beats", late.len()));
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}
