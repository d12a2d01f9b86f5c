"""Keys, chords and progressions: what changes on a downbeat more often than anywhere else."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from .choose import chance, pick, weighted
from .meter import Meter

SCALES: dict[str, tuple[int, ...]] = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "harmonic minor": (0, 2, 3, 5, 7, 8, 11),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
    "lydian": (0, 2, 4, 6, 7, 9, 11),
}
"""Semitones above the tonic of the seven degrees."""

COLOURS: dict[str, tuple[int, ...]] = {
    "triad": (0, 2, 4),
    "seventh": (0, 2, 4, 6),
    "ninth": (0, 2, 6, 8),
    "suspended": (0, 3, 4),
    "power": (0, 4, 7),
    "open": (0, 4, 9),
    "sixth": (0, 2, 4, 5),
    "two-part": (2, 4),
}
"""Scale steps above the root of the tones of a chord."""

LOOPS: tuple[tuple[int, ...], ...] = (
    (0, 4, 5, 3), (0, 5, 3, 4), (5, 3, 0, 4), (0, 3, 4, 3), (0, 2, 3, 4), (1, 4, 0, 5), (3, 4, 2, 5), (0, 5, 1, 4),
    (0, 6, 3, 0), (0, 6, 5, 6), (0, 3), (0, 4), (0, 6), (0, 5), (0, 1), (0,), (0, 0, 3, 0), (0, 3, 0, 4), (3, 0, 4, 0),
    (0, 4, 5, 2, 3, 0, 3, 4), (0, 0, 3, 3, 0, 0, 4, 4), (0, 2, 5, 3), (5, 4, 3, 4), (0, 3, 6, 2, 5, 1, 4, 0),
)  # fmt: skip
"""Degrees of common progressions, one entry a change."""

BLUES: tuple[int, ...] = (0, 0, 0, 0, 3, 3, 0, 0, 4, 3, 0, 4)

RHYTHMS = {"bar": 0.5, "two bars": 0.13, "half": 0.15, "mixed": 0.14, "four bars": 0.04, "beats": 0.04}
"""Weights of harmonic rhythms: how often chords change."""


@dataclasses.dataclass(frozen=True, slots=True)
class Key:
    """A scale on a tonic, `tonic` semitones above middle C (-6 to 5)."""

    tonic: int
    scale: tuple[int, ...]

    def pitch(self, degree: int) -> int:
        """The MIDI pitch of a degree; 0 is the tonic next to middle C, 7 an octave above."""
        return 60 + self.tonic + self.scale[degree % 7] + 12 * (degree // 7)

    def transposed(self, semitones: int) -> Key:
        """The same scale elsewhere."""
        return Key((self.tonic + semitones + 6) % 12 - 6, self.scale)


def random_key(rng: np.random.Generator, scales: Sequence[str]) -> Key:
    """A key on any tonic in one of the named scales."""
    return Key(int(rng.integers(-6, 6)), SCALES[pick(rng, scales)])


def voicing(key: Key, degree: int, colour: str, centre: int) -> list[int]:
    """Pitches of a chord near `centre`, lowest first; wide colours keep their spread above a low root."""
    pitches = [key.pitch(degree + step) for step in COLOURS[colour]]
    if colour in ("power", "open"):
        shift = 12 * round((centre - 6 - pitches[0]) / 12)
        return [pitch + shift for pitch in pitches]
    return sorted(pitch + 12 * round((centre - pitch) / 12) for pitch in pitches)


@dataclasses.dataclass(frozen=True, slots=True)
class Progression:
    """Chord degrees in order, and how they are spread over bars."""

    degrees: tuple[int, ...]
    rhythm: str

    def bar(self, bar_idx: int, n_beats: int, middle: int) -> list[tuple[int, int]]:
        """Changes within a bar of a part: (beat counted from 0, degree); the first is always at beat 0.

        `middle` is the beat where a bar is halved.
        """

        def degree(idx: int) -> int:
            return self.degrees[idx % len(self.degrees)]

        match self.rhythm:
            case "two bars":
                return [(0, degree(bar_idx // 2))]
            case "four bars":
                return [(0, degree(bar_idx // 4))]
            case "half" if 0 < middle < n_beats:
                return [(0, degree(2 * bar_idx)), (middle, degree(2 * bar_idx + 1))]
            case "mixed" if bar_idx % 4 == 3 and 0 < middle < n_beats:
                return [(0, degree(bar_idx)), (middle, degree(bar_idx + 1))]
            case "beats":
                return [(beat, degree(n_beats * bar_idx + beat)) for beat in range(n_beats)]
            case _:
                return [(0, degree(bar_idx))]


def random_progression(
    rng: np.random.Generator,
    meter: Meter,
    loops: Sequence[tuple[int, ...]] = LOOPS,
    rhythms: Mapping[str, float] = RHYTHMS,
) -> Progression:
    """A known loop (two thirds) or a new one of 4 or 8 chords that starts on tonic and ends away from it."""
    rhythm = weighted(rng, rhythms)
    if chance(rng, 0.67):
        return Progression(pick(rng, loops), rhythm)
    degrees = [0]
    n_chords = pick(rng, (4, 4, 8))
    while len(degrees) < n_chords:
        degree = (degrees[-1] + pick(rng, (3, 3, 4, 5, 5, 2, 1, 6))) % 7
        last = len(degrees) == n_chords - 1
        if degree != 6 and not (last and degree == 0):
            degrees.append(degree)
    return Progression(tuple(degrees), rhythm)
