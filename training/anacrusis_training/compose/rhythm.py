"""Rhythms made by chance within a meter: onsets that favour strong moments, or avoid them."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from .figure import Figure, Hit
from .meter import Meter

TRESILLO_STEPS = (0, 3, 6)
"""Onsets of 3 + 3 + 2 among eight steps."""


def off_beat(steps_per_beat: int) -> float:
    """Where between two beats the off-beat lies, in beats: the middle, or the last third of three."""
    return 0.5 if steps_per_beat % 2 == 0 else (steps_per_beat - 1) / steps_per_beat if steps_per_beat > 1 else 0.5


def random_onsets(
    rng: np.random.Generator, meter: Meter, steps_per_beat: int, density: float, syncopation: float
) -> list[float]:
    """Onsets of one bar in beats, rising; possibly none.

    Parameters
    ----------
    density
        About the share of steps that sound, 0 to 1.
    syncopation
        0 weighs every step by its metrical strength, 1 turns strong and weak around.
    """
    positions = np.arange(meter.n_beats * steps_per_beat) / steps_per_beat
    strength = np.array([meter.strength(float(position)) for position in positions])
    weight = (1 - syncopation) * strength + syncopation * (1.1 - strength)
    prob = np.clip(density * weight / weight.mean(), 0.0, 0.97)
    return positions[rng.random(len(positions)) < prob].tolist()


def spread(onsets: list[float], period_beats: float, sustain: float) -> list[tuple[float, float]]:
    """Onsets with lengths: each lasts `sustain` (0 to 1) of the way to the next, the last to the end of the period."""
    ends = [*onsets[1:], period_beats][: len(onsets)]
    return [(at, max(0.1, sustain * (end - at))) for at, end in zip(onsets, ends, strict=True)]


def cross(every_beats: Fraction, n_tones: int, tones: tuple[int, ...], accent_every: int = 0) -> Figure:
    """A run of equal notes over `tones` that pays no heed to bars: three against four, hemiola.

    Every `accent_every`-th note is louder; 0 accents none.
    """
    hits = tuple(
        Hit(
            float(every_beats * idx),
            float(every_beats) * 0.9,
            tones[idx % len(tones)],
            1.15 if accent_every and idx % accent_every == 0 else 0.95,
        )
        for idx in range(n_tones)
    )
    return Figure(hits, float(every_beats * n_tones), barwise=False)
