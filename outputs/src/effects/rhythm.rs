//! Where a picture lies in beat and bar, as effects need it. Pure.

use crate::event::Beat;
use crate::view::View;

/// Beats closer than this, seconds, are pulsed on every second or fourth only: three flashes a second are the most that is
/// safe, and the limiter would cut what is above. 164 BPM lies between house and drum and bass.
const MIN_PULSE_SEC: f64 = 0.365;
/// Beats of a bar that is unknown.
const USUAL_BEATS: u8 = 4;
/// How strong beats are beside downbeats.
const BEAT_SHARE: f32 = 0.6;

/// Clamps to `[0, 1]`; what is no number is 0.
pub fn unit(value: f32) -> f32 {
    if value.is_nan() { 0.0 } else { value.clamp(0.0, 1.0) }
}

/// A place in the bar.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BarPlace {
    /// Beats of the bar; 1 or more.
    pub beats: u8,
    /// Beat, from 0.
    pub beat: u8,
    /// How far in the beat, `[0, 1]`.
    pub phase: f32,
}

impl BarPlace {
    /// Of a beat and the phase after it. A bar that is unknown has four beats, counted from anywhere.
    pub fn new(beat: &Beat, phase: f32) -> Self {
        let is_known = beat.beat_in_bar >= 1 && beat.beat_in_bar <= beat.beats_per_bar;
        let beats = if is_known { beat.beats_per_bar } else { USUAL_BEATS };
        let idx = if is_known { beat.beat_in_bar - 1 } else { (beat.number % u64::from(USUAL_BEATS)) as u8 };
        Self { beats, beat: idx, phase: unit(phase) }
    }

    /// Share of the bar that has passed, `[0, 1]`.
    pub fn share(self) -> f32 {
        (f32::from(self.beat) + self.phase) / f32::from(self.beats)
    }
}

/// The place of a picture; `None` while no beats are announced.
pub fn bar_place(view: &View) -> Option<BarPlace> {
    view.beat.as_ref().filter(|_| view.locked).map(|beat| BarPlace::new(beat, view.phase))
}

/// How bright a pulse is, and how much of an accent it has; parts in `[0, 1]`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Pulse {
    /// Brightness: highest on the beat.
    pub level: f32,
    /// Share of the accent: the downbeat's brightness, 0 in the rest of the bar.
    pub accent: f32,
    /// Whether it is the downbeat's pulse.
    pub is_downbeat: bool,
}

/// The pulse of a picture: on each beat, or each second or fourth where beats are quick; strongest on downbeats, and as
/// strong as the beats are played. Nothing while no beats are announced.
pub fn pulse(view: &View) -> Pulse {
    let Some((beat, place)) = view.beat.as_ref().zip(bar_place(view)) else { return Pulse::default() };
    let stride = stride(view.period_sec, place.beats);
    let since = f32::from(place.beat % stride) + place.phase;
    let left = 1.0 - unit(since / f32::from(stride));
    // The pulse that began on a downbeat; where no bar is known there is none.
    let is_of_downbeat = beat.beat_in_bar > 0 && place.beat < stride;
    let strength = if is_of_downbeat { 1.0 } else { BEAT_SHARE };
    let level = strength * (0.5 + 0.5 * unit(beat.intensity)) * left * left;
    Pulse { level, accent: if is_of_downbeat { level } else { 0.0 }, is_downbeat: is_of_downbeat }
}

/// Beats from pulse to pulse: 1, 2 or 4, or the whole bar where that would not fill it.
fn stride(period_sec: f64, beats: u8) -> u8 {
    let stride = match period_sec {
        quick if quick > 0.0 && quick * 2.0 < MIN_PULSE_SEC => 4,
        quick if quick > 0.0 && quick < MIN_PULSE_SEC => 2,
        _ => 1,
    };
    if beats.is_multiple_of(stride) { stride } else { beats }
}

#[cfg(test)]
mod tests {
    use super::super::tests::view;
    use super::*;

    #[test]
    fn a_pulse_is_full_on_the_beat_and_falls_until_the_next() {
        let levels: Vec<_> = [0.0, 0.5, 1.0].map(|phase| pulse(&view(1, phase)).level).into();
        assert_eq!(levels, [1.0, 0.25, 0.0]);
        assert_eq!(pulse(&view(2, 0.0)), Pulse { level: 0.6, accent: 0.0, is_downbeat: false });
        assert_eq!(pulse(&View { locked: false, ..view(1, 0.0) }), Pulse::default());
    }

    #[test]
    fn quick_beats_are_pulsed_on_every_second_one() {
        let level = |beat_in_bar, phase| pulse(&View { period_sec: 0.25, ..view(beat_in_bar, phase) }).level;
        assert_eq!([level(1, 0.0), level(1, 0.5), level(2, 0.0), level(3, 0.0)], [1.0, 0.5625, 0.25, 0.6]);
        let mut waltz = View { period_sec: 0.25, ..view(2, 0.0) };
        waltz.beat.as_mut().unwrap().beats_per_bar = 3;
        assert!((pulse(&waltz).level - 4.0 / 9.0).abs() < 1e-6, "a bar of three: on downbeats only");
    }

    #[test]
    fn a_bar_that_is_unknown_has_four_beats() {
        let beat = Beat { number: 6, ..Beat::default() };
        assert_eq!(BarPlace::new(&beat, 0.5), BarPlace { beats: 4, beat: 2, phase: 0.5 });
        assert_eq!(BarPlace::new(&beat, 0.5).share(), 0.625);
    }
}
