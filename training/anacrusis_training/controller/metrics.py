"""Measures of a trace of controls against the song that it answers to. NumPy only; no taste is measured.

`SongResult` holds what one system did on one song; `measure` turns the songs of a system into one row of the table.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from anacrusis_training.contract import load
from anacrusis_training.controller import traces
from anacrusis_training.controller.songs import Truth
from anacrusis_training.controller.traces import STEPS_PER_SEC, pearson

SPEC = load()["controller"]
NAMES: tuple[str, ...] = tuple(SPEC["control_names"])
LOW, MID, HIGH, TENSION, GLOW = (NAMES.index(name) for name in ("gain_low", "gain_mid", "gain_high", "tension", "glow"))
N_CONTROLS = len(NAMES)
SETTLE_STEPS = 4 * STEPS_PER_SEC
"""The tracker needs to lock; what comes before is not scored against beats."""

MAX_LAG_STEPS = 15
NEAR_BEAT_SEC = 0.05
RIDGE = 10.0
PROBE_EVERY = 6
"""Steps between the windows of a probe."""

UNIFORM_BITS = 2.0
"""Entropy below which a picture counts as nearly uniform, of 5 bits."""

EDGE = 1e-3


@dataclasses.dataclass(slots=True)
class SongResult:
    """A system on a song.

    Attributes
    ----------
    controls
        float64 ``[n, 12]``.
    judged
        As of `Trace`; empty where no picture was looked at.
    truth, onsets
        The song's, and `traces.onset_strength` of its sound.
    """

    controls: NDArray[np.float64]
    judged: dict[str, NDArray[np.float64]]
    truth: Truth
    onsets: NDArray[np.float32]


def rises(controls: NDArray[np.float64], columns: Sequence[int]) -> NDArray[np.float64]:
    """Upward movement of controls a step, summed."""
    moved = np.maximum(np.diff(controls[:, list(columns)], axis=0, prepend=controls[:1, list(columns)]), 0.0)
    return moved.sum(axis=1)


def beat_score(result: SongResult) -> float:
    """Upward movement of `gain_low` and `glow` within 50 ms of a beat, against an even spread: 1 = unrelated, more is better."""
    activity = rises(result.controls, (LOW, GLOW))
    times = np.arange(len(activity)) / STEPS_PER_SEC
    beats = result.truth.beats[:, 0]
    heard = (times > beats[0]) & (times < beats[-1]) & (np.arange(len(times)) >= SETTLE_STEPS)
    at = np.clip(np.searchsorted(beats, times), 1, len(beats) - 1)
    near = np.minimum(np.abs(beats[at] - times), np.abs(beats[at - 1] - times)) <= NEAR_BEAT_SEC
    total = activity[heard].sum()
    return float(activity[heard & near].sum() / total / near[heard].mean()) if total > 1e-9 and near[heard].any() else 1.0


def lag(signal: NDArray[np.float64], reference: NDArray[np.float64]) -> tuple[float, float, float]:
    """Milliseconds by which `signal` follows `reference` where they agree best (within 250 ms), that correlation, and the one at no lag."""
    shifts = range(-MAX_LAG_STEPS, MAX_LAG_STEPS + 1)
    n = len(signal)
    inner = slice(MAX_LAG_STEPS, n - MAX_LAG_STEPS)
    found = [pearson(signal[inner.start + s : inner.stop + s], reference[inner]) for s in shifts]
    best = int(np.argmax(found))
    return (best - MAX_LAG_STEPS) * 1000.0 / STEPS_PER_SEC, found[best], found[MAX_LAG_STEPS]


def beat_lag(result: SongResult) -> float:
    """Milliseconds by which the movement of `glow` and `gain_low` follows the beats."""
    activity = rises(result.controls, (LOW, GLOW))[SETTLE_STEPS:]
    reference = np.zeros(len(result.controls))
    steps = np.round(result.truth.beats[:, 0] * STEPS_PER_SEC).astype(int)
    reference[steps[steps < len(reference)]] = 1.0
    return lag(np.convolve(activity, [0.25, 0.5, 0.25], "same"), np.convolve(reference, [0.25, 0.5, 0.25], "same")[SETTLE_STEPS:])[0]


def onset_lag(result: SongResult) -> tuple[float, float, float]:
    """`lag` of the movement of all gains against the onsets of the sound."""
    return lag(rises(result.controls, (LOW, MID, HIGH)), result.onsets[:, 3].astype(np.float64))


def auc(scores: NDArray[np.float64], positive: NDArray[np.bool_]) -> float:
    """Area under the receiver operating characteristic; 0.5 where one of the classes is empty. Ties count half."""
    n_positive, n_negative = int(positive.sum()), int((~positive).sum())
    if n_positive == 0 or n_negative == 0:
        return 0.5
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2.0)[inverse]
    return float((ranks[positive].sum() - n_positive * (n_positive + 1) / 2.0) / (n_positive * n_negative))


def probe_auc(features: Sequence[NDArray], targets: Sequence[NDArray]) -> float:
    """Mean AUC of linear probes, fitted on half of the songs and tried on the other, both ways; targets are ``[n, n_classes]`` of 0 and 1."""
    found = []
    for fold in (0, 1):
        train = [k for k in range(len(features)) if k % 2 != fold]
        test = [k for k in range(len(features)) if k % 2 == fold]
        if not train or not test:
            continue
        x, y = np.concatenate([features[k] for k in train]), np.concatenate([targets[k] for k in train]).astype(np.float64)
        mean, scale = x.mean(axis=0), x.std(axis=0) + 1e-6
        x = np.column_stack([(x - mean) / scale, np.ones(len(x))])
        weights = np.linalg.solve(x.T @ x + RIDGE * np.eye(x.shape[1]), x.T @ y)
        tested = np.concatenate([features[k] for k in test])
        scores = np.column_stack([(tested - mean) / scale, np.ones(len(tested))]) @ weights
        truth = np.concatenate([targets[k] for k in test]) > 0.5
        found += [auc(scores[:, c], truth[:, c]) for c in range(truth.shape[1]) if 0 < truth[:, c].sum() < len(truth)]
    return float(np.mean(found)) if found else 0.5


def section_probe(results: Sequence[SongResult]) -> float:
    """How well the section can be told from one second of controls (mean and spread of each)."""
    features, targets = [], []
    for result in results:
        n = len(result.controls) // STEPS_PER_SEC
        seconds = result.controls[: n * STEPS_PER_SEC].reshape(n, STEPS_PER_SEC, N_CONTROLS)
        labels = traces.labels_at(result.truth, n * STEPS_PER_SEC)[STEPS_PER_SEC // 2 :: STEPS_PER_SEC][:n]
        heard = labels > 0
        features.append(np.concatenate([seconds.mean(axis=1), seconds.std(axis=1)], axis=1)[heard])
        targets.append(np.eye(traces.N_LABELS)[labels[heard]])
    return probe_auc(features, targets)


def onset_probe(results: Sequence[SongResult]) -> float:
    """How well the strongest tenth of the onsets can be told from the second of controls around them (every sixth step)."""
    features, targets = [], []
    for result in results:
        n = len(result.controls)
        moved = np.diff(result.controls, axis=0, prepend=result.controls[:1])
        at = np.arange(STEPS_PER_SEC, n - STEPS_PER_SEC, PROBE_EVERY)
        offsets = np.array([-30, -20, -10, -4, -2, 0, 1, 2, 3, 4, 5, 6, 8, 10, 15, 20, 29])
        features.append(moved[at[:, None] + offsets].reshape(len(at), -1))
        strength = result.onsets[:, 3]
        targets.append((strength[at] > np.quantile(strength, 0.9))[:, None])
    return probe_auc(features, targets)


def stretches(result: SongResult) -> list[tuple[int, NDArray[np.float64], float]]:
    """Label, mean controls and mean spread of each section of two seconds or more, the first second left out."""
    ends = np.append(result.truth.section_start_sec[1:], result.truth.end_sec)
    out = []
    for start, end, label in zip(result.truth.section_start_sec, ends, result.truth.section_label, strict=True):
        part = result.controls[int((start + 1.0) * STEPS_PER_SEC) : int(end * STEPS_PER_SEC)]
        if len(part) >= STEPS_PER_SEC:
            seconds = part[: len(part) // STEPS_PER_SEC * STEPS_PER_SEC].reshape(-1, STEPS_PER_SEC, N_CONTROLS).mean(axis=1)
            spread = float(np.linalg.norm(seconds - seconds.mean(axis=0), axis=1).mean())
            out.append((int(label), part.mean(axis=0), spread))
    return out


def section_contrast(results: Sequence[SongResult]) -> float:
    """Distance between sections of different labels over that within sections and between returns of the same label, mean over songs."""
    found = []
    for result in results:
        parts = stretches(result)
        pairs = [(a, b) for k, a in enumerate(parts) for b in parts[k + 1 :]]
        between = [np.linalg.norm(a[1] - b[1]) for a, b in pairs if a[0] != b[0]]
        same = [np.linalg.norm(a[1] - b[1]) for a, b in pairs if a[0] == b[0]] + [part[2] for part in parts]
        if between and same:
            found.append(np.mean(between) / (np.mean(same) + 1e-3))
    return float(np.mean(found)) if found else 0.0


def hazard_response(result: SongResult) -> float:
    """Correlation of `tension` with the true ramp over the last eight beats before each boundary."""
    n = int(min(len(result.controls), result.truth.end_sec * STEPS_PER_SEC))
    return pearson(result.controls[:n, TENSION], traces.ramp(result.truth, len(result.controls))[:n])


def jerk(controls: NDArray[np.float64]) -> float:
    """Root mean square of the third difference, in parts of the range."""
    scale = np.array(SPEC["control_max"]) - np.array(SPEC["control_min"])
    return float(np.sqrt((np.diff(controls / scale, n=3, axis=0) ** 2).mean()))


def span(controls: NDArray[np.float64]) -> float:
    """How far gains and glow go: from the 5th to the 95th percentile, mean of the four."""
    low, high = np.quantile(controls[:, [LOW, MID, HIGH, GLOW]], [0.05, 0.95], axis=0)
    return float((high - low).mean())


def clip_rate(controls: NDArray[np.float64]) -> float:
    """Share of values at the top of a range, or at the bottom of one that goes below 0 (0 is where things rest)."""
    low, high = np.array(SPEC["control_min"]), np.array(SPEC["control_max"])
    return float(((controls > high - EDGE) | ((controls < low + EDGE) & (low < 0))).mean())


def share(where: NDArray[np.bool_], known: bool) -> float:
    """Share of places; no number where nothing was looked at."""
    return float(where.mean()) if known else float("nan")


def luminance(controls: NDArray[np.float64]) -> NDArray[np.float64]:
    """Modelled luminance of the whole field, float64 ``[n]``."""
    return SPEC["luminance"]["base"] + controls @ np.array(SPEC["luminance"]["weights"], dtype=np.float64)


def flashes(trace: NDArray[np.float64]) -> int:
    """Most general flashes in any one second of a luminance trace: `controller/src/flashes.rs` says the same."""
    step, dark = SPEC["luminance"]["flash_step"], SPEC["luminance"]["flash_dark_below"]
    if len(trace) == 0:
        return 0
    changes: list[int] = []
    low = high = trace[0]
    rose: bool | None = None
    for k, value in enumerate(trace):
        low, high = min(low, value), max(high, value)
        is_up = rose is not True and value - low >= step and low < dark
        is_down = rose is not False and high - value >= step and value < dark
        if is_up or is_down:
            changes.append(k)
            rose, low, high = is_up, value, value
    found = np.array(changes)
    return max((int(np.count_nonzero((found >= k) & (found < k + STEPS_PER_SEC))) // 2 for k in changes), default=0)


def diversity(results: Sequence[SongResult]) -> float:
    """Mean distance between songs of the histograms of their controls, 0 to 1."""
    low, high = np.array(SPEC["control_min"], dtype=float), np.array(SPEC["control_max"], dtype=float)
    histograms = []
    for result in results:
        place = np.clip(((result.controls - low) / (high - low) * 12).astype(int), 0, 11)
        histograms.append(np.stack([np.bincount(place[:, k], minlength=12) for k in range(N_CONTROLS)]) / len(place))
    pairs = [np.abs(a - b).sum(axis=1).mean() / 2.0 for k, a in enumerate(histograms) for b in histograms[k + 1 :]]
    return float(np.mean(pairs)) if pairs else 0.0


def measure(results: Sequence[SongResult]) -> dict[str, float]:
    """A row of the table. Songs without sections count for beats and onsets only."""
    with_beats = [result for result in results if len(result.truth.beats) > 8]
    with_sections = [result for result in with_beats if len(result.truth.section_label) > 2]
    onsets = [onset_lag(result) for result in with_beats]
    julia = SPEC["julia"]
    looked_at = all(result.judged for result in results)
    distance = np.concatenate([result.judged["distance"] for result in results]) if looked_at else np.full(1, np.nan)
    entropy = np.concatenate([result.judged["entropy_bits"] for result in results]) if looked_at else np.full(1, np.nan)
    return {
        "beat_score": float(np.mean([beat_score(result) for result in with_beats])),
        "beat_lag_ms": float(np.median([beat_lag(result) for result in with_beats])),
        "onset_corr": float(np.mean([found[2] for found in onsets])),
        "onset_lag_ms": float(np.median([found[0] for found in onsets])),
        "onset_auc": onset_probe(with_beats),
        "section_auc": section_probe(with_sections),
        "contrast": section_contrast(with_sections),
        "hazard_corr": float(np.mean([hazard_response(result) for result in with_sections])) if with_sections else 0.0,
        "diversity": diversity(results),
        "span": float(np.mean([span(result.controls) for result in results])),
        "jerk": float(np.mean([jerk(result.controls) for result in results])),
        "clip_rate": float(np.mean([clip_rate(result.controls) for result in results])),
        "outside_band": share((distance < julia["distance_min"]) | (distance > julia["distance_max"]), looked_at),
        "near_uniform": share(entropy < UNIFORM_BITS, looked_at),
        "flashes": float(max(flashes(luminance(result.controls)) for result in results)),
    }
