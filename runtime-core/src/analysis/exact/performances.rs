//! Performances of known beats through filter and tracker: meters, tempi between the steps, ramps, steps, off-beats, pauses.

use super::ExactDecoder;
use crate::analysis::activation::Activation;
use crate::analysis::config::{Meter, TempoRange};
use crate::analysis::decoder::{BeatPosterior, Decoder as _};
use crate::analysis::pipe::ActivationFrame;
use crate::analysis::tracker::{LABEL_OFFSET_SEC, Tracker};
use crate::state::BeatEvent;
use crate::units::{FRAME_SEC, FrameIdx, StreamSec};

/// How far the newest sample is ahead of the frame that is decided, seconds.
const LOOK_AHEAD_SEC: f64 = 0.043;

/// An onset: time in seconds, probability of a beat, probability of a downbeat.
type Onset = (f64, f32, f32);

/// Beats at `times_sec`, every `beats_per_bar`-th a downbeat.
fn beats(times_sec: &[f64], beats_per_bar: usize) -> Vec<Onset> {
    let of = |(k, &t): (usize, &f64)| if k % beats_per_bar == 0 { (t, 0.05, 0.9) } else { (t, 0.9, 0.05) };
    times_sec.iter().enumerate().map(of).collect()
}

/// Times from `from_sec` to `to_sec`, `spb` seconds apart.
fn steady(from_sec: f64, to_sec: f64, spb: f64) -> Vec<f64> {
    (0..((to_sec - from_sec) / spb) as usize).map(|k| from_sec + k as f64 * spb).collect()
}

/// An onset is seen this far from its moment, with a share that falls evenly to nothing: what our networks are trained to say.
const TARGET_WIDTH_SEC: f64 = 0.03;

/// What was announced, and the tempo that is shown at the end.
struct Heard {
    events: Vec<BeatEvent>,
    bpm: f64,
}

impl Heard {
    /// Largest distance of an announced beat after `from_sec` from the nearest of `times_sec`, and of each of those from the
    /// nearest announced one, seconds.
    fn worst_error_sec(&self, times_sec: &[f64], from_sec: f64) -> f64 {
        let said: Vec<f64> = self.events.iter().map(|event| event.t_sec).collect();
        let end_sec = said.last().copied().unwrap_or(0.0).min(times_sec.last().copied().unwrap_or(0.0));
        let distance = |t: f64, to: &[f64]| to.iter().map(|other| (t - other).abs()).fold(f64::INFINITY, f64::min);
        let of = |these: &[f64], those: &[f64]| {
            these.iter().filter(|&&t| t > from_sec && t < end_sec).map(|&t| distance(t, those)).fold(0.0, f64::max)
        };
        of(&said, times_sec).max(of(times_sec, &said))
    }

    /// Share of the beats announced after `from_sec` of which `is_right` holds.
    fn share(&self, from_sec: f64, is_right: impl Fn(&BeatEvent) -> bool) -> f64 {
        let late: Vec<_> = self.events.iter().filter(|event| event.t_sec > from_sec).collect();
        late.iter().filter(|event| is_right(event)).count() as f64 / late.len() as f64
    }
}

