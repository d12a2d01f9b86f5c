//! A recording of clicks that were never played: for trying the command without devices, and for its tests. Pure.

use super::clicks::{next_unit, waveform};

/// What the recording is like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Room {
    /// From playing to hearing, ms.
    pub(super) delay_ms: f64,
    /// Peak of the clicks.
    pub(super) level: f32,
    /// Even noise from minus this to this.
    pub(super) noise: f32,
    /// Echo, ms after the sound itself, and its share of it; negative = upside down.
    pub(super) echo: (f64, f32),
}

impl Room {
    /// A quiet room with a wall nearby.
    pub(super) fn new(delay_ms: f64) -> Self {
        Self { delay_ms, level: 0.3, noise: 0.01, echo: (23.0, 0.4) }
    }
}

/// Records clicks, seconds from the start of the recording.
pub(super) fn record(clicks_sec: &[f64], rate_hz: u32, room: Room, seed: u64) -> Vec<f32> {
    let click = waveform(rate_hz);
    let last_sec = clicks_sec.last().copied().unwrap_or(0.0);
    let n_samples = ((last_sec + 2.0 + 1e-3 * room.delay_ms.max(0.0)) * f64::from(rate_hz)) as usize;
    let mut state = seed;
    let mut recording: Vec<f32> = (0..n_samples).map(|_| room.noise * (2.0 * next_unit(&mut state) - 1.0) as f32).collect();
    for &click_sec in clicks_sec {
        add(&mut recording, &click, (click_sec + 1e-3 * room.delay_ms) * f64::from(rate_hz), room.level);
        add(&mut recording, &click, (click_sec + 1e-3 * (room.delay_ms + room.echo.0)) * f64::from(rate_hz), room.level * room.echo.1);
    }
    recording
}

/// Adds a sound at a fractional sample, between which it is interpolated.
fn add(recording: &mut [f32], sound: &[f32], at_samples: f64, level: f32) {
    let (whole, part) = (at_samples.floor(), (at_samples - at_samples.floor()) as f32);
    for (n, &sample) in sound.iter().enumerate() {
        for (shift, share) in [(0.0, 1.0 - part), (1.0, part)] {
            let idx = whole + n as f64 + shift;
            if idx >= 0.0 && (idx as usize) < recording.len() {
                recording[idx as usize] += level * share * sample;
            }
        }
    }
}
