"""What a network should say of each frame, from the true beats."""

from __future__ import annotations

import numpy as np

from ..features import FRAMES_PER_SEC

HALF_WIDTH_FRAMES = 1.5
"""Half the base of the triangle under each beat: the frame next to one that holds the beat exactly gets a third."""


def beat_targets(beats: np.ndarray, n_frames: int) -> np.ndarray:
    """Target probabilities of beat and downbeat.

    Parameters
    ----------
    beats
        ``[n_beats, 2]``: seconds and position in the bar from 1. A downbeat is not also a beat.
    n_frames
        Frames of the piece; frame n describes ``n / 50`` seconds.

    Returns
    -------
    numpy.ndarray
        ``[n_frames, 2]``, float32: a triangle around each beat in the column of its class.
    """
    targets = np.zeros((n_frames, 2), np.float32)
    for time_sec, position in beats:
        at = time_sec * FRAMES_PER_SEC
        first, last = int(np.ceil(at - HALF_WIDTH_FRAMES)), int(np.floor(at + HALF_WIDTH_FRAMES))
        for frame in range(max(0, first), min(n_frames, last + 1)):
            height = 1.0 - abs(frame - at) / HALF_WIDTH_FRAMES
            column = 1 if position == 1 else 0
            targets[frame, column] = max(targets[frame, column], height)
    return targets


def tempo_curve(beats: np.ndarray, n_frames: int) -> np.ndarray:
    """Tempo at each frame in BPM, ``[n_frames]`` float32: of the beat interval that the frame is in; 0 outside the beats."""
    bpm = np.zeros(n_frames, np.float32)
    times_sec = beats[:, 0]
    edges = np.clip(np.round(times_sec * FRAMES_PER_SEC).astype(int), 0, n_frames)
    for first, last, interval_sec in zip(edges, edges[1:], np.diff(times_sec)):
        bpm[first:last] = 60.0 / interval_sec
    return bpm


def known_frames(beats: np.ndarray, n_frames: int) -> np.ndarray:
    """Which frames have a truth, ``[n_frames]`` bool: all up to half a beat after the last one."""
    known = np.zeros(n_frames, bool)
    if len(beats) >= 2:
        end_sec = beats[-1, 0] + 0.5 * (beats[-1, 0] - beats[-2, 0])
        known[: int(end_sec * FRAMES_PER_SEC)] = True
    return known
