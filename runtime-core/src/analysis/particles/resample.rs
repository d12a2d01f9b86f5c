//! Drawing a new population in proportion to weights, in one sweep over it. INFERENCE THREAD.
//!
//! Position `j` of `n` takes the first particle whose cumulative weight reaches `(j + u_j) / n`. With an own `u_j` for
//! each position that is stratified resampling (Kitagawa 1996), with one `u` for all it is systematic resampling
//! (Carpenter, Clifford & Fearnhead 1999). The positions only grow, so one pass finds them all: O(N) where BeatNet's
//! `universal_resample` searches for each.

/// Writes into `chosen` the index of the particle that each new one copies.
///
/// `weights` are not negative, `[n_old]`, and need not sum to 1; `chosen` has the length wanted; `draw` gives `u_j` in
/// `[0, 1)`, called once per position. Weights that are all zero choose evenly. Real-time safe: yes.
pub(super) fn resample(weights: &[f64], chosen: &mut [u32], mut draw: impl FnMut() -> f64) {
    let total: f64 = weights.iter().sum();
    let last = weights.len().saturating_sub(1);
    let weight = |index: usize| if total > 0.0 { weights[index] / total } else { 1.0 / weights.len() as f64 };
    let step = 1.0 / chosen.len() as f64;
    let mut index = 0;
    let mut cumulative = weight(0);
    for (j, slot) in chosen.iter_mut().enumerate() {
        let position = draw() * step + j as f64 * step;
        // Rounding may leave the whole sum just below the last position.
        while cumulative < position && index < last {
            index += 1;
            cumulative += weight(index);
        }
        *slot = index as u32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_follow_the_weights() {
        let mut chosen = [0; 4];
        resample(&[1.0, 0.0, 2.0, 1.0], &mut chosen, || 0.5);
        // Positions .125 .375 .625 .875 against cumulative .25 .25 .75 1.
        assert_eq!(chosen, [0, 2, 2, 3]);
    }

    #[test]
    fn each_position_takes_its_own_draw() {
        let mut draws = [0.9, 0.0].into_iter();
        let mut chosen = [0; 2];
        resample(&[0.4, 0.1, 0.5], &mut chosen, || draws.next().unwrap());
        // Positions .45 and .5 against cumulative .4 .5 1.
        assert_eq!(chosen, [1, 1]);
    }

    #[test]
    fn the_population_may_change_size() {
        let mut chosen = [0; 6];
        resample(&[1.0, 1.0], &mut chosen, || 0.25);
        assert_eq!(chosen, [0, 0, 0, 1, 1, 1]);
    }

    #[test]
    fn no_weight_at_all_keeps_everyone() {
        let mut chosen = [0; 3];
        resample(&[0.0; 3], &mut chosen, || 0.5);
        assert_eq!(chosen, [0, 1, 2]);
    }

    #[test]
    fn the_last_position_stays_inside_whatever_the_rounding() {
        let weights = vec![0.1; 1507];
        let mut chosen = vec![0; 1507];
        resample(&weights, &mut chosen, || 1.0 - f64::EPSILON);
        assert_eq!(chosen[1506], 1506);
    }
}
