"""The published ONNX form of a mixture: explicit state in, state out, calibrated probabilities."""

from __future__ import annotations

import warnings
from pathlib import Path

import onnx
import torch
from torch import nn

from ..nets.mixture import Mixture

OPSET = 17
EXAMPLE_FRAMES = 7
PRODUCER = "anacrusis"


class _Graph(nn.Module):
    """The mixture with its states as separate arguments, as a graph has them."""

    def __init__(self, mixture: Mixture) -> None:
        super().__init__()
        self.mixture = mixture

    def forward(self, features: torch.Tensor, *states: torch.Tensor) -> tuple[torch.Tensor, ...]:
        activations, after = self.mixture(features, list(states))
        return activations, *after


def state_names(mixture: Mixture) -> list[str]:
    """Names of the state inputs, in order; the outputs have ``_next`` behind them."""
    return [f"state_{i}" for i in range(len(mixture.initial_states(1)))]


def write_onnx(mixture: Mixture, path: Path, metadata: dict[str, str]) -> None:
    """Write the graph: ``features`` [1, frames, 272] and states to ``activations`` [1, frames, 3] and next states."""
    graph = _Graph(mixture).eval()
    states = mixture.initial_states(1)
    names = state_names(mixture)
    example = (torch.zeros(1, EXAMPLE_FRAMES, 272), *states)
    with warnings.catch_warnings():
        # It warns of batch sizes other than 1, which the contract excludes.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            graph,
            example,
            str(path),
            opset_version=OPSET,
            dynamo=False,
            input_names=["features", *names],
            output_names=["activations", *(f"{name}_next" for name in names)],
            dynamic_axes={"features": {1: "frames"}, "activations": {1: "frames"}},
        )
    model = onnx.load(path)
    model.producer_name, model.producer_version = PRODUCER, ""
    for output, state in zip(model.graph.output[1:], states):
        shape = output.type.tensor_type.shape
        del shape.dim[:]
        for size in state.shape:
            shape.dim.add().dim_value = size
    onnx.helper.set_model_props(model, dict(sorted(metadata.items())))
    for node in model.graph.node:
        # Where in the exporter's Python a node came from says nothing to a reader, and names this machine's folders.
        node.doc_string = ""
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)
