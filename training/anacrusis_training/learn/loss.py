"""What training minimises: weighted cross-entropy over beat, downbeat and neither, and the tempo as a helper task."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

WARM_UP_FRAMES = 25
"""Frames at the start of a crop that do not count: a network without a past cannot know."""

N_TEMPO_CLASSES = 48
SLOWEST_BPM, FASTEST_BPM = 40.0, 230.0


def class_targets(targets: torch.Tensor) -> torch.Tensor:
    """``[batch, frames, 2]`` to ``[batch, frames, 3]`` with what is left for neither."""
    none = (1.0 - targets.sum(-1, keepdim=True)).clamp_min(0.0)
    return torch.cat([targets, none], -1)


def beat_loss(logits: torch.Tensor, classes: torch.Tensor, known: torch.Tensor, class_weights: torch.Tensor) -> torch.Tensor:
    """Weighted cross-entropy, a scalar.

    Parameters
    ----------
    logits, classes
        ``[batch, frames, 3]``; `classes` are probabilities.
    known
        ``[batch, frames]``: 1 where there is a truth.
    class_weights
        ``[3]``. Beats are rare, so without weights a network does well by saying nothing; calibration takes the weights out again.
    """
    counts = known.clone()
    counts[:, :WARM_UP_FRAMES] = 0.0
    weight = classes * class_weights * counts[..., None]
    return -(weight * torch.log_softmax(logits.float(), -1)).sum() / weight.sum().clamp_min(1.0)


class TempoHead(nn.Module):
    """The tempo's class from the hidden state: only for training, so that the trunk has to know the period."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, N_TEMPO_CLASSES)

    def loss(self, hidden: torch.Tensor, bpm: torch.Tensor) -> torch.Tensor:
        """Cross-entropy where the tempo is known; ``hidden`` ``[batch, frames, width]``, ``bpm`` ``[batch, frames]``, 0 unknown."""
        counts = bpm > 0.0
        counts[:, : 4 * WARM_UP_FRAMES] = False
        if not counts.any():
            return hidden.sum() * 0.0
        span = torch.log(torch.tensor(FASTEST_BPM / SLOWEST_BPM))
        position = torch.log(bpm.clamp_min(SLOWEST_BPM) / SLOWEST_BPM) / span
        classes = (position * N_TEMPO_CLASSES).long().clamp(0, N_TEMPO_CLASSES - 1)
        return functional.cross_entropy(self.linear(hidden[counts]).float(), classes[counts])
