#!/usr/bin/env python3
"""Run the shipped network's graph on ONNX Runtime and store what it says of the demo's clip: make_pulse_golden.py

Writes `tests/golden/pulse/`. The features are those of `anacrusis features`, so build that first; the graph is the one
that PyTorch exported, frame by frame with explicit states. To be run again whenever `models/pulse_v1` changes:

    cargo build --release --package anacrusis && training/.venv/bin/python training/tools/make_pulse_golden.py

Needs numpy and onnxruntime; the same versions on the same kind of processor give the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import onnxruntime

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "models/pulse_v1"
CLIP = ROOT / "tests/golden/demo/band_112_4.wav"
BINARY = ROOT / "target/release/anacrusis"
FOLDER = ROOT / "tests/golden/pulse"
ACTIVATIONS = "band_112_4.activations.npy"
COMMAND = "training/.venv/bin/python training/tools/make_pulse_golden.py"
# Largest difference of a probability that the test accepts.
TOLERANCE = 2e-5


def extract_features() -> np.ndarray:
    """What a network is given of the clip, float32 [n_frames, 272]."""
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "features.npz"
        subprocess.run([BINARY, "features", CLIP, "--output", file, "--quiet"], check=True)
        with np.load(file) as arrays:
            return arrays["features"]


def run_graph(features: np.ndarray) -> np.ndarray:
    """Activations, float32 [n_frames, 3], of features [n_frames, 272], one frame a run, from states of zeros."""
    session = onnxruntime.InferenceSession(MODEL / "model.onnx", providers=["CPUExecutionProvider"])
    shapes = {tensor.name: tensor.shape for tensor in session.get_inputs() if tensor.name != "features"}
    states = {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}
    outputs = ["activations", *(f"{name}_next" for name in states)]
    rows = []
    for frame in features:
        activations, *following = session.run(outputs, {"features": frame[None, None], **states})
        rows.append(activations[0, 0])
        states = dict(zip(states, following, strict=True))
    return np.array(rows, np.float32)


def write_index(n_frames: int) -> None:
    """Writes `MANIFEST.json`, which names the weights that the activations are of."""
    data = (FOLDER / ACTIVATIONS).read_bytes()
    weights = (MODEL / "model.safetensors").read_bytes()
    index = {
        "format": 1,
        "content": f"Activations of the demo's clip by models/pulse_v1, float32 [{n_frames}, 3], columns beat, downbeat, none.",
        "generator": f"{COMMAND}, onnxruntime {onnxruntime.__version__}, numpy {np.__version__}",
        "weights_sha256": hashlib.sha256(weights).hexdigest(),
        "tolerance": {"every probability": TOLERANCE},
        "files": [{"path": ACTIVATIONS, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}],
    }
    (FOLDER / "MANIFEST.json").write_text(json.dumps(index, indent=2) + "\n")


def main() -> None:
    """Writes everything anew."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    activations = run_graph(extract_features())
    np.save(FOLDER / ACTIVATIONS, activations)
    write_index(len(activations))


if __name__ == "__main__":
    main()
