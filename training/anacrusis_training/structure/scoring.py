"""Truth at annotated beats, and the measures that hazards and labels are judged by.

A moment is an annotated beat, from the first section's start to before the last boundary. A horizon of h beats is met where a boundary
comes more than 0 and at most h beats later; boundaries between equal labels count, and so does the song's end (facts of the frozen
baselines). Boundaries within a quarter of a beat of a beat lie on it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from anacrusis_training.structure.plan import snap
from anacrusis_training.structure.steps import HORIZONS_BEATS

N_RELIABILITY_BINS = 15

NEVER = np.inf
"""Beats to a boundary that nobody knows of."""


@dataclasses.dataclass(frozen=True, slots=True)
class Moments:
    """Annotated beats at which a song is scored.

    Attributes
    ----------
    beat_idx
        int64 ``[n]``: index among all annotated beats.
    left_beats
        float64 ``[n]``: beats to the next boundary.
    label
        int64 ``[n]``: index of the section's label.
    weight
        float64 ``[n]``: the label's share; moments of 0 are not scored for their label.
    """

    beat_idx: NDArray[np.int64]
    left_beats: NDArray[np.float64]
    label: NDArray[np.int64]
    weight: NDArray[np.float64]


def boundary_positions(boundaries_sec: Sequence[float], beats_sec: NDArray[np.float64]) -> NDArray[np.float64]:
    """Boundaries in beats: 0 is the first beat; beyond the ends the outermost interval goes on. ``[n]``, ascending."""
    times = np.array([snap(float(time_sec), beats_sec) for time_sec in boundaries_sec])
    return position(times, beats_sec)


def position(times_sec: NDArray[np.float64], beats_sec: NDArray[np.float64]) -> NDArray[np.float64]:
    """Seconds to beats; beyond the ends the outermost interval goes on."""
    inside = np.interp(times_sec, beats_sec, np.arange(len(beats_sec)))
    before = np.minimum(times_sec - beats_sec[0], 0.0) / (beats_sec[1] - beats_sec[0])
    after = np.maximum(times_sec - beats_sec[-1], 0.0) / (beats_sec[-1] - beats_sec[-2])
    return inside + before + after


def moments(
    beats_sec: NDArray[np.float64], starts_sec: Sequence[float], labels: Sequence[int], weights: Sequence[float], end_sec: float
) -> Moments:
    """Moments of a song; see the head of this file."""
    at = boundary_positions([*starts_sec, end_sec], beats_sec)
    index = np.arange(len(beats_sec))
    inside = (index >= at[0] - 1e-9) & (index < at[-1] - 1e-9)
    chosen = index[inside]
    # The next boundary is the first one after the beat.
    following = np.searchsorted(at, chosen + 1e-9, side="right")
    section = following - 1
    return Moments(
        chosen.astype(np.int64),
        at[following] - chosen,
        np.asarray(labels, dtype=np.int64)[section],
        np.asarray(weights, dtype=np.float64)[section],
    )


def hits(left_beats: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which horizons are met, ``[n, 5]``."""
    return left_beats[:, None] <= np.array(HORIZONS_BEATS) + 1e-9


def average_precision(truth: NDArray[np.bool_], score: NDArray[np.float64]) -> float:
    """Area under precision over recall as a step function; equal scores count as one step. NaN without positives.

    >>> average_precision(np.array([True, False, True]), np.array([.9, .8, .7]))
    0.8333333333333333
    """
    n_positive = int(truth.sum())
    if n_positive == 0:
        return float("nan")
    order = np.argsort(-score, kind="stable")
    ordered, values = truth[order], score[order]
    last = np.concatenate((np.flatnonzero(np.diff(values)), [len(values) - 1]))
    true_so_far = np.cumsum(ordered)[last]
    precision = true_so_far / (last + 1)
    gained = np.diff(np.concatenate(([0], true_so_far)))
    return float(np.sum(gained * precision) / n_positive)


def area_under_roc(truth: NDArray[np.bool_], score: NDArray[np.float64]) -> float:
    """Chance that a positive scores above a negative, ties for half. NaN where one kind is missing."""
    n_positive, n_negative = int(truth.sum()), int((~truth).sum())
    if not n_positive or not n_negative:
        return float("nan")
    _, inverse, counts = np.unique(score, return_inverse=True, return_counts=True)
    rank = np.cumsum(counts) - 0.5 * (counts - 1)
    return float((rank[inverse][truth].sum() - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative))


def calibration_error(truth: NDArray[np.bool_], prob: NDArray[np.float64]) -> float:
    """Expected calibration error over `N_RELIABILITY_BINS` bins of equal width."""
    at = np.minimum((prob * N_RELIABILITY_BINS).astype(np.int64), N_RELIABILITY_BINS - 1)
    total = np.bincount(at, minlength=N_RELIABILITY_BINS)
    said = np.bincount(at, weights=prob, minlength=N_RELIABILITY_BINS)
    came = np.bincount(at, weights=truth.astype(np.float64), minlength=N_RELIABILITY_BINS)
    return float(np.abs(said - came).sum() / max(total.sum(), 1))


def hazard_scores(truth: NDArray[np.bool_], prob: NDArray[np.float64]) -> dict[str, float]:
    """All measures of one horizon; `truth` and `prob` are ``[n]``."""
    clipped = np.clip(prob, 1e-6, 1.0 - 1e-6)
    return {
        "positive_share": float(truth.mean()),
        "auc": area_under_roc(truth, prob),
        "ap": average_precision(truth, prob),
        "brier": float(np.mean((prob - truth) ** 2)),
        "log_loss": float(-np.mean(np.where(truth, np.log(clipped), np.log(1.0 - clipped)))),
        "ece": calibration_error(truth, prob),
    }


def label_scores(truth: NDArray[np.int64], said: NDArray[np.int64], n_labels: int) -> dict[str, float]:
    """Share of right labels, and the mean F1 over labels that occur."""
    f1 = []
    for label in range(n_labels):
        here, claimed = truth == label, said == label
        if here.any():
            f1.append(2.0 * float((here & claimed).sum()) / float(here.sum() + claimed.sum()))
    return {"accuracy": float(np.mean(truth == said)), "macro_f1": float(np.mean(f1))}
