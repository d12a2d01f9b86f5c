"""Meters: names, groups and strengths."""

import pytest

from anacrusis_training.compose.meter import FIVE, FOUR, SIX_EIGHT, THREE, TWELVE_EIGHT, Meter, meter_of


@pytest.mark.parametrize(
    ("meter", "name"), [(FOUR, "4/4"), (THREE, "3/4"), (FIVE, "5/4"), (SIX_EIGHT, "6/8"), (TWELVE_EIGHT, "12/8")]
)
def test_names_are_as_written(meter: Meter, name: str) -> None:
    assert meter.name == name


def test_strength_falls_from_bar_to_step() -> None:
    strengths = [FOUR.strength(at) for at in (0, 2, 1, 0.5, 0.25)]
    assert strengths == sorted(strengths, reverse=True) and len(set(strengths)) == 5
    assert FOUR.strength(4) == FOUR.strength(0)


def test_a_compound_beat_has_no_half() -> None:
    assert SIX_EIGHT.strength(0.5) == SIX_EIGHT.strength(1 / 3)


@pytest.mark.parametrize(("n_beats", "groups"), [(1, (1,)), (3, (3,)), (4, (2, 2)), (5, (3, 2)), (7, (3, 2, 2))])
def test_usual_groups(n_beats: int, groups: tuple[int, ...]) -> None:
    assert meter_of(n_beats).groups == groups


@pytest.mark.parametrize(("meter", "middle"), [(FOUR, 2), (THREE, 2), (FIVE, 3), (SIX_EIGHT, 1), (Meter((1,)), 0)])
def test_bars_are_halved_where_a_musician_would(meter: Meter, middle: int) -> None:
    assert meter.middle == middle


def test_no_beats_are_refused() -> None:
    with pytest.raises(ValueError, match="got 0"):
        meter_of(0)
    with pytest.raises(ValueError, match="at least one beat"):
        Meter(())
