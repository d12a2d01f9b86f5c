"""A band over given beats."""

import numpy as np
import pytest

from anacrusis_training.compose.accompany import SUBDIVISIONS, accompany
from anacrusis_training.piece import DRUM_CHANNEL, Beat


def human_beats(n_beats: int = 64, meter: int = 4) -> list[Beat]:
    wander = np.cumsum(np.random.default_rng(9).normal(0.5, 0.01, n_beats))
    return [Beat(float(t), idx % meter + 1) for idx, t in enumerate(wander)]


@pytest.mark.parametrize("subdivisions", SUBDIVISIONS)
@pytest.mark.parametrize("drums", [False, True])
def test_drums_play_only_when_wanted(subdivisions: int, drums: bool) -> None:
    for seed in range(10):
        notes, controls = accompany(np.random.default_rng(seed), human_beats(), subdivisions, drums=drums)
        assert {note.channel for note in notes} - {DRUM_CHANNEL}
        assert drums or all(event.channel != DRUM_CHANNEL for event in [*notes, *controls])


def test_notes_follow_the_beats() -> None:
    beats = human_beats()
    times_sec = np.array([beat.time_sec for beat in beats])
    for seed in range(10):
        notes, _ = accompany(np.random.default_rng(seed), beats, 2, drums=True)
        halves = np.sort(np.concatenate((times_sec, (times_sec[1:] + times_sec[:-1]) / 2)))
        starts_sec = np.array([note.start_sec for note in notes if times_sec[0] <= note.start_sec <= times_sec[-1]])
        near = np.abs(halves[:, None] - starts_sec[None]).min(axis=0) < 0.06
        assert near.mean() > 0.75


@pytest.mark.parametrize("meter", [1, 2, 3, 5, 7])
def test_other_meters_work(meter: int) -> None:
    assert accompany(np.random.default_rng(1), human_beats(meter=meter), 2, drums=True)[0]


def test_low_density_still_leaves_somebody() -> None:
    for seed in range(10):
        notes, controls = accompany(np.random.default_rng(seed), human_beats(), 2, drums=False, density=0.0)
        assert len({control.channel for control in controls}) == 1 and notes


def test_the_same_seed_gives_the_same_band() -> None:
    assert accompany(np.random.default_rng(3), human_beats(), 4, drums=True) == accompany(
        np.random.default_rng(3), human_beats(), 4, drums=True
    )


@pytest.mark.parametrize("n_beats", [0, 1])
def test_too_few_beats_give_nothing(n_beats: int) -> None:
    assert accompany(np.random.default_rng(1), human_beats(n_beats), 2, drums=True) == ([], [])


def test_bad_arguments_are_named() -> None:
    with pytest.raises(ValueError, match="got 7"):
        accompany(np.random.default_rng(1), human_beats(), 7, drums=True)
    with pytest.raises(ValueError, match="got -1"):
        accompany(np.random.default_rng(1), human_beats(), 2, drums=True, density=-1)
