"""The band: notes at their times, in their ranges."""

import numpy as np
import pytest

from anacrusis_training.compose.band import Band
from anacrusis_training.compose.grid import Grid
from anacrusis_training.piece import DRUM_CHANNEL, Beat

GRID = Grid([Beat(1.0 + 0.5 * idx, idx % 4 + 1) for idx in range(8)])


def machine() -> Band:
    return Band(np.random.default_rng(1), GRID, 0.0)


def test_a_machine_plays_on_the_grid() -> None:
    band = machine()
    voice = band.add((0,), 36, 84)
    band.play(voice, 2.5, 1.0, 60, 80)
    notes, controls = band.finish()
    assert [(n.start_sec, n.end_sec, n.channel, n.pitch) for n in notes] == [(2.25, 2.75, 0, 60)]
    assert [(c.kind, c.value) for c in controls if c.kind == "program"] == [("program", 0)]


def test_notes_are_moved_into_range_by_octaves() -> None:
    band = machine()
    voice = band.add((0,), 40, 51)
    for pitch in (20, 39, 52, 100):
        band.play(voice, 0, 1, pitch, 80)
    assert sorted(note.pitch for note in band.finish()[0]) == [40, 40, 44, 51]


def test_nothing_sounds_outside_the_grid() -> None:
    band = machine()
    drums = band.add_drums((0,))
    for at in (-0.5, 8.0):
        band.hit(drums, at, "kick", 100)
    band.hit(drums, 0, "kick", 0.4)
    assert band.finish()[0] == []


def test_drums_have_their_channel_and_melodic_voices_never() -> None:
    band = machine()
    drums = band.add_drums((25,))
    for _ in range(15):
        band.play(band.add((5,), 40, 60), 0, 1, 50, 80)
    band.hit(drums, 1, "snare", 100)
    channels = [note.channel for note in band.finish()[0]]
    assert sorted(channels) == list(range(16)) and channels[-1] == DRUM_CHANNEL
    with pytest.raises(ValueError, match="15 melodic channels"):
        band.add((0,), 40, 60)


def test_a_chord_misses_together() -> None:
    band = Band(np.random.default_rng(2), GRID, 0.015)
    voice = band.add((0,), 36, 84)
    for at in range(8):
        for pitch in (60, 64, 67):
            band.play(voice, at, 0.5, pitch, 80)
    starts_sec = np.array([note.start_sec for note in band.finish()[0]]).reshape(8, 3)
    assert np.ptp(starts_sec, axis=1).mean() < np.std(starts_sec.mean(axis=1) - (1.0 + 0.5 * np.arange(8)))


def test_an_empty_band_is_silent() -> None:
    assert machine().finish() == ([], [])


def test_bad_arguments_are_named() -> None:
    with pytest.raises(ValueError, match="-1"):
        Band(np.random.default_rng(1), GRID, -1)
    with pytest.raises(ValueError, match="got 40 to 45"):
        machine().add((0,), 40, 45)
