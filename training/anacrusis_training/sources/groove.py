"""Groove MIDI Dataset: people drumming to a click, alone or under a generated band.

Gillick, Roberts, Engel, Eck and Bamman, "Learning to groove with inverse sequence transformations", 2019; CC BY 4.0.
The truth is the click, moved by what the drummer keeps ahead of or behind it.
"""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from anacrusis_training.piece import DRUM_CHANNEL, Beat, Note, Piece, Source
from anacrusis_training.sources.excluded import Excluded, load_excluded
from anacrusis_training.sources.midi_file import Score, read_midi
from anacrusis_training.sources.split import check_split
from anacrusis_training.sources.window import draw_window, median_bpm

COLLECTION = "groove"
LICENCE = "CC-BY-4.0"

DEV_DRUMMERS = frozenset(("drummer3", "drummer4", "drummer10"))
"""Nobody who plays in the development part plays in the training part."""

_SHORTEST_SEC = 18.0
_SCALES = (0.8, 1.27)
_BPM_RANGE = (42.0, 225.0)
_SWAP_PROB = 0.2
_TRIPLET_FEELS = ("swing", "shuffle")
_NEAR_BEAT_SEC = 0.06
_FEWEST_NEAR = 5
_DRAWS = 50

_TO_GENERAL_MIDI = {22: 42, 26: 46, 40: 38, 52: 57, 55: 49, 58: 43}
"""The drum module's edges and rims (Roland TD-11) to General MIDI."""

_TIMEKEEPERS = frozenset((35, 36, 38, 42, 46, 51))
_SWAPS = ((42, 70), (42, 54), (42, 82), (42, 51), (51, 42), (51, 53), (38, 39), (38, 37), (36, 41), (44, 54))
"""Replacements (from, to) that keep a drum's part in the rhythm."""


@dataclasses.dataclass(frozen=True, slots=True)
class Take:
    """A row of info.csv: file below the folder, drummer, style, meter as written there (``"6-8"``), seconds."""

    file: str
    drummer: str
    style: str
    meter: str
    length_sec: float


def to_general_midi(pitch: int) -> int:
    """General MIDI's drum for a pad of the drum module."""
    return _TO_GENERAL_MIDI.get(pitch, pitch)


class GrooveSource:
    """Takes of one split.

    Parameters
    ----------
    folder
        The dataset: info.csv and the MIDI files it names.
    excluded
        What may not be used; the list in this repository where `None`.
    split
        ``"train"`` or ``"dev"``; no drummer is in both.

    Raises
    ------
    FileNotFoundError
        If there is no info.csv.
    ValueError
        If no take is left.
    """

    def __init__(self, folder: Path, excluded: Excluded | None = None, split: str = "train") -> None:
        check_split(split)
        self._folder = Path(folder)
        self._excluded = load_excluded() if excluded is None else excluded
        table = self._folder / "info.csv"
        if not table.is_file():
            raise FileNotFoundError(f"no Groove MIDI in {self._folder}: {table} is missing")
        with table.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        self.takes = [take for take in map(_take, rows) if take is not None and self._usable(take, split)]
        if not self.takes:
            raise ValueError(f"{table}: none of {len(rows)} takes is usable for the split {split!r}")
        weights = np.array([min(take.length_sec, 90.0) for take in self.takes])
        self._probs = weights / weights.sum()

    def compose(self, rng: np.random.Generator, duration_sec: float, *, band: bool = False) -> Piece:
        """A window of a take, at a tempo of its own.

        Parameters
        ----------
        rng
            Source of every choice.
        duration_sec
            Length; shorter where the take is.
        band
            Whether a generated band plays on the drummer's beat.

        Returns
        -------
        Piece
            Family ``"groove"`` or ``"groove_band"``.

        Raises
        ------
        ValueError
            If none of many draws gives a usable piece.
        """
        for _ in range(_DRAWS):
            take = self.takes[int(rng.choice(len(self.takes), p=self._probs))]
            score = read_midi(self._folder / take.file)
            if not self._excluded.has_content(score.content):
                piece = _compose(rng, take, score, duration_sec, band=band)
                if piece is not None:
                    return piece
        raise ValueError(f"{self._folder}: no usable window of {duration_sec} s in {_DRAWS} draws")

    def _usable(self, take: Take, split: str) -> bool:
        in_split = (take.drummer in DEV_DRUMMERS) == (split == "dev")
        return (
            in_split
            and not self._excluded.has_name(COLLECTION, f"groove/{take.file}")
            and (self._folder / take.file).is_file()
        )


