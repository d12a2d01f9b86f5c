"""What all our own networks begin with: normalised features and a small convolution stack over the bands.

The 272 features are 136 log bands and their 136 positive differences. Seen as two channels over one band axis, a convolution along
the bands shares its weights between pitches, so that what was learnt from one instrument's register holds in another.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from ..features import N_BANDS

N_FEATURES = 2 * N_BANDS
EPSILON = 1e-5
"""Added to a variance before its root."""


class Front(nn.Module):
    """Features ``[batch, frames, 272]`` to ``[batch, frames, width]``.

    Parameters
    ----------
    width
        Outputs per frame.
    channels, taps, pool
        One entry per convolution: its outputs, its length in bands, and how many bands its maximum-pooling joins. Empty for none.
    """

    def __init__(self, width: int, channels: list[int], taps: list[int], pool: list[int]) -> None:
        super().__init__()
        if not len(channels) == len(taps) == len(pool):
            raise ValueError(f"front: channels, taps and pool need equal lengths, got {channels}, {taps}, {pool}")
        self.pool = list(pool)
        self.register_buffer("mean", torch.zeros(N_FEATURES))
        self.register_buffer("scale", torch.ones(N_FEATURES))
        self.convolutions = nn.ModuleList()
        n_channels, n_bands = 2, N_BANDS
        for n_out, n_taps, n_pool in zip(channels, taps, pool):
            self.convolutions.append(nn.Conv1d(n_channels, n_out, n_taps))
            n_channels, n_bands = n_out, (n_bands - n_taps + 1) // n_pool
        if n_bands < 1:
            raise ValueError(f"front: {taps} taps with pooling {pool} leave none of {N_BANDS} bands")
        self.input = nn.Linear(n_channels * n_bands, width)

    def set_statistics(self, mean: torch.Tensor, deviation: torch.Tensor) -> None:
        """Take the features' mean and standard deviation, both ``[272]``, over the training corpus."""
        self.mean.copy_(mean)
        # A band that hardly ever sounds must not be blown up to noise.
        self.scale.copy_(1.0 / (deviation + 0.02))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Features ``[batch, frames, 272]`` to ``[batch, frames, width]``."""
        x = (features - self.mean) * self.scale
        if len(self.convolutions):
            batch, frames, _ = x.shape
            x = x.reshape(batch * frames, 2, N_BANDS)
            for convolution, pool in zip(self.convolutions, self.pool):
                x = functional.max_pool1d(functional.elu(convolution(x)), pool)
            x = x.reshape(batch, frames, -1)
        return self.input(x)

    def tensors(self) -> dict[str, torch.Tensor]:
        """The weights under the names of the model file."""
        out = {"norm.mean": self.mean, "norm.scale": self.scale}
        for i, convolution in enumerate(self.convolutions):
            out |= {f"front.{i}.weight": convolution.weight, f"front.{i}.bias": convolution.bias}
        return out | {"input.weight": self.input.weight, "input.bias": self.input.bias}


def normalise(x: torch.Tensor) -> torch.Tensor:
    """Layer normalisation without gain and bias, which the following matrix can have instead."""
    if not torch.onnx.is_in_onnx_export():
        return functional.layer_norm(x, x.shape[-1:], eps=EPSILON)
    # Opset 17's own operator needs a gain; spelled out it needs nothing.
    centred = x - x.mean(-1, keepdim=True)
    return centred / torch.sqrt((centred * centred).mean(-1, keepdim=True) + EPSILON)
