"""Figures: repetition, windows, text."""

import pytest

from anacrusis_training.compose.figure import Figure, Hit, from_steps


def test_steps_become_hits_with_accents() -> None:
    figure = from_steps("X.|xo", 2)
    assert [(hit.at_beats, hit.accent) for hit in figure.hits] == [(0.0, 1.15), (1.0, 1.0), (1.5, 0.5)]
    assert figure.period_beats == 2


@pytest.mark.parametrize("text", ["", "| |", "x.y."])
def test_bad_steps_are_named(text: str) -> None:
    with pytest.raises(ValueError, match="expected steps"):
        from_steps(text, 4)


def test_a_window_sees_the_repetition() -> None:
    figure = Figure((Hit(0, 1), Hit(1.5, 0.5)), 2)
    assert [hit.at_beats for hit in figure.between(1, 4)] == [0.5, 1.0, 2.5, 3.0]
    assert figure.between(0.25, 1) == []


def test_thirds_do_not_slip_out_of_windows() -> None:
    figure = from_steps("xxx", 3)
    for start in range(50):
        assert len(figure.between(start, 1)) == 3


def test_stretching_by_two_gives_half_time() -> None:
    snare = from_steps(".x.x", 1).stretched(2)
    assert [hit.at_beats for hit in snare.between(0, 4)] == [2.0]


def test_a_figure_without_length_is_refused() -> None:
    with pytest.raises(ValueError, match="got 0"):
        Figure((), 0)
