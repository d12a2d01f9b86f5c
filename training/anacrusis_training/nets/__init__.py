"""The networks: causal, 50 frames a second, explicit state, every size from a specification.

`build` makes any of them from the same dictionary that a model's manifest carries. A network maps features
``[batch, frames, 272]`` and a list of state tensors to logits ``[batch, frames, 3]`` (beat, downbeat, none) and the states that
follow, so that training on whole crops and running frame by frame are one code path.
"""

from .build import BeatNetwork, build

__all__ = ["BeatNetwork", "build"]
