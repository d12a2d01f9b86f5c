"""Random choices that every composer makes: from a list, by weight, by chance, on a logarithmic scale."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np

Option = TypeVar("Option")


def pick(rng: np.random.Generator, options: Sequence[Option]) -> Option:
    """One of `options`, all alike.

    `Generator.choice` would turn the options into an array, and takes ten times as long.

    Raises
    ------
    ValueError
        Where there are no options.
    """
    if not options:
        raise ValueError("nothing to choose from: expected at least one option, got none")
    return options[int(rng.random() * len(options))]


def weighted(rng: np.random.Generator, weights: Mapping[Option, float]) -> Option:
    """One key of `weights`, each as often as its weight says; weights need not sum to 1.

    Raises
    ------
    ValueError
        Where no weight is above 0.
    """
    total = sum(weights.values())
    if not total > 0:
        raise ValueError(f"weights must have a positive sum, got {total} from {dict(weights)}")
    left = rng.random() * total
    chosen = None
    for option, weight in weights.items():
        if weight > 0:
            chosen = option
            left -= weight
            if left < 0:
                break
    return chosen


def chance(rng: np.random.Generator, prob: float) -> bool:
    """True with probability `prob`."""
    return bool(rng.random() < prob)


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """A number in [`low`, `high`), equally likely in every octave.

    Raises
    ------
    ValueError
        Where not 0 < `low` <= `high`.
    """
    if not 0 < low <= high:
        raise ValueError(f"expected 0 < low <= high, got low {low} and high {high}")
    return math.exp(rng.uniform(math.log(low), math.log(high)))
