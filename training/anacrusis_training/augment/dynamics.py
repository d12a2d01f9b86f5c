"""Effects on amplitude: saturation, clipping, compression, level."""

from __future__ import annotations

import numpy as np

PEAK = 0.89
"""Peak after normalisation, -1 dB of full scale."""

_GAIN_HOP_SAMPLES = 32
_SILENCE = 1e-9


def normalise(samples: np.ndarray, peak: float = PEAK) -> np.ndarray:
    """Scale so that the largest magnitude is `peak`; silence stays silence.

    Parameters
    ----------
    samples
        Float `[n_samples]`.
    """
    largest = float(np.max(np.abs(samples), initial=0.0))
    if largest < _SILENCE:
        return samples.astype(np.float32)
    return (samples * (peak / largest)).astype(np.float32)


def saturate(samples: np.ndarray, drive: float, asymmetry: float = 0.0) -> np.ndarray:
    """Bend the waveform by a hyperbolic tangent.

    Parameters
    ----------
    samples
        Float `[n_samples]`, normalised first.
    drive
        Gain before the curve; 1 is hardly audible, 8 is a distorted guitar.
    asymmetry
        Offset before the curve, for even harmonics; taken out afterwards.
    """
    if drive <= 0:
        raise ValueError(f"drive must be positive, not {drive}")
    driven = np.tanh(drive * normalise(samples) + np.float32(asymmetry)) - np.tanh(np.float32(asymmetry))
    return driven.astype(np.float32)


def clip(samples: np.ndarray, ceiling: float) -> np.ndarray:
    """Cut off everything above `ceiling` (of the peak, in (0, 1]), as an overdriven input does."""
    if not 0 < ceiling <= 1:
        raise ValueError(f"ceiling must be in (0, 1], not {ceiling}")
    limit = np.float32(ceiling * np.max(np.abs(samples), initial=0.0))
    return np.clip(samples, -limit, limit).astype(np.float32)


def compress(
    samples: np.ndarray, rate_hz: int, threshold_db: float, ratio: float, attack_sec: float, release_sec: float
) -> np.ndarray:
    """Reduce the level above a threshold.

    The detector takes the peak of every 32 samples, rises within `attack_sec` and falls within `release_sec`;
    the gain between detector values is linear.

    Parameters
    ----------
    samples
        Float `[n_samples]`.
    rate_hz
        Sample rate.
    threshold_db
        Level relative to the peak of the samples above which gain is reduced.
    ratio
        dB in per dB out above the threshold, at least 1.
    attack_sec, release_sec
        Time constants.
    """
    if ratio < 1:
        raise ValueError(f"ratio must be at least 1, not {ratio}")
    n_samples = len(samples)
    largest = float(np.max(np.abs(samples), initial=0.0))
    if largest < _SILENCE:
        return samples.astype(np.float32)
    n_hops = -(-n_samples // _GAIN_HOP_SAMPLES)
    padded = np.zeros(n_hops * _GAIN_HOP_SAMPLES, np.float32)
    padded[:n_samples] = np.abs(samples)
    peaks = padded.reshape(n_hops, _GAIN_HOP_SAMPLES).max(axis=1) / largest
    level_db = 20.0 * np.log10(np.maximum(peaks, 1e-6))
    over_db = np.maximum(0.0, level_db - threshold_db)
    hop_sec = _GAIN_HOP_SAMPLES / rate_hz
    reduction_db = _follow(over_db * (1.0 - 1.0 / ratio), hop_sec / attack_sec, hop_sec / release_sec)
    gain = 10.0 ** (-reduction_db / 20.0)
    centres = (np.arange(n_hops) + 0.5) * _GAIN_HOP_SAMPLES
    return (samples * np.interp(np.arange(n_samples), centres, gain)).astype(np.float32)


def set_level(samples: np.ndarray, level_db: float) -> np.ndarray:
    """Peak-normalise, then lower by `level_db` (0 or negative)."""
    if level_db > 0:
        raise ValueError(f"level must not be above 0 dB, not {level_db}")
    return normalise(samples, PEAK * 10.0 ** (level_db / 20.0))


def _follow(target: np.ndarray, attack_steps: float, release_steps: float) -> np.ndarray:
    """One-pole follower with two speeds, `[n_hops]`; a step is the share of the time constant that one hop is."""
    rise, fall = 1.0 - float(np.exp(-attack_steps)), 1.0 - float(np.exp(-release_steps))
    out = []
    state = 0.0
    for value in target.tolist():
        state += (rise if value > state else fall) * (value - state)
        out.append(state)
    return np.array(out)
