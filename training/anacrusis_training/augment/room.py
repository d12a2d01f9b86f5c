"""A room: direct sound, early reflections and an exponentially dying tail.

The direct path is the first and has no delay, so an onset stays where it was.
"""

from __future__ import annotations

import numpy as np
import scipy.signal

_FIRST_REFLECTION_SEC = 0.003
_LAST_REFLECTION_SEC = 0.045
_DECAY_AT_RT60 = float(np.log(1000.0))
"""Natural logarithm of the amplitude ratio of 60 dB."""


def impulse_response(rng: np.random.Generator, rate_hz: int, rt60_sec: float, wet: float) -> np.ndarray:
    """Draw a room.

    Parameters
    ----------
    rng
        Source of the reflections and the tail.
    rate_hz
        Sample rate.
    rt60_sec
        Time in which the tail falls by 60 dB, at low frequencies; above 2 kHz it falls twice as fast.
    wet
        Energy of reflections and tail against that of the direct sound.

    Returns
    -------
    np.ndarray
        Response, float32 `[n_samples]`, whose first sample is the direct path with amplitude 1.
    """
    if rt60_sec <= 0 or wet < 0:
        raise ValueError(f"rt60_sec must be positive and wet not negative, not {rt60_sec} and {wet}")
    n_samples = max(2, int(rt60_sec * rate_hz))
    time_sec = np.arange(n_samples) / rate_hz
    noise = rng.standard_normal(n_samples)
    numerator, denominator = scipy.signal.butter(1, min(2000.0, 0.45 * rate_hz), fs=rate_hz)
    dull = scipy.signal.lfilter(numerator, denominator, noise)
    decay = np.exp(-_DECAY_AT_RT60 * time_sec / rt60_sec)
    tail = dull * decay + (noise - dull) * decay**2
    tail *= np.clip(time_sec / _LAST_REFLECTION_SEC, 0.0, 1.0)
    response = tail / (np.sqrt(np.sum(tail**2)) + 1e-12)
    n_reflections = int(rng.integers(4, 14))
    delays_sec = rng.uniform(_FIRST_REFLECTION_SEC, _LAST_REFLECTION_SEC, n_reflections)
    gains = rng.uniform(0.2, 1.0, n_reflections) * rng.choice([-1.0, 1.0], n_reflections)
    gains *= np.exp(-delays_sec / 0.03)
    at = (delays_sec * rate_hz).astype(int)
    np.add.at(response, at[at < n_samples], gains[at < n_samples] / np.sqrt(n_reflections))
    response[0] = 0.0
    response *= np.sqrt(wet / (np.sum(response**2) + 1e-12))
    response[0] = 1.0
    return response.astype(np.float32)


def reverberate(samples: np.ndarray, response: np.ndarray) -> np.ndarray:
    """Play samples `[n_samples]` in a room; what rings beyond their end is cut."""
    if len(samples) == 0:
        return samples.astype(np.float32)
    return scipy.signal.oaconvolve(samples, response)[: len(samples)].astype(np.float32)
