"""Effects on the spectrum: tilt, parametric bands, cuts, and the band of small loudspeakers.

All filters are causal and of low order: their group delay at the frequencies that carry onsets stays under 2 ms.
"""

from __future__ import annotations

import numpy as np
import scipy.signal


def tilt(samples: np.ndarray, rate_hz: int, pivot_hz: float, tilt_db: float) -> np.ndarray:
    """Raise the treble by half of `tilt_db` and lower the bass by as much, about `pivot_hz` (first order)."""
    numerator, denominator = scipy.signal.butter(1, _below_nyquist(pivot_hz, rate_hz), fs=rate_hz)
    low = scipy.signal.lfilter(numerator, denominator, samples)
    gain = 10.0 ** (tilt_db / 40.0)
    return (low / gain + (samples - low) * gain).astype(np.float32)


def parametric(samples: np.ndarray, rate_hz: int, centre_hz: float, gain_db: float, quality: float) -> np.ndarray:
    """Raise or lower one band.

    Second-order peaking filter: Bristow-Johnson, Cookbook formulae for audio EQ biquad filter coefficients, peakingEQ.

    Parameters
    ----------
    samples
        Float `[n_samples]`.
    rate_hz
        Sample rate.
    centre_hz
        Centre of the band.
    gain_db
        Gain at the centre.
    quality
        Centre over bandwidth, positive.
    """
    if quality <= 0:
        raise ValueError(f"quality must be positive, not {quality}")
    amplitude = 10.0 ** (gain_db / 40.0)
    angle = 2.0 * np.pi * _below_nyquist(centre_hz, rate_hz) / rate_hz
    alpha = np.sin(angle) / (2.0 * quality)
    numerator = np.array([1.0 + alpha * amplitude, -2.0 * np.cos(angle), 1.0 - alpha * amplitude])
    denominator = np.array([1.0 + alpha / amplitude, -2.0 * np.cos(angle), 1.0 - alpha / amplitude])
    return scipy.signal.lfilter(numerator, denominator, samples).astype(np.float32)


def high_pass(samples: np.ndarray, rate_hz: int, cutoff_hz: float, order: int = 2) -> np.ndarray:
    """Remove what lies below `cutoff_hz` (Butterworth)."""
    return _butterworth(samples, rate_hz, cutoff_hz, order, "highpass")


def low_pass(samples: np.ndarray, rate_hz: int, cutoff_hz: float, order: int = 2) -> np.ndarray:
    """Remove what lies above `cutoff_hz` (Butterworth)."""
    return _butterworth(samples, rate_hz, cutoff_hz, order, "lowpass")


def band_limit(samples: np.ndarray, rate_hz: int, low_hz: float, high_hz: float) -> np.ndarray:
    """What a telephone, a laptop or a radio leaves.

    Fourth-order cut at the bottom, second-order at the top, a resonance in between.
    """
    if low_hz >= high_hz:
        raise ValueError(f"low_hz must be below high_hz, not {low_hz} and {high_hz}")
    inner = low_pass(high_pass(samples, rate_hz, low_hz, order=4), rate_hz, high_hz)
    return parametric(inner, rate_hz, float(np.sqrt(low_hz * high_hz)), 4.0, 1.0)


def _butterworth(samples: np.ndarray, rate_hz: int, cutoff_hz: float, order: int, kind: str) -> np.ndarray:
    if len(samples) == 0:
        return samples.astype(np.float32)
    sections = scipy.signal.butter(order, _below_nyquist(cutoff_hz, rate_hz), kind, fs=rate_hz, output="sos")
    return scipy.signal.sosfilt(sections, samples).astype(np.float32)


def _below_nyquist(frequency_hz: float, rate_hz: int) -> float:
    """A frequency a digital filter can have: at most 0.49 of the sample rate."""
    if frequency_hz <= 0:
        raise ValueError(f"frequency must be positive, not {frequency_hz} Hz")
    return min(frequency_hz, 0.49 * rate_hz)
