"""What counts in the end: a network's activations through the real decoder, announced live, against the truth.

The runtime does both ends: `anacrusis features` before, `anacrusis eval --activations` after. Only the network runs here.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import torch

from ..nets.mixture import Calibration, Mixture

CHUNK_FRAMES = 1500
METRICS = ("f70", "downbeat_f70", "cmlt", "amlt", "live0")


def corpus_audio(corpus: Path) -> dict[str, Path]:
    """Audio file of each piece of a corpus in the evaluation format, by id."""
    pieces = json.loads((corpus / "manifest.json").read_text())["pieces"]
    return {piece["id"]: corpus / piece["audio"] for piece in pieces}


def corpus_features(anacrusis_bin: Path, corpus: Path, out_dir: Path) -> dict[str, Path]:
    """Features of each piece, computed once and kept in `out_dir`; by id."""
    out_dir.mkdir(parents=True, exist_ok=True)
    audio = corpus_audio(corpus)
    paths = {name: out_dir / f"{path.stem}.npz" for name, path in audio.items()}
    missing = [audio[name] for name, path in paths.items() if not path.exists()]
    if missing:
        subprocess.run([anacrusis_bin, "features", *missing, "--out", out_dir], check=True, capture_output=True)
    return paths


@torch.no_grad()
def run_raw(model: Mixture, features: np.ndarray) -> np.ndarray:
    """Uncalibrated probabilities ``[n_frames, 3]`` float32 for features ``[n_frames, 272]``, in chunks with the state carried on."""
    states, parts = model.initial_states(1), []
    for at in range(0, len(features), CHUNK_FRAMES):
        part = torch.from_numpy(np.ascontiguousarray(features[at : at + CHUNK_FRAMES], np.float32))[None]
        probs, states = model.raw(part, states)
        parts.append(probs[0].numpy())
    return np.concatenate(parts) if parts else np.zeros((0, 3), np.float32)


def raw_activations(model: Mixture, features: dict[str, Path]) -> dict[str, np.ndarray]:
    """`run_raw` for each piece; by id."""
    model.eval()
    out = {}
    for name, path in features.items():
        with np.load(path) as arrays:
            out[name] = run_raw(model, arrays["features"])
    return out


def write_activations(
    raw: dict[str, np.ndarray], features: dict[str, Path], calibration: Calibration, out_dir: Path, delay_frames: int = 0
) -> None:
    """Calibrate and write one ``.npz`` per piece as `anacrusis eval --activations` reads it.

    Row n describes frame n; with a delay it is announced that much later, as the network would.
    """
    out_dir.mkdir(parents=True, exist_ok=True)
    for name, probs in raw.items():
        calibrated = calibration.apply(torch.from_numpy(probs)).numpy()
        if delay_frames:
            last = np.repeat(calibrated[-1:], delay_frames, 0)
            calibrated = np.concatenate([calibrated[delay_frames:], last])
        path = out_dir / f"{features[name].stem}.npz"
        np.savez(path, activations=calibrated.astype(np.float32), delay_frames=np.int64(delay_frames))


def evaluate(anacrusis_bin: Path, corpus: Path, activations_dir: Path, arguments: tuple[str, ...] = ()) -> dict:
    """The report of `anacrusis eval` as JSON."""
    command = [anacrusis_bin, "eval", "--corpus", corpus, "--activations", activations_dir, "--json", *arguments]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise RuntimeError(f"`anacrusis eval` ended with {result.returncode}: {result.stderr.strip()[-500:]}")
    return json.loads(result.stdout)


def means(report: dict, subset: str = "all") -> dict[str, float]:
    """Mean of each of `METRICS` over a subset of the pieces."""
    for entry in report["subsets"]:
        if entry["name"] == subset:
            return {metric: entry["tracker"]["means"][metric]["mean"] for metric in METRICS}
    raise ValueError(f"the report has no subset {subset!r}; it has {[e['name'] for e in report['subsets']]}")
