"""Effects of unsteady or doubled paths: wow and flutter, and the comb of a delayed copy."""

from __future__ import annotations

import numpy as np

MOST_DISPLACEMENT_SEC = 0.001
"""Largest time error wow and flutter may make; beats are labelled to about 10 ms."""


def wow_flutter(rng: np.random.Generator, samples: np.ndarray, rate_hz: int, displacement_sec: float) -> np.ndarray:
    """Let the tape run unevenly: time is displaced by two sines, one slow and one fast.

    Parameters
    ----------
    rng
        Source of rates and phases.
    samples
        Float `[n_samples]`.
    rate_hz
        Sample rate.
    displacement_sec
        Largest displacement in either direction, at most `MOST_DISPLACEMENT_SEC`.
    """
    if not 0 <= displacement_sec <= MOST_DISPLACEMENT_SEC:
        raise ValueError(f"displacement must be in [0, {MOST_DISPLACEMENT_SEC}] s, not {displacement_sec}")
    n_samples = len(samples)
    if n_samples == 0:
        return samples.astype(np.float32)
    # A displacement changes slowly, so it is computed at every 64th sample.
    coarse = np.arange(0, n_samples + 64, 64)
    wow_hz, flutter_hz = rng.uniform(0.4, 1.5), rng.uniform(4.0, 9.0)
    phases = rng.uniform(0.0, 2.0 * np.pi, 2)
    path = 0.85 * np.sin(2.0 * np.pi * wow_hz * coarse / rate_hz + phases[0])
    path += 0.15 * np.sin(2.0 * np.pi * flutter_hz * coarse / rate_hz + phases[1])
    index = np.arange(n_samples)
    position = index + np.interp(index, coarse, displacement_sec * rate_hz * path)
    return np.interp(position, index, samples).astype(np.float32)


def comb(samples: np.ndarray, rate_hz: int, delay_sec: float, gain: float) -> np.ndarray:
    """Add a delayed copy, as two microphones folded to mono do; the undelayed one stays the louder."""
    if not -1 < gain < 1 or delay_sec < 0:
        raise ValueError(f"gain must be within (-1, 1) and delay not negative, not {gain} and {delay_sec} s")
    out = samples.astype(np.float32)
    delay = round(delay_sec * rate_hz)
    if delay < len(samples):
        out = out.copy()
        out[delay:] += np.float32(gain) * samples[: len(samples) - delay].astype(np.float32)
    return out
