//! Tests of the flash limiter: an independent count of flashes over every second of what it shows. Test code.

use std::f64::consts::TAU;

use proptest::prelude::*;

use super::*;
use crate::effects::colour::Rgb;
use crate::effects::{Effect, Scene};
use crate::event::{Beat, Moment};
use crate::view::View;

const SECOND_NS: u64 = 1_000_000_000;

/// Most flashes in any one second, counted from the standard's words for each second by itself: pairs of opposing changes of
/// `threshold` or more whose darker value is below `darker_below`, none of them in two pairs.
fn most_flashes(signal: &[(u64, f64)], threshold: f64, darker_below: f64) -> usize {
    let flashes_from = |first: usize| {
        let (mut low, mut high) = (signal[first].1, signal[first].1);
        let (mut may_rise, mut may_fall, mut n_changes) = (true, true, 0);
        for &(_, value) in signal[first..].iter().take_while(|(at_ns, _)| at_ns - signal[first].0 <= SECOND_NS) {
            (low, high) = (low.min(value), high.max(value));
            if may_rise && value - low >= threshold && low < darker_below {
                (may_rise, may_fall, low, high, n_changes) = (false, true, value, value, n_changes + 1);
            } else if may_fall && high - value >= threshold && value < darker_below {
                (may_rise, may_fall, low, high, n_changes) = (true, false, value, value, n_changes + 1);
            }
        }
        n_changes / 2
    };
    (0..signal.len()).map(flashes_from).max().unwrap_or(0)
}

/// Relative luminance and red of a pixel, apart from the code under test.
fn light(pixel: Pixel, is_srgb: bool) -> (f64, f64) {
    let part = |byte: u8| {
        let value = f64::from(byte) / 255.0;
        match (is_srgb, value <= 0.03928) {
            (false, _) => value,
            (true, true) => value / 12.92,
            (true, false) => ((value + 0.055) / 1.055).powf(2.4),
        }
    };
    let [r, g, b] = pixel.map(part);
    (0.2126 * r + 0.7152 * g + 0.0722 * b, if r - g - b > 0.0 { r - g - b } else { 0.0 })
}