fn play(onsets: &[Onset], length_sec: f64) -> Heard {
    let mut decoder = ExactDecoder::new(TempoRange::default(), Meter::Auto);
    let (mut tracker, mut posterior, mut events) = (Tracker::default(), BeatPosterior::default(), Vec::new());
    let n_frames = (length_sec / FRAME_SEC) as usize;
    let mut activations = vec![Activation { beat: 0.005, downbeat: 0.005, none: 0.99 }; n_frames];
    for &(t_sec, beat, downbeat) in onsets {
        let frame_idx = (t_sec / FRAME_SEC) as usize;
        for idx in frame_idx.saturating_sub(1)..=frame_idx + 1 {
            let share = (1.0 - (t_sec - (idx as f64 + 0.5) * FRAME_SEC).abs() / TARGET_WIDTH_SEC).max(0.0) as f32;
            if let Some(activation) = activations.get_mut(idx).filter(|activation| activation.none > 1.0 - share * (beat + downbeat)) {
                *activation = Activation { beat: share * beat, downbeat: share * downbeat, none: 1.0 - share * (beat + downbeat) };
            }
        }
    }
    for (n, activation) in activations.iter().enumerate() {
        decoder.step(activation, &mut posterior);
        let time = StreamSec(n as f64 * FRAME_SEC);
        let flux = if activation.none < 0.9 { 0.3 } else { 0.01 };
        let frame = ActivationFrame { frame: FrameIdx(n as u64), time, activation: *activation, flux, rms: 0.1 };
        events.extend(tracker.step(&frame, &posterior, StreamSec(time.0 + LABEL_OFFSET_SEC + LOOK_AHEAD_SEC)));
    }
    Heard { events, bpm: 60.0 / tracker.shown_spb() }
}

#[test]
fn bars_of_two_to_seven_beats_are_told_apart() {
    // 2 is also 6/8 in dotted quarters, 3 is 9/8, 4 is 12/8.
    for beats_per_bar in 2..=7 {
        for spb in [0.4, 0.55, 0.8] {
            let heard = play(&beats(&steady(0.3, 60.0, spb), beats_per_bar), 60.0);
            let is_right = |event: &BeatEvent| {
                let k = ((event.t_sec - 0.3) / spb).round() as usize;
                (usize::from(event.beats_per_bar), usize::from(event.beat_in_bar)) == (beats_per_bar, k % beats_per_bar + 1)
            };
            let share = heard.share(30.0, is_right);
            assert!(share == 1.0, "{beats_per_bar} at {spb} s: {share}");
        }
    }
}

#[test]
fn compound_meters_beat_in_dotted_quarters() {
    // Eighths between the beats, as loud as subdivisions are to the networks.
    for (spb, beats_per_bar) in [(0.6, 2), (0.75, 3), (0.5, 4)] {
        let times_sec = steady(0.3, 40.0, spb);
        let mut onsets = beats(&times_sec, beats_per_bar);
        onsets.extend(times_sec.iter().flat_map(|t| [1.0, 2.0].map(|k| (t + k * spb / 3.0, 0.12, 0.01))));
        let heard = play(&onsets, 40.0);
        assert!((heard.bpm * spb - 60.0).abs() < 0.6, "{} BPM for {spb} s", heard.bpm);
        let error_sec = heard.worst_error_sec(&times_sec, 10.0);
        assert!(error_sec < 0.03, "{spb} s a beat: {error_sec} s");
    }
}

#[test]
fn a_tempo_between_the_steps_is_read_to_a_twentieth_of_a_bpm() {
    for bpm in [63.7, 97.15, 128.3, 171.9] {
        let heard = play(&beats(&steady(0.3, 90.0, 60.0 / bpm), 4), 90.0);
        assert!((heard.bpm - bpm).abs() < 0.1, "{} for {bpm}", heard.bpm);
    }
}

#[test]
fn a_ramp_of_one_and_a_half_bpm_a_second_is_followed() {
    for rate in [1.5, -1.5] {
        // Beat k is where the integral of the tempo reaches k.
        let (start_bpm, mut t_sec, mut times_sec) = (110.0, 0.3, Vec::new());
        while t_sec < 45.0 {
            times_sec.push(t_sec);
            let bpm: f64 = start_bpm + rate * (t_sec - 15.0f64).clamp(0.0, 20.0);
            t_sec += 60.0 / bpm;
        }
        let heard = play(&beats(&times_sec, 4), 45.0);
        assert!(heard.worst_error_sec(&times_sec, 8.0) < 0.05, "{rate} BPM/s");
        // On the ramp a beat comes later than it would have been said at a steady tempo, by no more than this on average.
        let mean_error_sec = |range: std::ops::Range<f64>| {
            let near = |t: f64| times_sec.iter().map(|other| t - other).min_by(|a, b| a.abs().total_cmp(&b.abs())).unwrap_or(0.0);
            let errors: Vec<f64> =
                heard.events.iter().filter(|event| range.contains(&event.t_sec)).map(|event| near(event.t_sec)).collect();
            errors.iter().sum::<f64>() / errors.len() as f64
        };
        let lag_sec = mean_error_sec(17.0..35.0) - mean_error_sec(5.0..15.0);
        assert!(lag_sec.abs() < 0.025, "{rate} BPM/s: {lag_sec} s");
    }
}

