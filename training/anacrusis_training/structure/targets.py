"""What each step of a song should have said: section, beats to the next boundary, and what the auxiliary losses ask.

Beats are counted as whoever hears the plugin counts them: by the tracker where it is locked, by the annotation elsewhere. A boundary
within a quarter of a beat of a tracked beat lies on it, so that the count falls to 0 exactly where the tracker's beat does.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from anacrusis_training.structure.labels import LABEL_INDEX
from anacrusis_training.structure.plan import SNAP_BEATS
from anacrusis_training.structure.rows import Song
from anacrusis_training.structure.scoring import position
from anacrusis_training.structure.steps import BIN_EDGES_BEATS

N_BINS = len(BIN_EDGES_BEATS) + 1

NO_LABEL = -1

NOW_BEATS = 2.0
"""A boundary so few beats ago was "now" to the auxiliary loss."""

CALM_BEATS = 2.0
"""Within so many beats of a boundary the label may change, and its change costs nothing."""


@dataclasses.dataclass(slots=True)
class Targets:
    """Of each step, ``[n_steps]``.

    Attributes
    ----------
    label, label_weight
        int64 and float32: index of the section's label, and its share in the loss; 0 outside the song and in silences, which are
        told by their level.
    first_bin
        int64: the hazard bin of the next boundary, or, where `censored`, the first bin that is still possible.
    censored
        bool: the recording ends before the next boundary.
    hazard_weight
        float32: 0 outside the song, more at the first step after a beat.
    now
        float32: whether a boundary was within the last `NOW_BEATS`.
    next_label
        int64: of the section after this one, or `NO_LABEL`.
    calm
        bool: no boundary within `CALM_BEATS`.
    """

    label: NDArray[np.int64]
    label_weight: NDArray[np.float32]
    first_bin: NDArray[np.int64]
    censored: NDArray[np.bool_]
    hazard_weight: NDArray[np.float32]
    now: NDArray[np.float32]
    next_label: NDArray[np.int64]
    calm: NDArray[np.bool_]


def hazard_bin(left_beats: NDArray[np.float64]) -> NDArray[np.int64]:
    """Bin of a number of beats above 0.

    >>> hazard_bin(np.array([0.2, 1.0, 1.1, 4.0, 16.5])).tolist()
    [0, 0, 1, 2, 5]
    """
    return np.searchsorted(np.array(BIN_EDGES_BEATS) + 1e-6, left_beats).astype(np.int64)


def first_possible_bin(seen_beats: NDArray[np.float64]) -> NDArray[np.int64]:
    """First bin that lies wholly behind a number of beats without a boundary: what is known of a recording that breaks off.

    >>> first_possible_bin(np.array([0.5, 1.0, 3.0, 40.0])).tolist()
    [0, 1, 2, 5]
    """
    return np.searchsorted(np.array(BIN_EDGES_BEATS) - 1e-6, seen_beats).astype(np.int64)


def count_beats(song: Song) -> NDArray[np.float64]:
    """Beats since the first step, ``[n_steps]``: the tracker's where it is locked, annotated ones elsewhere."""
    tracked = np.diff(song.step_beat, prepend=song.step_beat[:1])
    annotated = position(song.step_time_sec, song.beats[:, 0])
    annotated = np.diff(annotated, prepend=annotated[:1])
    locked = song.locked.astype(bool)
    both = locked & np.concatenate((locked[:1], locked[:-1]))
    return np.cumsum(np.where(both, tracked, annotated))


def boundary_counts(song: Song, count: NDArray[np.float64]) -> NDArray[np.float64]:
    """Beats since the first step at which each boundary lies, ``[n + 1]``: starts of all sections, and the song's end."""
    times_sec = np.append(song.section_start_sec, song.end_sec)
    at = np.interp(times_sec, song.step_time_sec, count)
    # Beyond the steps time goes on at the annotation's pace.
    beats_sec = song.beats[:, 0]
    last_sec, first_sec = song.step_time_sec[-1], song.step_time_sec[0]
    annotated = position(times_sec, beats_sec)
    at = np.where(times_sec > last_sec, count[-1] + annotated - position(np.array([last_sec]), beats_sec)[0], at)
    at = np.where(times_sec < first_sec, count[0] + annotated - position(np.array([first_sec]), beats_sec)[0], at)
    tracked = np.interp(times_sec, song.step_time_sec, song.step_beat)
    away = np.rint(tracked) - tracked
    step = np.clip(np.searchsorted(song.step_time_sec, times_sec), 0, len(song.step_time_sec) - 1)
    snaps = (np.abs(away) <= SNAP_BEATS) & song.locked[step].astype(bool) & (times_sec <= last_sec) & (times_sec >= first_sec)
    return np.maximum.accumulate(np.where(snaps, at + away, at))


def is_first_after_a_beat(song: Song) -> NDArray[np.bool_]:
    """Steps ``[n_steps]`` within which the runtime's count reached a whole beat.

    >>> from types import SimpleNamespace
    >>> is_first_after_a_beat(SimpleNamespace(step_beat=np.array([0.8, 0.9, 1.0, 1.1, 2.2]))).tolist()
    [False, False, True, False, True]
    """
    return np.diff(np.floor(song.step_beat), prepend=np.floor(song.step_beat[:1])) > 0


def make_targets(song: Song, boundary_weight: float = 0.25, boundary_beats: float = 1.0, beat_weight: float = 1.0) -> Targets:
    """Targets of a song.

    Parameters
    ----------
    song
        Its rows' clock and its truth.
    boundary_weight, boundary_beats
        Weight of the label within so many beats of a boundary.
    beat_weight
        Weight of the hazard at the first step after a beat.

    Raises
    ------
    ValueError
        No section, or fewer than two annotated beats.
    """
    if not len(song.section_start_sec) or len(song.beats) < 2:
        raise ValueError(f"targets need sections and beats, got {len(song.section_start_sec)} and {len(song.beats)}")
    count = count_beats(song)
    bounds = boundary_counts(song, count)
    following = np.searchsorted(bounds, count + 1e-6, side="right")
    inside = (following >= 1) & (following < len(bounds))
    section = np.clip(following - 1, 0, len(song.section_label) - 1)
    left = bounds[np.minimum(following, len(bounds) - 1)] - count
    since = count - bounds[np.maximum(following - 1, 0)]
    label = song.section_label[section].astype(np.int64)
    weight = song.section_weight[section] * inside * (label != LABEL_INDEX["silence"])
    near = (left <= boundary_beats) | (since <= boundary_beats) & (following >= 2)
    censored = inside & (following == len(bounds) - 1) & (not song.end_known)
    known_next = inside & (following < len(bounds) - 1)
    next_label = song.section_label[np.minimum(section + 1, len(song.section_label) - 1)].astype(np.int64)
    return Targets(
        label=label,
        label_weight=np.where(near, boundary_weight * weight, weight).astype(np.float32),
        first_bin=np.where(censored, first_possible_bin(np.maximum(left, 0.0)), hazard_bin(np.maximum(left, 1e-3))),
        censored=censored,
        hazard_weight=(inside * np.where(is_first_after_a_beat(song), beat_weight, 1.0)).astype(np.float32),
        now=(inside & (following >= 2) & (since <= NOW_BEATS)).astype(np.float32),
        next_label=np.where(known_next, next_label, NO_LABEL),
        calm=inside & (left > CALM_BEATS) & ((since > CALM_BEATS) | (following < 2)),
    )
