"""A composed piece before it sounds: notes at absolute times, with the beats that are true by construction.

Every composer and every source returns a `Piece`; rendering, augmentation and features know nothing else of where it came from.
All times are seconds from the start of the audio.
"""

from __future__ import annotations

import dataclasses

DRUM_CHANNEL = 9
"""General MIDI's percussion channel, counted from 0."""


@dataclasses.dataclass(frozen=True, slots=True)
class Note:
    """One note: `channel` 0 to 15, `pitch` and `velocity` 1 to 127."""

    start_sec: float
    end_sec: float
    channel: int
    pitch: int
    velocity: int


@dataclasses.dataclass(frozen=True, slots=True)
class Control:
    """A program change, control change or pitch bend.

    `kind` is ``"program"`` (`value` = program), ``"cc"`` (`number` = controller) or ``"bend"`` (`value` -8192 to 8191).
    """

    time_sec: float
    channel: int
    kind: str
    value: int
    number: int = 0


@dataclasses.dataclass(frozen=True, slots=True)
class Beat:
    """A beat as a musician counts it; `beat_in_bar` counts from 1."""

    time_sec: float
    beat_in_bar: int


@dataclasses.dataclass(frozen=True, slots=True)
class Section:
    """A section of the form; `label` is one of the contract's labels."""

    start_sec: float
    label: str


@dataclasses.dataclass(frozen=True, slots=True)
class Source:
    """Somebody else's work inside a piece: collection, item within it, and its SPDX licence identifier."""

    collection: str
    item: str
    licence: str


@dataclasses.dataclass(slots=True)
class Piece:
    """Notes with their truth.

    Attributes
    ----------
    family
        Name of the composer, e.g. ``"folk"``; results are reported by it.
    name
        What it is, e.g. ``"jig, 6/8, rubato"``; for people.
    notes, controls
        In any order.
    beats
        In time order; the first may be anywhere in its bar.
    sections
        In time order; empty where the form is unknown.
    sources
        Empty where the piece is wholly generated.
    traits
        What a report may group by: ``meter``, ``tempo_curve``, ``drums`` and the like.
    """

    family: str
    name: str
    notes: list[Note]
    controls: list[Control]
    beats: list[Beat]
    sections: list[Section] = dataclasses.field(default_factory=list)
    sources: list[Source] = dataclasses.field(default_factory=list)
    traits: dict[str, str] = dataclasses.field(default_factory=dict)

    def end_sec(self) -> float:
        """The end of the last note, or of the last beat where that is later; 0 for an empty piece."""
        return max([n.end_sec for n in self.notes] + [b.time_sec for b in self.beats], default=0.0)
