"""Traces of songs: what the runtime's `controls` command gives each step, and the truth of the song at those steps."""

from __future__ import annotations

import dataclasses
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from anacrusis_training.contract import load
from anacrusis_training.controller.songs import Truth
from anacrusis_training.features import FeatureError

CONTRACT = load()
STEPS_PER_SEC = int(CONTRACT["clocks"]["controller_hz"])
N_LABELS = len(CONTRACT["labels"])
HORIZONS_BEATS = tuple(CONTRACT["horizons_beats"])
BANDS, PHASE, BAR, BEATS_PER_BAR, PERIOD, CONFIDENCE, LOCKED = slice(0, 16), 17, 18, 19, 20, 21, 22
SECTIONS, HAZARDS = slice(23, 31), slice(31, 36)
"""Columns of `Trace.inputs`."""

N_FFT = 1024
ONSET_EDGES_HZ = (200.0, 2000.0)


@dataclasses.dataclass(slots=True)
class Trace:
    """What the runtime says of a song.

    Attributes
    ----------
    inputs
        float32 ``[n, 36]``: what each step is given.
    micro
        float32 ``[n, 24]``.
    controls
        float64 ``[n, 12]``.
    judged
        ``distance``, ``luminance``, ``picture_mean`` (float64 ``[n]``) and ``entropy_bits`` (float64, once a second), where asked for.
    """

    inputs: NDArray[np.float32]
    micro: NDArray[np.float32]
    controls: NDArray[np.float64]
    judged: dict[str, NDArray[np.float64]]


def run(binary: Path, source: Path, out: Path, controller: str = "mapping", judge: bool = False) -> Trace:
    """Run a controller over a file of sound, or over inputs in an ``.npz``.

    Raises
    ------
    FeatureError
        The runtime failed.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    command = [str(binary), "controls", str(source), "-o", str(out), "--controller", controller, *(["--judge"] if judge else [])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise FeatureError(f"{binary.name} controls {source.name} failed: {done.stderr.strip()}")
    return read(out)


def read(path: Path) -> Trace:
    """A file that `anacrusis controls` wrote."""
    with np.load(path) as arrays:
        judged = {name: arrays[name] for name in ("distance", "luminance", "picture_mean", "entropy_bits") if name in arrays}
        return Trace(arrays["inputs"], arrays["micro"], arrays["controls"], judged)


def write_inputs(path: Path, inputs: NDArray[np.float32]) -> Path:
    """Inputs for `run`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, inputs=np.ascontiguousarray(inputs, dtype=np.float32))
    return path


def beats_at(beats_sec: NDArray[np.float64], times_sec: NDArray[np.float64]) -> NDArray[np.float64]:
    """Fractional number of annotated beats at times; extrapolated at the ends by the nearest interval."""
    if len(beats_sec) < 2:
        return np.zeros_like(times_sec)
    at = np.clip(np.searchsorted(beats_sec, times_sec, side="right") - 1, 0, len(beats_sec) - 2)
    return at + (times_sec - beats_sec[at]) / (beats_sec[at + 1] - beats_sec[at])


def beats_to_boundary(truth: Truth, n_steps: int) -> NDArray[np.float64]:
    """Beats until the next section or the end of the song, float64 ``[n_steps]``; infinite after the end."""
    times = np.arange(n_steps) / STEPS_PER_SEC
    boundaries = np.append(truth.section_start_sec[1:], truth.end_sec)
    at = np.searchsorted(boundaries, times, side="right")
    after = np.append(beats_at(truth.beats[:, 0], boundaries), np.inf)
    return after[at] - beats_at(truth.beats[:, 0], times)


def ramp(truth: Truth, n_steps: int, beats: float = 8.0) -> NDArray[np.float64]:
    """What tension should be: 0, then rising evenly over the last `beats` beats before a boundary."""
    return np.clip(1.0 - beats_to_boundary(truth, n_steps) / beats, 0.0, 1.0)


