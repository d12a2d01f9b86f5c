//! Which estimated beat belongs to which reference beat. Any thread.
//!
//! Two rules: the largest possible one-to-one matching (F-measure) and the nearest free beat (latency, timing error).

/// A reference beat and the estimated beat matched to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pair {
    /// Index into the reference.
    pub reference_idx: usize,
    /// Index into the estimate.
    pub estimated_idx: usize,
}

/// A largest one-to-one matching within `window_sec` seconds to either side (`mir_eval.util.match_events`).
///
/// mir_eval solves general bipartite matching (Hopcroft-Karp). Here both sides are sorted and every window is as wide
/// as the next, so the span of references that an estimate may take starts and ends no earlier than that of the
/// estimate before it. Then giving each estimate in turn the first free reference of its span is already largest: any
/// larger matching could be untangled into this one pair by pair. The *number* of pairs is the same as mir_eval's; the
/// pairs may differ where several matchings are largest.
///
/// The window is tested as mir_eval does, `estimate - window <= reference <= estimate + window`, each side rounded: a
/// pair exactly one window apart falls as it does there.
pub fn match_events(reference_sec: &[f64], estimated_sec: &[f64], window_sec: f64) -> Vec<Pair> {
    let mut pairs = Vec::new();
    let mut free = 0;
    for (estimated_idx, time_sec) in estimated_sec.iter().enumerate() {
        while free < reference_sec.len() && reference_sec[free] < time_sec - window_sec {
            free += 1;
        }
        if free < reference_sec.len() && reference_sec[free] <= time_sec + window_sec {
            pairs.push(Pair { reference_idx: free, estimated_idx });
            free += 1;
        }
    }
    pairs
}

/// Each reference beat in turn takes the nearest estimate that is still free, within `window_sec` seconds.
///
/// Not always the largest matching, but the pairs are the ones a listener would name. The window is tested on the
/// difference, `|estimate - reference| <= window`: a pair exactly one window apart may fall otherwise than in
/// [`match_events`].
pub fn match_nearest(reference_sec: &[f64], estimated_sec: &[f64], window_sec: f64) -> Vec<Pair> {
    let mut pairs = Vec::new();
    let mut used = vec![false; estimated_sec.len()];
    for (reference_idx, time_sec) in reference_sec.iter().enumerate() {
        // Twice the window: wide enough that rounding cannot hide a candidate from the exact test below.
        let first = estimated_sec.partition_point(|other_sec| *other_sec < time_sec - 2.0 * window_sec);
        let mut best: Option<(usize, f64)> = None;
        for (estimated_idx, other_sec) in estimated_sec.iter().enumerate().skip(first) {
            let distance_sec = (other_sec - time_sec).abs();
            if *other_sec > time_sec + 2.0 * window_sec {
                break;
            }
            if distance_sec <= window_sec && !used[estimated_idx] && best.is_none_or(|(_, best_sec)| distance_sec < best_sec) {
                best = Some((estimated_idx, distance_sec));
            }
        }
        if let Some((estimated_idx, _)) = best {
            used[estimated_idx] = true;
            pairs.push(Pair { reference_idx, estimated_idx });
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn indices(pairs: &[Pair]) -> Vec<(usize, usize)> {
        pairs.iter().map(|pair| (pair.reference_idx, pair.estimated_idx)).collect()
    }

    #[test]
    fn a_chain_of_overlapping_windows_is_matched_in_full() {
        // Nearest first would give 1.06 to 1.1 and leave 1.0 alone.
        let (reference, estimated) = ([1.0, 1.1], [1.06, 1.15]);
        assert_eq!(indices(&match_events(&reference, &estimated, 0.07)), [(0, 0), (1, 1)]);
    }

    #[test]
    fn an_estimate_serves_one_reference_only() {
        assert_eq!(match_events(&[1.0, 1.01], &[1.005], 0.07).len(), 1);
        assert_eq!(match_nearest(&[1.0, 1.01], &[1.005], 0.07).len(), 1);
    }

    #[test]
    fn the_nearest_free_estimate_is_taken() {
        assert_eq!(indices(&match_nearest(&[1.0, 1.05], &[0.94, 1.01, 1.06], 0.07)), [(0, 1), (1, 2)]);
    }

    #[test]
    fn nothing_matches_nothing() {
        assert!(match_events(&[], &[1.0], 0.07).is_empty() && match_events(&[1.0], &[], 0.07).is_empty());
        assert!(match_nearest(&[], &[1.0], 0.07).is_empty() && match_nearest(&[1.0], &[1.08], 0.07).is_empty());
    }
}
