"""Weights in 8 bits: whole numbers with one scale a row, as the native kernels read them.

A frame reads every weight once, and the reading is what it costs. Rounding by rows to the nearest of 255 symmetric steps is the usual
way (Jacob et al., "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference", CVPR 2018, section 2,
with a zero point of 0); activations stay float32.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

FLOAT_BITS, ROUNDED_BITS = 32, 8
"""What a weight may take: float32, or a whole number of 8 bits."""

LARGEST_UNIT = 127
"""Largest magnitude of a whole number; -128 stays unused, so that rounding is symmetric."""

SMALLEST_WEIGHTS = 2000
"""Tensors with fewer weights stay float32: they cost nothing and a wrong digit in them is heard by everything behind."""

SCALE_BITS = 17
"""Significant bits of a scale. With the 7 of a unit they make the 24 of float32, so that every product is exact, and rounding what is
rounded already changes nothing."""


def is_rounded(tensor: torch.Tensor) -> bool:
    """Whether a tensor is one of those that take 8 bits."""
    return tensor.ndim >= 2 and tensor.numel() >= SMALLEST_WEIGHTS


def to_units(weight: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The nearest whole numbers and the scale of each row.

    Parameters
    ----------
    weight
        ``[n_rows, ...]``, finite.

    Returns
    -------
    units, scales
        int8 in the shape of `weight`, and float32 ``[n_rows]``; a row of zeros has scale 0.
    """
    largest = weight.detach().reshape(len(weight), -1).abs().amax(1).double().cpu().numpy()
    mantissa, exponent = np.frexp(largest / LARGEST_UNIT)
    # Upwards, so that the largest weight of a row is within its units.
    scale = np.ldexp(np.ceil(np.ldexp(mantissa, SCALE_BITS)), exponent - SCALE_BITS)
    scales = torch.from_numpy(scale.astype(np.float32))
    by_row = torch.where(scales > 0, scales, torch.ones_like(scales)).reshape(-1, *[1] * (weight.ndim - 1))
    units = torch.round(weight.detach().cpu().double() / by_row.double()).clamp(-LARGEST_UNIT, LARGEST_UNIT)
    return units.to(torch.int8), scales


def from_units(units: torch.Tensor, scales: torch.Tensor) -> torch.Tensor:
    """Units times the scales of their rows, float32."""
    return units.float() * scales.reshape(-1, *[1] * (units.ndim - 1))


@torch.no_grad()
def round_weights(net: nn.Module) -> None:
    """Replace a network's large matrices by what 8 bits hold of them, in place; doing it twice changes nothing more."""
    for tensor in net.tensors().values():
        if is_rounded(tensor):
            tensor.copy_(from_units(*to_units(tensor)))


def stored_in_8_bits(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Tensors as a model file has them: large matrices as int8, the scales of their rows beside them as ``<name>.scale``.

    Raises
    ------
    ValueError
        For weights that 8 bits do not hold exactly: the network in the file would be another than the one at hand.
    """
    stored = {}
    for name, tensor in tensors.items():
        if not is_rounded(tensor):
            stored[name] = tensor
            continue
        units, scales = to_units(tensor)
        if not torch.equal(from_units(units, scales), tensor):
            raise ValueError(f"{name}: weights are not rounded to 8 bits yet")
        stored |= {name: units.contiguous(), f"{name}.scale": scales}
    return stored
