"""Whether a beat can be heard: chance sometimes draws music whose every note avoids it, which would teach nonsense."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..piece import Beat, Note

WINDOW_SEC = 0.045
"""Onsets this close to a moment belong to it."""

LEAST_SHARE = 0.42
LEAST_RATIO = 0.55
"""Least share of beats with an onset, and least loudness of the beats against the louder of their off-beats."""


def beat_evidence(notes: Sequence[Note], beats: Sequence[Beat]) -> tuple[float, float]:
    """Share of beats with an onset, and mean onset loudness on beats over that between them.

    Between them means halfway or two thirds on, whichever is louder. Both are 0 without notes or with fewer than two
    beats.
    """
    if not notes or len(beats) < 2:
        return 0.0, 0.0
    onsets_sec = np.array([note.start_sec for note in notes])
    order = np.argsort(onsets_sec, kind="stable")
    onsets_sec = onsets_sec[order]
    loudness = np.concatenate(([0.0], np.cumsum(np.array([note.velocity for note in notes], dtype=np.float64)[order])))
    times_sec = np.array([beat.time_sec for beat in beats])
    intervals_sec = np.diff(times_sec)

    def loudness_at(moments_sec: np.ndarray) -> np.ndarray:
        first = np.searchsorted(onsets_sec, moments_sec - WINDOW_SEC)
        last = np.searchsorted(onsets_sec, moments_sec + WINDOW_SEC)
        return loudness[last] - loudness[first]

    on = loudness_at(times_sec)
    off = max(loudness_at(times_sec[:-1] + part * intervals_sec).mean() for part in (0.5, 2 / 3))
    return float((on > 0).mean()), float(on.mean() / max(off, 1.0))


def beats_are_heard(notes: Sequence[Note], beats: Sequence[Beat]) -> bool:
    """Whether a listener has a chance to find these beats in these notes."""
    share, ratio = beat_evidence(notes, beats)
    return share >= LEAST_SHARE and ratio >= LEAST_RATIO
