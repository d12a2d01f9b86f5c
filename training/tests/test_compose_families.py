"""Every family: deterministic, plausible, with beats that can be heard."""

import itertools

import numpy as np
import pytest

from anacrusis_training.compose.evidence import beats_are_heard
from anacrusis_training.compose.families import GENERATED
from anacrusis_training.compose.tempo import FASTEST_BPM, SLOWEST_BPM
from anacrusis_training.piece import DRUM_CHANNEL, Piece

DURATION_SEC = 40.0
SEEDS = range(25)


def compose(family: str, seed: int) -> Piece:
    return GENERATED[family](np.random.default_rng(seed), DURATION_SEC)


@pytest.fixture(scope="module", params=GENERATED)
def pieces(request: pytest.FixtureRequest) -> list[Piece]:
    return [compose(request.param, seed) for seed in SEEDS]


def test_the_same_seed_gives_the_same_piece(pieces: list[Piece]) -> None:
    family = pieces[0].family
    assert [compose(family, seed) for seed in (0, 7)] == [pieces[0], pieces[7]]
    assert pieces[0].notes != pieces[1].notes


def test_beats_increase_at_a_plausible_tempo(pieces: list[Piece]) -> None:
    for piece in pieces:
        intervals_sec = np.diff([beat.time_sec for beat in piece.beats])
        assert intervals_sec.min() >= 60 / FASTEST_BPM - 1e-9 and intervals_sec.max() <= 60 / SLOWEST_BPM + 1e-9
        assert piece.beats[-1].time_sec < DURATION_SEC < piece.beats[-1].time_sec + 60 / SLOWEST_BPM


def test_bars_count_up(pieces: list[Piece]) -> None:
    for piece in pieces:
        count = [beat.beat_in_bar for beat in piece.beats]
        assert min(count) == 1
        assert all(after in (before + 1, 1) for before, after in itertools.pairwise(count))
        if "+" not in piece.traits["meter"]:
            upper, lower = map(int, piece.traits["meter"].split("/"))
            usual = upper // 3 if lower == 8 else upper
            lengths = np.diff([idx for idx, number in enumerate(count) if number == 1])
            assert np.mean(lengths == usual) > 0.7


def test_notes_are_playable(pieces: list[Piece]) -> None:
    for piece in pieces:
        assert piece.notes
        for note in piece.notes:
            assert 0 <= note.start_sec < note.end_sec <= DURATION_SEC + 4 * 60 / SLOWEST_BPM
            assert 0 <= note.channel < 16 and 1 <= note.pitch <= 127 and 1 <= note.velocity <= 127
        for control in piece.controls:
            assert control.kind in ("program", "cc") and 0 <= control.value <= 127 and control.time_sec >= 0


def test_traits_say_what_is_there(pieces: list[Piece]) -> None:
    for piece in pieces:
        assert {"meter", "tempo_curve", "drums", "style"} <= set(piece.traits)
        if piece.traits["drums"] == "no":
            assert all(note.channel != DRUM_CHANNEL for note in piece.notes)
        assert piece.family in GENERATED and piece.sources == []


def test_beats_can_be_heard(pieces: list[Piece]) -> None:
    assert np.mean([beats_are_heard(piece.notes, piece.beats) for piece in pieces]) > 0.95


def test_a_fifth_begin_inside_a_bar() -> None:
    firsts = [compose("pop", seed).beats[0].beat_in_bar for seed in range(120)]
    assert 0.1 < np.mean([first != 1 for first in firsts]) < 0.3


@pytest.mark.parametrize("family", ["pop", "rock"])
def test_most_happens_on_downbeats(family: str) -> None:
    ratios = []
    for seed in range(40):
        piece = compose(family, seed)
        onsets_sec = np.array([note.start_sec for note in piece.notes])
        counts = {True: [], False: []}
        for beat in piece.beats:
            counts[beat.beat_in_bar == 1].append(int((np.abs(onsets_sec - beat.time_sec) < 0.04).sum()))
        ratios.append(np.mean(counts[True]) / np.mean(counts[False]))
    assert np.median(ratios) > 1.1


def test_a_piece_of_no_length_is_refused() -> None:
    for family in GENERATED:
        with pytest.raises(ValueError, match="got 0"):
            GENERATED[family](np.random.default_rng(1), 0.0)
