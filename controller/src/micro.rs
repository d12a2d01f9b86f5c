//! Micro features: 24 numbers in [0, 1] of the newest spectrum, at the controller's 60 Hz. Frames that are held for a step or two, as
//! where they come at 50 Hz or slower, change nothing: onsets are rises over a fast follower, not over the last frame.
//! `visualizer/controller/micro.js` is the same, line by line.

use model_contracts::v1::controller::micro as contract;

use crate::input::N_BANDS;
use crate::numbers::{clamp, exp};
use crate::{N_MICRO, STEP_SEC};

const N_GROUPS: usize = contract::BAND_GROUPS.len();
/// Against this a first level is measured.
const LEVEL_FLOOR: f64 = 0.1;

/// Share of the way to a value that a follower with this time constant goes in a step.
fn share(seconds: f64) -> f64 {
    1.0 - exp(-STEP_SEC / seconds)
}

/// Followers' shares of a step.
#[derive(Debug, Clone, Copy)]
struct Shares {
    onset: f64,
    fast: f64,
    slow: f64,
    rate: f64,
    presence: f64,
    /// What is left of a peak after a step.
    onset_kept: f64,
    level_kept: f64,
}

/// State of the followers, and the newest features.
#[derive(Debug, Clone)]
pub(crate) struct Micro {
    values: [f64; N_MICRO],
    shares: Shares,
    follow: [f64; N_GROUPS],
    /// Of each group and of all.
    peaks: [f64; N_GROUPS + 1],
    /// Of each group and the level.
    fast: [f64; N_GROUPS + 1],
    slow: [f64; N_GROUPS + 1],
    rate: f64,
    level_peak: f64,
    presence: f64,
}

impl Default for Micro {
    fn default() -> Self {
        let shares = Shares {
            onset: share(contract::ONSET_SEC),
            fast: share(contract::FAST_SEC),
            slow: share(f64::from(contract::SLOW_SEC)),
            rate: share(f64::from(contract::RATE_SEC)),
            presence: share(contract::PRESENCE_SEC),
            onset_kept: 1.0 - share(f64::from(contract::ONSET_PEAK_SEC)),
            level_kept: 1.0 - share(f64::from(contract::LEVEL_PEAK_SEC)),
        };
        Self {
            values: [0.0; N_MICRO],
            shares,
            follow: [0.0; N_GROUPS],
            peaks: [contract::ONSET_FLOOR; N_GROUPS + 1],
            fast: [0.0; N_GROUPS + 1],
            slow: [0.0; N_GROUPS + 1],
            rate: 0.0,
            level_peak: LEVEL_FLOOR,
            presence: 0.0,
        }
    }
}

impl Micro {
    pub(crate) fn values(&self) -> &[f64; N_MICRO] {
        &self.values
    }

    /// One step: bands and level, each in `[0, 1]`.
    #[allow(clippy::needless_range_loop, reason = "four arrays and two offsets share the index, and the JavaScript side reads the same")]
    pub(crate) fn step(&mut self, bands: &[f64; N_BANDS], raw_level: f64) -> &[f64; N_MICRO] {
        let level = clamp(raw_level, 0.0, 1.0);
        let mut now = self.groups(bands);
        now[N_GROUPS] = level;
        let mut sum = 0.0;
        for g in 0..N_GROUPS {
            let rise = clamp(now[g] - self.follow[g], 0.0, 1.0);
            self.follow[g] += self.shares.onset * (now[g] - self.follow[g]);
            self.values[4 + g] = self.onset(g, rise);
            sum += rise;
        }
        self.values[7] = self.onset(N_GROUPS, sum / N_GROUPS as f64);
        for g in 0..=N_GROUPS {
            self.fast[g] += self.shares.fast * (now[g] - self.fast[g]);
            self.slow[g] += self.shares.slow * (now[g] - self.slow[g]);
            self.values[g] = now[g];
            self.values[8 + g] = self.fast[g];
            self.values[12 + g] = self.slow[g];
        }
        for g in 0..N_GROUPS {
            self.values[16 + g] = clamp(0.5 + f64::from(contract::OVER_GAIN) * (self.fast[g] - self.slow[g]), 0.0, 1.0);
        }
        self.rate += self.shares.rate * (self.values[7] - self.rate);
        self.values[21] = self.rate;
        self.level_peak = at_least(at_least(self.level_peak * self.shares.level_kept, level), LEVEL_FLOOR);
        self.values[22] = level / self.level_peak;
        let heard = clamp((level - contract::SILENCE_LEVEL) / contract::SILENCE_LEVEL, 0.0, 1.0);
        self.presence += self.shares.presence * (heard - self.presence);
        self.values[23] = self.presence;
        &self.values
    }

