"""Tempo curves: limits, phrases, determinism."""

import numpy as np
import pytest

from anacrusis_training.compose.tempo import (
    BAND_CURVES,
    CURVES,
    EXPRESSIVE_CURVES,
    FASTEST_BPM,
    LIVE_CURVES,
    MACHINE_CURVES,
    SLOWEST_BPM,
    beat_times,
)


def times(curve: str, seed: int = 1, bpm: float = 120.0, skipped: int = 0) -> np.ndarray:
    return beat_times(np.random.default_rng(seed), curve, bpm, 0.5, 60.0, 16, skipped)


def test_constant_is_constant() -> None:
    assert np.diff(times("constant")) == pytest.approx(0.5)
    assert times("constant")[0] == 0.5 and times("constant")[-1] < 60.0


@pytest.mark.parametrize("curve", CURVES)
@pytest.mark.parametrize("bpm", [SLOWEST_BPM, 100.0, FASTEST_BPM])
def test_every_curve_keeps_its_limits_and_fills_the_time(curve: str, bpm: float) -> None:
    for seed in range(5):
        found = times(curve, seed, bpm)
        intervals_sec = np.diff(found)
        assert intervals_sec.min() >= 60 / FASTEST_BPM - 1e-9
        assert intervals_sec.max() <= 60 / SLOWEST_BPM + 1e-9
        assert 60.0 - found[-1] <= 60 / SLOWEST_BPM
        np.testing.assert_array_equal(found, times(curve, seed, bpm))


@pytest.mark.parametrize("curve", [name for name in CURVES if name != "constant"])
def test_other_curves_vary(curve: str) -> None:
    assert any(np.ptp(np.diff(times(curve, seed))) > 0.01 for seed in range(5))


def test_a_ritardando_ends_with_its_phrase() -> None:
    ends = [int(np.diff(times("ritardando", seed, 100.0, skipped=3)).argmax()) for seed in range(20)]
    assert sum((end + 1 + 3) % 16 == 0 for end in ends) >= 15


@pytest.mark.parametrize("weights", [BAND_CURVES, MACHINE_CURVES, LIVE_CURVES, EXPRESSIVE_CURVES])
def test_weights_name_curves(weights: dict[str, float]) -> None:
    assert set(weights) <= set(CURVES)


def test_bad_arguments_are_named() -> None:
    rng = np.random.default_rng(1)
    with pytest.raises(ValueError, match="'sudden'"):
        beat_times(rng, "sudden", 120, 0, 10, 4)
    with pytest.raises(ValueError, match="got 300"):
        beat_times(rng, "constant", 300, 0, 10, 4)
    with pytest.raises(ValueError, match="at least one beat, got 0"):
        beat_times(rng, "constant", 100, 0, 10, 0)
