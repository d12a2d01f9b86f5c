"""Melodies in phrases: motifs that return, pickups before the bar, long notes and rests as a singer makes them."""

from __future__ import annotations

import copy
import dataclasses

import numpy as np

from .choose import chance, pick
from .meter import Meter
from .rhythm import off_beat, random_onsets, spread

LOWEST_DEGREE, HIGHEST_DEGREE = -3, 11
"""Range of a melody in scale degrees; 0 is the tonic near middle C."""


@dataclasses.dataclass(frozen=True, slots=True)
class Character:
    """How a melody moves: ranges from which each melody draws.

    Attributes
    ----------
    density
        Share of a bar's steps that sound.
    syncopation
        See `rhythm.random_onsets`.
    sustain
        How much of the way to the next onset a note lasts.
    pickup_prob
        Chance that a melody's phrases start before their bar.
    leap_prob
        Chance of a leap rather than a step.
    rest_prob
        Chance that a bar within a phrase stays empty.
    ornament_prob
        Chance that a note gets a grace note or a turn.
    """

    density: tuple[float, float]
    syncopation: tuple[float, float] = (0.1, 0.45)
    sustain: tuple[float, float] = (0.7, 1.0)
    pickup_prob: float = 0.45
    leap_prob: float = 0.25
    rest_prob: float = 0.05
    ornament_prob: float = 0.0


CHARACTERS: dict[str, Character] = {
    "song": Character((0.3, 0.6)),
    "vocal": Character((0.15, 0.4), (0.25, 0.65), (0.85, 1.0), pickup_prob=0.7, rest_prob=0.12),
    "long": Character((0.06, 0.16), (0.0, 0.3), (0.9, 1.0), leap_prob=0.4),
    "busy": Character((0.6, 0.85), (0.1, 0.4), leap_prob=0.15),
    "runs": Character((0.9, 0.97), (0.0, 0.1), (0.8, 1.0), pickup_prob=0.25, leap_prob=0.1),
    "sparse": Character((0.1, 0.25), (0.2, 0.8), (0.3, 0.9), rest_prob=0.3),
    "tune": Character((0.6, 0.9), (0.0, 0.15), (0.7, 0.95), pickup_prob=0.6, leap_prob=0.3, ornament_prob=0.06),
    "lyrical": Character((0.2, 0.45), (0.05, 0.25), (0.9, 1.02), leap_prob=0.3, ornament_prob=0.05),
    "solo": Character((0.4, 0.75), (0.2, 0.6), (0.6, 1.0), pickup_prob=0.7, rest_prob=0.15, ornament_prob=0.04),
    "syncopated": Character((0.35, 0.6), (0.5, 0.85), (0.4, 0.9)),
}


@dataclasses.dataclass(frozen=True, slots=True)
class MelodyNote:
    """A note of a bar: `strong` ones are drawn to the chord."""

    at_beats: float
    length_beats: float
    degree: int
    strong: bool
    accent: float = 1.0


