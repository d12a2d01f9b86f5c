"""Weights on disk: safetensors under the names of the model file, beside the specification that they fit."""

from __future__ import annotations

import json
from pathlib import Path

import safetensors.torch
import torch

from ..nets import build

SPEC_FILE, WEIGHTS_FILE = "network.json", "weights.safetensors"


def save_network(net: torch.nn.Module, directory: Path, extra: dict | None = None) -> None:
    """Write specification and weights into `directory`."""
    directory.mkdir(parents=True, exist_ok=True)
    spec = {"architecture": net.architecture, **net.spec}
    (directory / SPEC_FILE).write_text(json.dumps({"net": spec, **(extra or {})}, indent=1) + "\n")
    tensors = {name: t.detach().cpu().contiguous().float() for name, t in net.tensors().items()}
    safetensors.torch.save_file(tensors, directory / WEIGHTS_FILE)


def load_network(directory: Path) -> torch.nn.Module:
    """The network of a folder that `save_network` wrote, ready to run."""
    spec = json.loads((directory / SPEC_FILE).read_text())["net"]
    net = build(spec)
    load_weights(net, directory / WEIGHTS_FILE)
    return net.eval()


def load_weights(net: torch.nn.Module, path: Path) -> None:
    """Put the tensors of a safetensors file into a network of the same shape.

    Raises
    ------
    ValueError
        For a tensor that is missing, unknown, or of another shape.
    """
    stored = safetensors.torch.load_file(path)
    own = net.tensors()
    for name in sorted(own.keys() | stored.keys()):
        if name not in stored or name not in own:
            raise ValueError(f"{path}: tensor {name} is {'missing' if name in own else 'unknown'}")
        if own[name].shape != stored[name].shape:
            raise ValueError(f"{path}: tensor {name}: expected {list(own[name].shape)}, got {list(stored[name].shape)}")
    with torch.no_grad():
        for name, tensor in own.items():
            tensor.copy_(stored[name])


def blend_weights(net: torch.nn.Module, other: torch.nn.Module, share: float) -> None:
    """Move a network's weights towards those of another of the same shape, in place: `share` of the other's, the rest its own.

    Between a network and what it was trained further from, the weights on the straight line behave like a mixture of both at the
    cost of one: what the start knew of music that the training did not have is kept (Wortsman et al., "Robust fine-tuning of
    zero-shot models", CVPR 2022).

    Raises
    ------
    ValueError
        For a share outside 0 to 1, or networks of different shapes.
    """
    if not 0.0 <= share <= 1.0:
        raise ValueError(f"share: expected 0 to 1, got {share}")
    mine, theirs = net.tensors(), other.tensors()
    if {name: t.shape for name, t in mine.items()} != {name: t.shape for name, t in theirs.items()}:
        raise ValueError("networks of different shapes cannot be blended")
    with torch.no_grad():
        for name, tensor in mine.items():
            tensor.lerp_(theirs[name], share)
