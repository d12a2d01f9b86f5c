"""Freedoom's music: about a hundred band MIDIs, with tempo maps and time signatures by their composers; BSD-3-Clause.

Programs are swapped, keys moved and drums left out, so that the hundred tunes go further than they are.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from anacrusis_training.piece import DRUM_CHANNEL, Beat, Control, Note, Piece, Source
from anacrusis_training.sources.excluded import Excluded, load_excluded
from anacrusis_training.sources.midi_file import MidiFileError, Score, read_midi
from anacrusis_training.sources.split import check_split, split_of
from anacrusis_training.sources.window import draw_window, median_bpm

COLLECTION = "freedoom"
LICENCE = "BSD-3-Clause"

_SCALES = (0.8, 1.27)
_BPM_RANGE = (42.0, 225.0)
_FEWEST_BEATS = 24
_FEWEST_NOTES = 40
_LEAST_CONTRAST = 1.25
_LEAST_BEATS_PLAYED = 0.4
_ON_BEAT_SHARE = 0.12
_NO_DRUMS_PROB = 0.25
_SWAP_PIECE_PROB = 0.4
_SWAP_PROGRAM_PROB = 0.6
_MOST_SEMITONES = 4
_LAST_SWAPPED_PROGRAM = 111
"""Programs above are noises and effects."""

_DRAWS = 50


class FreedoomSource:
    """Tunes of one split.

    Parameters
    ----------
    folder
        A checkout: the folder that has ``musics/*.mid``.
    excluded
        What may not be used; the list in this repository where `None`.
    split
        ``"train"`` or ``"dev"``.

    Raises
    ------
    ValueError
        If no tune is left.
    """

    def __init__(self, folder: Path, excluded: Excluded | None = None, split: str = "train") -> None:
        check_split(split)
        self._folder = Path(folder)
        self._excluded = load_excluded() if excluded is None else excluded
        found = sorted(self._folder.glob("musics/*.mid"))
        self.files = [path for path in found if split_of(path.name) == split and not self._is_excluded(path)]
        if not self.files:
            raise ValueError(
                f"{self._folder}: none of {len(found)} files musics/*.mid is usable for the split {split!r}"
            )
        self._scores: dict[Path, Score | None] = {}

    def compose(self, rng: np.random.Generator, duration_sec: float) -> Piece:
        """A window of a tune.

        Parameters
        ----------
        rng
            Source of every choice.
        duration_sec
            Length; shorter where the tune is.

        Returns
        -------
        Piece
            Family ``"freedoom"``.

        Raises
        ------
        ValueError
            If none of many draws gives a window whose notes bear its beats out.
        """
        for _ in range(_DRAWS):
            path = self.files[int(rng.integers(len(self.files)))]
            score = self._score(path)
            piece = None if score is None else _compose(rng, path.name, score, duration_sec)
            if piece is not None:
                return piece
        raise ValueError(f"{self._folder}: no usable window of {duration_sec} s in {_DRAWS} draws")

    def _is_excluded(self, path: Path) -> bool:
        return self._excluded.has_name(COLLECTION, f"musics/{path.name}")

    def _score(self, path: Path) -> Score | None:
        """A tune, read once; `None` where it cannot be read or is an excluded one under another name."""
        if path not in self._scores:
            try:
                score = read_midi(path)
            except MidiFileError:
                self._scores[path] = None
            else:
                self._scores[path] = None if self._excluded.has_content(score.content) else score
        return self._scores[path]


def beat_contrast(notes: Sequence[Note], beats: Sequence[Beat]) -> tuple[float, float]:
    """How well notes bear out a grid.

    Returns
    -------
    tuple[float, float]
        Density of velocity within 12 % of a beat of the beats over its mean density (1 is chance),
        and the share of beats with a note there.
    """
    if len(beats) < 2 or not notes:
        return 0.0, 0.0
    beats_sec = np.array([beat.time_sec for beat in beats])
    starts_sec = np.array([note.start_sec for note in notes])
    weights = np.array([note.velocity for note in notes], float)
    # Notes go to grid positions; position 3.05 is just behind the fourth beat.
    positions = np.interp(starts_sec, beats_sec, np.arange(len(beats)), left=np.nan, right=np.nan)
    inside = np.isfinite(positions)
    if not np.any(inside):
        return 0.0, 0.0
    positions, weights = positions[inside], weights[inside]
    nearest = np.round(positions)
    on_beat = np.abs(positions - nearest) < _ON_BEAT_SHARE
    contrast = weights[on_beat].sum() / weights.sum() / (2.0 * _ON_BEAT_SHARE)
    return float(contrast), len(np.unique(nearest[on_beat])) / len(beats)


def _compose(rng: np.random.Generator, name: str, score: Score, duration_sec: float) -> Piece | None:
    """A window of a tune, or `None` where tempo or notes speak against its grid."""
    if not score.notes:
        return None
    window = draw_window(rng, max(note.end_sec for note in score.notes), duration_sec, float(rng.uniform(*_SCALES)))
    notes, beats = window.notes(score.notes), window.beats(score.beats)
    if len(notes) < _FEWEST_NOTES or len(beats) < _FEWEST_BEATS:
        return None
    contrast, played = beat_contrast(notes, beats)
    in_range = _BPM_RANGE[0] <= median_bpm(beats) <= _BPM_RANGE[1]
    if not in_range or contrast < _LEAST_CONTRAST or played < _LEAST_BEATS_PLAYED:
        return None
    if rng.random() < _NO_DRUMS_PROB:
        without = [note for note in notes if note.channel != DRUM_CHANNEL]
        notes = without if len(without) >= _FEWEST_NOTES else notes
    semitones = int(rng.integers(-_MOST_SEMITONES, _MOST_SEMITONES + 1))
    intervals_sec = np.diff([beat.time_sec for beat in beats])
    steady = float(np.max(np.abs(intervals_sec / np.median(intervals_sec) - 1.0))) < 0.02
    return Piece(
        family="freedoom",
        name=f"{name}, {score.meter}",
        notes=_transpose(notes, semitones),
        controls=_swap_programs(rng, window.controls(score.controls)),
        beats=beats,
        sources=[Source(COLLECTION, f"musics/{name}", LICENCE)],
        traits={
            "meter": score.meter,
            "tempo_curve": "constant" if steady else "composed",
            "drums": "yes" if any(note.channel == DRUM_CHANNEL for note in notes) else "no",
        },
    )


def _transpose(notes: list[Note], semitones: int) -> list[Note]:
    return [
        note
        if note.channel == DRUM_CHANNEL
        else dataclasses.replace(note, pitch=min(127, max(1, note.pitch + semitones)))
        for note in notes
    ]


def _swap_programs(rng: np.random.Generator, controls: list[Control]) -> list[Control]:
    """Other instruments for some of the channels, in some of the pieces."""
    if rng.random() >= _SWAP_PIECE_PROB:
        return controls
    programs = rng.integers(0, _LAST_SWAPPED_PROGRAM + 1, 16)
    swapped = rng.random(16) < _SWAP_PROGRAM_PROB
    swapped[DRUM_CHANNEL] = False
    return [
        dataclasses.replace(control, value=int(programs[control.channel]))
        if control.kind == "program" and swapped[control.channel]
        else control
        for control in controls
    ]
