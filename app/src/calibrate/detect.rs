//! Where clicks are in a recording. Pure.
//!
//! A matched filter: how alike the recording and the click are at each sample, from 0 to 1 however loud it is. Summed over all clicks,
//! that has one peak, at the common delay, because the clicks are irregular. Around it each click is looked for by itself, and
//! of several arrivals the first is taken: the sound itself comes before its echoes.

use runtime_core::analysis::kernels::dot;

use super::clicks::waveform;

/// Recordings at higher rates are averaged down to at most about this, Hz: the click has nothing above 6 kHz.
const MAX_RATE_HZ: u32 = 48_000;
/// Step of the search for the common delay, seconds.
const STEP_SEC: f64 = 0.000_5;
/// How far single clicks may be from the common delay, seconds: the jitter of blocks.
const JITTER_SEC: f64 = 0.004;
/// How far around the common delay a click is looked for, seconds.
const REACH_SEC: f64 = 0.02;
/// Clicks may be heard this much before they were played, seconds: clocks of drivers disagree.
const BEFORE_SEC: f64 = 0.05;
/// Less alike than this is no click. Even noise reaches 0.25 now and then.
const LEAST_MATCH: f32 = 0.35;
/// An arrival counts from this share of the strongest one on, in amplitude.
const FIRST_SHARE: f32 = 0.4;
/// How long before the strongest common delay an earlier one is looked for, seconds.
const ECHO_SEC: f64 = 0.06;
/// The envelope is a mean over this, seconds: less than a sweep is wide, more than its oscillations are.
const SMOOTH_SEC: f64 = 0.000_3;

/// A click that was heard.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Heard {
    /// Which click, from 0.
    pub click_idx: usize,
    /// From playing to hearing, ms.
    pub delay_ms: f64,
    /// How alike it is, from 0 to 1; about 0.67 without noise, because the filter is smoothed over its oscillations.
    pub matched: f32,
}

/// Finds clicks, played at `clicks_sec` from the start of the recording, up to `max_delay_sec` later. Those that are not
/// found are left out.
pub fn detect(recording: &[f32], rate_hz: u32, clicks_sec: &[f64], max_delay_sec: f64) -> Vec<Heard> {
    if rate_hz == 0 {
        return Vec::new();
    }
    let n_per = rate_hz.div_ceil(MAX_RATE_HZ).max(1) as usize;
    let recording: Vec<f32> = recording.chunks_exact(n_per).map(mean).collect();
    let rate = f64::from(rate_hz) / n_per as f64;
    // The middle of the samples that became one.
    let shift_sec = 0.5 * (n_per - 1) as f64 / f64::from(rate_hz);
    let Some(likeness) = Likeness::of(&recording, rate) else { return Vec::new() };
    let Some(common_sec) = likeness.common_delay_sec(clicks_sec, max_delay_sec) else { return Vec::new() };
    let find = |(click_idx, &click_sec): (usize, &f64)| {
        let (at_sec, matched) = likeness.arrival(click_sec + common_sec)?;
        Some(Heard { click_idx, delay_ms: 1e3 * (at_sec + shift_sec - click_sec), matched })
    };
    clicks_sec.iter().enumerate().filter_map(find).collect()
}

fn mean(samples: &[f32]) -> f32 {
    let sum: f32 = samples.iter().map(|&sample| if sample.is_finite() { sample } else { 0.0 }).sum();
    sum / samples.len() as f32
}

/// The output of the matched filter.
struct Likeness {
    rate: f64,
    /// How alike, squared and smoothed: in [0, 1], one value a sample.
    matched: Vec<f32>,
    /// The same without regard to loudness: the share of the click's energy.
    loudness: Vec<f32>,
    /// Largest of `matched` in each step of the search.
    steps: Vec<f32>,
}

