"""What the anticipator is trained by: the label's cross-entropy, the survival likelihood, and three small auxiliary losses."""

from __future__ import annotations

import dataclasses

import torch
import torch.nn.functional as F

from anacrusis_training.structure.settings import FitSettings
from anacrusis_training.structure.targets import NO_LABEL

MOST_CLASS_WEIGHT = 3.0
"""Rare labels count for more in the loss, up to this."""


@dataclasses.dataclass(slots=True)
class Batch:
    """Rows ``[batch, steps, 335]`` and targets ``[batch, steps]``, as tensors; see `targets.Targets`."""

    rows: torch.Tensor
    label: torch.Tensor
    label_weight: torch.Tensor
    first_bin: torch.Tensor
    censored: torch.Tensor
    hazard_weight: torch.Tensor
    now: torch.Tensor
    next_label: torch.Tensor
    calm: torch.Tensor

    def chunk(self, first: int, last: int) -> Batch:
        """Steps `first` to before `last`."""
        return Batch(*(getattr(self, field.name)[:, first:last] for field in dataclasses.fields(self)))


def class_weights(counts: torch.Tensor) -> torch.Tensor:
    """``min(3, sqrt(median / frequency))`` of each label; labels that never occur weigh 1."""
    seen = counts > 0
    median = counts[seen].median()
    weights = torch.ones_like(counts)
    weights[seen] = (median / counts[seen]).sqrt().clamp_max(MOST_CLASS_WEIGHT)
    return weights


def survival_nll(bin_logits: torch.Tensor, first_bin: torch.Tensor, censored: torch.Tensor) -> torch.Tensor:
    """Negative log-likelihood of each step, ``[batch, steps]``: of its bin, or where it is censored of all bins from `first_bin` on."""
    log_probs = bin_logits.log_softmax(-1)
    exact = -log_probs.gather(-1, first_bin[..., None])[..., 0]
    bins = torch.arange(bin_logits.shape[-1], device=bin_logits.device)
    possible = bins >= first_bin[..., None]
    later = -log_probs.masked_fill(~possible, float("-inf")).logsumexp(-1)
    return torch.where(censored, later, exact)


def label_nll(logits: torch.Tensor, label: torch.Tensor, weights: torch.Tensor | None, smoothing: float) -> torch.Tensor:
    """Cross-entropy of each step, ``[batch, steps]``."""
    return F.cross_entropy(logits.transpose(1, 2), label, weight=weights, reduction="none", label_smoothing=smoothing)


def mean(values: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Weighted mean; 0 without weight."""
    return (values * weight).sum() / weight.sum().clamp_min(1e-6)


def training_loss(
    settings: FitSettings, weights: torch.Tensor, batch: Batch, label_logits: torch.Tensor, bin_logits: torch.Tensor,
    now_logit: torch.Tensor, next_logits: torch.Tensor,
) -> tuple[torch.Tensor, dict[str, float]]:  # fmt: skip
    """The sum that is trained by, and its main parts for the journal."""
    label = mean(label_nll(label_logits, batch.label, weights, settings.label_smoothing), batch.label_weight)
    hazard = mean(survival_nll(bin_logits, batch.first_bin, batch.censored), batch.hazard_weight)
    log_probs = label_logits.log_softmax(-1)
    change = (log_probs[:, :-1].exp() * (log_probs[:, :-1] - log_probs[:, 1:])).sum(-1)
    smooth = mean(change, (batch.calm[:, :-1] & batch.calm[:, 1:]).float())
    now = mean(F.binary_cross_entropy_with_logits(now_logit, batch.now, reduction="none"), batch.hazard_weight)
    known = (batch.next_label != NO_LABEL).float() * batch.hazard_weight
    following = mean(label_nll(next_logits, batch.next_label.clamp_min(0), None, 0.0), known)
    total = label + hazard + settings.smooth_weight * smooth + settings.now_weight * now + settings.next_weight * following
    return total, {"label": float(label.detach()), "hazard": float(hazard.detach())}


def plain_loss(batch: Batch, label_logits: torch.Tensor, bin_logits: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Sums of label and hazard losses, unweighted by class, and the sums of their weights: what held-out songs are judged by."""
    label = label_nll(label_logits, batch.label, None, 0.0) * batch.label_weight
    hazard = survival_nll(bin_logits, batch.first_bin, batch.censored) * batch.hazard_weight
    return label.sum(), batch.label_weight.sum(), hazard.sum(), batch.hazard_weight.sum()
