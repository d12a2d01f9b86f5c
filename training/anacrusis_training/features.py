"""Features of audio files, made by the Rust runtime only, so that training and playing can never differ.

`anacrusis features` writes ``[n_frames, 272]`` values a file: 136 logarithmic bands, and how much each rose since the frame before.
The second half follows from the first, so only the bands are kept, as half floats.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

N_BANDS = 136
"""Logarithmic bands of a frame; the features are these and their rises."""

FRAMES_PER_SEC = 50.0
"""Frame n describes the moment n / 50 s."""

TIME_TOLERANCE_SEC = 1e-6
"""The runtime's frame times may differ from n / 50 s by rounding only."""

BINARY_VARIABLE = "ANACRUSIS_BIN"
"""Environment variable that names the runtime's command line; `cargo xtask train` sets it."""


class FeatureError(RuntimeError):
    """The runtime failed, or its features are not those of the contract: no item can be made."""


def find_binary() -> Path:
    """The runtime's command line.

    Raises
    ------
    FeatureError
        ``ANACRUSIS_BIN`` is not set or names no file.
    """
    text = os.environ.get(BINARY_VARIABLE)
    if not text:
        raise FeatureError(f"{BINARY_VARIABLE} is not set: run through `cargo xtask train`, or name the built `anacrusis`")
    path = Path(text)
    if not path.is_file():
        raise FeatureError(f"{BINARY_VARIABLE} names {path}, which is not a file")
    return path.resolve()


def extract(
    anacrusis_bin: Path, audio_paths: Sequence[Path], out_dir: Path, contract_hash: str
) -> list[NDArray[np.float16]]:
    """Bands of several audio files.

    Parameters
    ----------
    anacrusis_bin
        The runtime's command line.
    audio_paths
        Audio files with stems that differ.
    out_dir
        Folder for the runtime's own files, one ``STEM.npz`` for each.
    contract_hash
        The ``beat_model`` scope hash that the runtime must have been built with.

    Returns
    -------
    list of float16 [n_frames, 136]
        log10(1 + magnitude), in the order of `audio_paths`.

    Raises
    ------
    FeatureError
        The runtime failed or follows another contract.
    """
    if not audio_paths:
        return []
    run_features(anacrusis_bin, audio_paths, out_dir)
    return [load_bands(out_dir / f"{path.stem}.npz", contract_hash) for path in audio_paths]


def run_features(
    anacrusis_bin: Path, audio_paths: Sequence[Path], out_dir: Path, options: Sequence[str] = (), jobs: int = 1
) -> None:
    """`anacrusis features` on audio files with stems that differ: a ``STEM.npz`` in `out_dir` for each.

    Raises
    ------
    FeatureError
        The runtime failed.
    """
    command = [anacrusis_bin, "features", *audio_paths, *options, "--out", out_dir, "--jobs", str(jobs), "--quiet"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        said = " ".join(["anacrusis", "features", *options])
        raise FeatureError(f"`{said}` ended with {result.returncode}: {result.stderr.strip()[-500:]}")


def require_contract(path: Path, got: str, expected: str) -> None:
    """Refuse a file of a runtime that follows another contract.

    Raises
    ------
    FeatureError
        The hashes differ.
    """
    if got != expected:
        raise FeatureError(f"{path.name}: the runtime follows contract {got}, expected {expected}: build it again")


def load_bands(path: Path, contract_hash: str) -> NDArray[np.float16]:
    """Bands from a file of `anacrusis features`, float16 ``[n_frames, 136]``.

    Raises
    ------
    FeatureError
        Another contract, shape or clock than expected.
    """
    with np.load(path) as arrays:
        got = str(arrays["contract_hash"])
        features, time_sec = arrays["features"], arrays["time_sec"]
    require_contract(path, got, contract_hash)
    if features.ndim != 2 or features.shape[1] != 2 * N_BANDS:
        raise FeatureError(f"{path.name}: features of shape {features.shape}, expected [n_frames, {2 * N_BANDS}]")
    expected_sec = np.arange(len(features)) / FRAMES_PER_SEC
    if time_sec.shape != expected_sec.shape or np.any(np.abs(time_sec - expected_sec) > TIME_TOLERANCE_SEC):
        raise FeatureError(f"{path.name}: frame times are not n / {FRAMES_PER_SEC:g} s")
    return features[:, :N_BANDS].astype(np.float16)
