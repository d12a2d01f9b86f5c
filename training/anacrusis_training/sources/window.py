"""A window of a score on a new time axis: cut, scaled, shifted to the start."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from anacrusis_training.piece import Beat, Control, Note

LEAD_IN_SEC = 0.1
"""Silence before the window, so that a note on its edge keeps its transient."""

_JITTER_SEC = 0.005


@dataclasses.dataclass(frozen=True, slots=True)
class Window:
    """`duration_sec` of a score from `start_sec` on, played `scale` times as slowly."""

    start_sec: float
    duration_sec: float
    scale: float

    def time(self, time_sec: float) -> float:
        """Time in the piece of a time in the score."""
        return (time_sec - self.start_sec) * self.scale + LEAD_IN_SEC

    def holds(self, time_sec: float) -> bool:
        """Whether a time in the score lies inside; a few milliseconds before the start do."""
        return self.start_sec - _JITTER_SEC <= time_sec < self.start_sec + self.duration_sec

    def notes(self, notes: Sequence[Note]) -> list[Note]:
        """Notes that begin inside."""
        return [
            dataclasses.replace(note, start_sec=max(0.0, self.time(note.start_sec)), end_sec=self.time(note.end_sec))
            for note in notes
            if self.holds(note.start_sec)
        ]

    def controls(self, controls: Sequence[Control]) -> list[Control]:
        """Controls inside, and before them, at the very start, the state that earlier ones left."""
        last = self.start_sec + self.duration_sec
        before: dict[tuple[int, str, int], Control] = {}
        inside = []
        for control in sorted(controls, key=lambda control: control.time_sec):
            if control.time_sec < self.start_sec:
                before[(control.channel, control.kind, control.number)] = dataclasses.replace(control, time_sec=0.0)
            elif control.time_sec < last:
                inside.append(dataclasses.replace(control, time_sec=self.time(control.time_sec)))
        return [*before.values(), *inside]

    def beats(self, beats: Sequence[Beat], shift_sec: float = 0.0) -> list[Beat]:
        """Beats inside, each `shift_sec` of score time later than written."""
        shifted = [dataclasses.replace(beat, time_sec=beat.time_sec + shift_sec) for beat in beats]
        return [
            dataclasses.replace(beat, time_sec=self.time(beat.time_sec))
            for beat in shifted
            if self.holds(beat.time_sec)
        ]


def draw_window(rng: np.random.Generator, length_sec: float, duration_sec: float, scale: float) -> Window:
    """A window that lasts `duration_sec` when played, anywhere in a score of `length_sec`; all of a shorter score."""
    cut_sec = min(length_sec, duration_sec / scale)
    return Window(float(rng.uniform(0.0, max(0.0, length_sec - cut_sec))), cut_sec, scale)


def median_bpm(beats: Sequence[Beat]) -> float:
    """Median tempo; 0 with fewer than two beats."""
    if len(beats) < 2:
        return 0.0
    return 60.0 / float(np.median(np.diff([beat.time_sec for beat in beats])))
