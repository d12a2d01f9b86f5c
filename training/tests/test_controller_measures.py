"""Measures of controls: each on a case computed by hand, an empty one and a bad one; and the verdict."""

import itertools

import numpy as np
import pytest

from anacrusis_training.controller import metrics, systems, traces, verdict
from anacrusis_training.controller.metrics import SongResult
from anacrusis_training.controller.songs import LABELS, Truth, make_plan

BEATS = np.array([(0.5 * k, k % 4 + 1) for k in range(65)])
TRUTH = Truth(BEATS, np.array([0.0, 8.0, 16.0, 24.0]), np.array([2, 4, 2, 4]), 32.0)
N = 32 * 60


def result(controls: np.ndarray) -> SongResult:
    """A system on the song above, with an onset on each beat."""
    onsets = np.zeros((len(controls), 4), dtype=np.float32)
    onsets[::30] = 5.0
    return SongResult(controls, {}, TRUTH, onsets)


def on_beats(delay_steps: int) -> np.ndarray:
    """Gains and glow that rise a number of steps after each beat, in a step."""
    controls = np.zeros((N, 12))
    fade = np.exp(-np.arange(N) % 30 / 8.0) if delay_steps == 0 else np.exp(-((np.arange(N) - delay_steps) % 30) / 8.0)
    controls[:, [metrics.LOW, metrics.MID, metrics.HIGH, metrics.GLOW]] = fade[:, None]
    return controls


def test_movement_on_the_beat_is_seen_with_its_lag() -> None:
    late = result(on_beats(2))
    assert metrics.beat_lag(late) == pytest.approx(100.0 / 3.0)
    assert metrics.onset_lag(late)[0] == pytest.approx(100.0 / 3.0)
    assert metrics.beat_score(late) > 4.0
    assert metrics.beat_score(result(on_beats(15))) < 0.1
    assert metrics.beat_score(result(np.zeros((N, 12)))) == 1.0


def test_areas_are_as_computed_by_hand() -> None:
    assert metrics.auc(np.array([1.0, 2.0, 3.0, 4.0]), np.array([False, True, False, True])) == 0.75
    assert metrics.auc(np.ones(4), np.array([False, True, False, True])) == 0.5
    assert metrics.auc(np.ones(3), np.ones(3, dtype=bool)) == 0.5


def test_sections_with_places_of_their_own_have_contrast_and_can_be_told() -> None:
    rng = np.random.default_rng(0)
    placed = 0.05 * rng.standard_normal((N, 12))
    placed[:, 0] += np.where(traces.labels_at(TRUTH, N) == 4, 0.9, 0.1)
    noise = 0.05 * rng.standard_normal((N, 12))
    assert metrics.section_contrast([result(placed)]) > 3.0 * metrics.section_contrast([result(noise)])
    assert metrics.section_probe([result(placed), result(placed.copy())]) > 0.99


def test_the_ramp_is_full_at_a_boundary_and_let_go_after_it() -> None:
    ramp = traces.ramp(TRUTH, N)
    # Boundaries every 16 beats of half a second: the last 8 beats are the last 4 seconds.
    assert ramp[int(4.0 * 60)] == pytest.approx(0.0, abs=0.01) and ramp[int(7.9 * 60)] > 0.97 and ramp[int(8.1 * 60)] == 0.0
    controls = np.zeros((N, 12))
    controls[:, metrics.TENSION] = ramp
    assert metrics.hazard_response(result(controls)) == pytest.approx(1.0)
    assert metrics.hazard_response(result(np.zeros((N, 12)))) == 0.0


def test_flashes_are_counted_as_in_rust() -> None:
    square = lambda half, low, high: np.where(np.arange(180) // half % 2 == 0, low, high)
    assert [metrics.flashes(square(*case)) for case in ((20, 0.2, 0.5), (6, 0.2, 0.5), (6, 0.2, 0.29), (6, 0.85, 0.99))] == [1, 5, 0, 0]
    assert metrics.flashes(np.zeros(0)) == 0


def test_true_structure_is_what_a_perfect_anticipator_says() -> None:
    columns = traces.true_structure(TRUTH, N)
    assert columns[60, 2] == 1.0 and columns[9 * 60, 4] == 1.0
    # Half a second is a beat: within 2 beats at 7.2 s, within 1 not yet.
    assert columns[int(7.2 * 60), 8:].tolist() == [0.0, 1.0, 1.0, 1.0, 1.0]
    assert (np.diff(columns[:, 8:], axis=1) >= 0).all()


def test_plans_are_playable_and_their_seeds() -> None:
    beats, sections, end_sec = make_plan(np.random.default_rng(3))
    again = make_plan(np.random.default_rng(3))
    assert (beats, sections, end_sec) == again
    assert sections[0].label == "intro" and sections[-1].label == "outro" and all(section.label in LABELS for section in sections)
    assert end_sec == beats[-1].time_sec and all(a.time_sec < b.time_sec for a, b in itertools.pairwise(beats))


def test_what_is_left_out_is_gone() -> None:
    inputs = np.ones((5, 36), dtype=np.float32)
    assert systems.without(inputs, "no hazard")[:, traces.HAZARDS].sum() == 0 and inputs.sum() == 180
    assert systems.without(inputs, "no beat")[0, traces.LOCKED] == 0
    with pytest.raises(ValueError, match="cannot be left out"):
        systems.without(inputs, "no sound")
    a, b = np.zeros((4, 36), dtype=np.float32), np.ones((6, 36), dtype=np.float32)
    assert [part.shape[0] for part in systems.shuffled([a, b])] == [4, 6] and systems.shuffled([a, b])[0].all()


def row(value: float) -> dict[str, float]:
    """A row of the table, good in everything by `value`."""
    base = dict.fromkeys(verdict.BETTER, value) | {"beat_lag_ms": 1.0 - value, "onset_lag_ms": 1.0 - value}
    return base | {"span": 1.0, "jerk": 1.0, "clip_rate": 0.0, "outside_band": 0.0, "near_uniform": 0.0, "flashes": 0.0}


def test_the_net_must_win_and_keep_the_limits() -> None:
    assert verdict.judge(row(0.9), row(0.5), 3).net_is_default
    assert not verdict.judge(row(0.5), row(0.5), 0).net_is_default
    assert verdict.judge(row(0.9), row(0.5), 4).broken == ("flashes",)
    assert verdict.judge(row(0.9) | {"span": 0.7}, row(0.5), 0).broken == ("span",)
    assert not verdict.judge(row(0.9) | {"jerk": 1.5}, row(0.5), 0).net_is_default