#[test]
fn a_step_of_the_tempo_is_followed_within_four_seconds() {
    for ratio in [0.9, 1.1, 0.8, 1.25, 0.72, 1.4] {
        let mut times_sec = steady(0.3, 20.0, 0.5);
        times_sec.extend(steady(times_sec[times_sec.len() - 1] + 0.5 / ratio, 40.0, 0.5 / ratio));
        let error_sec = play(&beats(&times_sec, 4), 40.0).worst_error_sec(&times_sec, 24.0);
        assert!(error_sec < 0.035, "to {ratio} times the tempo: {error_sec} s");
    }
}

#[test]
fn onsets_between_the_beats_do_not_become_the_beat() {
    for spb in [0.5, 0.6, 0.65] {
        let times_sec = steady(0.3, 30.0, spb);
        let mut onsets: Vec<Onset> = times_sec.iter().enumerate().map(|(k, &t)| (t, 0.5, if k % 4 == 0 { 0.3 } else { 0.05 })).collect();
        onsets.extend(times_sec.iter().map(|t| (t + 0.5 * spb, 0.2, 0.02)));
        let error_sec = play(&onsets, 30.0).worst_error_sec(&times_sec, 8.0);
        assert!(error_sec < 0.03, "{spb}: {error_sec} s");
    }
}

#[test]
fn a_beat_half_a_beat_off_is_taken_back() {
    // Off-beats alone for a while, as of an intro, then the beats enter and the off-beats fade.
    let spb = 0.5;
    let times_sec = steady(10.3, 30.0, spb);
    let mut onsets: Vec<Onset> = steady(0.3 + 0.5 * spb, 30.0, spb).iter().map(|&t| (t, if t < 10.0 { 0.5 } else { 0.2 }, 0.02)).collect();
    onsets.extend(beats(&times_sec, 4));
    let error_sec = play(&onsets, 30.0).worst_error_sec(&times_sec, 14.5);
    assert!(error_sec < 0.03, "{error_sec} s");
}

#[test]
fn after_a_pause_the_beat_is_found_where_it_comes_in_again() {
    for (pause_sec, spb) in [(2.2, 0.5), (4.75, 0.5), (6.1, 0.42)] {
        let mut times_sec = steady(0.3, 15.0, 0.5);
        let entry_sec = times_sec[times_sec.len() - 1] + pause_sec;
        times_sec.extend(steady(entry_sec, entry_sec + 15.0, spb));
        let error_sec = play(&beats(&times_sec, 4), entry_sec + 15.0).worst_error_sec(&times_sec, entry_sec + 4.0);
        assert!(error_sec < 0.03, "{pause_sec} s, then {spb} s a beat: {error_sec} s");
    }
}

#[test]
fn swung_eighths_leave_the_beat_where_it_is() {
    let spb = 0.45;
    let times_sec = steady(0.3, 30.0, spb);
    let mut onsets = beats(&times_sec, 4);
    onsets.extend(times_sec.iter().map(|t| (t + 0.66 * spb, 0.25, 0.02)));
    assert!(play(&onsets, 30.0).worst_error_sec(&times_sec, 8.0) < 0.03);
}
