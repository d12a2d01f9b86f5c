"""Arrangements over given beats and sections."""

import numpy as np
import pytest

from anacrusis_training.compose.structured import PLANS, arrange
from anacrusis_training.piece import Beat, Section

BEATS = [Beat(0.4 + 0.5 * idx, idx % 4 + 1) for idx in range(160)]
SECTIONS = [
    Section(0.0, "silence"),
    Section(0.4, "intro"),
    Section(8.4, "verse"),
    Section(24.4, "pre-chorus"),
    Section(32.4, "chorus"),
    Section(48.4, "bridge"),
    Section(56.4, "chorus"),
    Section(68.4, "outro"),
    Section(76.4, "silence"),
]


def loudness(piece, start_sec: float, end_sec: float) -> float:
    return sum(note.velocity for note in piece.notes if start_sec <= note.start_sec < end_sec) / (end_sec - start_sec)


def test_truth_passes_through_unchanged() -> None:
    piece = arrange(np.random.default_rng(1), BEATS, SECTIONS)
    assert piece.beats == BEATS and piece.sections == SECTIONS and piece.family == "structured"


def test_choruses_are_fuller_than_intros_and_silence_is_silent() -> None:
    pieces = [arrange(np.random.default_rng(seed), BEATS, SECTIONS) for seed in range(20)]
    fuller = [loudness(piece, 32.4, 48.4) > 1.2 * loudness(piece, 0.4, 8.4) for piece in pieces]
    assert np.mean(fuller) > 0.8
    for piece in pieces:
        assert all(note.start_sec < 76.4 + 0.06 for note in piece.notes)


def test_the_same_label_returns() -> None:
    def bass_of(piece, start_sec: float) -> set[tuple[float, int]]:
        low = [note for note in piece.notes if note.channel != 9 and note.pitch < 48]
        return {(round((n.start_sec - start_sec) * 4), n.pitch) for n in low if 0 <= n.start_sec - start_sec < 6}

    alike = []
    for seed in range(20):
        piece = arrange(np.random.default_rng(seed), BEATS, SECTIONS)
        first, second, verse = (bass_of(piece, start) for start in (32.4, 56.4, 8.4))
        if first and second and verse:
            alike.append(len(first & second) / len(first | second) > len(first & verse) / len(first | verse))
    assert np.mean(alike) > 0.75


def test_a_section_may_start_inside_a_bar() -> None:
    sections = [Section(0.4, "verse"), Section(17.4, "chorus")]
    piece = arrange(np.random.default_rng(2), BEATS, sections)
    assert piece.notes and piece.sections == sections


@pytest.mark.parametrize("meter", [1, 2, 3, 5, 6])
def test_other_meters_and_no_sections_work(meter: int) -> None:
    beats = [Beat(0.4 * idx, idx % meter + 1) for idx in range(60)]
    assert arrange(np.random.default_rng(1), beats, []).notes


def test_the_same_seed_gives_the_same_piece() -> None:
    assert arrange(np.random.default_rng(3), BEATS, SECTIONS) == arrange(np.random.default_rng(3), BEATS, SECTIONS)


def test_labels_are_the_contracts() -> None:
    assert sorted(PLANS) == ["bridge", "chorus", "inst", "intro", "outro", "pre-chorus", "silence", "verse"]


def test_bad_arguments_are_named() -> None:
    rng = np.random.default_rng(1)
    with pytest.raises(ValueError, match="'refrain'"):
        arrange(rng, BEATS, [Section(0.4, "refrain")])
    with pytest.raises(ValueError, match="in time order"):
        arrange(rng, BEATS, [Section(9.0, "verse"), Section(1.0, "chorus")])
    with pytest.raises(ValueError, match="at least 2 beats, got 1"):
        arrange(rng, BEATS[:1], [])
