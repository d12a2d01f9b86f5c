"""Drum fills that people played, from the Groove MIDI Dataset, as strokes on an axis of beats."""

from __future__ import annotations

import csv
import dataclasses
from pathlib import Path

import numpy as np

from anacrusis_training.piece import Source
from anacrusis_training.sources.excluded import Excluded, load_excluded
from anacrusis_training.sources.groove import COLLECTION, LICENCE, to_general_midi
from anacrusis_training.sources.midi_file import MidiFileError, read_midi

TEST_DRUMMERS = frozenset(("drummer7",))
"""Nobody whose fills are in the songs that choose or test plays one in the songs that train. Two people played nearly all 647."""

LONGEST_BEATS = 8.0

FEWEST_STROKES = 3


@dataclasses.dataclass(frozen=True, slots=True)
class Stroke:
    """A stroke: beats from the fill's start, General MIDI drum, velocity 1 to 127."""

    at_beats: float
    pitch: int
    velocity: int


@dataclasses.dataclass(frozen=True, slots=True)
class Fill:
    """A fill: its strokes in time order, its length in whole beats, and whose it is."""

    strokes: tuple[Stroke, ...]
    n_beats: int
    source: Source


class GrooveFills:
    """Fills of one side: those for training never come from a drummer who plays in tests.

    Parameters
    ----------
    folder
        The dataset: info.csv and the MIDI files it names.
    is_train
        Whose fills: `TEST_DRUMMERS` play where it is false.

    Raises
    ------
    FileNotFoundError
        If there is no info.csv.
    ValueError
        If no fill is left.
    """

    def __init__(self, folder: Path, is_train: bool, excluded: Excluded | None = None) -> None:
        banned = load_excluded() if excluded is None else excluded
        with (Path(folder) / "info.csv").open(newline="", encoding="utf-8") as file:
            rows = [row for row in csv.DictReader(file) if row["beat_type"] == "fill" and row["time_signature"] == "4-4"]
        self.fills = []
        for row in rows:
            name = row["midi_filename"]
            if (row["drummer"] in TEST_DRUMMERS) == is_train or banned.has_name(COLLECTION, f"groove/{name}"):
                continue
            fill = read_fill(Path(folder) / name, float(row["bpm"]), name)
            if fill is not None:
                self.fills.append(fill)
        if not self.fills:
            raise ValueError(f"{folder}: no usable fill among {len(rows)}")

    def draw(self, rng: np.random.Generator, n_beats: float) -> Fill:
        """A fill of about this length: one of those whose length is nearest."""
        nearest = min(abs(fill.n_beats - n_beats) for fill in self.fills)
        near = [fill for fill in self.fills if abs(fill.n_beats - n_beats) <= nearest]
        return near[int(rng.integers(len(near)))]


def read_fill(path: Path, bpm: float, name: str) -> Fill | None:
    """A fill from its file, on the click at `bpm`; `None` where it cannot be read, is empty or longer than `LONGEST_BEATS`."""
    if not path.is_file():
        return None
    try:
        score = read_midi(path)
    except MidiFileError:
        return None
    notes = sorted(score.notes, key=lambda note: note.start_sec)
    if len(notes) < FEWEST_STROKES:
        return None
    per_beat_sec = 60.0 / bpm
    # The click begins with the file; the fill with the beat in which its first stroke falls, or is pushed towards.
    first = float(np.floor(notes[0].start_sec / per_beat_sec + 0.1))
    strokes = tuple(Stroke(note.start_sec / per_beat_sec - first, to_general_midi(note.pitch), note.velocity) for note in notes)
    n_beats = int(np.ceil(strokes[-1].at_beats - 0.1))
    if not 1 <= n_beats <= LONGEST_BEATS:
        return None
    return Fill(strokes, n_beats, Source(COLLECTION, name, LICENCE))
