//! Time to lock, longest run and slips: what a user notices first. Any thread.
//!
//! Own metrics over the whole piece, without a skip: a reference beat is good when exactly one estimate lies in its
//! cell (half an interval to either side) and is within 70 ms of it.

use super::WINDOW_SEC;

/// Length of the unbroken stretch that counts as locked, seconds.
pub const LOCK_SPAN_SEC: f64 = 5.0;
/// Longest wrong stretch after the lock that is not yet a slip, seconds.
pub const SLIP_SPAN_SEC: f64 = 4.0;

/// How soon and how steadily a piece was held.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lock {
    /// From the first reference beat to the start of the first locked stretch, seconds; `None` = never locked.
    pub lock_sec: Option<f64>,
    /// From the first to the last reference beat, seconds.
    pub span_sec: f64,
    /// Longest stretch of good beats as a share of that span, `[0, 1]`.
    pub longest_run: f64,
    /// Whether, once locked, more than [`SLIP_SPAN_SEC`] passed without a good beat. False where it never locked.
    pub slipped: bool,
}

/// Lock statistics; `None` where the reference has no span (fewer than two beats, or all at one time).
pub fn lock(reference_sec: &[f64], estimated_sec: &[f64]) -> Option<Lock> {
    let (first_sec, last_sec) = (*reference_sec.first()?, *reference_sec.last()?);
    let span_sec = last_sec - first_sec;
    if span_sec <= 0.0 {
        return None;
    }
    let good = good_beats(reference_sec, estimated_sec);
    let (mut lock_sec, mut longest_sec) = (None, 0.0_f64);
    let mut beats = reference_sec.iter().zip(&good);
    while let Some((start_sec, _)) = beats.by_ref().find(|(_, good)| **good) {
        let end_sec = beats.by_ref().take_while(|(_, good)| **good).last().map_or(start_sec, |(end_sec, _)| end_sec);
        let run_sec = end_sec - start_sec;
        longest_sec = longest_sec.max(run_sec);
        if run_sec >= LOCK_SPAN_SEC && lock_sec.is_none() {
            lock_sec = Some(start_sec - first_sec);
        }
    }
    let slipped = lock_sec.is_some_and(|lock_sec| slips(reference_sec, &good, first_sec + lock_sec));
    Some(Lock { lock_sec, span_sec, longest_run: longest_sec / span_sec, slipped })
}

/// Whether a stretch of more than [`SLIP_SPAN_SEC`] seconds from `start_sec` on holds bad beats only.
fn slips(reference_sec: &[f64], good: &[bool], start_sec: f64) -> bool {
    let mut first_bad_sec: Option<f64> = None;
    for (time_sec, good) in reference_sec.iter().zip(good).filter(|(time_sec, _)| **time_sec >= start_sec) {
        if *good {
            first_bad_sec = None;
        } else if time_sec - *first_bad_sec.get_or_insert(*time_sec) > SLIP_SPAN_SEC {
            return true;
        }
    }
    false
}

/// For each reference beat: whether exactly one estimate lies in its cell, and within 70 ms. Needs two beats or more.
fn good_beats(reference_sec: &[f64], estimated_sec: &[f64]) -> Vec<bool> {
    let interval_after = |idx: usize| match reference_sec.get(idx + 1) {
        Some(next_sec) => next_sec - reference_sec[idx],
        None => reference_sec[idx] - reference_sec[idx - 1],
    };
    let is_good = |(idx, time_sec): (usize, &f64)| {
        let cell_start_sec = time_sec - interval_after(idx.saturating_sub(1)) / 2.0;
        let cell_end_sec = time_sec + interval_after(idx) / 2.0;
        let first = estimated_sec.partition_point(|other_sec| *other_sec < cell_start_sec);
        let end = estimated_sec.partition_point(|other_sec| *other_sec < cell_end_sec);
        end == first + 1 && (estimated_sec[first] - time_sec).abs() <= WINDOW_SEC
    };
    reference_sec.iter().enumerate().map(is_good).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten seconds at 120 BPM.
    fn reference() -> Vec<f64> {
        (0..=20).map(|idx| 1.0 + f64::from(idx) * 0.5).collect()
    }

    #[test]
    fn a_perfect_tracker_locks_at_once() {
        let scores = lock(&reference(), &reference()).unwrap();
        assert_eq!(scores, Lock { lock_sec: Some(0.0), span_sec: 10.0, longest_run: 1.0, slipped: false });
    }

    #[test]
    fn the_lock_starts_where_the_first_long_stretch_starts() {
        let estimated: Vec<f64> = reference().into_iter().filter(|time_sec| *time_sec >= 3.0).collect();
        let scores = lock(&reference(), &estimated).unwrap();
        assert_eq!((scores.lock_sec, scores.longest_run), (Some(2.0), 0.8));
    }

    #[test]
    fn double_tempo_never_locks() {
        let double: Vec<f64> = (0..=40).map(|idx| 1.0 + f64::from(idx) * 0.25).collect();
        // An estimate on the border of two cells belongs to the later one, so only the first beat stands alone.
        let scores = lock(&reference(), &double).unwrap();
        assert_eq!((scores.lock_sec, scores.longest_run, scores.slipped), (None, 0.0, false));
    }

    #[test]
    fn more_than_four_seconds_wrong_after_the_lock_is_a_slip() {
        let until = |end_sec: f64| reference().into_iter().filter(|time_sec| *time_sec < end_sec).collect::<Vec<_>>();
        assert!(lock(&reference(), &until(6.5)).unwrap().slipped);
        assert!(!lock(&reference(), &until(7.0)).unwrap().slipped);
    }

    #[test]
    fn silence_from_the_tracker_never_locks_and_no_reference_has_no_lock() {
        assert_eq!(lock(&reference(), &[]).unwrap().lock_sec, None);
        assert_eq!(lock(&[], &[1.0]), None);
        assert_eq!(lock(&[1.0], &[1.0]), None);
        assert_eq!(lock(&[1.0, 1.0], &[1.0]), None);
    }
}
