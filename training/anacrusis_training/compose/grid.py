"""The grid of a piece: its beats and bars, and the way from musical positions to seconds."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from ..piece import Beat


@dataclasses.dataclass(frozen=True, slots=True)
class Swing:
    """Uneven halves: the middle of every `unit_beats` is late by `delay` units, 0 (straight) to .17 (triplets)."""

    delay: float = 0.0
    unit_beats: float = 1.0

    def warp(self, positions_beats: np.ndarray) -> np.ndarray:
        """Swung positions, [n] beats; unit boundaries stay where they are."""
        if self.delay == 0.0:
            return positions_beats
        units = positions_beats / self.unit_beats
        whole = np.floor(units)
        part = units - whole
        middle = 0.5 + self.delay
        late = np.where(part < 0.5, part * middle / 0.5, middle + (part - 0.5) * (1 - middle) / 0.5)
        return (whole + late) * self.unit_beats


STRAIGHT = Swing()


@dataclasses.dataclass(frozen=True, slots=True)
class Bar:
    """A bar on the grid: its downbeat lies at beat `start`, which is negative where the piece starts inside the bar."""

    start: int
    n_beats: int


class Grid:
    """Beats as a time axis: position 0 is the first beat, 1.5 lies halfway between the second and the third."""

    def __init__(self, beats: Sequence[Beat], swing: Swing = STRAIGHT) -> None:
        """Build from at least two beats in strictly increasing time.

        Raises
        ------
        ValueError
            Where there are fewer than two beats, or times do not increase.
        """
        if len(beats) < 2:
            raise ValueError(f"a grid needs at least 2 beats, got {len(beats)}")
        self.beats = list(beats)
        self.swing = swing
        times = np.array([beat.time_sec for beat in beats], dtype=np.float64)
        intervals = np.diff(times)
        if intervals.min() <= 0:
            idx = int(intervals.argmin())
            raise ValueError(f"beat times must increase, got {times[idx]} s then {times[idx + 1]} s at beat {idx + 1}")
        self.interval_sec = float(np.median(intervals))
        # One beat more on either side: notes may start before the first beat and ring past the last.
        self._times_sec = np.concatenate(([times[0] - intervals[0]], times, [times[-1] + intervals[-1]]))
        self._positions = np.arange(-1, len(times) + 1, dtype=np.float64)

    @property
    def n_beats(self) -> int:
        """Beats on the grid."""
        return len(self.beats)

    def seconds(self, positions_beats: np.ndarray) -> np.ndarray:
        """Times in seconds, [n], of positions in beats, [n]; beyond the ends the outermost interval goes on."""
        warped = self.swing.warp(np.asarray(positions_beats, dtype=np.float64))
        times = np.interp(warped, self._positions, self._times_sec)
        before = np.minimum(warped - self._positions[0], 0) * (self._times_sec[1] - self._times_sec[0])
        after = np.maximum(warped - self._positions[-1], 0) * (self._times_sec[-1] - self._times_sec[-2])
        return times + before + after

    def bars(self) -> list[Bar]:
        """Bars in order: a new one on every beat that is the first of its bar; the outer ones may be cut short."""
        starts = [0] + [idx for idx in range(1, self.n_beats) if self.beats[idx].beat_in_bar == 1]
        ends = starts[1:] + [self.n_beats]
        bars = [Bar(start, end - start) for start, end in zip(starts, ends, strict=True)]
        missing = self.beats[0].beat_in_bar - 1
        bars[0] = Bar(-missing, bars[0].n_beats + missing)
        return bars
