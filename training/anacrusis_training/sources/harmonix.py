"""Harmonix Set: beats and sections of real songs, without their sound, for generated arrangements; MIT.

Nieto, McCallum, Davies, Robertson, Stark and Egozy, "The Harmonix Set: beats, downbeats, and functional segment
annotations of Western popular music", 2019. Only songs of the training part of a split by artist are used.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from anacrusis_training.piece import Beat, Piece, Section, Source
from anacrusis_training.sources.excluded import Excluded, load_excluded
from anacrusis_training.sources.split import check_split, split_of
from anacrusis_training.sources.window import LEAD_IN_SEC, median_bpm
from anacrusis_training.structure.labels import map_label

COLLECTION = "harmonixset"
LICENCE = "MIT"

TRAIN_IDS_PATH = Path(__file__).resolve().parents[2] / "harmonix_train_ids.json"
"""Songs that may train, written by tools/make_excluded.py."""

_SCALES = (0.78, 1.28)
_BPM_RANGE = (42.0, 225.0)
_FEWEST_BEATS = 24
_CONSTANT_PROB = 0.55
_CURVES = ("drift", "walk", "ramp", "steps", "swell", "ritardando")
_PHRASE_BEATS = 16
_FACTOR_RANGE = (0.65, 1.5)
_DRAWS = 50


class HarmonixSource:
    """Song plans of one split.

    Parameters
    ----------
    folder
        A checkout: the folder that has ``dataset/beats_and_downbeats`` and ``dataset/segments``.
    excluded
        What may not be used; the list in this repository where `None`.
    split
        ``"train"`` or ``"dev"``, both within the songs that may train.

    Raises
    ------
    ValueError
        If no song is left.
    """

    def __init__(self, folder: Path, excluded: Excluded | None = None, split: str = "train") -> None:
        check_split(split)
        self._dataset = Path(folder) / "dataset"
        banned = load_excluded() if excluded is None else excluded
        allowed = json.loads(TRAIN_IDS_PATH.read_text(encoding="utf-8"))["ids"]
        self.songs = [
            song
            for song in allowed
            if split_of(song) == split and not banned.has_name(COLLECTION, song) and self._beats_path(song).is_file()
        ]
        if not self.songs:
            raise ValueError(f"{self._dataset}: none of {len(allowed)} songs is usable for the split {split!r}")

    def compose(self, rng: np.random.Generator, duration_sec: float) -> Piece:
        """An arrangement over a window of a song's plan.

        Parameters
        ----------
        rng
            Source of every choice.
        duration_sec
            Length; shorter where the song is.

        Returns
        -------
        Piece
            Family ``"structured"``, with sections.
        """
        from anacrusis_training.compose.structured import arrange

        song, curve, beats, sections = self.draw_plan(rng, duration_sec)
        piece = arrange(rng, beats, sections)
        piece.name = f"{song}, {piece.name}"
        piece.sources = [*piece.sources, Source(COLLECTION, song, LICENCE)]
        piece.traits = {"tempo_curve": curve} | piece.traits
        return piece

    def draw_plan(self, rng: np.random.Generator, duration_sec: float) -> tuple[str, str, list[Beat], list[Section]]:
        """A window of a song's plan at a tempo of its own.

        Returns
        -------
        tuple[str, str, list[Beat], list[Section]]
            Song, name of the tempo curve laid over the song's own, beats from shortly after 0 on, and sections,
            the first of which starts with the first beat.

        Raises
        ------
        ValueError
            If none of many draws gives a usable window.
        """
        for _ in range(_DRAWS):
            song = self.songs[int(rng.integers(len(self.songs)))]
            beats = read_beats(self._beats_path(song))
            sections = read_sections(self._dataset / "segments" / f"{song}.txt")
            scale = float(rng.uniform(*_SCALES))
            n_beats = int(duration_sec / scale / max(_mean_interval_sec(beats), 1e-3))
            first = int(rng.integers(0, max(1, len(beats) - n_beats)))
            chosen = beats[first : first + n_beats + 1]
            if len(chosen) < _FEWEST_BEATS:
                continue
            curve, moved = _vary_tempo(rng, chosen, scale)
            if _BPM_RANGE[0] <= median_bpm(moved) <= _BPM_RANGE[1]:
                return song, curve, moved, _move_sections(sections, chosen, moved)
        raise ValueError(f"{self._dataset}: no usable window of {duration_sec} s in {_DRAWS} draws")

    def _beats_path(self, song: str) -> Path:
        return self._dataset / "beats_and_downbeats" / f"{song}.txt"


def read_beats(path: Path) -> list[Beat]:
    """Beats of a file with lines of time, place in the bar and bar.

    Raises
    ------
    ValueError
        Where a line is none, or times do not increase.
    """
    beats: list[Beat] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            time_sec, position, *_ = line.split()
            beat = Beat(float(time_sec), int(float(position)))
        except ValueError as error:
            raise ValueError(f"{path}:{number}: expected time, place and bar, got {line!r}") from error
        if beats and beat.time_sec <= beats[-1].time_sec:
            raise ValueError(f"{path}:{number}: {beat.time_sec} s does not come after {beats[-1].time_sec} s")
        beats.append(beat)
    return beats


def read_sections(path: Path) -> list[Section]:
    """Sections of a file with lines of start and label, in the contract's labels.

    Raises
    ------
    ValueError
        Where a start is no number.
    """
    sections: list[Section] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        start_sec, _, raw = line.strip().partition(" ")
        try:
            sections.append(Section(float(start_sec), map_label(raw).label))
        except ValueError as error:
            raise ValueError(f"{path}:{number}: expected start and label, got {line!r}") from error
    return sections


def _mean_interval_sec(beats: list[Beat]) -> float:
    return (beats[-1].time_sec - beats[0].time_sec) / (len(beats) - 1) if len(beats) > 1 else 0.0


def _vary_tempo(rng: np.random.Generator, beats: list[Beat], scale: float) -> tuple[str, list[Beat]]:
    """Beats from `LEAD_IN_SEC` on, at `scale` times their intervals and with a tempo curve over their own."""
    from anacrusis_training.compose.tempo import CURVES

    intervals_sec = np.diff([beat.time_sec for beat in beats]) * scale
    name = "constant" if rng.random() < _CONSTANT_PROB else str(rng.choice(_CURVES))
    factors = CURVES[name](rng, len(intervals_sec), _PHRASE_BEATS)
    intervals_sec = intervals_sec * (factors / np.median(factors)).clip(*_FACTOR_RANGE)
    times_sec = LEAD_IN_SEC + np.concatenate(([0.0], np.cumsum(intervals_sec)))
    return name, [Beat(float(time_sec), beat.beat_in_bar) for time_sec, beat in zip(times_sec, beats, strict=True)]


def _move_sections(sections: list[Section], beats: list[Beat], moved: list[Beat]) -> list[Section]:
    """Sections of a window, moved with its beats; the one under way at its start begins there."""
    old_sec = [beat.time_sec for beat in beats]
    new_sec = [beat.time_sec for beat in moved]
    out: list[Section] = []
    for section in sections:
        if section.start_sec >= old_sec[-1]:
            break
        start_sec = float(np.interp(section.start_sec, old_sec, new_sec))
        if out and out[-1].start_sec == start_sec:
            out.pop()
        out.append(Section(start_sec, section.label))
    if not out or out[0].start_sec > new_sec[0]:
        out.insert(0, Section(new_sec[0], "silence"))
    return out
