"""Augmentation in the domain of the features, where it costs nothing and is exact.

A log band is ``y = log10(1 + m)`` with m the band's magnitude, so level, equalisation, masking, transposition and mixing are arithmetic
on m. Everything is drawn from the generator that is passed in.
"""

from __future__ import annotations

import numpy as np
import torch

LN10 = 2.302585092994046
NEPER_PER_DB = 0.1151292546497023


def with_differences(bands: torch.Tensor) -> torch.Tensor:
    """Bands ``[batch, 1 + frames, 136]`` to features ``[batch, frames, 272]``; the first frame only serves the difference."""
    now, before = bands[:, 1:], bands[:, :-1]
    return torch.cat([now, (now - before).clamp_min(0.0)], -1)


def augment(bands: torch.Tensor, rng: np.random.Generator, strength: float = 1.0) -> torch.Tensor:
    """Bands ``[batch, frames, 136]`` with the band of a random other world; 0 `strength` changes nothing."""
    if strength <= 0.0:
        return bands
    batch, _, n_bands = bands.shape
    magnitude = torch.expm1(bands * LN10)
    magnitude = magnitude * _gain(rng, batch, n_bands, strength)
    magnitude = _mix(magnitude, rng, strength)
    for k in range(batch):
        if rng.random() < 0.3 * strength:
            magnitude[k] = transpose(magnitude[k], int(rng.integers(-8, 9)))
        if rng.random() < 0.2 * strength:
            _mask(magnitude[k], rng)
        if rng.random() < 0.2 * strength:
            magnitude[k] = magnitude[k] + _floor(rng, n_bands)
    return torch.log1p(magnitude) / LN10


def _gain(rng: np.random.Generator, batch: int, n_bands: int, strength: float) -> torch.Tensor:
    """Level and a smooth six-point equaliser, as factors ``[batch, 1, n_bands]``."""
    level_db = rng.uniform(-34.0, 6.0, (batch, 1)) * (rng.random((batch, 1)) < 0.7)
    points_db = rng.uniform(-7.0, 7.0, (batch, 6)) * (rng.random((batch, 1)) < 0.7)
    at = np.linspace(0.0, 5.0, n_bands)
    curve_db = np.stack([np.interp(at, np.arange(6), row) for row in points_db])
    gain = np.exp((level_db + curve_db) * strength * NEPER_PER_DB)
    return torch.from_numpy(gain[:, None].astype(np.float32))


def _mix(magnitude: torch.Tensor, rng: np.random.Generator, strength: float) -> torch.Tensor:
    """Another piece of the batch in the background, 12 to 28 dB down, in a fifth of the pieces."""
    batch = magnitude.shape[0]
    level_db = -rng.uniform(12.0, 28.0, (batch, 1, 1))
    weight = np.exp(level_db * NEPER_PER_DB) * (rng.random((batch, 1, 1)) < 0.2 * strength)
    return magnitude + torch.from_numpy(weight.astype(np.float32)) * magnitude.roll(1, 0)


def transpose(magnitude: torch.Tensor, n_bands: int) -> torch.Tensor:
    """Moves the spectrum ``[frames, 136]`` up by `n_bands` (24 an octave); what enters repeats the edge, softly."""
    if n_bands == 0:
        return magnitude
    moved = magnitude.roll(n_bands, 1).clone()
    if n_bands > 0:
        moved[:, :n_bands] = 0.3 * magnitude[:, :1]
    else:
        moved[:, n_bands:] = 0.3 * magnitude[:, -1:]
    return moved


def _mask(magnitude: torch.Tensor, rng: np.random.Generator) -> None:
    """A run of bands 20 dB down, in place."""
    n_bands = magnitude.shape[-1]
    first, width = int(rng.integers(0, n_bands - 26)), int(rng.integers(5, 40))
    magnitude[:, first : first + width] *= 0.1


def _floor(rng: np.random.Generator, n_bands: int) -> torch.Tensor:
    """Steady noise of a random colour, ``[n_bands]`` magnitudes."""
    points_db = rng.uniform(-45.0, -10.0) + rng.uniform(-8.0, 8.0, 4)
    curve_db = np.interp(np.linspace(0.0, 3.0, n_bands), np.arange(4), points_db)
    return torch.from_numpy(np.exp(curve_db * NEPER_PER_DB).astype(np.float32))
