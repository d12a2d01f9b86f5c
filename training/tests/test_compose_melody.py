"""Melodies: phrases, pickups, chord tones."""

import numpy as np
import pytest

from anacrusis_training.compose.melody import CHARACTERS, HIGHEST_DEGREE, LOWEST_DEGREE, Character, Melody, to_chord
from anacrusis_training.compose.meter import FOUR, SIX_EIGHT, THREE, TWO, Meter


@pytest.mark.parametrize("name", CHARACTERS)
@pytest.mark.parametrize("meter", [Meter((1,)), TWO, THREE, FOUR, SIX_EIGHT])
def test_notes_lie_inside_their_bar(name: str, meter: Meter) -> None:
    for seed in range(10):
        melody = Melody(np.random.default_rng(seed), meter, 3 if meter.compound else 2, CHARACTERS[name])
        for bar_idx in range(8):
            for note in [*melody.bar(bar_idx), *melody.pickup]:
                assert 0 <= note.at_beats < meter.n_beats and note.length_beats > 0
                assert LOWEST_DEGREE - 5 <= note.degree <= HIGHEST_DEGREE + 5


def test_phrases_return() -> None:
    melody = Melody(np.random.default_rng(1), FOUR, 2, CHARACTERS["song"])
    length = next(idx + 1 for idx in range(8) if melody.ends_phrase(idx))
    assert all(melody.bar(idx) == melody.bar(idx + length) for idx in range(length))


def test_a_pickup_has_the_end_of_the_bar_to_itself() -> None:
    always = Character((0.5, 0.6), pickup_prob=1.0)
    for seed in range(30):
        melody = Melody(np.random.default_rng(seed), FOUR, 2, always)
        last = next(idx for idx in range(8) if melody.ends_phrase(idx))
        assert melody.pickup
        assert all(note.at_beats < melody.pickup[0].at_beats for note in melody.bar(last))


def test_no_pickup_when_never_wanted() -> None:
    assert Melody(np.random.default_rng(1), FOUR, 2, Character((0.5, 0.6), pickup_prob=0.0)).pickup == []


@pytest.mark.parametrize(("degree", "chord", "expected"), [(0, 0, 0), (1, 0, 0), (5, 0, 4), (3, 4, 4), (-1, 0, 0)])
def test_strong_notes_go_to_the_nearest_chord_tone(degree: int, chord: int, expected: int) -> None:
    assert to_chord(degree, chord) == expected
