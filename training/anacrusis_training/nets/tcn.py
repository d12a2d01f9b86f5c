"""Causal temporal convolution network: dilated convolutions over the past, residual and skip connections.

After Davies & Boeck, "Temporal convolutional networks for musical audio beat tracking" (EUSIPCO 2019), made causal: block b sees the
frames ``t, t - d, t - 2 d`` with d doubling from block to block, so nine blocks reach 20 s back.
"""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional

from .front import Front, normalise


class Block(nn.Module):
    """One dilated convolution with its way back into the residual stream."""

    def __init__(self, width: int, taps: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.taps, self.dilation, self.dropout = taps, dilation, dropout
        self.convolution = nn.Linear(taps * width, width)
        self.out = nn.Linear(width, width)
        nn.init.normal_(self.out.weight, std=0.3 / math.sqrt(width))
        nn.init.zeros_(self.out.bias)

    def n_past(self) -> int:
        """Frames of history that the block keeps."""
        return (self.taps - 1) * self.dilation

    def forward(self, y: torch.Tensor, past: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """``y`` ``[batch, frames, width]``, ``past`` ``[batch, n_past, width]``: what is added to y, and the next past."""
        z = torch.cat([past.to(y.dtype), normalise(y)], 1)
        frames = y.shape[1]
        taps = [z[:, k * self.dilation : k * self.dilation + frames] for k in range(self.taps)]
        a = functional.elu(self.convolution(torch.cat(taps, -1)))
        a = functional.dropout(a, self.dropout, self.training)
        return self.out(a), z[:, frames:]


class Tcn(nn.Module):
    """The network; `width` channels, `taps` frames a convolution, one block for each of `dilations`."""

    architecture = "tcn"

    def __init__(
        self,
        width: int = 96,
        taps: int = 3,
        dilations: tuple[int, ...] = (1, 2, 4, 8, 16, 32, 64, 128, 256),
        front: dict | None = None,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        front = front or {"channels": [], "taps": [], "pool": []}
        self.spec = {"width": width, "taps": taps, "dilations": list(dilations), "front": front}
        self.width = width
        self.front = Front(width, **front)
        self.blocks = nn.ModuleList(Block(width, taps, d, dropout) for d in dilations)
        self.output = nn.Linear(width, 3)

    def initial_states(self, batch: int) -> list[torch.Tensor]:
        """One history of zeros per block, ``[batch, n_past, width]``."""
        device = self.output.weight.device
        return [torch.zeros(batch, block.n_past(), self.width, device=device) for block in self.blocks]

    def hidden(self, features: torch.Tensor, states: list[torch.Tensor]) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Features ``[batch, frames, 272]`` to ``[batch, frames, width]``, and the next states."""
        y = functional.elu(normalise(self.front(features)))
        skip, after = torch.zeros_like(y), []
        for block, past in zip(self.blocks, states):
            added, past = block(y, past)
            y, skip = y + added, skip + added
            after.append(past)
        return functional.elu(skip), after

    def forward(self, features: torch.Tensor, states: list[torch.Tensor]) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Features ``[batch, frames, 272]`` to logits ``[batch, frames, 3]``, and the next states."""
        hidden, after = self.hidden(features, states)
        return self.output(hidden), after

    def tensors(self) -> dict[str, torch.Tensor]:
        """The weights under the names of the model file."""
        out = self.front.tensors()
        for b, block in enumerate(self.blocks):
            out |= {f"block.{b}.conv.weight": block.convolution.weight, f"block.{b}.conv.bias": block.convolution.bias}
            out |= {f"block.{b}.out.weight": block.out.weight, f"block.{b}.out.bias": block.out.bias}
        return out | {"output.weight": self.output.weight, "output.bias": self.output.bias}
