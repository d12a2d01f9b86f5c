"""A song's plan: its sections, where it ends, and, where somebody marked them, its beats. What importers return and corpora follow."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from anacrusis_training.piece import Beat
from anacrusis_training.structure.labels import map_label

MOST_OVERLAP_SEC = 0.05
"""Sections that overlap by more contradict each other; less is rounding."""

MOST_GAP_SEC = 0.05
"""A longer gap is filled with the section before it, and said."""

SHORTEST_SEC = 1.0
"""A shorter first or last section is an artefact of a detector and goes into its neighbour (SongFormer, `rule_post_processing`)."""

SNAP_BEATS = 0.25
"""A boundary this near to a beat lies on it. Never on the downbeat for its own sake: 19 % of the boundaries people marked in the
Harmonix Set lie on other beats."""


@dataclasses.dataclass(frozen=True, slots=True)
class Segment:
    """One section: seconds from and to, the word of its source, the contract's label, and that label's share in the loss."""

    start_sec: float
    end_sec: float
    raw: str
    label: str
    weight: float


@dataclasses.dataclass(frozen=True, slots=True)
class Plan:
    """The sections of a song.

    Attributes
    ----------
    segments
        In time order, each beginning where the one before ends.
    source
        Format or collection, and the item in it.
    beats
        In time order; empty where the source has none.
    teacher
        What made the labels where no person did: name, and hash of its weights where known.
    warnings
        What was amiss and put right, for people.
    """

    segments: tuple[Segment, ...]
    source: str
    beats: tuple[Beat, ...] = ()
    teacher: str = ""
    warnings: tuple[str, ...] = ()

    @property
    def end_sec(self) -> float:
        """Where the last section ends."""
        return self.segments[-1].end_sec

    def boundaries_sec(self) -> list[float]:
        """Every section's start but the first's, and the end of the song, which counts as one."""
        return [segment.end_sec for segment in self.segments]


def make_plan(
    rows: Sequence[tuple[float, float, str]], source: str, beats: Sequence[Beat] = (), teacher: str = ""
) -> Plan:
    """Check raw sections and put them in order.

    Parameters
    ----------
    rows
        Start, end in seconds and raw label of each section, in any order.
    source, beats, teacher
        See `Plan`.

    Raises
    ------
    ValueError
        No section, a time that is no number or not in order, or sections that overlap by more than `MOST_OVERLAP_SEC`.
    """
    if not rows:
        raise ValueError(f"{source}: no sections")
    warnings: list[str] = []
    segments: list[Segment] = []
    for start_sec, end_sec, raw in sorted(rows, key=lambda row: (row[0], row[1])):
        if not (np.isfinite(start_sec) and np.isfinite(end_sec)) or end_sec < start_sec:
            raise ValueError(f"{source}: a section from {start_sec} to {end_sec} s")
        if end_sec == start_sec:
            warnings.append(f"section {raw!r} at {start_sec:.3f} s has no length; left out")
            continue
        if segments:
            start_sec = _join(segments, start_sec, source, warnings)
            if end_sec <= start_sec:
                raise ValueError(f"{source}: section {raw!r} lies inside the one before, which ends at {start_sec} s")
        mapped = map_label(raw)
        segments.append(Segment(float(start_sec), float(end_sec), raw, mapped.label, mapped.weight))
    if not segments:
        raise ValueError(f"{source}: no section has a length")
    _merge_ends(segments, warnings)
    return Plan(tuple(segments), source, tuple(beats), teacher, tuple(warnings))


def snap(time_sec: float, beats_sec: Sequence[float]) -> float:
    """The nearest beat where it is within `SNAP_BEATS` of a beat, the time itself otherwise.

    >>> snap(1.1, [0.0, 0.5, 1.0, 1.5]), snap(1.25, [0.0, 0.5, 1.0, 1.5])
    (1.0, 1.25)
    """
    if len(beats_sec) < 2:
        return time_sec
    times_sec = np.asarray(beats_sec, dtype=np.float64)
    nearest = int(np.argmin(np.abs(times_sec - time_sec)))
    # The interval on the side where the time lies.
    other = nearest + (1 if time_sec > times_sec[nearest] else -1)
    other = min(max(other, 0), len(times_sec) - 1)
    if other == nearest:
        other = nearest - 1 if nearest else 1
    interval_sec = abs(times_sec[other] - times_sec[nearest])
    return float(times_sec[nearest]) if abs(time_sec - times_sec[nearest]) <= SNAP_BEATS * interval_sec else time_sec


def _join(segments: list[Segment], start_sec: float, source: str, warnings: list[str]) -> float:
    """Let the next section begin where the last one ends; returns that time."""
    last = segments[-1]
    if last.end_sec - start_sec > MOST_OVERLAP_SEC:
        raise ValueError(f"{source}: sections overlap: {last.raw!r} ends at {last.end_sec} s, the next begins at {start_sec} s")
    if start_sec - last.end_sec > MOST_GAP_SEC:
        warnings.append(f"gap from {last.end_sec:.3f} to {start_sec:.3f} s filled with {last.raw!r}")
    if start_sec <= last.start_sec:
        raise ValueError(f"{source}: two sections begin at {start_sec} s")
    segments[-1] = dataclasses.replace(last, end_sec=float(start_sec))
    return start_sec


def _merge_ends(segments: list[Segment], warnings: list[str]) -> None:
    """Give a first or last section under `SHORTEST_SEC` to its neighbour, in place."""
    if len(segments) > 1 and segments[0].end_sec - segments[0].start_sec < SHORTEST_SEC:
        short = segments.pop(0)
        segments[0] = dataclasses.replace(segments[0], start_sec=short.start_sec)
        warnings.append(f"first section {short.raw!r} is shorter than {SHORTEST_SEC} s; merged")
    if len(segments) > 1 and segments[-1].end_sec - segments[-1].start_sec < SHORTEST_SEC:
        short = segments.pop()
        segments[-1] = dataclasses.replace(segments[-1], end_sec=short.end_sec)
        warnings.append(f"last section {short.raw!r} is shorter than {SHORTEST_SEC} s; merged")