impl Likeness {
    fn of(recording: &[f32], rate: f64) -> Option<Self> {
        let click = waveform(rate.round() as u32);
        let click_energy: f32 = click.iter().map(|sample| sample * sample).sum();
        if recording.len() < click.len() || click_energy <= 0.0 {
            return None;
        }
        let mut window_energy: f64 = recording[..click.len()].iter().map(|&x| f64::from(x) * f64::from(x)).sum();
        let n_places = recording.len() - click.len() + 1;
        let (mut matched, mut loudness) = (Vec::with_capacity(n_places), Vec::with_capacity(n_places));
        for place in 0..n_places {
            let window = &recording[place..place + click.len()];
            let product = dot(window, &click);
            let explained = product * product / click_energy;
            // Rounding leaves a little energy behind in silence.
            let energy = window_energy.max(1e-10) as f32;
            matched.push((explained / energy).min(1.0));
            loudness.push(explained);
            if let Some(&next) = recording.get(place + click.len()) {
                window_energy += f64::from(next) * f64::from(next) - f64::from(window[0]) * f64::from(window[0]);
            }
        }
        let half = (0.5 * SMOOTH_SEC * rate).round() as usize;
        let (matched, loudness) = (smoothed(&matched, half), smoothed(&loudness, half));
        let n_per_step = (STEP_SEC * rate).max(1.0);
        let n_steps = (n_places as f64 / n_per_step).ceil() as usize;
        let mut steps = vec![0.0_f32; n_steps];
        for (place, &value) in matched.iter().enumerate() {
            let step = ((place as f64 / n_per_step) as usize).min(n_steps - 1);
            steps[step] = steps[step].max(value);
        }
        Some(Self { rate, matched, loudness, steps })
    }

    /// The delay that most clicks agree on.
    fn common_delay_sec(&self, clicks_sec: &[f64], max_delay_sec: f64) -> Option<f64> {
        let reach = (JITTER_SEC / STEP_SEC).round() as isize;
        let near: Vec<f32> = {
            let n = self.steps.len() as isize;
            let largest = |at: isize| {
                self.steps[(at - reach).max(0) as usize..=(at + reach).min(n - 1) as usize].iter().fold(0.0_f32, |a, &b| a.max(b))
            };
            (0..n).map(largest).collect()
        };
        let (from, to) = ((-BEFORE_SEC / STEP_SEC).round() as isize, (max_delay_sec / STEP_SEC).round() as isize);
        let sum_at = |delay: isize| -> f32 {
            let of_click = |&click_sec: &f64| {
                let step = (click_sec / STEP_SEC).round() as isize + delay;
                usize::try_from(step).ok().and_then(|step| near.get(step)).copied().unwrap_or(0.0)
            };
            clicks_sec.iter().map(of_click).sum()
        };
        let sums: Vec<f32> = (from..=to).map(sum_at).collect();
        let largest = sums.iter().copied().fold(0.0_f32, f32::max);
        if largest < LEAST_MATCH * LEAST_MATCH {
            return None;
        }
        let strongest = sums.iter().position(|&sum| sum >= largest)?;
        // An echo is as alike as the sound itself where there is no noise: the first of what is about as alike is the sound.
        let earliest = strongest.saturating_sub((ECHO_SEC / STEP_SEC) as usize);
        let first = (earliest..=strongest)
            .find(|&step| sums[step] >= 0.6 * largest && self.is_loud(clicks_sec, from + step as isize, from + strongest as isize))?;
        // The largest within the jitter makes a plateau that begins that much early.
        Some((from + first as isize + reach) as f64 * STEP_SEC)
    }

    /// Whether the clicks are not much fainter at one delay than at another, in the middle.
    fn is_loud(&self, clicks_sec: &[f64], at: isize, than: isize) -> bool {
        let reach = (2.0 * JITTER_SEC * self.rate) as usize;
        let loudness_at = |delay: isize| {
            let of_click = |&click_sec: &f64| {
                let place = ((click_sec + delay as f64 * STEP_SEC) * self.rate).max(0.0) as usize;
                let window = &self.loudness[place.min(self.loudness.len())..(place + reach).min(self.loudness.len())];
                f64::from(window.iter().copied().fold(0.0_f32, f32::max))
            };
            super::estimate::median(&mut clicks_sec.iter().map(of_click).collect::<Vec<_>>()).unwrap_or(0.0)
        };
        loudness_at(at) >= f64::from(FIRST_SHARE * FIRST_SHARE) * loudness_at(than)
    }

