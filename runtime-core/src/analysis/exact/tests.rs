//! The exact filter against hand-computable cases and its own definition.

use super::*;

fn decoder() -> ExactDecoder {
    ExactDecoder::new(TempoRange::default(), Meter::Auto)
}

/// Ideal activations: a beat every `period` frames, every `meter`-th a downbeat, from frame `first` on.
fn beat_at(n: u64, period: f64, meter: u64, first: u64) -> Activation {
    let k = ((n as f64 - first as f64) / period).round();
    let is_beat = k >= 0.0 && (first as f64 + k * period).round() == n as f64;
    match (is_beat, k as u64 % meter) {
        (false, _) => Activation { beat: 0.01, downbeat: 0.01, none: 0.98 },
        (true, 0) => Activation { beat: 0.05, downbeat: 0.9, none: 0.05 },
        (true, _) => Activation { beat: 0.9, downbeat: 0.05, none: 0.05 },
    }
}

fn follow(decoder: &mut ExactDecoder, frames: std::ops::Range<u64>, period: f64, meter: u64, first: u64) -> BeatPosterior {
    let mut posterior = BeatPosterior::default();
    for n in frames {
        decoder.step(&beat_at(n, period, meter, first), &mut posterior);
    }
    posterior
}

#[test]
fn ideal_beats_are_found_with_tempo_phase_bar_and_meter() {
    for (period, meter) in [(25.0, 4), (20.0, 3), (31.5, 4), (17.25, 2)] {
        let posterior = follow(&mut decoder(), 0..1000, period, meter, 10);
        assert!((posterior.interval_frames - period).abs() < 0.3, "{period}: {posterior:?}");
        let nearest = ((999.0 - 10.0) / period).round();
        assert!((posterior.frames_to_beat - (10.0 + nearest * period - 999.0)).abs() < 1.0, "{period}: {posterior:?}");
        assert_eq!(u64::from(posterior.beats_per_bar), meter, "{period}: {posterior:?}");
        assert_eq!(u64::from(posterior.beat_in_bar), nearest as u64 % meter + 1, "{period}: {posterior:?}");
        assert!(posterior.conf > 0.9 && posterior.pulse_nats > 5.0, "{posterior:?}");
    }
}

#[test]
fn the_mass_stays_one() {
    let mut decoder = decoder();
    follow(&mut decoder, 0..500, 25.0, 4, 0);
    let masses: f64 = decoder.rings.masses.iter().map(|&m| f64::from(m)).sum();
    let states: f64 = decoder.rings.states.iter().flatten().map(|&m| f64::from(m)).sum();
    assert!((masses / decoder.total - 1.0).abs() < 1e-4 && (states / masses - 1.0).abs() < 1e-4);
}

