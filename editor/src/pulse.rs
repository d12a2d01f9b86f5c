//! The beat pulse, and the limit on how often anything may flash. Pure functions.
//!
//! WCAG 2.2, 2.3.1: no more than three flashes a second. One flash a beat would pass that at 180 BPM, so that from 170 BPM on every
//! second beat pulses, from 340 every fourth. What pulses is a thin ring besides, far below the area that the rule is about.

/// Above this tempo fewer beats pulse, BPM.
pub const FASTEST_PULSE_BPM: f32 = 170.0;
/// Share of the time from pulse to pulse in which it fades.
const FADE_BEATS: f32 = 0.6;

/// Every how manieth beat pulses: 1, 2, 4 or 8.
pub fn beats_per_pulse(tempo_bpm: f32) -> u8 {
    let mut n_beats = 1;
    while n_beats < 8 && tempo_bpm / f32::from(n_beats) > FASTEST_PULSE_BPM {
        n_beats *= 2;
    }
    n_beats
}

/// Brightness of the pulse at this beat and phase, `[0, 1]`: full on the beat, gone before the next.
pub fn strength(beat_number: i64, phase: f32, tempo_bpm: f32) -> f32 {
    let n_beats = i64::from(beats_per_pulse(tempo_bpm));
    if beat_number.rem_euclid(n_beats) != 0 || !(0.0..FADE_BEATS).contains(&phase) {
        return 0.0;
    }
    (1.0 - phase / FADE_BEATS).powi(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_pulses_more_than_three_times_a_second() {
        for bpm in 1..=1_000u16 {
            let bpm = f32::from(bpm);
            let pulses_per_sec = bpm / 60.0 / f32::from(beats_per_pulse(bpm));
            assert!(pulses_per_sec <= 3.0, "{bpm} BPM: {pulses_per_sec} Hz");
        }
        assert_eq!([120.0, 170.0, 171.0, 240.0, 400.0, f32::NAN].map(beats_per_pulse), [1, 1, 2, 2, 4, 1]);
    }

    #[test]
    fn above_170_every_second_beat_pulses() {
        assert_eq!([0, 1, 2, 3].map(|beat| strength(beat, 0.0, 120.0)), [1.0; 4]);
        assert_eq!([0, 1, 2, 3, -1, -2].map(|beat| strength(beat, 0.0, 175.0)), [1.0, 0.0, 1.0, 0.0, 0.0, 1.0]);
    }

    #[test]
    fn a_pulse_fades_and_is_gone_before_the_next_beat() {
        assert!((strength(0, 0.3, 100.0) - 0.25).abs() < 1e-6);
        assert_eq!((strength(0, 0.6, 100.0), strength(0, 0.99, 100.0), strength(0, f32::NAN, 100.0)), (0.0, 0.0, 0.0));
    }
}
