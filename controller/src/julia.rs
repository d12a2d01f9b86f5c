//! From controls to the constant of a Julia set, and what is known of that set without a picture: how far c lies from the Mandelbrot
//! set. The constant has the same bits in `visualizer/controller/julia.js`; the distance is for training and reports only.

use model_contracts::v1::controller::julia as contract;

use crate::N_CONTROLS;
use crate::numbers::clamp;

const LAST: usize = contract::PATH_RE.len() - 1;
/// Beyond this |z| an orbit is gone, and the estimate of the distance is good.
const ESCAPE_RADIUS: f64 = 1000.0;

/// Real and imaginary part of c for the controls `path`, `offset`, `sway` (the first three).
///
/// Real-time safe: yes.
pub fn julia_c(controls: &[f64; N_CONTROLS]) -> [f64; 2] {
    let at = clamp(controls[0], 0.0, 1.0) * LAST as f64;
    let k = (at.floor() as usize).min(LAST - 1);
    let u = at - k as f64;
    let re = contract::PATH_RE[k] + (contract::PATH_RE[k + 1] - contract::PATH_RE[k]) * u;
    let im = contract::PATH_IM[k] + (contract::PATH_IM[k + 1] - contract::PATH_IM[k]) * u;
    let (from, to) = (tangent(k), tangent(k + 1));
    let (tangent_re, tangent_im) = (from[0] + (to[0] - from[0]) * u, from[1] + (to[1] - from[1]) * u);
    let length = (tangent_re * tangent_re + tangent_im * tangent_im).sqrt();
    let offset = clamp(controls[1], -1.0, 1.0);
    let out = if offset < 0.0 { offset * contract::INWARDS } else { offset * contract::OUTWARDS };
    let along = clamp(controls[2], -1.0, 1.0) * contract::ALONG;
    // The path runs with the set on its left: a right turn of the tangent points outwards.
    [re + (tangent_im * out + tangent_re * along) / length, im + (tangent_im * along - tangent_re * out) / length]
}

fn tangent(k: usize) -> [f64; 2] {
    let (before, after) = (k.saturating_sub(1), (k + 1).min(LAST));
    [contract::PATH_RE[after] - contract::PATH_RE[before], contract::PATH_IM[after] - contract::PATH_IM[before]]
}

/// Estimate of the distance from `c` to the Mandelbrot set, |z| ln|z| / |z'| of the critical orbit; 0 where that does not escape in
/// `n_max` steps. (Milnor, *Dynamics in One Complex Variable*, appendix G, has it with a factor of 2.)
pub fn boundary_distance(c: [f64; 2], n_max: u32) -> f64 {
    let (mut z, mut slope) = ([0.0f64; 2], [0.0f64; 2]);
    for _ in 0..n_max {
        slope = [2.0 * (z[0] * slope[0] - z[1] * slope[1]) + 1.0, 2.0 * (z[0] * slope[1] + z[1] * slope[0])];
        z = [z[0] * z[0] - z[1] * z[1] + c[0], 2.0 * z[0] * z[1] + c[1]];
        let radius = z[0].hypot(z[1]);
        if radius > ESCAPE_RADIUS {
            return radius * radius.ln() / slope[0].hypot(slope[1]);
        }
    }
    0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(path: f64, offset: f64, sway: f64) -> [f64; 2] {
        let mut controls = [0.0; N_CONTROLS];
        controls[..3].copy_from_slice(&[path, offset, sway]);
        julia_c(&controls)
    }

    #[test]
    fn the_path_begins_and_ends_where_its_table_does() {
        assert_eq!(at(0.0, 0.0, 0.0), [contract::PATH_RE[0], contract::PATH_IM[0]]);
        let end = at(1.0, 0.0, 0.0);
        assert!((end[0] - contract::PATH_RE[LAST]).abs() < 1e-12 && (end[1] - contract::PATH_IM[LAST]).abs() < 1e-12);
        assert_eq!(at(f64::NAN, 0.0, 0.0), at(0.0, 0.0, 0.0));
    }

    #[test]
    fn distances_are_as_known() {
        // Left of -2 nothing is nearer than the antenna's tip, and the estimate lies within a factor of 2 of the truth, about.
        for distance in [0.01, 0.05, 0.2] {
            let estimate = boundary_distance([-2.0 - distance, 0.0], 2000);
            assert!(estimate > 0.45 * distance && estimate < 2.2 * distance, "{distance} {estimate}");
        }
        assert_eq!((boundary_distance([0.0, 0.0], 500), boundary_distance([-1.0, 0.0], 500)), (0.0, 0.0));
    }

    #[test]
    fn no_controls_leave_the_band_of_rich_pictures() {
        let steps = |n: usize, low: f64, high: f64| (0..=n).map(move |k| low + (high - low) * k as f64 / n as f64);
        let (mut n, mut n_outside) = (0, 0);
        for path in steps(300, 0.0, 1.0) {
            for offset in steps(6, -1.0, 1.0) {
                for sway in steps(2, -1.0, 1.0) {
                    let distance = boundary_distance(at(path, offset, sway), 2000);
                    n += 1;
                    n_outside += u32::from(!(contract::DISTANCE_MIN..contract::DISTANCE_MAX).contains(&distance));
                }
            }
        }
        // NB: 0.2 % of all corners together lie closer, in narrow valleys, with everything pushed at once.
        assert!(n_outside * 200 < n, "{n_outside} of {n}");
    }

    #[test]
    fn an_offset_moves_away_from_the_set() {
        for path in [0.05, 0.3, 0.53, 0.725, 0.9] {
            let [near, on, far] = [-1.0, 0.0, 1.0].map(|offset| boundary_distance(at(path, offset, 0.0), 2000));
            assert!(near < on && on < far, "{path}: {near} {on} {far}");
        }
    }
}
