//! The metrical levels at which a listener might also tap. Any thread.
//!
//! Source: `mir_eval.beat._get_reference_beat_variations`.

/// The reference itself, its off-beats, double tempo, half tempo from the first and from the second beat; seconds.
///
/// Off-beats and double tempo lie half way between neighbours.
pub(super) fn variations(reference_sec: &[f64]) -> [Vec<f64>; 5] {
    let offbeat: Vec<f64> = reference_sec.windows(2).map(|pair| (pair[1] - pair[0]) * 0.5 + pair[0]).collect();
    let mut double = Vec::with_capacity(reference_sec.len() + offbeat.len());
    for (idx, time_sec) in reference_sec.iter().enumerate() {
        double.push(*time_sec);
        double.extend(offbeat.get(idx));
    }
    let half = |first: usize| reference_sec.iter().skip(first).step_by(2).copied().collect();
    [reference_sec.to_vec(), offbeat, double, half(0), half(1)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_beats_give_two_off_beats_and_both_halves() {
        let [same, offbeat, double, half_first, half_second] = variations(&[1.0, 2.0, 4.0]);
        assert_eq!((same, offbeat), (vec![1.0, 2.0, 4.0], vec![1.5, 3.0]));
        assert_eq!(double, [1.0, 1.5, 2.0, 3.0, 4.0]);
        assert_eq!((half_first, half_second), (vec![1.0, 4.0], vec![2.0]));
    }

    #[test]
    fn one_beat_has_no_off_beat() {
        assert_eq!(variations(&[1.0]), [vec![1.0], vec![], vec![1.0], vec![1.0], vec![]]);
    }
}
