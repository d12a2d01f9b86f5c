//! The clicks that are played: when, and what one sounds like. Pure.
//!
//! Intervals are irregular: of a regular series, a delay of one interval more looks like none. And a click is a short sweep and not
//! a pulse, so that it is found in noise: its autocorrelation is 0.3 ms wide, however long it is.

use std::f64::consts::PI;

/// Shortest and longest time between two clicks, seconds.
pub const INTERVAL_SEC: std::ops::Range<f64> = 0.6..1.4;
/// Silence before the first click, seconds: devices start with gaps.
pub const LEAD_SEC: f64 = 1.0;
/// Length of a click, seconds.
pub const CLICK_SEC: f64 = 0.008;
/// Where the sweep begins and ends, Hz: what small speakers play and cheap microphones hear.
const SWEEP_HZ: (f64, f64) = (1_000.0, 6_000.0);

/// The moments of `n_clicks` clicks, seconds from the start; the same for the same seed.
pub fn schedule_sec(n_clicks: usize, seed: u64) -> Vec<f64> {
    let mut state = seed;
    let mut at_sec = LEAD_SEC;
    let mut clicks_sec = Vec::with_capacity(n_clicks);
    for _ in 0..n_clicks {
        clicks_sec.push(at_sec);
        at_sec += INTERVAL_SEC.start + (INTERVAL_SEC.end - INTERVAL_SEC.start) * next_unit(&mut state);
    }
    clicks_sec
}

/// One click, full scale, `rate_hz * CLICK_SEC` samples: a linear sweep under a Hann window.
pub fn waveform(rate_hz: u32) -> Vec<f32> {
    let n_samples = (f64::from(rate_hz) * CLICK_SEC).round().max(1.0) as usize;
    let (from_hz, to_hz) = (SWEEP_HZ.0, SWEEP_HZ.1.min(0.45 * f64::from(rate_hz)));
    (0..n_samples)
        .map(|n| {
            let t_sec = n as f64 / f64::from(rate_hz);
            let phase = from_hz * t_sec + 0.5 * (to_hz - from_hz) * t_sec * t_sec / CLICK_SEC;
            let window = (PI * (n as f64 + 0.5) / n_samples as f64).sin().powi(2);
            (window * (2.0 * PI * phase).sin()) as f32
        })
        .collect()
}

/// A number in [0, 1) (splitmix64: Steele, Lea and Flood, 2014).
pub(super) fn next_unit(state: &mut u64) -> f64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_irregular_and_within_bounds_and_the_seed_repeats_them() {
        let clicks_sec = schedule_sec(200, 7);
        assert_eq!((clicks_sec.len(), clicks_sec[0]), (200, LEAD_SEC));
        let intervals: Vec<f64> = clicks_sec.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(intervals.iter().all(|interval| INTERVAL_SEC.contains(interval)));
        let mean = intervals.iter().sum::<f64>() / intervals.len() as f64;
        let deviation = (intervals.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / intervals.len() as f64).sqrt();
        assert!((mean - 1.0).abs() < 0.05 && deviation > 0.18, "{mean} {deviation}");
        assert_eq!(clicks_sec, schedule_sec(200, 7));
        assert_ne!(clicks_sec, schedule_sec(200, 8));
    }

    #[test]
    fn a_click_begins_and_ends_in_silence_and_does_not_clip() {
        for rate_hz in [8_000, 44_100, 48_000, 192_000] {
            let click = waveform(rate_hz);
            assert_eq!(click.len(), (f64::from(rate_hz) * CLICK_SEC).round() as usize);
            let peak = click.iter().fold(0.0_f32, |peak, x| peak.max(x.abs()));
            assert!((0.8..=1.0).contains(&peak), "{peak}");
            assert!(click[0].abs() < 1e-2 && click[click.len() - 1].abs() < 1e-2);
        }
    }
}
