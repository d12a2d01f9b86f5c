"""Vector scaling of both softmaxes on held-out songs: a factor and a shift for each class, by L-BFGS (Guo et al. 2017, section 4.2)."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F

from anacrusis_training.structure.answers import Answers
from anacrusis_training.structure.labels import LABEL_INDEX
from anacrusis_training.structure.steps import LABELS
from anacrusis_training.structure.targets import hazard_bin

MOST_ITERATIONS = 100

PULL = 1e-3
"""Pull of factors towards their mean and of shifts towards 0: a class that hardly occurs shall not run away."""


@dataclasses.dataclass(frozen=True, slots=True)
class Scaling:
    """``scale * logit + shift``, one of each a class."""

    scale: tuple[float, ...]
    shift: tuple[float, ...]

    def tensors(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Both as tensors."""
        return torch.tensor(self.scale), torch.tensor(self.shift)


@dataclasses.dataclass(frozen=True, slots=True)
class Calibration:
    """Of labels and of hazard bins, and the held-out losses before and after."""

    label: Scaling
    hazard: Scaling
    label_before: float
    label_after: float
    hazard_before: float
    hazard_after: float


def fit_scaling(logits: torch.Tensor, truth: torch.Tensor, weight: torch.Tensor) -> tuple[Scaling, float, float]:
    """Scaling of logits ``[n, classes]`` towards truths ``[n]`` with weights ``[n]``, and the loss before and after."""
    scale = torch.ones(logits.shape[1], requires_grad=True)
    shift = torch.zeros(logits.shape[1], requires_grad=True)
    optimiser = torch.optim.LBFGS([scale, shift], max_iter=MOST_ITERATIONS, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        nll = F.cross_entropy(logits * scale + shift, truth, reduction="none")
        return (nll * weight).sum() / weight.sum()

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        total = loss() + PULL * ((scale - scale.mean()) ** 2).sum() + PULL * (shift**2).sum()
        total.backward()
        return total

    with torch.no_grad():
        before = float(loss())
    optimiser.step(closure)
    with torch.no_grad():
        after = float(loss())
    return Scaling(tuple(scale.detach().tolist()), tuple(shift.detach().tolist())), before, after


def calibrate(answers: Sequence[Answers]) -> Calibration:
    """Calibration at the scored moments of held-out songs.

    Raises
    ------
    ValueError
        No moments.
    """
    if not sum(len(answer.step) for answer in answers):
        raise ValueError("no moments to calibrate on")
    label_logits = torch.from_numpy(np.concatenate([a.label_logits for a in answers]))
    bin_logits = torch.from_numpy(np.concatenate([a.bin_logits for a in answers]))
    label = torch.from_numpy(np.concatenate([a.moments.label for a in answers]))
    weight = torch.from_numpy(np.concatenate([a.moments.weight for a in answers])).float()
    # Silence is told by level, never by this head: it stays as unlikely as it was.
    heard = [index for index in range(len(LABELS)) if index != LABEL_INDEX["silence"]]
    place = {index: at for at, index in enumerate(heard)}
    known = weight > 0
    told = torch.tensor([place[int(index)] for index in label[known]])
    scaling, label_before, label_after = fit_scaling(label_logits[known][:, heard], told, weight[known])
    scale, shift = [1.0] * len(LABELS), [0.0] * len(LABELS)
    for index, at in place.items():
        scale[index], shift[index] = scaling.scale[at], scaling.shift[at]
    bins = torch.from_numpy(np.concatenate([hazard_bin(a.moments.left_beats) for a in answers]))
    hazard, hazard_before, hazard_after = fit_scaling(bin_logits, bins, torch.ones(len(bins)))
    return Calibration(Scaling(tuple(scale), tuple(shift)), hazard, label_before, label_after, hazard_before, hazard_after)
