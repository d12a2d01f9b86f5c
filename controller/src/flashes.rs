//! A model of the picture's brightness as the controls drive it, and a count of its flashes as WCAG 2.3.1 defines them: pairs of
//! opposing changes of relative luminance of a tenth or more, the darker image below 0.8.
//!
//! The speed limits of the contract allow no more than three a second whatever the targets are, see the test. The hard limiter on what
//! is really drawn is the page's own; this is the side that needs no picture.

use model_contracts::v1::clocks::CONTROLLER_HZ;
use model_contracts::v1::controller::luminance as contract;

use crate::N_CONTROLS;

/// Modelled luminance of the whole field, `[0, 1]`.
pub fn luminance(controls: &[f64; N_CONTROLS]) -> f64 {
    contract::BASE + contract::WEIGHTS.iter().zip(controls).map(|(weight, value)| weight * value).sum::<f64>()
}

/// The most general flashes in any one second of a trace of luminances, `[0, 1]`, at the controller's rate.
pub fn most_in_a_second(trace: &[f64]) -> u32 {
    let changes = changes(trace);
    let second = CONTROLLER_HZ as usize;
    let within = |from: usize| changes[from..].iter().take_while(|at| **at < changes[from] + second).count();
    (0..changes.len()).map(|from| within(from) as u32 / 2).max().unwrap_or(0)
}

/// Steps at which a change of a tenth or more against the last turning point is complete, up and down in turn.
fn changes(trace: &[f64]) -> Vec<usize> {
    let mut changes = Vec::new();
    let Some(&first) = trace.first() else { return changes };
    let (mut low, mut high) = (first, first);
    // What the last change was: up, down, or none yet.
    let mut rose: Option<bool> = None;
    for (k, &value) in trace.iter().enumerate() {
        (low, high) = (low.min(value), high.max(value));
        let is_up = rose != Some(true) && value - low >= contract::FLASH_STEP && low < contract::FLASH_DARK_BELOW;
        let is_down = rose != Some(false) && high - value >= contract::FLASH_STEP && value < contract::FLASH_DARK_BELOW;
        if is_up || is_down {
            changes.push(k);
            rose = Some(is_up);
            (low, high) = (value, value);
        }
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::range;
    use model_contracts::v1::controller::MAX_SPEED_PER_SEC;

    /// Weight below which a control is too weak to flash with the other quick ones, whatever its speed.
    const QUICK: [usize; 4] = [7, 8, 9, 11];

    fn square(half_period: usize, low: f64, high: f64) -> Vec<f64> {
        (0..180).map(|k| if (k / half_period).is_multiple_of(2) { low } else { high }).collect()
    }

    #[test]
    fn flashes_are_counted_as_by_hand() {
        // 60 / 20 = 3 changes in a second and one at its edge: a flash and a half; 60 / 6 = 10 changes: five.
        assert_eq!((most_in_a_second(&square(20, 0.2, 0.5)), most_in_a_second(&square(6, 0.2, 0.5))), (1, 5));
        assert_eq!((most_in_a_second(&square(6, 0.2, 0.29)), most_in_a_second(&square(6, 0.85, 0.99)), most_in_a_second(&[])), (0, 0, 0));
    }

    #[test]
    fn a_slow_climb_is_no_flash() {
        assert_eq!(most_in_a_second(&(0..180).map(|k| f64::from(k) / 180.0).collect::<Vec<_>>()), 0);
    }

    #[test]
    fn the_speed_limits_alone_forbid_a_fourth_flash() {
        // More than three flashes are eight changes of a tenth. The quick controls together give less than a tenth to each; what is
        // missing must come from the slow ones, which would have to travel further in a second than they may.
        let reach = |k: usize| contract::WEIGHTS[k] * (range(k).1 - range(k).0);
        let quick: f64 = QUICK.iter().map(|&k| reach(k)).sum();
        let slow_per_sec: f64 = (0..N_CONTROLS).filter(|k| !QUICK.contains(k)).map(|k| contract::WEIGHTS[k] * MAX_SPEED_PER_SEC[k]).sum();
        // Seven changes begin and end within the second, if the first and the eighth stand at its edges.
        assert!(quick < contract::FLASH_STEP && 7.0 * (contract::FLASH_STEP - quick) > slow_per_sec, "{quick} {slow_per_sec}");
        let brightest: f64 = contract::BASE + (0..N_CONTROLS).map(|k| contract::WEIGHTS[k] * range(k).1).sum::<f64>();
        assert!(brightest < 1.0, "{brightest}");
    }
}
