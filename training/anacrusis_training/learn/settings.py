"""Everything that decides how a network is trained, as one record that a recipe, a checkpoint and a card carry."""

from __future__ import annotations

import dataclasses
from typing import Any

CLASS_WEIGHTS = (10.0, 30.0, 1.0)
"""Of beat, downbeat and neither: rare classes count for more, which the calibration takes out again."""


@dataclasses.dataclass(slots=True)
class Settings:
    """How to train one network.

    Attributes
    ----------
    net
        Specification for `nets.build`.
    start
        ``.safetensors`` file whose weights are fine-tuned, or in a recipe the name of an earlier network; none for random ones.
    corpora
        Which of the recipe's corpora it is trained on; none named: all.
    steps, crops, frames
        Number of updates; crops per update and process; frames per crop.
    learning_rate, weight_decay, warm_up_steps
        AdamW with a linear rise, then half a cosine to a hundredth.
    class_weights
        Of beat, downbeat and neither in the cross-entropy.
    strength
        Of the augmentation, 0 to 1.
    delay_frames
        Look-ahead bought by delay: the network answers this many frames later.
    tempo_weight
        Weight of the tempo's cross-entropy; 0 for none.
    family_weights
        Share of families in a batch; see `crops.Sampler`.
    teachers, teacher_weight
        Folders of trained networks (in a recipe: names of earlier ones) whose mean is imitated, and the share of that in the loss.
    average
        Decay of the running mean of the weights, which is what is kept; 0 for none.
    patience
        Evaluations without progress before it stops; 0 for never.
    precision
        ``"bfloat16"`` or ``"float32"`` for the matrix products; the weights stay float32.
    """

    net: dict[str, Any]
    start: str | None = None
    corpora: list[str] = dataclasses.field(default_factory=list)
    steps: int = 1000
    crops: int = 24
    frames: int = 1000
    learning_rate: float = 2e-3
    weight_decay: float = 1e-3
    warm_up_steps: int = 100
    class_weights: tuple[float, float, float] = CLASS_WEIGHTS
    strength: float = 1.0
    delay_frames: int = 0
    tempo_weight: float = 0.1
    family_weights: dict[str, float] = dataclasses.field(default_factory=dict)
    teachers: list[str] = dataclasses.field(default_factory=list)
    teacher_weight: float = 0.7
    average: float = 0.999
    patience: int = 0
    evaluations: int = 10
    precision: str = "bfloat16"
    seed: int = 0

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Settings:
        """Read a recipe's entry.

        Raises
        ------
        ValueError
            For an unknown name or a value that cannot be.
        """
        known = {f.name for f in dataclasses.fields(cls)}
        unknown = sorted(set(value) - known)
        if unknown:
            raise ValueError(f"unknown setting {unknown[0]!r}; known are {', '.join(sorted(known))}")
        settings = cls(**value)
        for name in ("steps", "crops", "frames", "evaluations"):
            if getattr(settings, name) < 1:
                raise ValueError(f"{name}: expected at least 1, got {getattr(settings, name)}")
        if settings.precision not in ("bfloat16", "float32"):
            raise ValueError(f"precision: expected bfloat16 or float32, got {settings.precision!r}")
        return settings
