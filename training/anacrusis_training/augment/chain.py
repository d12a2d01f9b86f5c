"""The chain a clip goes through: instrument to room, room to device, device to file, in that order."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from anacrusis_training.augment import codec, dynamics, filters, noise, room, tape

_Effect = Callable[[np.random.Generator, np.ndarray, int, float], tuple[np.ndarray, str]]


def augment(
    rng: np.random.Generator, samples: np.ndarray, rate_hz: int, strength: float
) -> tuple[np.ndarray, list[str]]:
    """Change how a clip sounds without moving anything in it.

    Every effect comes with its own probability times `strength` and goes further the larger `strength` is.
    The level is drawn last, because the features depend on it.

    Parameters
    ----------
    rng
        Source of every choice.
    samples
        Mono float `[n_samples]`.
    rate_hz
        Sample rate.
    strength
        In [0, 1]: 0 changes nothing, 1 is a telephone in a noisy church.

    Returns
    -------
    tuple[np.ndarray, list[str]]
        Float32 `[n_samples]` within full scale, and what was done, in order, for people and for reports.
    """
    if not 0.0 <= strength <= 1.0:
        raise ValueError(f"strength must be in [0, 1], not {strength}")
    if samples.ndim != 1:
        raise ValueError(f"samples must be mono [n_samples], not of shape {samples.shape}")
    out = samples.astype(np.float32)
    applied: list[str] = []
    if strength == 0.0:
        return out, applied
    for probability, effect in _CHAIN:
        # Each effect draws from a generator of its own, so that adding one does not change the others.
        child = rng.spawn(1)[0]
        if child.random() < probability * strength:
            out, name = effect(child, out, rate_hz, strength)
            applied.append(name)
    return out, applied


def _room(rng: np.random.Generator, samples: np.ndarray, rate_hz: int, strength: float) -> tuple[np.ndarray, str]:
    rt60_sec = float(rng.uniform(0.15, 0.15 + 1.05 * strength))
    wet = float(rng.uniform(0.05, 0.05 + 0.55 * strength))
    response = room.impulse_response(rng, rate_hz, rt60_sec, wet)
    return room.reverberate(samples, response), f"room {rt60_sec:.2f} s, wet {wet:.2f}"


def _comb(rng: np.random.Generator, samples: np.ndarray, rate_hz: int, strength: float) -> tuple[np.ndarray, str]:
    delay_sec, gain = float(rng.uniform(0.0004, 0.012)), float(rng.uniform(-0.7, 0.7) * strength)
    return tape.comb(samples, rate_hz, delay_sec, gain), f"comb {1e3 * delay_sec:.1f} ms, {gain:.2f}"


def _wow(rng: np.random.Generator, samples: np.ndarray, rate_hz: int, strength: float) -> tuple[np.ndarray, str]:
    displacement_sec = float(rng.uniform(0.1, 1.0) * strength * tape.MOST_DISPLACEMENT_SEC)
    return tape.wow_flutter(rng, samples, rate_hz, displacement_sec), f"wow {1e3 * displacement_sec:.2f} ms"


def _tilt(rng: np.random.Generator, samples: np.ndarray, rate_hz: int, strength: float) -> tuple[np.ndarray, str]:
    pivot_hz = float(np.exp(rng.uniform(np.log(150.0), np.log(4000.0))))
    tilt_db = float(rng.uniform(-12.0, 12.0) * strength)
    return filters.tilt(samples, rate_hz, pivot_hz, tilt_db), f"tilt {tilt_db:.1f} dB at {pivot_hz:.0f} Hz"


def _parametric(rng: np.random.Generator, samples: np.ndarray, rate_hz: int, strength: float) -> tuple[np.ndarray, str]:
    n_bands = int(rng.integers(1, 4))
    for _ in range(n_bands):
        centre_hz = float(np.exp(rng.uniform(np.log(60.0), np.log(8000.0))))
        gain_db = float(rng.uniform(-12.0, 12.0) * strength)
        samples = filters.parametric(samples, rate_hz, centre_hz, gain_db, float(rng.uniform(0.5, 3.0)))
    return samples, f"parametric, {n_bands} bands"


def _high_pass(rng: np.random.Generator, samples: np.ndarray, rate_hz: int, strength: float) -> tuple[np.ndarray, str]:
    cutoff_hz = float(rng.uniform(40.0, 60.0 + 340.0 * strength))
    return filters.high_pass(samples, rate_hz, cutoff_hz), f"high-pass {cutoff_hz:.0f} Hz"


def _low_pass(rng: np.random.Generator, samples: np.ndarray, rate_hz: int, strength: float) -> tuple[np.ndarray, str]:
    cutoff_hz = float(rng.uniform(9000.0 - 6800.0 * strength, 10000.0))
    return filters.low_pass(samples, rate_hz, cutoff_hz), f"low-pass {cutoff_hz:.0f} Hz"


def _device(rng: np.random.Generator, samples: np.ndarray, rate_hz: int, strength: float) -> tuple[np.ndarray, str]:
    name, low, high = (("phone", (250.0, 400.0), (3000.0, 3800.0)), ("laptop", (150.0, 350.0), (6000.0, 10000.0)))[
        int(rng.integers(2))
    ]
    limited = filters.band_limit(samples, rate_hz, float(rng.uniform(*low)), float(rng.uniform(*high)))
    return limited, name


def _saturate(rng: np.random.Generator, samples: np.ndarray, rate_hz: int, strength: float) -> tuple[np.ndarray, str]:
    drive = float(rng.uniform(1.0, 1.0 + 5.0 * strength))
    return dynamics.saturate(samples, drive, float(rng.uniform(0.0, 0.3))), f"saturation {drive:.1f}"


def _clip(rng: np.random.Generator, samples: np.ndarray, rate_hz: int, strength: float) -> tuple[np.ndarray, str]:
    ceiling = float(rng.uniform(1.0 - 0.7 * strength, 1.0))
    return dynamics.clip(samples, ceiling), f"clipping {ceiling:.2f}"


def _compress(rng: np.random.Generator, samples: np.ndarray, rate_hz: int, strength: float) -> tuple[np.ndarray, str]:
    threshold_db, ratio = (
        float(rng.uniform(-30.0 * strength, -6.0 * strength)),
        float(rng.uniform(1.5, 1.5 + 6 * strength)),
    )
    attack_sec, release_sec = float(rng.uniform(0.001, 0.03)), float(rng.uniform(0.05, 0.4))
    squeezed = dynamics.compress(samples, rate_hz, threshold_db, ratio, attack_sec, release_sec)
    return squeezed, f"compression {ratio:.1f} above {threshold_db:.0f} dB"


def _noise(rng: np.random.Generator, samples: np.ndarray, rate_hz: int, strength: float) -> tuple[np.ndarray, str]:
    kind = str(rng.choice(noise.KINDS, p=[0.25, 0.25, 0.15, 0.1, 0.25]))
    ratio_db = float(rng.uniform(45.0 - 39.0 * strength, 45.0))
    under = noise.make_noise(rng, kind, len(samples), rate_hz)
    return noise.add_noise(samples, under, ratio_db), f"{kind} noise {ratio_db:.0f} dB below"


def _codec(rng: np.random.Generator, samples: np.ndarray, rate_hz: int, strength: float) -> tuple[np.ndarray, str]:
    chosen = codec.CODECS[int(rng.integers(len(codec.CODECS)))]
    rate_kbps = int(rng.choice(chosen.rates_kbps))
    coded = codec.through_codec(dynamics.normalise(samples), rate_hz, chosen, rate_kbps)
    return coded, f"{chosen.name} {rate_kbps} kbit/s"


def _level(rng: np.random.Generator, samples: np.ndarray, rate_hz: int, strength: float) -> tuple[np.ndarray, str]:
    level_db = float(-rng.uniform(0.0, 24.0) * strength)
    return dynamics.set_level(samples, level_db), f"level {level_db:.1f} dB"


def _full_level(rng: np.random.Generator, samples: np.ndarray, rate_hz: int, strength: float) -> tuple[np.ndarray, str]:
    return dynamics.normalise(samples), "normalised"


_CHAIN: tuple[tuple[float, _Effect], ...] = (
    (0.45, _room),
    (0.12, _comb),
    (0.10, _wow),
    (0.70, _tilt),
    (0.40, _parametric),
    (0.25, _high_pass),
    (0.25, _low_pass),
    (0.12, _device),
    (0.35, _compress),
    (0.25, _saturate),
    (0.12, _clip),
    (0.40, _noise),
    (0.15, _codec),
    (float("inf"), _full_level),
    (0.70, _level),
)
"""Probability at full strength, and effect."""