    /// Means of the three groups of bands; also centroid and width of the whole.
    fn groups(&mut self, bands: &[f64; N_BANDS]) -> [f64; N_GROUPS + 1] {
        let mut now = [0.0; N_GROUPS + 1];
        let (mut band, mut total, mut moment) = (0, 0.0, 0.0);
        for (g, &n_bands) in contract::BAND_GROUPS.iter().enumerate() {
            let mut sum = 0.0;
            for _ in 0..n_bands {
                let value = clamp(bands[band], 0.0, 1.0);
                sum += value;
                total += value;
                moment += value * (band as f64 / (N_BANDS - 1) as f64);
                band += 1;
            }
            now[g] = sum / f64::from(n_bands);
        }
        let centroid = if total > 0.0 { moment / total } else { 0.0 };
        let mut spread = 0.0;
        for (k, value) in bands.iter().enumerate() {
            let away = k as f64 / (N_BANDS - 1) as f64 - centroid;
            spread += clamp(*value, 0.0, 1.0) * (away * away);
        }
        self.values[19] = clamp(centroid, 0.0, 1.0);
        self.values[20] = if total > 0.0 { clamp(2.0 * (spread / total).sqrt(), 0.0, 1.0) } else { 0.0 };
        now
    }

    /// A rise against the strongest of late.
    fn onset(&mut self, k: usize, rise: f64) -> f64 {
        self.peaks[k] = at_least(at_least(self.peaks[k] * self.shares.onset_kept, rise), contract::ONSET_FLOOR);
        rise / self.peaks[k]
    }
}

fn at_least(x: f64, low: f64) -> f64 {
    if x > low { x } else { low }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_band_is_in_one_group() {
        assert_eq!(contract::BAND_GROUPS.iter().sum::<u32>() as usize, N_BANDS);
        assert_eq!(contract::NAMES.len(), N_MICRO);
    }

    #[test]
    fn silence_is_all_but_zero() {
        let mut micro = Micro::default();
        let values = *micro.step(&[0.0; N_BANDS], 0.0);
        // What is over its slow average stands in the middle where both are 0.
        let expected: Vec<f64> = (0..N_MICRO).map(|k| if (16..19).contains(&k) { 0.5 } else { 0.0 }).collect();
        assert_eq!(values.to_vec(), expected);
    }

    #[test]
    fn a_rise_of_one_group_is_an_onset_of_it_alone() {
        let mut micro = Micro::default();
        (0..120).for_each(|_| drop(micro.step(&[0.25; N_BANDS], 0.5).to_vec()));
        let mut bands = [0.25; N_BANDS];
        bands[..4].fill(0.75);
        let values = *micro.step(&bands, 0.5);
        assert_eq!((values[0], values[1]), (0.75, 0.25));
        assert!(values[4] == 1.0 && values[5] < 0.01 && values[6] < 0.01, "{values:?}");
        // Held, it is none any more soon.
        (0..12).for_each(|_| drop(micro.step(&bands, 0.5).to_vec()));
        assert!(micro.values()[4] < 0.05, "{:?}", micro.values());
    }

    #[test]
    fn centroid_and_width_are_as_computed_by_hand() {
        let mut micro = Micro::default();
        let mut bands = [0.0; N_BANDS];
        (bands[0], bands[15]) = (0.5, 0.5);
        let values = *micro.step(&bands, 0.5);
        assert_eq!((values[19], values[20]), (0.5, 1.0));
    }
}
