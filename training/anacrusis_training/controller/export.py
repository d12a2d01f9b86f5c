"""Writes ``models/controller_v1`` and the page's copy of the weights."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy

from anacrusis_training import contract
from anacrusis_training.controller.net import ControllerNet
from anacrusis_training.ship.export import with_sorted_header

NAME = "controller_v1"
SCOPE = ("/clocks/controller_hz", "/labels", "/horizons_beats", "/controller")
"""What a controller depends on: said in its manifest, so that a later change is seen."""

PAGE_HEADER = "// Weights of the net, written by `python -m anacrusis_training controller export` from models/controller_v1. Do not edit.\n"


def export(weights: Path, card: str, net_is_default: bool, out_dir: Path, page_file: Path) -> None:
    """Write model folder and page file; the same weights give the same bytes.

    Raises
    ------
    ValueError
        Weights of another net.
    """
    tensors = ordered(safetensors.numpy.load_file(weights))
    out_dir.mkdir(parents=True, exist_ok=True)
    current = contract.load()
    contract_hash = contract.hash_of(current, SCOPE)
    metadata = {"name": NAME, "contract_version": current["contract_version"], "contract_hash": contract_hash, "licence": "CC-BY-4.0"}
    data = with_sorted_header(safetensors.numpy.save(tensors, metadata))
    (out_dir / "model.safetensors").write_bytes(data)
    (out_dir / "card.md").write_text(card)
    manifest: dict[str, Any] = {
        "format": 1,
        "name": NAME,
        "kind": "controller",
        "architecture": "gru",
        "parameters": int(sum(tensor.size for tensor in tensors.values())),
        "files": {name: _entry(out_dir / name) for name in ("card.md", "model.safetensors")},
        "contract": {"version": current["contract_version"], "hash": contract_hash, "pointers": list(SCOPE)},
        "is_default": net_is_default,
        "licence": "CC-BY-4.0",
        "attribution": "controller_v1 by the Anacrusis contributors.",
        "trained_on": "synthetic sound composed and rendered by the package on made-up plans",
    }
    (out_dir / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")
    page_file.write_text(page_text(tensors, net_is_default))


def ordered(tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The net's tensors in the runtime's order, checked.

    Raises
    ------
    ValueError
        A tensor that is missing or of another shape.
    """
    out = {}
    for name, expected in ControllerNet().tensors().items():
        if name not in tensors or tensors[name].shape != tuple(expected.shape):
            got = tensors[name].shape if name in tensors else "none"
            raise ValueError(f"tensor {name}: {got}, expected {tuple(expected.shape)}")
        out[name] = np.ascontiguousarray(tensors[name], dtype=np.float32)
    return out


def page_text(tensors: dict[str, np.ndarray], net_is_default: bool) -> str:
    """`weights.js`: all tensors in order as little-endian 32-bit floats in base64."""
    data = b"".join(tensor.astype("<f4").tobytes() for tensor in tensors.values())
    flag = "true" if net_is_default else "false"
    return f"{PAGE_HEADER}export const IS_DEFAULT = {flag};\nexport const WEIGHTS = '{base64.b64encode(data).decode()}';\n"


def _entry(path: Path) -> dict[str, Any]:
    data = path.read_bytes()
    return {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