    /// The first arrival around a moment, and how alike it is.
    fn arrival(&self, around_sec: f64) -> Option<(f64, f32)> {
        let clamp = |sec: f64| ((sec * self.rate).max(0.0) as usize).min(self.matched.len());
        let (from, to) = (clamp(around_sec - REACH_SEC), clamp(around_sec + REACH_SEC));
        let is_match = |place: usize| self.matched[place] >= LEAST_MATCH * LEAST_MATCH;
        let largest = (from..to).filter(|&place| is_match(place)).map(|place| self.loudness[place]).fold(0.0_f32, f32::max);
        let is_top = |place: usize| {
            let of = |place: usize| self.loudness.get(place).copied().unwrap_or(0.0);
            let before = place.checked_sub(1).map_or(0.0, of);
            of(place) >= before && of(place) > of(place + 1)
        };
        let is_arrival = |&place: &usize| is_match(place) && is_top(place) && self.loudness[place] >= FIRST_SHARE * FIRST_SHARE * largest;
        let first = (from..to).find(is_arrival)?;
        // The flank of a stronger top has small tops of its own: the largest within the width of a click's peak.
        let width = (4.0 * SMOOTH_SEC * self.rate) as usize;
        let top = (first..(first + width).min(to))
            .filter(|&place| is_match(place))
            .max_by(|&a, &b| self.loudness[a].total_cmp(&self.loudness[b]))?;
        Some(((top as f64 + parabola_top(&self.loudness, top)) / self.rate, self.matched[top].sqrt()))
    }
}

/// Means over `half` samples to either side; shorter at the ends.
fn smoothed(values: &[f32], half: usize) -> Vec<f32> {
    let mut sums = Vec::with_capacity(values.len() + 1);
    let mut sum = 0.0_f64;
    sums.push(sum);
    for &value in values {
        sum += f64::from(value);
        sums.push(sum);
    }
    let mean = |at: usize| {
        let (from, to) = (at.saturating_sub(half), (at + half + 1).min(values.len()));
        ((sums[to] - sums[from]) / (to - from) as f64) as f32
    };
    (0..values.len()).map(mean).collect()
}

