"""The proof that what was exported is what was trained: three programs, one answer."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import numpy as np
import onnxruntime
import soundfile
import torch

from ..nets.mixture import Mixture
from .onnx_file import state_names

TOLERANCE = 1e-4
"""Largest difference of a probability between PyTorch and any runtime; kernels add in other orders and weights have 24 bits."""

PROOF_SEC = 20.0
RATE_HZ = 22_050


def onnx_activations(path: Path, mixture: Mixture, features: np.ndarray) -> np.ndarray:
    """The graph run frame by frame by ONNX Runtime: ``[n, 272]`` to ``[n, 3]``."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    names = state_names(mixture)
    states = [state.numpy() for state in mixture.initial_states(1)]
    rows = []
    for frame in features.astype(np.float32):
        outputs = session.run(None, {"features": frame[None, None], **dict(zip(names, states))})
        rows.append(outputs[0][0, 0])
        states = outputs[1:]
    return np.array(rows)


def proof_sound(seed: int = 0) -> np.ndarray:
    """Clicks over quiet noise, ``[n]`` float32: enough to bring a network out of its resting state."""
    rng = np.random.default_rng(seed)
    samples = 0.01 * rng.standard_normal(int(PROOF_SEC * RATE_HZ)).astype(np.float32)
    for k in range(int(PROOF_SEC * 2)):
        at = int(k * 0.5 * RATE_HZ)
        length = 1500 if k % 4 == 0 else 700
        samples[at : at + length] += 0.5 * np.exp(-np.arange(length) / 200.0) * np.sin(0.2 * np.arange(length))
    return samples.astype(np.float32)


@torch.no_grad()
def differences(mixture: Mixture, model_dir: Path, anacrusis_bin: Path) -> dict[str, float]:
    """Largest differences of any probability between PyTorch and ONNX Runtime, and PyTorch and the native kernels.

    Raises
    ------
    RuntimeError
        Where the runtime refuses the model.
    """
    with tempfile.TemporaryDirectory(prefix="anacrusis_proof_") as name:
        folder = Path(name)
        corpus = folder / "corpus"
        (corpus / "audio").mkdir(parents=True)
        soundfile.write(corpus / "proof.wav", proof_sound(), RATE_HZ, subtype="FLOAT")
        beats = "".join(f"{0.5 * k:.3f}\t{k % 4 + 1}\n" for k in range(int(PROOF_SEC * 2)))
        (corpus / "proof.beats").write_text(beats)
        _run([anacrusis_bin, "features", corpus / "proof.wav", "--out", folder])
        saved = folder / "saved"
        _run([anacrusis_bin, "eval", "--corpus", corpus, "--model", model_dir, "--save-activations", saved, "--json"])
        with np.load(folder / "proof.npz") as arrays:
            features = arrays["features"]
        with np.load(saved / "proof.npz") as arrays:
            native = arrays["activations"]
    expected = mixture.eval()(torch.from_numpy(features)[None], mixture.initial_states(1))[0][0].numpy()
    by_onnx = onnx_activations(model_dir / "model.onnx", mixture, features)
    n = len(native)
    return {
        "onnxruntime": float(np.abs(by_onnx - expected).max()),
        "native": float(np.abs(native - expected[:n]).max()),
    }


def _run(command: list) -> None:
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise RuntimeError(f"`{Path(command[0]).name} {command[1]}` ended with {result.returncode}: {result.stderr.strip()[-500:]}")
