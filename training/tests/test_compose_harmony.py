"""Keys, voicings and progressions."""

import numpy as np
import pytest

from anacrusis_training.compose.harmony import COLOURS, SCALES, Key, Progression, random_progression, voicing
from anacrusis_training.compose.meter import FOUR

C_MAJOR = Key(0, SCALES["major"])


def test_degrees_count_from_middle_c() -> None:
    assert [C_MAJOR.pitch(degree) for degree in (0, 4, 7, -1)] == [60, 67, 72, 59]


def test_transposed_keys_stay_near_middle_c() -> None:
    assert C_MAJOR.transposed(2).pitch(0) == 62
    assert Key(5, SCALES["major"]).transposed(2).pitch(0) == 55


@pytest.mark.parametrize("colour", COLOURS)
def test_chords_lie_near_their_centre_and_hold_their_tones(colour: str) -> None:
    for degree in range(7):
        pitches = voicing(C_MAJOR, degree, colour, 60)
        assert {pitch % 12 for pitch in pitches} == {C_MAJOR.pitch(degree + step) % 12 for step in COLOURS[colour]}
        assert pitches == sorted(pitches) and 45 <= pitches[0] and pitches[-1] <= 78


@pytest.mark.parametrize(
    ("rhythm", "bars"),
    [
        ("bar", [[(0, 0)], [(0, 3)], [(0, 4)], [(0, 0)]]),
        ("two bars", [[(0, 0)], [(0, 0)], [(0, 3)], [(0, 3)]]),
        ("half", [[(0, 0), (2, 3)], [(0, 4), (2, 0)], [(0, 3), (2, 4)], [(0, 0), (2, 3)]]),
        ("mixed", [[(0, 0)], [(0, 3)], [(0, 4)], [(0, 0), (2, 3)]]),
        ("beats", [[(0, 0), (1, 3), (2, 4), (3, 0)], [(0, 3), (1, 4), (2, 0), (3, 3)]]),
    ],
)
def test_changes_follow_the_harmonic_rhythm(rhythm: str, bars: list[list[tuple[int, int]]]) -> None:
    progression = Progression((0, 3, 4), rhythm)
    assert [progression.bar(idx, 4, 2) for idx in range(len(bars))] == bars


def test_random_progressions_use_the_seven_degrees() -> None:
    rng = np.random.default_rng(1)
    for _ in range(50):
        progression = random_progression(rng, FOUR)
        assert progression.degrees and all(0 <= degree < 7 for degree in progression.degrees)
