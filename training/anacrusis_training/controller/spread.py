"""Calibrates how far the quick controls move: the objectives look at when and with what, not at how much, and a net likes it calm.

Each quick control is stretched about its middle until its 5 to 95 % span on the training songs is the mapping's. What the net is told of its own last
controls is squeezed by as much, so that inside nothing changes but for the bend of the sigmoid and the shaper's limits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from anacrusis_training.controller.net import N_OPEN, PRESENCE, REDUCED, ControllerNet
from anacrusis_training.controller.objectives import GLOW, HIGH, LOW, MID, SWAY

if TYPE_CHECKING:
    from anacrusis_training.controller.fit import Lesson

QUICK = (SWAY, LOW, MID, HIGH, GLOW)
ROUNDS = 3
"""A stretched sigmoid bends: what is missing after a round is made up for by the next."""


def spans(controls: NDArray[np.floating]) -> NDArray[np.float64]:
    """From the 5th to the 95th percentile of each control."""
    low, high = np.quantile(controls, [0.05, 0.95], axis=0)
    return np.asarray(high - low, dtype=np.float64)


def run(net: ControllerNet, lessons: Sequence[Lesson]) -> NDArray[np.float64]:
    """The net's controls on whole songs, one after the other."""
    out = []
    with torch.no_grad():
        for lesson in lessons:
            opened = torch.cat([lesson.beat, lesson.said], 1)[None]
            controls, _ = net(lesson.history[None], opened, lesson.micro[None, :, PRESENCE])
            out.append(controls[0].double().numpy())
    return np.concatenate(out)


def calibrate(net: ControllerNet, lessons: Sequence[Lesson]) -> dict[int, float]:
    """Stretch the quick controls in place; returns by how much each, all rounds together."""
    wanted = spans(np.concatenate([lesson.mapped.numpy() for lesson in lessons]))
    factors = dict.fromkeys(QUICK, 1.0)
    first = REDUCED + N_OPEN
    low, high = net.limits[0].numpy(), net.limits[1].numpy()
    for _ in range(ROUNDS):
        controls = run(net, lessons)
        got, middle = spans(controls), np.median(controls, axis=0)
        for k in QUICK:
            factor = float(np.clip(wanted[k] / max(got[k], 1e-3), 0.5, 4.0))
            place = float(np.clip((middle[k] - low[k]) / (high[k] - low[k]), 0.02, 0.98))
            centre = float(np.log(place / (1.0 - place)))
            with torch.no_grad():
                net.head.weight[k] *= factor
                net.head.bias[k] = factor * (net.head.bias[k] - centre) + centre
                # The last control c was m + (c' - m) / factor before.
                column = net.gru.weight_ih[:, first + k].clone()
                net.gru.weight_ih[:, first + k] = column / factor
                net.gru.bias_ih += column * float(middle[k]) * (1.0 - 1.0 / factor)
            factors[k] *= factor
    return factors
