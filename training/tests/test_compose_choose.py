"""Random choices: right odds, clear errors."""

import numpy as np
import pytest

from anacrusis_training.compose.choose import chance, log_uniform, pick, weighted


def test_pick_reaches_every_option() -> None:
    rng = np.random.default_rng(1)
    assert {pick(rng, "abc") for _ in range(100)} == {"a", "b", "c"}


def test_pick_refuses_no_options() -> None:
    with pytest.raises(ValueError, match="got none"):
        pick(np.random.default_rng(1), ())


def test_weighted_follows_weights_and_skips_zero() -> None:
    rng = np.random.default_rng(2)
    drawn = [weighted(rng, {"rare": 1, "never": 0, "often": 3}) for _ in range(4000)]
    assert "never" not in drawn
    assert drawn.count("often") / len(drawn) == pytest.approx(0.75, abs=0.03)


@pytest.mark.parametrize("weights", [{}, {"a": 0}])
def test_weighted_refuses_no_weight(weights: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="positive sum"):
        weighted(np.random.default_rng(1), weights)


def test_chance_is_never_at_zero_and_always_at_one() -> None:
    rng = np.random.default_rng(3)
    assert not any(chance(rng, 0.0) for _ in range(100))
    assert all(chance(rng, 1.0) for _ in range(100))


def test_log_uniform_puts_half_below_the_geometric_mean() -> None:
    rng = np.random.default_rng(4)
    drawn = np.array([log_uniform(rng, 50, 200) for _ in range(4000)])
    assert drawn.min() >= 50 and drawn.max() < 200
    assert (drawn < 100).mean() == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize(("low", "high"), [(0, 1), (2, 1)])
def test_log_uniform_refuses_a_bad_range(low: float, high: float) -> None:
    with pytest.raises(ValueError, match=f"low {low} and high {high}"):
        log_uniform(np.random.default_rng(1), low, high)
