"""Several networks as one: the weighted mean of their probabilities, then calibrated for the decoder."""

from __future__ import annotations

import dataclasses

import torch
from torch import nn


@dataclasses.dataclass(frozen=True, slots=True)
class Calibration:
    """Takes the class weights of training out again and says what is left to doubt.

    ``beat`` and ``downbeat`` are multiplied by their scales, all is brought back to a sum of 1, and a share `floor` of the result is
    spread evenly over the three classes.
    """

    beat_scale: float = 1.0
    downbeat_scale: float = 1.0
    floor: float = 0.0

    def apply(self, probs: torch.Tensor) -> torch.Tensor:
        """``[..., 3]`` to ``[..., 3]``."""
        scale = torch.tensor([self.beat_scale, self.downbeat_scale, 1.0], dtype=probs.dtype, device=probs.device)
        scaled = probs * scale
        scaled = scaled / scaled.sum(-1, keepdim=True)
        return self.floor / 3.0 + (1.0 - self.floor) * scaled


class Mixture(nn.Module):
    """What a model file holds: members with weights that sum to 1, and a calibration."""

    def __init__(self, members: list[nn.Module], weights: list[float], calibration: Calibration | None = None) -> None:
        super().__init__()
        if len(members) != len(weights) or not members:
            raise ValueError(f"mixture: expected one weight for each of {len(members)} members, got {len(weights)}")
        if abs(sum(weights) - 1.0) > 1e-6:
            raise ValueError(f"mixture: weights have to sum to 1, got {weights}")
        self.members = nn.ModuleList(members)
        self.weights, self.calibration = list(weights), calibration or Calibration()

    def initial_states(self, batch: int) -> list[torch.Tensor]:
        """The states of all members, one after another."""
        return [state for member in self.members for state in member.initial_states(batch)]

    def raw(self, features: torch.Tensor, states: list[torch.Tensor]) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Features ``[batch, frames, 272]`` to the members' mean probabilities ``[batch, frames, 3]``, and the next states."""
        total, after, first = 0.0, [], 0
        for member, weight in zip(self.members, self.weights):
            n_states = len(member.initial_states(1))
            logits, next_states = member(features, states[first : first + n_states])
            total = total + weight * torch.softmax(logits.float(), -1)
            after += next_states
            first += n_states
        return total, after

    def forward(self, features: torch.Tensor, states: list[torch.Tensor]) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Features ``[batch, frames, 272]`` to calibrated probabilities ``[batch, frames, 3]``, and the next states."""
        probs, after = self.raw(features, states)
        return self.calibration.apply(probs), after
