//! What must hold of any two sequences, tried on random ones.
//!
//! Times are multiples of 1/1024 s: shifts are then exact, and no pair can lie exactly one window apart, where
//! rounding decides.

use proptest::prelude::*;

use super::matching::{match_events, match_nearest};
use super::*;

const RASTER_SEC: f64 = 1.0 / 1024.0;

fn sequence() -> impl Strategy<Value = Vec<f64>> {
    proptest::collection::vec(0_u32..8_192, 0..40).prop_map(|mut ticks| {
        ticks.sort_unstable();
        ticks.into_iter().map(|tick| f64::from(tick) * RASTER_SEC).collect()
    })
}

fn shifted(times_sec: &[f64], ticks: u32) -> Vec<f64> {
    times_sec.iter().map(|time_sec| time_sec + f64::from(ticks) * RASTER_SEC).collect()
}

/// Size of a largest matching by augmenting paths: slow, and no assumption about order.
fn largest_matching(reference_sec: &[f64], estimated_sec: &[f64]) -> usize {
    fn augment(edges: &[Vec<usize>], from: usize, seen: &mut [bool], owner: &mut [Option<usize>]) -> bool {
        edges[from].iter().any(|to| {
            !std::mem::replace(&mut seen[*to], true)
                && (owner[*to].is_none_or(|holder| augment(edges, holder, seen, owner)) && {
                    owner[*to] = Some(from);
                    true
                })
        })
    }
    let near = |time_sec: &f64| (0..reference_sec.len()).filter(|idx| (reference_sec[*idx] - time_sec).abs() <= WINDOW_SEC).collect();
    let edges: Vec<Vec<usize>> = estimated_sec.iter().map(near).collect();
    let mut owner = vec![None; reference_sec.len()];
    (0..edges.len()).filter(|from| augment(&edges, *from, &mut vec![false; reference_sec.len()], &mut owner)).count()
}

proptest! {
    #[test]
    fn the_matching_is_as_large_as_any(reference in sequence(), estimated in sequence()) {
        prop_assert_eq!(match_events(&reference, &estimated, WINDOW_SEC).len(), largest_matching(&reference, &estimated));
    }

    #[test]
    fn f_is_symmetric_and_a_share(reference in sequence(), estimated in sequence()) {
        let score = f_measure(&reference, &estimated, WINDOW_SEC);
        prop_assert!((0.0..=1.0).contains(&score));
        prop_assert!((score - f_measure(&estimated, &reference, WINDOW_SEC)).abs() < 1e-12);
        prop_assert!(f_measure(&reference, &estimated, NARROW_WINDOW_SEC) <= score);
    }

    #[test]
    fn a_sequence_matches_itself(reference in sequence()) {
        let expected = if reference.is_empty() { 0.0 } else { 1.0 };
        prop_assert_eq!(f_measure(&reference, &reference, WINDOW_SEC), expected);
    }

    #[test]
    fn a_common_shift_changes_nothing(reference in sequence(), estimated in sequence(), ticks in 0_u32..10_000) {
        let (later_reference, later_estimated) = (shifted(&reference, ticks), shifted(&estimated, ticks));
        prop_assert_eq!(f_measure(&reference, &estimated, WINDOW_SEC), f_measure(&later_reference, &later_estimated, WINDOW_SEC));
        prop_assert_eq!(continuity(&reference, &estimated), continuity(&later_reference, &later_estimated));
        prop_assert_eq!(tempo_accuracy(&reference, &estimated), tempo_accuracy(&later_reference, &later_estimated));
        prop_assert_eq!(lock(&reference, &estimated), lock(&later_reference, &later_estimated));
        let (here, there) = (information_gain(&reference, &estimated), information_gain(&later_reference, &later_estimated));
        prop_assert_eq!(here.is_some(), there.is_some());
        prop_assert!(here.zip(there).is_none_or(|(here, there)| (here - there).abs() < 1e-12));
    }

    #[test]
    fn any_level_is_no_worse_than_the_right_one(reference in sequence(), estimated in sequence()) {
        let scores = continuity(&reference, &estimated);
        for (low, high) in [(scores.cmlc, scores.cmlt), (scores.cmlt, scores.amlt), (scores.cmlc, scores.amlc), (scores.amlc, scores.amlt)] {
            prop_assert!((0.0..=1.0).contains(&low) && low <= high && high <= 1.0, "{:?}", scores);
        }
    }

    #[test]
    fn live_is_never_above_what_is_matched(reference in sequence(), estimated in sequence(), late_ms in -500_i32..500) {
        let announced: Vec<f64> = estimated.iter().map(|time_sec| time_sec + f64::from(late_ms) / 1000.0).collect();
        let scores = announcements(&reference, &estimated, &announced);
        let n_pairs = match_nearest(&reference, &estimated, WINDOW_SEC).len();
        prop_assert_eq!(scores.latencies_sec.len(), n_pairs);
        prop_assert!(n_pairs <= match_events(&reference, &estimated, WINDOW_SEC).len());
        prop_assert!(scores.live0 <= scores.live50 && scores.live50 <= f_measure(&reference, &estimated, WINDOW_SEC) + 1e-12);
    }
}
