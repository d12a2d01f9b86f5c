"""Tempo curves: how the length of a beat changes over a piece, from a machine's to a pianist's."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .choose import chance, pick

SLOWEST_BPM = 42.0
FASTEST_BPM = 222.0
"""No curve leaves this range."""

Curve = Callable[[np.random.Generator, int, int], np.ndarray]
"""From generator, number of intervals and beats per phrase to factors on the beat's length, [n]."""


def constant(rng: np.random.Generator, n_beats: int, phrase_beats: int) -> np.ndarray:
    """A machine's tempo."""
    return np.ones(n_beats)


def drift(rng: np.random.Generator, n_beats: int, phrase_beats: int) -> np.ndarray:
    """A live band without a click: wanders a little, is drawn back, and each beat is a little uneven."""
    wander = np.zeros(n_beats)
    size, pull = rng.uniform(0.002, 0.009), rng.uniform(0.01, 0.08)
    for idx, step in enumerate(rng.normal(0, size, n_beats - 1), start=1):
        wander[idx] = (1 - pull) * wander[idx - 1] + step
    return np.exp(wander + rng.normal(0, rng.uniform(0.0, 0.012), n_beats))


def walk(rng: np.random.Generator, n_beats: int, phrase_beats: int) -> np.ndarray:
    """A random walk that nothing draws back."""
    return np.exp(np.cumsum(rng.normal(0, rng.uniform(0.004, 0.014), n_beats)))


def ramp(rng: np.random.Generator, n_beats: int, phrase_beats: int) -> np.ndarray:
    """Steadily faster or slower over the whole piece."""
    return np.exp(np.linspace(0, rng.uniform(-0.45, 0.45), n_beats))


def steps(rng: np.random.Generator, n_beats: int, phrase_beats: int) -> np.ndarray:
    """Sudden changes of tempo at one or two phrase boundaries."""
    factors = np.ones(n_beats)
    n_phrases = max(1, n_beats // phrase_beats)
    for _ in range(pick(rng, (1, 1, 2))):
        factors[phrase_beats * int(rng.integers(1, n_phrases + 1)) :] *= np.exp(rng.uniform(-0.35, 0.35))
    return factors


def swell(rng: np.random.Generator, n_beats: int, phrase_beats: int) -> np.ndarray:
    """Slow waves of tempo, a conductor's or an accelerando and its return."""
    period_beats = rng.uniform(2, 8) * phrase_beats
    angle = 2 * np.pi * (np.arange(n_beats) / period_beats + rng.random())
    return np.exp(rng.uniform(0.04, 0.16) * np.sin(angle) + rng.normal(0, rng.uniform(0, 0.01), n_beats))


def rubato(rng: np.random.Generator, n_beats: int, phrase_beats: int) -> np.ndarray:
    """Phrase arches: slow into the phrase, faster in its middle, broad at its end, now and then a held note."""
    log_factors = rng.normal(0, rng.uniform(0.01, 0.045), n_beats)
    depth, broad = rng.uniform(0.02, 0.14), rng.uniform(0.03, 0.3)
    held_prob = pick(rng, (0.0, 0.0, 0.06, 0.15))
    level = 0.0
    for start in range(0, n_beats, phrase_beats):
        length = min(phrase_beats, n_beats - start)
        place = (np.arange(length) + 0.5) / phrase_beats
        arch = depth * (4 * (2 * place - 1) ** 2 - 1.3) * rng.uniform(0.4, 1.3)
        arch += broad * rng.uniform(0.2, 1.2) * np.clip(place - 0.75, 0, 0.25) * 4
        level = 0.7 * level + rng.normal(0, 0.05)
        log_factors[start : start + length] += arch + level
        if length == phrase_beats and chance(rng, held_prob):
            log_factors[start + length - 1] += rng.uniform(0.3, 0.7)
    return np.exp(log_factors)


def ritardando(rng: np.random.Generator, n_beats: int, phrase_beats: int) -> np.ndarray:
    """Even, but slower and slower through the last bars of some phrases, and in tempo again after them."""
    log_factors = rng.normal(0, rng.uniform(0.0, 0.015), n_beats)
    span = min(phrase_beats, int(rng.integers(4, 13)))
    for end in range(phrase_beats, n_beats + 1, phrase_beats):
        if chance(rng, 0.45):
            log_factors[end - span : end] += rng.uniform(0.1, 0.55) * (np.arange(1, span + 1) / span) ** 2
    return np.exp(log_factors)


CURVES: dict[str, Curve] = {
    "constant": constant,
    "drift": drift,
    "walk": walk,
    "ramp": ramp,
    "steps": steps,
    "swell": swell,
    "rubato": rubato,
    "ritardando": ritardando,
}

BAND_CURVES = {
    "constant": 0.5,
    "drift": 0.25,
    "walk": 0.06,
    "ramp": 0.05,
    "steps": 0.06,
    "swell": 0.04,
    "ritardando": 0.04,
}
MACHINE_CURVES = {"constant": 0.9, "steps": 0.05, "ramp": 0.05}
LIVE_CURVES = {
    "constant": 0.15,
    "drift": 0.5,
    "walk": 0.1,
    "ramp": 0.08,
    "steps": 0.04,
    "swell": 0.06,
    "ritardando": 0.07,
}
EXPRESSIVE_CURVES = {"constant": 0.07, "drift": 0.13, "swell": 0.12, "rubato": 0.48, "ritardando": 0.15, "steps": 0.05}
"""Weights of the curves for studio bands, machines, live bands and expressive soloists."""


def beat_times(
    rng: np.random.Generator,
    curve: str,
    bpm: float,
    start_sec: float,
    end_sec: float,
    phrase_beats: int,
    skipped_beats: int = 0,
) -> np.ndarray:
    """Times in seconds, [n], of beats from `start_sec` to before `end_sec` along a named curve around `bpm`.

    `skipped_beats` of the first phrase lie before the start, so that later phrases begin where bars do.

    Raises
    ------
    ValueError
        Where the curve is unknown, `bpm` is out of range or `phrase_beats` is below 1.
    """
    if curve not in CURVES:
        raise ValueError(f"unknown tempo curve {curve!r}, expected one of {sorted(CURVES)}")
    if not SLOWEST_BPM <= bpm <= FASTEST_BPM:
        raise ValueError(f"expected {SLOWEST_BPM} to {FASTEST_BPM} beats per minute, got {bpm}")
    if phrase_beats < 1:
        raise ValueError(f"a phrase needs at least one beat, got {phrase_beats}")
    beat_sec = 60 / bpm
    n_beats = max(2, int((end_sec - start_sec) / (60 / FASTEST_BPM)) + 1)
    factors = CURVES[curve](rng, n_beats + skipped_beats, phrase_beats)[skipped_beats:]
    typical = np.median(factors[: max(2, int((end_sec - start_sec) / beat_sec))])
    intervals_sec = np.clip(beat_sec * factors / typical, 60 / FASTEST_BPM, 60 / SLOWEST_BPM)
    times = start_sec + np.concatenate(([0.0], np.cumsum(intervals_sec)))
    return times[times < end_sec]
