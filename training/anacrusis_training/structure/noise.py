"""Noise on rows, so that a network does not take what one renderer and one tracker happen to give for music.

Everything but the hiss is drawn once a song, from the generator that is passed in: a level or a key that changed half way would be a
boundary. Rows carry the tracker's own errors already, and their targets count its beats, so its phase is left alone: shaken, it would no
longer say which beat has fallen.
"""

from __future__ import annotations

import numpy as np
import torch

from anacrusis_training.features import N_BANDS
from anacrusis_training.structure.steps import N_AUDIO, N_BEAT

FLUX = slice(N_BANDS, 2 * N_BANDS)
CHROMA = slice(2 * N_BANDS, 2 * N_BANDS + 12)
LEVEL = 2 * N_BANDS + 12
"""Layout of the pooled audio features: band means, band rises, chroma, then scalars beginning with the level in dB / 20."""

CONFIDENCE, DOWNBEAT = N_AUDIO + 3, N_AUDIO + 4
"""Columns of the beat features."""

UNKNOWN_DOWNBEAT = 0.25

LN10 = 2.302585092994046

_MOST_GAIN_DB = 12.0
_MOST_EQ_DB = 7.0
_NOISE_STD = 0.08


def add_noise(rows: torch.Tensor, spread: torch.Tensor, rng: np.random.Generator, strength: float) -> torch.Tensor:
    """Rows of whole songs ``[batch, steps, 335]`` as other equipment would have given them; 0 `strength` changes nothing.

    `spread` is the standard deviation of each column, ``[335]``.
    """
    if strength <= 0.0:
        return rows
    rows = rows.clone()
    for song in rows:
        _equalise(song, rng, strength)
        if rng.random() < 0.5 * strength:
            song[:, CHROMA] = song[:, CHROMA].roll(int(rng.integers(0, 12)), 1)
        if rng.random() < 0.3 * strength:
            first, width = int(rng.integers(0, N_BANDS - 10)), int(rng.integers(5, 40))
            song[:, first : min(first + width, N_BANDS)] = 0.0
            song[:, N_BANDS + first : N_BANDS + min(first + width, N_BANDS)] = 0.0
        _hide_beats(song, rng, strength)
        if rng.random() < 0.05 * strength:
            song[:, :N_AUDIO] = song[:, :N_AUDIO].mean(0)
        if rng.random() < 0.05 * strength:
            song[:, N_AUDIO + N_BEAT :] = song[:, N_AUDIO + N_BEAT :].mean(0)
    noise = torch.from_numpy(rng.standard_normal(rows.shape, dtype=np.float32)) * spread * (_NOISE_STD * strength)
    noise[..., N_AUDIO : N_AUDIO + N_BEAT] = 0.0
    return rows + noise


def _equalise(song: torch.Tensor, rng: np.random.Generator, strength: float) -> None:
    """Another level and another equaliser, in place: a band is log10(1 + m), and m is multiplied."""
    gain_db = strength * float(rng.uniform(-_MOST_GAIN_DB, _MOST_GAIN_DB))
    points_db = strength * rng.uniform(-_MOST_EQ_DB, _MOST_EQ_DB, 6)
    curve_db = gain_db + np.interp(np.linspace(0.0, 5.0, N_BANDS), np.arange(6), points_db)
    factor = torch.from_numpy((10.0 ** (curve_db / 20.0)).astype(np.float32))
    song[:, :N_BANDS] = torch.log1p(torch.expm1(song[:, :N_BANDS] * LN10) * factor) / LN10
    song[:, LEVEL] += gain_db / 20.0


def _hide_beats(song: torch.Tensor, rng: np.random.Generator, strength: float) -> None:
    """The tracker's confidence or its bar unknown, in place."""
    if rng.random() < 0.1 * strength:
        song[:, CONFIDENCE] = 0.0
    if rng.random() < 0.1 * strength:
        song[:, DOWNBEAT] = UNKNOWN_DOWNBEAT