/// Most general and most red flashes in any second, of each pixel and of the mean.
fn worst(frames: &[(u64, Vec<Pixel>)]) -> (usize, usize) {
    let n_pixels = frames[0].1.len();
    let (mut general, mut red) = (0, 0);
    for is_srgb in [false, true] {
        let of = |pick: &dyn Fn(&[Pixel]) -> (f64, f64)| -> (usize, usize) {
            let values: Vec<_> = frames.iter().map(|(at_ns, pixels)| (*at_ns, pick(pixels))).collect();
            let luminance: Vec<_> = values.iter().map(|&(at_ns, (luminance, _))| (at_ns, luminance)).collect();
            let redness: Vec<_> = values.iter().map(|&(at_ns, (_, redness))| (at_ns, redness)).collect();
            (most_flashes(&luminance, 0.1, 0.8), most_flashes(&redness, 20.0 / 320.0, f64::INFINITY))
        };
        let mut counts: Vec<_> = (0..n_pixels).map(|idx| of(&|pixels: &[Pixel]| light(pixels[idx], is_srgb))).collect();
        counts.push(of(&|pixels: &[Pixel]| {
            let sum = pixels.iter().map(|&pixel| light(pixel, is_srgb)).fold((0.0, 0.0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
            (sum.0 / n_pixels as f64, sum.1 / n_pixels as f64)
        }));
        general = counts.iter().map(|count| count.0).fold(general, usize::max);
        red = counts.iter().map(|count| count.1).fold(red, usize::max);
    }
    (general, red)
}

/// What the limiter shows of frames that `draw` makes at `times_ns`, with a black-out at the end.
fn shown(n_pixels: usize, times_ns: impl IntoIterator<Item = u64>, mut draw: impl FnMut(u64) -> Vec<Pixel>) -> Vec<(u64, Vec<Pixel>)> {
    let mut limiter = FlashLimiter::new(n_pixels);
    let mut frames = vec![(0, vec![[0; 3]; n_pixels])];
    for at_ns in times_ns {
        let wanted = draw(at_ns);
        frames.push((at_ns, limiter.step(at_ns, &wanted).to_vec()));
    }
    let end_ns = frames.last().map_or(0, |frame| frame.0) + 1;
    frames.push((end_ns, limiter.black_out(end_ns).to_vec()));
    frames
}

fn every_ms(interval_ms: u64, for_sec: u64) -> impl Iterator<Item = u64> {
    (0..for_sec * 1000 / interval_ms).map(move |idx| idx * interval_ms * 1_000_000)
}

#[test]
fn the_count_of_this_test_sees_flashes() {
    // Light on for every second tenth of a second: on at 0.1, 0.3, .. so five pairs within a second.
    let square: Vec<_> = (0..40).map(|idx| (idx * SECOND_NS / 10, f64::from(idx % 2 == 1))).collect();
    assert_eq!(most_flashes(&square, 0.1, 0.8), 5);
    let bright: Vec<_> = square.iter().map(|&(at_ns, value)| (at_ns, 0.85 + 0.15 * value)).collect();
    assert_eq!(most_flashes(&bright, 0.1, 0.8), 0, "the darker of both is bright");
    let faint: Vec<_> = square.iter().map(|&(at_ns, value)| (at_ns, 0.09 * value)).collect();
    assert_eq!(most_flashes(&faint, 0.1, 0.8), 0);
}

#[test]
fn a_strobe_of_20_hz_becomes_three_flashes_a_second() {
    let strobe = |at_ns: u64| vec![if (at_ns / 25_000_000).is_multiple_of(2) { [255; 3] } else { [0; 3] }; 4];
    let unlimited: Vec<_> = every_ms(5, 5).map(|at_ns| (at_ns, strobe(at_ns))).collect();
    assert!(worst(&unlimited).0 >= 20);
    let frames = shown(4, every_ms(5, 5), strobe);
    assert_eq!(worst(&frames).0, 3);
}

#[test]
fn a_tremolo_of_20_hz_is_bounded() {
    let tremolo = |at_ns: u64| {
        let level = 0.5 + 0.5 * (TAU * 20.0 * at_ns as f64 / 1e9).sin();
        vec![[(level * 255.0) as u8, (level * 100.0) as u8, 0]; 3]
    };
    let (general, red) = worst(&shown(3, every_ms(10, 6), tremolo));
    assert!(general <= 3 && red <= 3, "{general} {red}");
}

#[test]
fn alternating_halves_are_bounded_though_the_mean_stands_still() {
    let halves = |at_ns: u64| {
        let is_left = (at_ns / 50_000_000).is_multiple_of(2);
        (0..10).map(|idx| if (idx < 5) == is_left { [255; 3] } else { [0; 3] }).collect()
    };
    assert!(worst(&shown(10, every_ms(10, 5), halves)).0 <= 3);
}

#[test]
fn pixels_that_flash_in_turn_are_bounded_as_a_strip() {
    // One fifth of the strip after the other flashes: each seldom, together twenty times a second.
    let turns = |at_ns: u64| {
        let slot = at_ns / 25_000_000;
        (0..20).map(|idx| if slot.is_multiple_of(2) && (slot / 2) % 5 == idx / 4 { [255; 3] } else { [0; 3] }).collect()
    };
    let unlimited: Vec<_> = every_ms(5, 4).map(|at_ns| (at_ns, turns(at_ns))).collect();
    assert!(worst(&unlimited).0 >= 18);
    assert!(worst(&shown(20, every_ms(5, 4), turns)).0 <= 3);
}

#[test]
fn red_against_blue_of_the_same_luminance_is_bounded() {
    // Red 64 and blue 188 have the same luminance as light: no general flash, but red ones.
    let colours = |at_ns: u64| vec![if (at_ns / 50_000_000).is_multiple_of(2) { [64, 0, 0] } else { [0, 0, 188] }; 2];
    let unlimited: Vec<_> = every_ms(10, 4).map(|at_ns| (at_ns, colours(at_ns))).collect();
    assert!(worst(&unlimited).1 >= 10);
    assert!(worst(&shown(2, every_ms(10, 4), colours)).1 <= 3);
}

/// A strip of an effect that follows a steady beat.
fn effect_at(effect: Effect, bpm: f64, n_pixels: usize, at_ns: u64) -> Vec<Pixel> {
    let beats = at_ns as f64 / 1e9 * bpm / 60.0;
    let number = beats as u64;
    let beat = Beat { number, beat_in_bar: (number % 4) as u8 + 1, beats_per_bar: 4, intensity: 1.0, ..Beat::default() };
    let view = View {
        now: Moment { mono_ns: at_ns, unix_ns: 0 },
        beat: Some(beat),
        phase: beats.fract() as f32,
        locked: true,
        bpm,
        period_sec: 60.0 / bpm,
        section: Some((number / 16 % 8) as u8),
        section_beats: beats % 16.0,
        hazard_probs: [(beats % 16.0 / 16.0) as f32; 5],
        bands: std::array::from_fn(|band| ((beats * (band as f64 + 1.0)).fract()) as f32),
        ..View::default()
    };
    let scene = Scene { view: &view, colour: Rgb::new(1.0, 0.2, 0.05), accent: Rgb::WHITE, n_pixels };
    (0..n_pixels).map(|idx| effect.pixel(&scene, idx).to_bytes()).collect()
}

#[test]
fn every_effect_is_bounded_at_240_bpm_and_far_beyond() {
    for effect in Effect::ALL {
        for bpm in [240.0, 333.0, 999.0] {
            let (general, red) = worst(&shown(12, every_ms(17, 8), |at_ns| effect_at(effect, bpm, 12, at_ns)));
            assert!(general <= 3 && red <= 3, "{effect:?} at {bpm}: {general} {red}");
        }
    }
}

#[test]
fn beats_of_usual_tempos_are_shown_as_they_are_drawn() {
    for effect in [Effect::Pulse, Effect::Chase, Effect::Bars] {
        for bpm in [60.0, 90.0, 128.0, 150.0, 174.0, 240.0] {
            let mut limiter = FlashLimiter::new(30);
            let mut n_frames = 0;
            for at_ns in every_ms(20, 20) {
                limiter.step(at_ns, &effect_at(effect, bpm, 30, at_ns));
                n_frames += 1;
            }
            assert!(limiter.n_limited() * 50 < n_frames, "{effect:?} at {bpm}: {} of {n_frames}", limiter.n_limited());
        }
    }
    let mut limiter = FlashLimiter::new(3);
    for at_ns in every_ms(20, 20) {
        let wanted = effect_at(Effect::Pulse, 128.0, 3, at_ns);
        assert_eq!(limiter.step(at_ns, &wanted), wanted);
    }
}

#[test]
fn light_that_may_not_jump_gets_there_slowly() {
    let mut limiter = FlashLimiter::new(1);
    for idx in 0..60 {
        limiter.step(idx * 20_000_000, &[[if idx % 2 == 0 { 255 } else { 0 }; 3]]);
    }
    let last = (60..260).map(|idx| limiter.step(idx * 20_000_000, &[[255; 3]])[0]).last();
    assert_eq!(last, Some([255; 3]));
}

#[test]
fn frames_of_another_length_and_a_clock_that_goes_back_do_no_harm() {
    let mut limiter = FlashLimiter::new(2);
    assert_eq!(limiter.step(100, &[[9; 3]; 5]), [[9; 3]; 2]);
    assert_eq!(limiter.step(50, &[[7; 3]]), [[7; 3], [0; 3]]);
    assert!(FlashLimiter::new(0).step(0, &[[1; 3]]).is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn noise_of_any_kind_never_flashes_more_than_three_times_a_second(
        steps in proptest::collection::vec((1_u64..45, proptest::array::uniform4(any::<Pixel>())), 1..220),
    ) {
        let mut at_ns = 0;
        let times: Vec<_> = steps.iter().map(|(step_ms, _)| { at_ns += step_ms * 1_000_000; at_ns }).collect();
        let mut pictures = steps.iter();
        let frames = shown(4, times, |_| pictures.next().map(|step| step.1.to_vec()).unwrap_or_default());
        let (general, red) = worst(&frames);
        prop_assert!(general <= 3 && red <= 3, "{} {}", general, red);
    }

    #[test]
    fn square_waves_of_any_rate_depth_and_colour_never_do(
        half_ms in 3_u64..400, interval_ms in 3_u64..40, n_pixels in 1_usize..6, spread in 0_u64..200,
        (low, high) in (any::<Pixel>(), any::<Pixel>()),
    ) {
        let wave = |at_ns: u64| (0..n_pixels as u64).map(|idx| {
            if ((at_ns / 1_000_000 + idx * spread) / half_ms).is_multiple_of(2) { low } else { high }
        }).collect();
        let (general, red) = worst(&shown(n_pixels, every_ms(interval_ms, 4), wave));
        prop_assert!(general <= 3 && red <= 3, "{} {}", general, red);
    }
}