/// Where between samples the top of a parabola through three of them is, from -0.5 to 0.5 around the middle one.
fn parabola_top(values: &[f32], middle: usize) -> f64 {
    let (Some(before), Some(&after)) = (middle.checked_sub(1).map(|idx| values[idx]), values.get(middle + 1)) else { return 0.0 };
    let (a, b, c) = (f64::from(before), f64::from(values[middle]), f64::from(after));
    let bend = a - 2.0 * b + c;
    if bend < 0.0 { (0.5 * (a - c) / bend).clamp(-0.5, 0.5) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::super::clicks::schedule_sec;
    use super::super::estimate::{Estimate, EstimateError, Limits, estimate};
    use super::super::simulate::{Room, record};
    use super::*;

    const LIMITS: Limits = Limits { n_least: 8, spread_ms: 5.0, near_ms: 1.0 };
    /// How far a simulated delay may be found from where it is, ms: two samples.
    const TOLERANCE_MS: f64 = 0.05;
    const RATE_HZ: u32 = 48_000;

    fn found(recording: &[f32], rate_hz: u32, clicks_sec: &[f64]) -> Result<Estimate, EstimateError> {
        let delays_ms: Vec<f64> = detect(recording, rate_hz, clicks_sec, 1.5).iter().map(|heard| heard.delay_ms).collect();
        estimate(&delays_ms, LIMITS)
    }

    fn found_in(room: Room) -> Result<Estimate, EstimateError> {
        let clicks_sec = schedule_sec(12, 11);
        found(&record(&clicks_sec, RATE_HZ, room, 5), RATE_HZ, &clicks_sec)
    }

    #[test]
    fn delays_from_none_to_above_a_beat_are_found_to_a_twentieth_of_a_millisecond() {
        for delay_ms in [0.0, 3.37, 45.0, 199.9, 600.0, 1_203.0] {
            let found = found_in(Room::new(delay_ms)).unwrap();
            assert!((found.delay_ms - delay_ms).abs() < TOLERANCE_MS && found.n_used == 12, "{delay_ms}: {found:?}");
        }
    }

    #[test]
    fn the_delay_is_found_at_other_rates_too() {
        let clicks_sec = schedule_sec(10, 2);
        for rate_hz in [16_000, 22_050, 44_100, 96_000] {
            let found = found(&record(&clicks_sec, rate_hz, Room::new(87.3), 5), rate_hz, &clicks_sec).unwrap();
            assert!((found.delay_ms - 87.3).abs() < 3.0 * TOLERANCE_MS, "{rate_hz}: {found:?}");
        }
    }

    #[test]
    fn noise_as_loud_as_the_clicks_moves_the_delay_little() {
        let found = found_in(Room { level: 0.1, noise: 0.1, ..Room::new(120.0) }).unwrap();
        assert!((found.delay_ms - 120.0).abs() < 0.2 && found.n_used >= 10, "{found:?}");
    }

    #[test]
    fn an_echo_even_a_louder_one_is_not_taken_for_the_sound() {
        for (echo_ms, share) in [(4.0, 0.9), (23.0, 1.0), (45.0, 1.5), (23.0, -1.2)] {
            let found = found_in(Room { echo: (echo_ms, share), ..Room::new(80.0) }).unwrap();
            assert!((found.delay_ms - 80.0).abs() < 2.0 * TOLERANCE_MS, "{echo_ms} ms {share}: {found:?}");
        }
    }

    #[test]
    fn a_microphone_that_is_wired_upside_down_hears_the_same() {
        let found = found_in(Room { level: -0.3, ..Room::new(80.0) }).unwrap();
        assert!((found.delay_ms - 80.0).abs() < TOLERANCE_MS, "{found:?}");
    }

    #[test]
    fn clicks_that_are_covered_or_missing_are_left_out() {
        let clicks_sec = schedule_sec(16, 11);
        let mut recording = record(&clicks_sec, RATE_HZ, Room::new(150.0), 5);
        for &missing_sec in &clicks_sec[3..6] {
            let at = ((missing_sec + 0.14) * f64::from(RATE_HZ)) as usize;
            recording[at..at + 4_000].fill(0.0);
        }
        let heard = detect(&recording, RATE_HZ, &clicks_sec, 1.5);
        let missing: Vec<usize> = (0..16).filter(|idx| !heard.iter().any(|heard| heard.click_idx == *idx)).collect();
        assert_eq!(missing, [3, 4, 5]);
        assert!(heard.iter().all(|heard| (heard.delay_ms - 150.0).abs() < TOLERANCE_MS && heard.matched > 0.6), "{heard:?}");
    }

    #[test]
    fn blocks_that_jitter_make_a_spread_and_no_other_delay() {
        let clicks_sec = schedule_sec(16, 11);
        let mut state = 3;
        let played: Vec<f64> =
            clicks_sec.iter().map(|at_sec| at_sec + 0.003 * (2.0 * super::super::clicks::next_unit(&mut state) - 1.0)).collect();
        let recording = record(&played, RATE_HZ, Room::new(200.0), 5);
        let found = found(&recording, RATE_HZ, &clicks_sec).unwrap();
        assert!((found.delay_ms - 200.0).abs() < 1.5 && (0.5..5.0).contains(&found.spread_ms), "{found:?}");
    }

    #[test]
    fn noise_alone_silence_and_nothing_are_not_clicks() {
        let clicks_sec = schedule_sec(12, 11);
        let noise = record(&clicks_sec, RATE_HZ, Room { level: 0.0, noise: 0.5, ..Room::new(0.0) }, 9);
        assert!(matches!(found(&noise, RATE_HZ, &clicks_sec), Err(EstimateError::TooFew { .. })));
        assert_eq!(detect(&vec![0.0; 480_000], RATE_HZ, &clicks_sec, 1.5), []);
        assert_eq!(detect(&[], RATE_HZ, &clicks_sec, 1.5), []);
        assert_eq!(detect(&[f32::NAN; 4_800], RATE_HZ, &clicks_sec, 1.5), []);
        assert_eq!(detect(&noise, RATE_HZ, &[], 1.5), []);
        assert_eq!(detect(&noise, 0, &clicks_sec, 1.5), []);
    }

    #[test]
    fn regular_music_under_the_clicks_does_not_shift_them() {
        let clicks_sec = schedule_sec(12, 11);
        let mut recording = record(&clicks_sec, RATE_HZ, Room::new(260.0), 5);
        for (n, sample) in recording.iter_mut().enumerate() {
            let t_sec = n as f64 / f64::from(RATE_HZ);
            let beat_sec = t_sec % 0.5;
            *sample += (0.3 * (-beat_sec / 0.05).exp() * (2.0 * std::f64::consts::PI * 110.0 * t_sec).sin()) as f32;
        }
        let found = found(&recording, RATE_HZ, &clicks_sec).unwrap();
        assert!((found.delay_ms - 260.0).abs() < 0.3, "{found:?}");
    }
}