def labels_at(truth: Truth, n_steps: int) -> NDArray[np.int64]:
    """Index of the section's label at each step; silence outside."""
    times = np.arange(n_steps) / STEPS_PER_SEC
    at = np.searchsorted(truth.section_start_sec, times, side="right") - 1
    labels = np.where(at >= 0, truth.section_label[np.maximum(at, 0)], 0) if len(truth.section_label) else np.zeros(n_steps, dtype=np.int64)
    return np.where(times < truth.end_sec, labels, 0).astype(np.int64)


def true_structure(truth: Truth, n_steps: int) -> NDArray[np.float32]:
    """Section and hazard columns as an anticipator that is always right would give them, float32 ``[n_steps, 13]``."""
    sections = np.eye(N_LABELS, dtype=np.float32)[labels_at(truth, n_steps)]
    left = beats_to_boundary(truth, n_steps)
    hazards = np.stack([left <= horizon for horizon in HORIZONS_BEATS], axis=1).astype(np.float32)
    return np.concatenate([sections, hazards], axis=1)


def onset_strength(path: Path, n_steps: int) -> NDArray[np.float32]:
    """Rises of the spectrum around each step, low, middle, high and all, float32 ``[n_steps, 4]``, each with mean square 1.

    Measured on the sound itself with windows around the step, so it knows nothing of the runtime and of its delays.
    """
    samples, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    mono = np.pad(samples.mean(axis=1), (N_FFT, N_FFT))
    centres = np.round(np.arange(-1, n_steps) / STEPS_PER_SEC * rate_hz).astype(int) + N_FFT
    centres = np.clip(centres, N_FFT // 2, len(mono) - N_FFT // 2)
    edges = np.array(ONSET_EDGES_HZ) * N_FFT / rate_hz
    low, high = (round(float(edge)) for edge in edges)
    window = np.hanning(N_FFT).astype(np.float32)
    frames = np.stack([mono[c - N_FFT // 2 : c + N_FFT // 2] for c in centres]) * window
    bands = np.log10(1.0 + 50.0 * np.abs(np.fft.rfft(frames, axis=1)))
    rises = np.maximum(np.diff(bands, axis=0), 0.0)
    parts = [rises[:, 1:low], rises[:, low:high], rises[:, high:], rises]
    strength = np.stack([part.mean(axis=1) for part in parts], axis=1)
    return (strength / np.maximum(np.sqrt((strength**2).mean(axis=0)), 1e-9)).astype(np.float32)


def beat_columns(inputs: NDArray[np.float32]) -> NDArray[np.float64]:
    """The net's beat features of inputs, float64 ``[n, 5]``: `controller/src/input.rs` says the same."""
    known = (inputs[:, LOCKED] > 0) & (inputs[:, PERIOD] > 0)
    bar = known & (inputs[:, BEATS_PER_BAR] > 0)
    phase, place = 2.0 * np.pi * inputs[:, PHASE].astype(np.float64), 2.0 * np.pi * inputs[:, BAR].astype(np.float64)
    columns = [np.sin(phase) * known, np.cos(phase) * known, np.sin(place) * bar, np.cos(place) * bar, np.clip(inputs[:, CONFIDENCE], 0, 1) * known]
    return np.stack(columns, axis=1)


def history(micro: NDArray[np.float32], length: int) -> NDArray[np.float32]:
    """The last `length` rows at each step, oldest first, zeros before the first: float32 ``[n, length * 24]``."""
    padded = np.concatenate([np.zeros((length - 1, micro.shape[1]), dtype=np.float32), micro])
    return np.concatenate([padded[k : k + len(micro)] for k in range(length)], axis=1)


def pearson(a: Sequence[float] | NDArray, b: Sequence[float] | NDArray) -> float:
    """Correlation; 0 where one of the two does not move."""
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    a, b = a - a.mean(), b - b.mean()
    scale = np.sqrt((a * a).sum() * (b * b).sum())
    return float((a * b).sum() / scale) if scale > 1e-12 else 0.0
