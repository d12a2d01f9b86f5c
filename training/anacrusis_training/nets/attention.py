"""Small streaming attention: each frame looks back over a bounded window of its own past.

In the spirit of BEAST (Chang & Su, ICASSP 2024): a transformer encoder whose cost per frame and whose memory are bounded; here a plain
sliding window of cached keys and values with a linear distance penalty per head (ALiBi; Press, Smith & Lewis, ICLR 2022), no look-ahead.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from .front import Front, normalise

FAR = -1e4
"""Score of what a frame may not see; its weight is 0."""


class Layer(nn.Module):
    """Attention over the window and a two-layer perceptron, both residual, normalised before."""

    def __init__(self, width: int, heads: int, window: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.window, self.dropout = heads, window, dropout
        self.query_key_value = nn.Linear(width, 3 * width)
        self.joined = nn.Linear(width, width)
        self.expand = nn.Linear(width, 2 * width)
        self.contract = nn.Linear(2 * width, width)
        slopes = torch.tensor([2.0 ** (-(3.0 + 1.5 * h)) for h in range(heads)])
        self.register_buffer("slopes", slopes, persistent=False)

    def bias(self, frames: int, n_known: torch.Tensor) -> torch.Tensor:
        """Scores by distance, ``[heads, frames, window + frames]``; the cache's oldest entries may not be filled yet."""
        at = torch.arange(frames, device=n_known.device)[:, None]
        of = torch.arange(-self.window, frames, device=n_known.device)[None]
        distance = at - of
        seen = (distance >= 0) & (distance < self.window) & (of >= -n_known)
        bias = -self.slopes[:, None, None] * distance.to(self.slopes.dtype)
        return torch.where(seen[None], bias, torch.full_like(bias, FAR))

    def forward(self, y: torch.Tensor, cache: torch.Tensor, n_known: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """``y`` ``[batch, frames, width]``, ``cache`` ``[batch, window, 2 width]``: the new y and the new cache."""
        batch, frames, width = y.shape
        query, key_value = self.query_key_value(normalise(y)).split([width, 2 * width], -1)
        known = torch.cat([cache.to(key_value.dtype), key_value], 1)
        key, value = known.split([width, width], -1)

        def heads(x: torch.Tensor) -> torch.Tensor:
            return x.reshape(batch, x.shape[1], self.heads, -1).transpose(1, 2)

        bias = self.bias(frames, n_known).to(query.dtype)
        mixed = functional.scaled_dot_product_attention(heads(query), heads(key), heads(value), attn_mask=bias[None])
        y = y + self.joined(mixed.transpose(1, 2).reshape(batch, frames, width))
        inner = functional.dropout(functional.elu(self.expand(normalise(y))), self.dropout, self.training)
        return y + self.contract(inner), known[:, -self.window :]


class AttentionNet(nn.Module):
    """The network: `layers` attention layers of `width` channels and `heads` heads over `window` frames."""

    architecture = "attention"

    def __init__(
        self, width: int = 96, layers: int = 4, heads: int = 4, window: int = 400, front: dict | None = None, dropout: float = 0.1
    ) -> None:
        super().__init__()
        front = front or {"channels": [], "taps": [], "pool": []}
        self.spec = {"width": width, "layers": layers, "heads": heads, "window": window, "front": front}
        self.width, self.window = width, window
        self.front = Front(width, **front)
        self.layers = nn.ModuleList(Layer(width, heads, window, dropout) for _ in range(layers))
        self.output = nn.Linear(width, 3)

    def initial_states(self, batch: int) -> list[torch.Tensor]:
        """How many frames were seen, a scalar, and one empty cache per layer, ``[batch, window, 2 width]``."""
        device = self.output.weight.device
        caches = [torch.zeros(batch, self.window, 2 * self.width, device=device) for _ in self.layers]
        return [torch.zeros(1, device=device), *caches]

    def hidden(self, features: torch.Tensor, states: list[torch.Tensor]) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Features ``[batch, frames, 272]`` to ``[batch, frames, width]``, and the next states."""
        y = functional.elu(normalise(self.front(features)))
        n_known, *caches = states
        after = []
        for layer, cache in zip(self.layers, caches):
            y, cache = layer(y, cache, n_known)
            after.append(cache)
        n_known = torch.clamp(n_known + features.shape[1], max=float(self.window))
        return normalise(y), [n_known, *after]

    def forward(self, features: torch.Tensor, states: list[torch.Tensor]) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Features ``[batch, frames, 272]`` to logits ``[batch, frames, 3]``, and the next states."""
        hidden, after = self.hidden(features, states)
        return self.output(hidden), after

    def tensors(self) -> dict[str, torch.Tensor]:
        """The weights under the names of the model file."""
        out = self.front.tensors()
        for i, layer in enumerate(self.layers):
            for name in ("query_key_value", "joined", "expand", "contract"):
                linear = getattr(layer, name)
                out |= {f"layer.{i}.{name}.weight": linear.weight, f"layer.{i}.{name}.bias": linear.bias}
        return out | {"output.weight": self.output.weight, "output.bias": self.output.bias}