def click_offset_sec(notes: Sequence[Note], beats: Sequence[Beat]) -> float:
    """How much later than the click the drummer plays: the median distance of the nearest strokes, 0 with too few.

    Kick, snare, hi-hat and ride count, everything where there are none of them.
    """
    strokes = [note.start_sec for note in notes if note.pitch in _TIMEKEEPERS] or [note.start_sec for note in notes]
    if not strokes or not beats:
        return 0.0
    strokes_sec = np.sort(strokes)
    beats_sec = np.array([beat.time_sec for beat in beats])
    after = np.searchsorted(strokes_sec, beats_sec).clip(1, max(len(strokes_sec) - 1, 1))
    candidates = np.stack([strokes_sec[after - 1], strokes_sec[np.minimum(after, len(strokes_sec) - 1)]])
    distances = candidates - beats_sec
    nearest = np.where(np.abs(distances[0]) < np.abs(distances[1]), distances[0], distances[1])
    near = nearest[np.abs(nearest) < _NEAR_BEAT_SEC]
    return float(np.median(near)) if len(near) >= _FEWEST_NEAR else 0.0


def count_subdivisions(notes: Sequence[Note], beats: Sequence[Beat]) -> int:
    """Whether the drummer divides the beat in 2, 3 or 4, by where the strokes between beats lie."""
    if len(beats) < 2 or not notes:
        return 2
    beats_sec = np.array([beat.time_sec for beat in beats])
    starts_sec = np.array([note.start_sec for note in notes])
    inside = starts_sec[(starts_sec >= beats_sec[0]) & (starts_sec < beats_sec[-1])]
    at = np.searchsorted(beats_sec, inside, side="right") - 1
    phases = (inside - beats_sec[at]) / np.diff(beats_sec)[at]

    def share(*places: float) -> int:
        return int(sum(np.count_nonzero(np.abs(phases - place) < 0.045) for place in places))

    halves, thirds, quarters = share(0.5), share(1 / 3, 2 / 3), share(0.25, 0.75)
    if thirds > max(halves, quarters):
        return 3
    return 4 if quarters > 0.3 * halves else 2


def _take(row: dict[str, str]) -> Take | None:
    """A beat that is long enough, or `None`: fills are too short."""
    if row["beat_type"] != "beat" or float(row["duration"]) < _SHORTEST_SEC:
        return None
    return Take(row["midi_filename"], row["drummer"], row["style"], row["time_signature"], float(row["duration"]))


def _compose(rng: np.random.Generator, take: Take, score: Score, duration_sec: float, *, band: bool) -> Piece | None:
    from anacrusis_training.compose.accompany import accompany

    if not score.notes:
        return None
    window = draw_window(rng, max(note.end_sec for note in score.notes), duration_sec, float(rng.uniform(*_SCALES)))
    drums = [dataclasses.replace(note, pitch=to_general_midi(note.pitch)) for note in score.notes]
    beats = window.beats(score.beats, click_offset_sec(drums, score.beats))
    if len(beats) < 8 or not _BPM_RANGE[0] <= median_bpm(beats) <= _BPM_RANGE[1]:
        return None
    notes = _swap_drums(rng, window.notes(drums))
    notes = [dataclasses.replace(note, channel=DRUM_CHANNEL) for note in notes]
    controls = []
    triplets = take.meter == "6-8" or any(feel in take.style for feel in _TRIPLET_FEELS)
    subdivisions = 3 if triplets else count_subdivisions(notes, beats)
    if band:
        played, controls = accompany(rng, beats, subdivisions, drums=False, density=float(rng.uniform(0.6, 1.4)))
        notes = notes + played
    meter = take.meter.replace("-", "/")
    return Piece(
        family="groove_band" if band else "groove",
        name=f"{take.style}, {meter}, {take.drummer}",
        notes=notes,
        controls=controls,
        beats=beats,
        sources=[Source(COLLECTION, take.file, LICENCE)],
        traits={
            "meter": meter,
            "tempo_curve": "click",
            "drums": "yes",
            "style": take.style.split("/")[0],
            "subdivisions": str(subdivisions),
        },
    )


def _swap_drums(rng: np.random.Generator, notes: list[Note]) -> list[Note]:
    """Now and then another instrument takes a drum's part."""
    if rng.random() >= _SWAP_PROB:
        return notes
    swaps = dict(_SWAPS[int(at)] for at in rng.integers(0, len(_SWAPS), 2))
    return [dataclasses.replace(note, pitch=swaps.get(note.pitch, note.pitch)) for note in notes]
