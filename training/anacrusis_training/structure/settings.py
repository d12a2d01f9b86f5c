"""Everything that decides how the anticipator is trained, as one record that a recipe, a checkpoint and a card carry."""

from __future__ import annotations

import dataclasses
from typing import Any


@dataclasses.dataclass(frozen=True, slots=True)
class FitSettings:
    """How to train.

    Attributes
    ----------
    seed
        Of weights, batches and noise.
    epochs
        How often every song is heard.
    batch
        Songs side by side.
    chunk_steps
        Steps (of 80 ms) between updates; the state goes on from one chunk to the next, the gradient does not.
    learning_rate, weight_decay
        AdamW, one cycle with a linear rise over a tenth and half a cosine to a hundredth.
    hidden, layers, audio_units, mix_units
        Sizes of the network.
    dropout
        Share of audio features, mixed units and hidden units that are left out; beat and memory never are.
    strength
        Of the noise on rows, 0 to 1; see `structure.noise`.
    label_smoothing, boundary_weight, boundary_beats
        Of the label loss: smoothing, and the weight of steps within so many beats of a boundary, where people disagree.
    beat_weight
        Of the hazard loss at the first step after each tracked beat, against 1 elsewhere: there the answer is read, and there it has to
        know at once which beat has fallen.
    smooth_weight, now_weight, next_weight
        Of the auxiliary losses: adjacent label posteriors that differ; "a boundary was within the last two beats"; the next label.
    average
        Decay of the running mean of the weights, which is what is kept.
    without
        Inputs that are left out, for ablations: ``"audio"``, ``"beat"`` or ``"struct"``.
    leave_out
        Renderers whose songs are not trained on, for the leave-one-out report.
    """

    seed: int = 0
    epochs: int = 20
    batch: int = 24
    chunk_steps: int = 512
    learning_rate: float = 2e-3
    weight_decay: float = 1e-2
    hidden: int = 96
    layers: int = 2
    audio_units: int = 64
    mix_units: int = 96
    dropout: float = 0.1
    strength: float = 1.0
    label_smoothing: float = 0.05
    boundary_weight: float = 0.25
    boundary_beats: float = 1.0
    beat_weight: float = 5.0
    smooth_weight: float = 0.05
    now_weight: float = 0.1
    next_weight: float = 0.05
    average: float = 0.995
    without: tuple[str, ...] = ()
    leave_out: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> FitSettings:
        """Read a recipe's entry.

        Raises
        ------
        ValueError
            For an unknown name or a value that cannot be.
        """
        known = {field.name for field in dataclasses.fields(cls)}
        if unknown := sorted(set(value) - known):
            raise ValueError(f"unknown setting {unknown[0]!r}; known are {', '.join(sorted(known))}")
        settings = cls(**{key: tuple(entry) if isinstance(entry, list) else entry for key, entry in value.items()})
        for name in ("epochs", "batch", "chunk_steps", "hidden", "layers", "audio_units", "mix_units"):
            if getattr(settings, name) < 1:
                raise ValueError(f"{name}: expected at least 1, got {getattr(settings, name)}")
        if unknown := [name for name in settings.without if name not in ("audio", "beat", "struct")]:
            raise ValueError(f"without: expected audio, beat or struct, got {unknown[0]!r}")
        return settings
