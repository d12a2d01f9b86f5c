"""Convolutional recurrent networks: BeatNet's, to be fine-tuned, and one with our front, to be trained from scratch.

Heydari, Cwitkowitz & Duan, "BeatNet" (ISMIR 2021). `Crnn` has its shape exactly, so that its weights load.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from .front import N_FEATURES, Front, normalise


class _Recurrent(nn.Module):
    """LSTM layers of one width and an output layer; what both networks share."""

    def __init__(self, width: int, layers: int, dropout: float) -> None:
        super().__init__()
        self.width, self.n_layers = width, layers
        self.lstm = nn.LSTM(width, width, layers, batch_first=True, dropout=dropout)
        self.output = nn.Linear(width, 3)

    def frame_inputs(self, features: torch.Tensor) -> torch.Tensor:
        """Features ``[batch, frames, 272]`` to what the first layer sees ``[batch, frames, width]``."""
        raise NotImplementedError

    def initial_states(self, batch: int) -> list[torch.Tensor]:
        """Hidden and cell state, zeros ``[layers, batch, width]`` each."""
        device = self.output.weight.device
        return [torch.zeros(self.n_layers, batch, self.width, device=device) for _ in range(2)]

    def hidden(self, features: torch.Tensor, states: list[torch.Tensor]) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Features ``[batch, frames, 272]`` to ``[batch, frames, width]``, and the next states."""
        x = self.frame_inputs(features)
        out, (h, c) = self.lstm(x, (states[0].to(x.dtype), states[1].to(x.dtype)))
        return out, [h, c]

    def forward(self, features: torch.Tensor, states: list[torch.Tensor]) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Features ``[batch, frames, 272]`` to logits ``[batch, frames, 3]``, and the next states."""
        hidden, after = self.hidden(features, states)
        return self.output(hidden), after

    def recurrent_tensors(self) -> dict[str, torch.Tensor]:
        """The weights of the layers and of the output under the names of the model file."""
        out = {}
        for layer in range(self.n_layers):
            for part in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
                out[f"lstm.{layer}.{part}"] = getattr(self.lstm, f"{part}_l{layer}")
        return out | {"output.weight": self.output.weight, "output.bias": self.output.bias}


class Crnn(_Recurrent):
    """BeatNet's network: one convolution along the 272 features, pooling, a dense layer, LSTM layers, an output layer."""

    architecture = "crnn"

    def __init__(self, width: int = 150, layers: int = 2, channels: int = 2, taps: int = 10, dropout: float = 0.0) -> None:
        super().__init__(width, layers, dropout)
        self.spec = {"width": width, "layers": layers, "channels": channels, "taps": taps}
        self.convolution = nn.Conv1d(1, channels, taps)
        self.input = nn.Linear(channels * ((N_FEATURES - taps + 1) // 2), width)

    def frame_inputs(self, features: torch.Tensor) -> torch.Tensor:
        """See `_Recurrent.frame_inputs`."""
        batch, frames, _ = features.shape
        x = functional.relu(self.convolution(features.reshape(batch * frames, 1, N_FEATURES)))
        return self.input(functional.max_pool1d(x, 2).reshape(batch, frames, -1))

    def tensors(self) -> dict[str, torch.Tensor]:
        """The weights under the names of the model file."""
        front = {"conv.weight": self.convolution.weight, "conv.bias": self.convolution.bias}
        return front | {"input.weight": self.input.weight, "input.bias": self.input.bias} | self.recurrent_tensors()


class FrontedCrnn(_Recurrent):
    """LSTM layers behind our front."""

    architecture = "crnn2"

    def __init__(self, width: int = 150, layers: int = 2, front: dict | None = None, dropout: float = 0.1) -> None:
        super().__init__(width, layers, dropout if layers > 1 else 0.0)
        front = front or {"channels": [], "taps": [], "pool": []}
        self.spec = {"width": width, "layers": layers, "front": front}
        self.front = Front(width, **front)

    def frame_inputs(self, features: torch.Tensor) -> torch.Tensor:
        """See `_Recurrent.frame_inputs`."""
        return normalise(self.front(features))

    def tensors(self) -> dict[str, torch.Tensor]:
        """The weights under the names of the model file."""
        return self.front.tensors() | self.recurrent_tensors()
