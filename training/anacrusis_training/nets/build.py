"""From a specification, as a recipe or a manifest carries it, to a network."""

from __future__ import annotations

from typing import Any, Protocol

import torch

from .attention import AttentionNet
from .crnn import Crnn, FrontedCrnn
from .tcn import Tcn

Spec = dict[str, Any]


class BeatNetwork(Protocol):
    """What training, calibration and export ask of a network."""

    architecture: str
    spec: Spec

    def initial_states(self, batch: int) -> list[torch.Tensor]:
        """The states before the first frame."""
        ...

    def hidden(self, features: torch.Tensor, states: list[torch.Tensor]) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Features ``[batch, frames, n]`` to what the output layer sees ``[batch, frames, width]``, and the next states."""
        ...

    def tensors(self) -> dict[str, torch.Tensor]:
        """The weights under the names of the model file."""
        ...


ARCHITECTURES = {"crnn": Crnn, "crnn2": FrontedCrnn, "tcn": Tcn, "attention": AttentionNet}


def build(spec: Spec) -> torch.nn.Module:
    """Make a network from ``{"architecture": ..., <its arguments>}`` with random weights.

    Raises
    ------
    ValueError
        Where the architecture is none of those known.
    """
    arguments = dict(spec)
    architecture = arguments.pop("architecture", None)
    if architecture not in ARCHITECTURES:
        raise ValueError(f"architecture: expected one of {sorted(ARCHITECTURES)}, got {architecture!r}")
    return ARCHITECTURES[architecture](**arguments)
