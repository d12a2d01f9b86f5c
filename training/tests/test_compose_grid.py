"""The grid: seconds, swing, bars."""

import numpy as np
import pytest

from anacrusis_training.compose.grid import Bar, Grid, Swing
from anacrusis_training.piece import Beat


def beats(times_sec: list[float], first: int = 1, n_beats: int = 4) -> list[Beat]:
    return [Beat(t, (first - 1 + idx) % n_beats + 1) for idx, t in enumerate(times_sec)]


def test_positions_are_interpolated_and_continued() -> None:
    grid = Grid(beats([1.0, 2.0, 4.0]))
    positions = np.array([-2.0, -0.5, 0.0, 1.5, 2.0, 3.0, 4.0])
    assert grid.seconds(positions).tolist() == [-1.0, 0.5, 1.0, 3.0, 4.0, 6.0, 8.0]


def test_swing_delays_the_middle_and_keeps_the_beat() -> None:
    grid = Grid(beats([0.0, 1.0, 2.0]), Swing(0.1))
    assert grid.seconds(np.array([0.0, 0.5, 1.0, 1.75])) == pytest.approx([0.0, 0.6, 1.0, 1.8])


def test_bars_begin_on_first_beats_and_may_be_cut() -> None:
    grid = Grid(beats([float(t) for t in range(8)], first=3))
    assert grid.bars() == [Bar(-2, 4), Bar(2, 4), Bar(6, 2)]


@pytest.mark.parametrize("times_sec", [[], [1.0]])
def test_too_few_beats_are_refused(times_sec: list[float]) -> None:
    with pytest.raises(ValueError, match=f"got {len(times_sec)}"):
        Grid(beats(times_sec))


def test_time_that_stands_still_is_named() -> None:
    with pytest.raises(ValueError, match="got 2.0 s then 2.0 s at beat 2"):
        Grid(beats([1.0, 2.0, 2.0]))
