//! Which tap answers which click. Pure.
//!
//! Taps may be missing, doubled or wild, and the delay may be longer than the time between two clicks. So the delay that most
//! taps agree on is looked for first, which is one only because the clicks are irregular; then each click takes its nearest tap.

/// Taps further from the common delay than this answer nothing, seconds.
const REACH_SEC: f64 = 0.2;
/// How far taps that agree may scatter around the common delay, seconds.
const SCATTER_SEC: f64 = 0.08;
/// Step of the search, seconds.
const STEP_SEC: f64 = 0.005;

/// What the taps say.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Paired {
    /// Of each click that was answered, its tap's delay, ms.
    pub delays_ms: Vec<f64>,
    /// Clicks without a tap.
    pub n_missed: usize,
    /// Taps that answer nothing: double ones, wild ones.
    pub n_extra: usize,
}

/// Pairs taps with clicks, both in seconds on one axis; delays from 0 to `max_delay_sec` are looked for.
pub fn pair(clicks_sec: &[f64], taps_sec: &[f64], max_delay_sec: f64) -> Paired {
    let mut taps_sec: Vec<f64> = taps_sec.iter().copied().filter(|tap_sec| tap_sec.is_finite()).collect();
    taps_sec.sort_by(f64::total_cmp);
    let n_steps = (max_delay_sec / STEP_SEC).round().max(0.0) as usize;
    let agreement = |delay_sec: f64| -> f64 {
        let of_click = |&click_sec: &f64| {
            let at_sec = click_sec + delay_sec;
            nearest(&taps_sec, at_sec).map_or(0.0, |idx| (1.0 - (taps_sec[idx] - at_sec).abs() / SCATTER_SEC).max(0.0))
        };
        clicks_sec.iter().map(of_click).sum()
    };
    let common = (0..=n_steps).map(|step| step as f64 * STEP_SEC).max_by(|&a, &b| agreement(a).total_cmp(&agreement(b)));
    let common_sec = common.unwrap_or(0.0);
    let mut is_used = vec![false; taps_sec.len()];
    let mut paired = Paired::default();
    for &click_sec in clicks_sec {
        let at_sec = click_sec + common_sec;
        let answer = nearest(&taps_sec, at_sec).filter(|&idx| !is_used[idx] && (taps_sec[idx] - at_sec).abs() <= REACH_SEC);
        match answer {
            Some(idx) => {
                is_used[idx] = true;
                paired.delays_ms.push(1e3 * (taps_sec[idx] - click_sec));
            }
            None => paired.n_missed += 1,
        }
    }
    paired.n_extra = is_used.iter().filter(|&&is_used| !is_used).count();
    paired
}

/// The index of the value that is nearest; values ascend.
fn nearest(values: &[f64], at: f64) -> Option<usize> {
    let after = values.partition_point(|&value| value < at);
    let candidates = [after.checked_sub(1), (after < values.len()).then_some(after)];
    candidates.into_iter().flatten().min_by(|&a, &b| (values[a] - at).abs().total_cmp(&(values[b] - at).abs()))
}

#[cfg(test)]
mod tests {
    use super::super::clicks::{next_unit, schedule_sec};
    use super::super::estimate::{Limits, estimate};
    use super::*;

    const LIMITS: Limits = Limits { n_least: 8, spread_ms: 45.0, near_ms: 20.0 };

    /// Taps that follow the clicks by a delay, scattered evenly by up to `scatter_sec` to either side.
    fn taps(clicks_sec: &[f64], delay_sec: f64, scatter_sec: f64, seed: u64) -> Vec<f64> {
        let mut state = seed;
        clicks_sec.iter().map(|click_sec| click_sec + delay_sec + scatter_sec * (2.0 * next_unit(&mut state) - 1.0)).collect()
    }

    #[test]
    fn any_delay_is_found_also_above_a_beat() {
        let clicks_sec = schedule_sec(24, 3);
        for delay_ms in [0.0, 60.0, 250.0, 600.0, 950.0, 1_400.0] {
            let paired = pair(&clicks_sec, &taps(&clicks_sec, delay_ms * 1e-3, 0.03, 5), 1.5);
            let found = estimate(&paired.delays_ms, LIMITS).unwrap();
            assert!((found.delay_ms - delay_ms).abs() < 12.0, "{delay_ms}: {found:?}");
            assert_eq!((paired.n_missed, paired.n_extra), (0, 0));
        }
    }

    #[test]
    fn missed_doubled_and_wild_taps_are_counted_and_change_little() {
        let clicks_sec = schedule_sec(24, 4);
        let mut tapped = taps(&clicks_sec, 0.31, 0.02, 9);
        tapped.remove(20);
        tapped.remove(5);
        tapped.push(tapped[3] + 0.09);
        tapped[8] += 0.18;
        tapped.extend([0.1, f64::NAN, 90.0]);
        let paired = pair(&clicks_sec, &tapped, 1.5);
        assert_eq!((paired.n_missed, paired.n_extra), (2, 3), "{paired:?}");
        let found = estimate(&paired.delays_ms, LIMITS).unwrap();
        assert!((found.delay_ms - 310.0).abs() < 10.0 && found.n_outliers == 1, "{found:?}");
    }

    #[test]
    fn taps_at_random_are_refused() {
        let clicks_sec = schedule_sec(24, 4);
        let mut state = 1;
        let tapped: Vec<f64> = (0..24).map(|_| 25.0 * next_unit(&mut state)).collect();
        assert!(estimate(&pair(&clicks_sec, &tapped, 1.5).delays_ms, LIMITS).is_err());
    }

    #[test]
    fn nothing_tapped_or_nothing_played_pairs_nothing() {
        assert_eq!(pair(&[1.0, 2.0], &[], 1.5), Paired { delays_ms: vec![], n_missed: 2, n_extra: 0 });
        assert_eq!(pair(&[], &[1.0], 1.5), Paired { delays_ms: vec![], n_missed: 0, n_extra: 1 });
    }
}