/// One step against the plain definition of the filter, state by state.
#[test]
#[allow(clippy::needless_range_loop, reason = "the recursion is written with the indices that the textbook has")]
fn a_step_equals_the_textbook_recursion() {
    let tempo = TempoRange { min_bpm: 180.0, max_bpm: 210.0 };
    let mut decoder = ExactDecoder::new(tempo, Meter::Fixed(2));
    let space = JointSpace::new(tempo, Meter::Fixed(2));
    // alpha[interval][position in half frames][slot]
    let mut alpha: Vec<Vec<[f64; 2]>> = (0..space.n_intervals())
        .map(|i| vec![[f64::from(space.initial_prob(i, 0)), f64::from(space.initial_prob(i, 1))]; space.intervals[i]])
        .collect();
    let mut posterior = BeatPosterior::default();
    for n in 0..200u64 {
        let activation = beat_at(n, 15.5, 2, 3);
        for _ in 0..STEPS_PER_FRAME {
            let mut next: Vec<Vec<[f64; 2]>> = alpha.iter().map(|p| vec![[0.0; 2]; p.len()]).collect();
            let (mut passed, mut anew) = (vec![[0.0f32; MAX_SLOTS]; space.n_intervals()], [0.0f32; 2]);
            for i in 0..space.n_intervals() {
                let last = alpha[i].len() - 1;
                for k in 0..last {
                    next[i][k + 1] = alpha[i][k];
                }
                for (offset, prob) in space.bands[i].probs.iter().enumerate() {
                    for slot in 0..2 {
                        passed[space.bands[i].first_idx + offset][slot] += prob * alpha[i][last][slot] as f32;
                    }
                }
                for slot in 0..2 {
                    anew[slot] += space.new_tempo_prob * alpha[i][last][slot] as f32;
                }
            }
            let total: f64 = alpha.iter().flatten().flatten().sum();
            for to in 0..space.n_intervals() {
                for slot in 0..2 {
                    passed[to][slot] += space.prior[to] * (anew[slot] + space.fresh_start_prob * total as f32 * space.slot_prior(slot));
                }
                space.move_on_in_bar(&mut passed[to]);
                for slot in 0..2 {
                    let begun = f64::from(passed[to][slot] * space.preference[to]);
                    next[to][0][slot] += begun;
                    next[to][space.intervals[to] / 2][slot] += f64::from(space.half_beat_slip_prob) * begun;
                }
            }
            alpha = next;
        }
        let likelihood = FrameLikelihood::of(&activation);
        for i in 0..space.n_intervals() {
            for (k, weight) in space.zones[i].iter().enumerate() {
                let seen_here = likelihood.weighted(*weight);
                alpha[i][k][0] *= f64::from(seen_here.downbeat);
                alpha[i][k][1] *= f64::from(seen_here.beat);
            }
        }
        let total: f64 = alpha.iter().flatten().flatten().sum();
        alpha.iter_mut().flatten().flatten().for_each(|v| *v /= total);
        decoder.step(&activation, &mut posterior);
        for i in 0..space.n_intervals() {
            for k in 0..space.intervals[i] {
                let cell = decoder.rings.cell(i, space.intervals[i] - k);
                for slot in 0..2 {
                    let got = f64::from(decoder.rings.states[cell][slot]) / decoder.total;
                    assert!((got - alpha[i][k][slot]).abs() < 1e-5, "frame {n}, interval {i}, position {k}: {got} {}", alpha[i][k][slot]);
                }
            }
        }
    }
}

#[test]
fn silence_gives_no_evidence_and_stays_finite() {
    let mut decoder = decoder();
    let mut posterior = BeatPosterior::default();
    for _ in 0..5000 {
        decoder.step(&Activation::default(), &mut posterior);
    }
    assert!(posterior.conf.is_finite() && posterior.interval_frames > 13.0 && posterior.pulse_nats < 0.5, "{posterior:?}");
}

#[test]
fn bad_activations_do_not_poison_the_filter() {
    let mut decoder = decoder();
    let mut posterior = BeatPosterior::default();
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -1.0, 1e30, 0.0] {
        decoder.step(&Activation { beat: value, downbeat: value, none: value }, &mut posterior);
    }
    let posterior = follow(&mut decoder, 0..1000, 25.0, 4, 0);
    // A beat that has not fallen yet is rather long than short.
    assert!((posterior.interval_frames - 25.0).abs() < 0.5, "{posterior:?}");
}

#[test]
fn reset_is_a_fresh_start() {
    let mut decoder = decoder();
    let first = follow(&mut decoder, 0..300, 25.0, 4, 0);
    decoder.reset();
    assert_eq!(follow(&mut decoder, 0..300, 25.0, 4, 0), first);
}

#[test]
fn a_forgotten_phase_keeps_the_tempo_and_finds_the_new_phase() {
    let mut decoder = decoder();
    follow(&mut decoder, 0..1000, 25.0, 4, 0);
    decoder.forget_phase();
    let kept = follow(&mut decoder, 1000..1001, 25.0, 4, 12);
    assert!((kept.interval_frames - 25.0).abs() < 1.0, "{kept:?}");
    let found = follow(&mut decoder, 1001..1200, 25.0, 4, 12);
    let nearest = ((1199.0 - 12.0) / 25.0f64).round();
    assert!((found.frames_to_beat - (12.0 + nearest * 25.0 - 1199.0)).abs() < 1.5, "{found:?}");
}