class Melody:
    """Phrases of a few bars; asking for the same bar of a part twice gives the same notes."""

    def __init__(self, rng: np.random.Generator, meter: Meter, steps_per_beat: int, character: Character) -> None:
        self._meter = meter
        n_bars = pick(rng, (2, 4, 4, 4, 4, 8) if meter.n_beats > 2 else (4, 4, 8))
        density = rng.uniform(*character.density)
        syncopation = rng.uniform(*character.syncopation)
        sustain = rng.uniform(*character.sustain)
        order = pick(rng, ("AABA", "ABAC", "AAAB", "ABCD", "AABB", "AAAA"))
        cells = {
            letter: []
            if letter != "A" and chance(rng, character.rest_prob)
            else random_onsets(rng, meter, steps_per_beat, density, syncopation)
            for letter in "ABCD"
        }
        contours: dict[str, list[int]] = {}
        self._degree = int(rng.integers(0, 8))
        self._bars: list[list[MelodyNote]] = []
        for bar in range(n_bars):
            letter = order[bar % 4]
            onsets = cells[letter]
            last = bar == n_bars - 1
            if last and len(onsets) > 2:
                onsets = [at for at in onsets if at <= meter.n_beats / 2] or onsets[:1]
            if letter not in contours or len(contours[letter]) < len(onsets) or chance(rng, 0.3):
                contours[letter] = self._contour(rng, len(onsets), character.leap_prob)
            self._bars.append(self._bar(rng, onsets, contours[letter], sustain, character.ornament_prob))
        self._pickup = self._make_pickup(rng, steps_per_beat) if chance(rng, character.pickup_prob) else []
        if self._pickup:
            first = self._pickup[0].at_beats
            self._bars[-1] = [
                dataclasses.replace(note, length_beats=min(note.length_beats, first - note.at_beats))
                for note in self._bars[-1]
                if note.at_beats < first - 0.05
            ]

    def varied(self, rng: np.random.Generator, share: float) -> Melody:
        """The same melody with another degree or none in `share` of its notes, as it returns later in a song."""
        other = copy.copy(self)
        other._bars = [[new for note in bar if (new := _varied_note(rng, note, share)) is not None] for bar in self._bars]
        return other

    def bar(self, bar_idx: int) -> list[MelodyNote]:
        """Notes of a part's bar without pickup; times count from the bar's start."""
        return self._bars[bar_idx % len(self._bars)]

    def ends_phrase(self, bar_idx: int) -> bool:
        """Whether a part's bar is the last of a phrase, where the next one's pickup sounds."""
        return bar_idx % len(self._bars) == len(self._bars) - 1

    @property
    def pickup(self) -> list[MelodyNote]:
        """What sounds in the bar before a phrase begins; times count from that bar's start."""
        return self._pickup

    def _contour(self, rng: np.random.Generator, n_notes: int, leap_prob: float) -> list[int]:
        degrees = []
        for _ in range(n_notes):
            step = pick(rng, (-4, -3, 3, 4, 5, -5)) if chance(rng, leap_prob) else pick(rng, (-2, -1, -1, 0, 1, 1, 2))
            if not LOWEST_DEGREE <= self._degree + step <= HIGHEST_DEGREE:
                step = -step
            self._degree += step
            degrees.append(self._degree)
        return degrees

    def _bar(
        self, rng: np.random.Generator, onsets: list[float], degrees: list[int], sustain: float, ornament_prob: float
    ) -> list[MelodyNote]:
        notes = []
        for (at, length), degree in zip(spread(onsets, self._meter.n_beats, sustain), degrees, strict=False):
            strength = self._meter.strength(at)
            if chance(rng, ornament_prob):
                notes.append(MelodyNote(at, 0.12, degree + 1, strong=False, accent=0.9))
                at, length = at + 0.12, max(0.12, length - 0.12)
            notes.append(MelodyNote(at, length, degree, strength >= 0.65, 0.9 + 0.18 * strength))
        return notes

    def _make_pickup(self, rng: np.random.Generator, steps_per_beat: int) -> list[MelodyNote]:
        n, off = self._meter.n_beats, off_beat(steps_per_beat)
        longest = n if n <= 2 else min(n, 3)
        onsets = pick(
            rng,
            (
                [n - 1.0],
                [n - 1 + off],
                [n - 1.0, n - 1 + off],
                [n - 2 + off, n - 1.0, n - 1 + off],
                [n - k / steps_per_beat for k in range(min(3, longest * steps_per_beat), 0, -1)],
            ),
        )
        onsets = [at for at in onsets if at >= 0]
        target = self._bars[0][0].degree if self._bars[0] else 0
        rising = pick(rng, (1, 1, -1))
        return [
            MelodyNote(at, length, target - rising * (len(onsets) - idx), strong=False, accent=0.95)
            for idx, (at, length) in enumerate(spread(onsets, n, 0.9))
        ]


def _varied_note(rng: np.random.Generator, note: MelodyNote, share: float) -> MelodyNote | None:
    if not chance(rng, share):
        return note
    step = pick(rng, (-2, -1, 1, 2, None))
    return None if step is None else dataclasses.replace(note, degree=note.degree + step)


def to_chord(degree: int, chord_degree: int) -> int:
    """The tone of a triad on `chord_degree` that lies nearest to `degree`."""
    tones = {(chord_degree + step) % 7 for step in (0, 2, 4)}
    return min(
        (degree + step for step in (0, -1, 1, -2, 2) if (degree + step) % 7 in tones), key=lambda d: abs(d - degree)
    )
