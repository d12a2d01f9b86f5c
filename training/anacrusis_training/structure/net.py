"""The network: one small causal step with explicit state, and a survival head whose probabilities grow with the horizon by construction.

Audio is normalised and folded to a few units, joins beat and structure memory, goes through GRU layers to three heads: the section's
label, the bin of the next boundary, and a free embedding that visualisers may use. The auxiliary heads hang on the embedding, which gives
it something to say; they are not shipped.
"""

from __future__ import annotations

import torch
from torch import nn

from anacrusis_training.structure.settings import FitSettings
from anacrusis_training.structure.steps import LABELS, LARGEST_Z, N_AUDIO, N_BEAT, N_MACRO, N_STRUCT
from anacrusis_training.structure.targets import N_BINS

LEAST_STD = 1e-3
"""An audio feature that hardly moves is not blown up further; `LARGEST_Z` bounds it in any case."""

LEAST_REST_STD = 0.1
"""The same for beat and structure features, which nothing cuts off: a flag that the corpus never saw must not shout when it comes."""


class Anticipator(nn.Module):
    """Rows to logits.

    `forward` takes rows ``[batch, steps, 335]`` and a state ``[layers, batch, hidden]`` and returns label logits ``[batch, steps, 8]``,
    bin logits ``[batch, steps, 6]``, the embedding ``[batch, steps, 16]`` and the next state.
    """

    def __init__(self, settings: FitSettings) -> None:
        super().__init__()
        self.settings = settings
        self.register_buffer("audio_mean", torch.zeros(N_AUDIO))
        self.register_buffer("audio_inv_std", torch.ones(N_AUDIO))
        self.register_buffer("rest_mean", torch.zeros(N_BEAT + N_STRUCT))
        self.register_buffer("rest_inv_std", torch.ones(N_BEAT + N_STRUCT))
        self.audio_in = nn.Linear(N_AUDIO, settings.audio_units)
        self.mix = nn.Linear(settings.audio_units + N_BEAT + N_STRUCT, settings.mix_units)
        self.gru = nn.GRU(
            settings.mix_units, settings.hidden, settings.layers, batch_first=True, dropout=settings.dropout if settings.layers > 1 else 0.0
        )
        self.drop = nn.Dropout(settings.dropout)
        self.label = nn.Linear(settings.hidden, len(LABELS))
        self.hazard = nn.Linear(settings.hidden, N_BINS)
        self.macro = nn.Linear(settings.hidden, N_MACRO)
        self.now = nn.Linear(N_MACRO, 1)
        self.next_label = nn.Linear(N_MACRO, len(LABELS))

    def initial_state(self, batch: int) -> torch.Tensor:
        """The state before the first step: zeros."""
        return torch.zeros(self.settings.layers, batch, self.settings.hidden, device=self.audio_mean.device)

    def set_statistics(self, rows: torch.Tensor) -> None:
        """Normalise by the mean and spread of rows ``[n, 335]``."""
        mean, std = rows.mean(0), rows.std(0)
        self.audio_mean.copy_(mean[:N_AUDIO])
        self.audio_inv_std.copy_(1.0 / std[:N_AUDIO].clamp_min(LEAST_STD))
        self.rest_mean.copy_(mean[N_AUDIO:])
        self.rest_inv_std.copy_(1.0 / std[N_AUDIO:].clamp_min(LEAST_REST_STD))

    def normalise(self, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Audio and the rest, normalised; what an ablation leaves out is 0."""
        audio = ((rows[..., :N_AUDIO] - self.audio_mean) * self.audio_inv_std).clamp(-LARGEST_Z, LARGEST_Z)
        rest = (rows[..., N_AUDIO:] - self.rest_mean) * self.rest_inv_std
        if "audio" in self.settings.without:
            audio = torch.zeros_like(audio)
        beat, struct = rest[..., :N_BEAT], rest[..., N_BEAT:]
        if "beat" in self.settings.without:
            beat = torch.zeros_like(beat)
        if "struct" in self.settings.without:
            struct = torch.zeros_like(struct)
        return audio, torch.cat([beat, struct], -1)

    def hidden(self, audio: torch.Tensor, rest: torch.Tensor, state: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Normalised inputs to the last layer ``[batch, steps, hidden]`` and the next state."""
        folded = torch.relu(self.audio_in(self.drop(audio)))
        mixed = self.drop(torch.relu(self.mix(torch.cat([folded, rest], -1))))
        out, state = self.gru(mixed, state)
        return self.drop(out), state

    def forward(self, rows: torch.Tensor, state: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        out, state = self.hidden(*self.normalise(rows), state)
        return self.label(out), self.hazard(out), self.macro(out), state

    @torch.no_grad()
    def calibrate(self, label_scale: torch.Tensor, label_shift: torch.Tensor, hazard_scale: torch.Tensor, hazard_shift: torch.Tensor) -> None:
        """Fold ``scale * logit + shift`` into the heads, in place; a softmax of bins stays one, so hazards stay monotone."""
        for head, scale, shift in ((self.label, label_scale, label_shift), (self.hazard, hazard_scale, hazard_shift)):
            head.weight.mul_(scale[:, None])
            head.bias.mul_(scale).add_(shift)

    @torch.no_grad()
    def tensors(self) -> dict[str, torch.Tensor]:
        """What is shipped, under the names of the model file; beat and memory go in as they are, their normalisation is in `mix`."""
        mix_weight, mix_bias = self.mix.weight.clone(), self.mix.bias.clone()
        rest = mix_weight[:, self.settings.audio_units :]
        keep = torch.ones(N_BEAT + N_STRUCT, device=rest.device)
        if "beat" in self.settings.without:
            keep[:N_BEAT] = 0.0
        if "struct" in self.settings.without:
            keep[N_BEAT:] = 0.0
        scaled = rest * (self.rest_inv_std * keep)
        mix_bias -= scaled @ self.rest_mean
        mix_weight[:, self.settings.audio_units :] = scaled
        audio_weight = torch.zeros_like(self.audio_in.weight) if "audio" in self.settings.without else self.audio_in.weight
        named = {
            "audio_mean": self.audio_mean,
            "audio_inv_std": self.audio_inv_std,
            "audio_in.weight": audio_weight,
            "audio_in.bias": self.audio_in.bias,
            "mix.weight": mix_weight,
            "mix.bias": mix_bias,
        }
        for layer in range(self.settings.layers):
            for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
                named[f"gru.{layer}.{kind}"] = getattr(self.gru, f"{kind}_l{layer}")
        for head in ("label", "hazard", "macro"):
            named[f"{head}.weight"] = getattr(self, head).weight
            named[f"{head}.bias"] = getattr(self, head).bias
        return {name: tensor.detach().clone().contiguous() for name, tensor in named.items()}


def hazard_probs(bin_logits: torch.Tensor) -> torch.Tensor:
    """Bin logits ``[..., 6]`` to P(a boundary within 1, 2, 4, 8, 16 beats) ``[..., 5]``, which never falls."""
    return bin_logits.softmax(-1).cumsum(-1)[..., : N_BINS - 1]
