#!/usr/bin/env python3
"""Run a small anticipator in PyTorch and store weights, inputs and outputs: make_anticipator_golden.py

Writes `tests/golden/anticipator/`: a model as the runtime reads it, the rows of one run and what PyTorch makes of them. The
network is written down here by the text of `docs/structure.md` alone, with PyTorch's own GRU, so that neither the runtime's
step kernels nor the training package can agree by sharing a mistake.
Needs numpy and torch; the same versions give the same bytes.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import torch

SEED = 20261121
N_STEPS = 60
AUDIO, REST = 290, 45
AUDIO_UNITS, MIX_UNITS, HIDDEN, LAYERS = 8, 11, 10, 2
CLIP = 6.0
# Largest difference that the test accepts.
TOLERANCE = 1e-5
ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "tests/golden/anticipator"


def canonical(value: object) -> str:
    """Canonical JSON, as `model_contracts` has it."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def contract_entry() -> dict[str, object]:
    """Version, hash and scope of the contract in this checkout."""
    contract = json.loads((ROOT / "model_contracts/v1.json").read_text(encoding="utf-8"))
    scope = {}
    for pointer in contract["hash_scope"]["anticipator"]:
        value = contract
        for key in pointer.strip("/").split("/"):
            value = value[key]
        scope[pointer] = value
    digest = hashlib.sha256(canonical(scope).encode()).hexdigest()
    return {"version": contract["contract_version"], "hash": f"sha256:{digest}", "scope": scope}


def make_tensors(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Random weights, float32, by name; their sums stay near 1."""

    def random(*shape: int) -> np.ndarray:
        return rng.normal(0.0, 1.4 / np.sqrt(shape[-1] if len(shape) > 1 else 4), shape)

    tensors = {"audio_mean": rng.normal(0.0, 1.0, AUDIO), "audio_inv_std": rng.uniform(0.5, 4.0, AUDIO)}
    tensors |= {"audio_in.weight": random(AUDIO_UNITS, AUDIO), "audio_in.bias": random(AUDIO_UNITS)}
    tensors |= {"mix.weight": random(MIX_UNITS, AUDIO_UNITS + REST), "mix.bias": random(MIX_UNITS)}
    for layer in range(LAYERS):
        inputs = HIDDEN if layer else MIX_UNITS
        tensors |= {f"gru.{layer}.weight_ih": random(3 * HIDDEN, inputs), f"gru.{layer}.weight_hh": random(3 * HIDDEN, HIDDEN)}
        tensors |= {f"gru.{layer}.bias_ih": random(3 * HIDDEN), f"gru.{layer}.bias_hh": random(3 * HIDDEN)}
    for name, outputs in (("label", 8), ("hazard", 6), ("macro", 16)):
        tensors |= {f"{name}.weight": 3.0 * random(outputs, HIDDEN), f"{name}.bias": random(outputs)}
    return {name: values.astype(np.float32) for name, values in tensors.items()}


def run(tensors: dict[str, np.ndarray], rows: np.ndarray) -> dict[str, np.ndarray]:
    """Probabilities and embedding of every row, float32 [n_steps, ...], computed in float64."""
    weights = {name: torch.from_numpy(values.astype(np.float64)) for name, values in tensors.items()}

    def dense(name: str, values: torch.Tensor) -> torch.Tensor:
        return values @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]

    inputs = torch.from_numpy(rows.astype(np.float64))
    audio = torch.clip((inputs[:, :AUDIO] - weights["audio_mean"]) * weights["audio_inv_std"], -CLIP, CLIP)
    mixed = torch.relu(dense("mix", torch.cat([torch.relu(dense("audio_in", audio)), inputs[:, AUDIO:]], dim=1)))
    gru = torch.nn.GRU(MIX_UNITS, HIDDEN, LAYERS, batch_first=True, dtype=torch.float64)
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    gru.load_state_dict({f"{name}_l{layer}": weights[f"gru.{layer}.{name}"] for layer in range(LAYERS) for name in names})
    hidden = gru(mixed[None])[0][0]
    hazard = torch.cumsum(torch.softmax(dense("hazard", hidden), dim=1), dim=1)[:, :5]
    outputs = {"section_probs": torch.softmax(dense("label", hidden), dim=1), "hazard_probs": hazard, "macro": dense("macro", hidden)}
    return {name: values.numpy().astype(np.float32) for name, values in outputs.items()}


def safetensors_bytes(tensors: dict[str, np.ndarray], metadata: dict[str, str]) -> bytes:
    """A safetensors file, the same for the same content."""
    header: dict[str, object] = {"__metadata__": metadata}
    data = b""
    for name, values in sorted(tensors.items()):
        raw = values.astype("<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": values.shape, "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + data


def write_model(tensors: dict[str, np.ndarray]) -> None:
    """Writes manifest and weights as in a model's folder."""
    contract = contract_entry()
    weights = safetensors_bytes(tensors, {"name": "tiny", "architecture": "gru", "contract_hash": str(contract["hash"])})
    entry = {"sha256": hashlib.sha256(weights).hexdigest(), "bytes": len(weights)}
    manifest = {"format": 1, "name": "tiny", "kind": "anticipator", "architecture": "gru", "files": {"model.safetensors": entry}}
    manifest |= {"contract": contract, "licence": "MIT OR Apache-2.0", "attribution": "Random weights, for tests."}
    (FOLDER / "model.safetensors").write_bytes(weights)
    (FOLDER / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")


def write_index() -> None:
    """Writes `MANIFEST.json` over all other files of the folder."""
    paths = sorted(path for path in FOLDER.iterdir() if path.name != "MANIFEST.json")

    def entry(path: Path) -> dict[str, object]:
        data = path.read_bytes()
        return {"path": path.name, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}

    index = {
        "format": 1,
        "content": f"A small random anticipator as a model's folder, rows float32 [{N_STEPS}, 335] of one run, and what PyTorch "
        "makes of them: section_probs [, 8], hazard_probs [, 5], macro [, 16].",
        "generator": f"training/tools/make_anticipator_golden.py, torch {torch.__version__}, numpy {np.__version__}",
        "tolerance": {"every number": TOLERANCE},
        "files": [entry(path) for path in paths],
    }
    (FOLDER / "MANIFEST.json").write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")


def main() -> None:
    """Writes everything anew."""
    torch.set_grad_enabled(False)
    FOLDER.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(SEED)
    tensors = make_tensors(rng)
    write_model(tensors)
    # Slow changes, so that the memory has something to remember; some values far beyond the clip.
    places = np.arange(N_STEPS)[:, None]
    slow = np.sin(places * rng.uniform(0.02, 0.5, AUDIO + REST) + rng.uniform(0.0, 6.0, AUDIO + REST))
    rows = (slow * rng.choice([0.5, 1.0, 9.0], AUDIO + REST, p=[0.5, 0.4, 0.1])).astype(np.float32)
    np.save(FOLDER / "rows.npy", rows)
    for name, values in run(tensors, rows).items():
        np.save(FOLDER / f"{name}.npy", values)
    write_index()


if __name__ == "__main__":
    main()
