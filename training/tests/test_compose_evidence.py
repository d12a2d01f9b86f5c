"""Evidence of a beat."""

import pytest

from anacrusis_training.compose.evidence import beat_evidence, beats_are_heard
from anacrusis_training.piece import Beat, Note

BEATS = [Beat(float(idx), idx % 4 + 1) for idx in range(9)]


def clicks(times_sec: list[float], velocity: int = 100) -> list[Note]:
    return [Note(t, t + 0.1, 0, 60, velocity) for t in times_sec]


def test_clicks_on_every_second_beat_are_half_the_evidence() -> None:
    share, ratio = beat_evidence(clicks([0.0, 2.0, 4.0, 6.0, 8.0]), BEATS)
    assert share == pytest.approx(5 / 9) and ratio > 10


def test_loud_off_beats_drown_quiet_beats() -> None:
    notes = clicks([float(t) for t in range(9)], 20) + clicks([t + 0.5 for t in range(8)], 100)
    assert beat_evidence(notes, BEATS) == (1.0, pytest.approx(0.2))
    assert not beats_are_heard(notes, BEATS)


def test_clicks_are_heard_and_silence_is_not() -> None:
    assert beats_are_heard(clicks([float(t) for t in range(9)]), BEATS)
    assert beat_evidence([], BEATS) == (0.0, 0.0)
    assert beat_evidence(clicks([0.0]), BEATS[:1]) == (0.0, 0.0)
