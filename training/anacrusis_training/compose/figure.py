"""Figures: short rhythms that repeat, the building blocks of bass lines, chords, arpeggios and drums."""

from __future__ import annotations

import dataclasses
import math

from .meter import POSITION_TOLERANCE_BEATS


@dataclasses.dataclass(frozen=True, slots=True)
class Hit:
    """One attack within a figure.

    Attributes
    ----------
    at_beats, length_beats
        Start from the start of the figure (or of the window asked for), and length.
    tone
        What sounds; its meaning is the player's (steps above the root, index of a chord tone).
    accent
        Loudness, 1 = plain.
    ahead_beats
        How far ahead the harmony is looked up: a chord that comes early belongs to the coming bar.
    """

    at_beats: float
    length_beats: float
    tone: int = 0
    accent: float = 1.0
    ahead_beats: float = 0.0


@dataclasses.dataclass(frozen=True, slots=True)
class Figure:
    """Hits that repeat every `period_beats`.

    `barwise` figures start again with their bars (a period of two bars spans two); others run on across bar lines, as a
    cross rhythm does.
    """

    hits: tuple[Hit, ...]
    period_beats: float
    barwise: bool = True

    def __post_init__(self) -> None:
        if not self.period_beats > 0:
            raise ValueError(f"a figure's period must be above 0 beats, got {self.period_beats}")

    def between(self, start_beats: float, n_beats: float) -> list[Hit]:
        """The hits of the window of `n_beats` that begins `start_beats` into the endless repetition.

        Times of the result count from the window's start.
        """
        found = []
        first = math.floor((start_beats + POSITION_TOLERANCE_BEATS) / self.period_beats)
        last = math.ceil((start_beats + n_beats) / self.period_beats)
        for turn in range(first, last):
            shift = turn * self.period_beats - start_beats
            for hit in self.hits:
                at = hit.at_beats + shift
                if -POSITION_TOLERANCE_BEATS <= at < n_beats - POSITION_TOLERANCE_BEATS:
                    found.append(dataclasses.replace(hit, at_beats=max(0.0, at)))
        return found

    def stretched(self, factor: float) -> Figure:
        """The same figure `factor` times as slow: 2 gives a half-time feel."""
        hits = tuple(
            dataclasses.replace(h, at_beats=h.at_beats * factor, length_beats=h.length_beats * factor)
            for h in self.hits
        )
        return Figure(hits, self.period_beats * factor, self.barwise)


def from_steps(text: str, steps_per_beat: int) -> Figure:
    """A figure written as text, one character a step.

    ``X`` is an accent, ``x`` plain, ``o`` a ghost note, ``.`` nothing; ``|`` and spaces only help the eye.

    Raises
    ------
    ValueError
        Where the text holds another character or no step.
    """
    accents = {"X": 1.15, "x": 1.0, "o": 0.5}
    steps = text.replace("|", "").replace(" ", "")
    unknown = sorted(set(steps) - set(accents) - {"."})
    if unknown or not steps:
        raise ValueError(f"expected steps of X, x, o and '.', got {text!r}")
    hits = tuple(
        Hit(idx / steps_per_beat, 1 / steps_per_beat, accent=accents[step])
        for idx, step in enumerate(steps)
        if step != "."
    )
    return Figure(hits, len(steps) / steps_per_beat)
