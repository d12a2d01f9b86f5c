"""Noise under the music: white, pink, brown, mains hum, and a crowd."""

from __future__ import annotations

import numpy as np
import scipy.signal

KINDS = ("white", "pink", "brown", "hum", "crowd")

_CROWD_BURSTS_PER_SEC = 14.0
_CROWD_FORMANTS_HZ = (450.0, 2600.0)


def make_noise(rng: np.random.Generator, kind: str, n_samples: int, rate_hz: int) -> np.ndarray:
    """Draw noise of one of `KINDS` with a root mean square of 1, float32 `[n_samples]`."""
    if kind not in KINDS:
        raise ValueError(f"noise is one of {', '.join(KINDS)}, not {kind!r}")
    if n_samples == 0:
        return np.zeros(0, np.float32)
    if kind == "hum":
        noise = _hum(rng, n_samples, rate_hz)
    elif kind == "crowd":
        noise = _crowd(rng, n_samples, rate_hz)
    else:
        noise = _coloured(rng, kind, n_samples, rate_hz)
    return (noise / (np.sqrt(np.mean(noise**2)) + 1e-12)).astype(np.float32)


def add_noise(samples: np.ndarray, noise: np.ndarray, ratio_db: float) -> np.ndarray:
    """Add noise of unit power so that the samples `[n_samples]` are `ratio_db` above it."""
    if len(samples) != len(noise):
        raise ValueError(f"{len(samples)} samples but {len(noise)} samples of noise")
    power = float(np.mean(np.square(samples, dtype=np.float64))) if len(samples) else 0.0
    return (samples + noise * np.float32(np.sqrt(power) * 10.0 ** (-ratio_db / 20.0))).astype(np.float32)


def _coloured(rng: np.random.Generator, kind: str, n_samples: int, rate_hz: int) -> np.ndarray:
    white = rng.standard_normal(n_samples, dtype=np.float32)
    if kind == "white":
        return white
    if kind == "brown":
        return scipy.signal.lfilter([1.0], [1.0, -np.exp(-2.0 * np.pi * 30.0 / rate_hz)], white)
    # Pink: first-order low-passes an octave and more apart, each taking over where the one before it falls off.
    pink = np.zeros(n_samples)
    for cutoff_hz in (25.0, 130.0, 700.0, 4000.0):
        pole = np.exp(-2.0 * np.pi * cutoff_hz / rate_hz)
        pink += scipy.signal.lfilter([(1.0 - pole) / np.sqrt(cutoff_hz)], [1.0, -pole], white)
    return pink


def _hum(rng: np.random.Generator, n_samples: int, rate_hz: int) -> np.ndarray:
    """Mains hum of 50 or 60 Hz with harmonics that fall off."""
    mains_hz = float(rng.choice([50.0, 60.0]))
    angle = (2.0 * np.pi * mains_hz / rate_hz) * np.arange(n_samples)
    hum = np.zeros(n_samples)
    for harmonic in (1, 2, 3, 4, 5, 7):
        hum += rng.uniform(0.3, 1.0) / harmonic * np.sin(harmonic * angle + rng.uniform(0.0, 2.0 * np.pi))
    return hum


def _crowd(rng: np.random.Generator, n_samples: int, rate_hz: int) -> np.ndarray:
    """Noise in the band of speech, swelling in many overlapping bursts of syllable length."""
    envelope = np.full(n_samples // 64 + 2, 0.3)
    envelope_rate_hz = rate_hz / 64.0
    for _ in range(rng.poisson(_CROWD_BURSTS_PER_SEC * n_samples / rate_hz)):
        width = max(2, int(rng.uniform(0.08, 0.35) * envelope_rate_hz))
        start = int(rng.integers(0, len(envelope)))
        burst = rng.exponential(1.0) * np.hanning(width)[: len(envelope) - start]
        envelope[start : start + len(burst)] += burst
    white = rng.standard_normal(n_samples, dtype=np.float32)
    low_hz, high_hz = _CROWD_FORMANTS_HZ
    sections = scipy.signal.butter(1, [low_hz, min(high_hz, 0.45 * rate_hz)], "bandpass", fs=rate_hz, output="sos")
    voiced = scipy.signal.sosfilt(sections, white)
    return voiced * np.interp(np.arange(n_samples) / 64.0, np.arange(len(envelope)), envelope)
