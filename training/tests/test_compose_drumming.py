"""Drumming: grooves as written, half-time, fills."""

import numpy as np
import pytest

from anacrusis_training.compose import (
    compound,
    electronic,
    folk,
    jazz,
    latin_grooves,
    march,
    pop,
    rock,
)
from anacrusis_training.compose.band import Band
from anacrusis_training.compose.drumming import TOP, Drummer, Groove, groove, random_groove
from anacrusis_training.compose.form import Span
from anacrusis_training.compose.grid import Bar, Grid
from anacrusis_training.compose.meter import FIVE, FOUR, SIX_EIGHT, THREE, TWO, Meter
from anacrusis_training.compose.programs import DRUM_PITCHES
from anacrusis_training.piece import Beat, Note

PLAIN = groove("plain", 2, kick="x...|x...", snare="..x.|..x.")
GRID = Grid([Beat(0.5 * idx, idx % 4 + 1) for idx in range(8)])

ALL_GROOVES = [
    pattern
    for module in (compound, electronic, folk, jazz, latin_grooves, march, pop, rock)
    for name, value in vars(module).items()
    if name.endswith("_GROOVES")
    for pattern in value
]


def played(pattern: Groove, feel: float = 1.0, end_beats: float = 4.0) -> list[Note]:
    rng = np.random.default_rng(0)
    band = Band(rng, GRID, 0.0)
    voice = band.add_drums((0,))
    drummer = Drummer(rng, FOUR, 2, pattern.stretched(feel), ornament=0.0)
    for bar_idx in range(2):
        drummer.play_bar(rng, band, voice, Span(Bar(4 * bar_idx, 4), 0, 4), bar_idx, 1.0, end_beats=end_beats)
    return band.finish()[0]


def beats_of(notes: list[Note], drum: str) -> list[float]:
    return [note.start_sec / 0.5 for note in notes if note.pitch == DRUM_PITCHES[drum]]


def test_a_groove_is_played_as_written() -> None:
    notes = played(PLAIN)
    assert beats_of(notes, "kick") == [0, 2, 4, 6] and beats_of(notes, "snare") == [1, 3, 5, 7]


def test_half_time_puts_the_back_beat_on_three() -> None:
    assert beats_of(played(PLAIN, feel=2.0), "snare") == [2, 6]


def test_a_bar_can_end_early() -> None:
    assert beats_of(played(PLAIN, end_beats=2.0), "snare") == [1, 5]


@pytest.mark.parametrize("pattern", ALL_GROOVES, ids=lambda pattern: pattern.name)
def test_grooves_name_drums_and_whole_beats(pattern: Groove) -> None:
    lengths = {figure.period_beats for _, figure in pattern.lines}
    assert all(drum == TOP or drum in DRUM_PITCHES for drum, _ in pattern.lines)
    assert all(length == int(length) and max(lengths) % length == 0 for length in lengths)


@pytest.mark.parametrize("meter", [Meter((1,)), TWO, THREE, FOUR, FIVE, SIX_EIGHT])
@pytest.mark.parametrize("steps", [1, 2, 3, 4])
def test_random_grooves_start_with_a_kick(meter: Meter, steps: int) -> None:
    pattern = random_groove(np.random.default_rng(1), meter, steps)
    kick = dict(pattern.lines)["kick"]
    assert kick.hits[0].at_beats == 0 and kick.period_beats == meter.n_beats


def test_fills_stay_inside_their_beats() -> None:
    rng = np.random.default_rng(1)
    for _ in range(20):
        band = Band(rng, GRID, 0.0)
        Drummer(rng, FOUR, 4, PLAIN).fill(rng, band, band.add_drums((0,)), 2.0, 2.0, 1.0)
        assert all(1.0 <= note.start_sec < 2.0 for note in band.finish()[0])
