"""What is compared: net and mapping, both also with another song's sound and without hazard, section or beat, and smooth chance."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anacrusis_training.controller import traces
from anacrusis_training.controller.traces import CONTRACT, STEPS_PER_SEC

AUDIO = slice(0, 17)
"""Columns of the inputs that are sound: bands and level."""

ABLATIONS = ("no hazard", "no section", "no beat")
SPEC = CONTRACT["controller"]


def shuffled(inputs: Sequence[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
    """Every song with all that is known of the next one: what then still answers to the song is chance."""
    out = []
    for k, own in enumerate(inputs):
        other = inputs[(k + 1) % len(inputs)]
        out.append(other[np.arange(len(own)) % len(other)])
    return out


def without(inputs: NDArray[np.float32], what: str) -> NDArray[np.float32]:
    """Inputs with a part taken away.

    Raises
    ------
    ValueError
        No such part.
    """
    out = inputs.copy()
    if what == "no hazard":
        out[:, traces.HAZARDS] = 0.0
    elif what == "no section":
        out[:, traces.SECTIONS] = 0.0
    elif what == "no beat":
        out[:, [traces.LOCKED, traces.CONFIDENCE]] = 0.0
    else:
        raise ValueError(f"{what!r} cannot be left out, expected one of {', '.join(ABLATIONS)}")
    return out


def smooth_chance(n_steps: int, seed: int) -> NDArray[np.float64]:
    """Controls of nothing: noise smoothed over a tenth of a second for quick ones and two seconds for slow ones, in the same ranges."""
    rng = np.random.default_rng(seed)
    low, high = np.array(SPEC["control_min"], dtype=float), np.array(SPEC["control_max"], dtype=float)
    out = np.empty((n_steps, len(low)))
    for k in range(len(low)):
        width = STEPS_PER_SEC // 10 if SPEC["max_speed_per_sec"][k] > 5 else 2 * STEPS_PER_SEC
        noise = rng.standard_normal(n_steps + 4 * width)
        kernel = np.hanning(2 * width + 3)
        smooth = np.convolve(noise, kernel / np.sqrt((kernel**2).sum()), "same")[2 * width : 2 * width + n_steps]
        out[:, k] = low[k] + (high[k] - low[k]) * np.clip(0.5 + 0.2 * smooth, 0.0, 1.0)
    return out


def adversarial_sounds(folder: Path, rate_hz: int = 22_050, seconds: float = 12.0) -> list[Path]:
    """Sounds made to flicker: noise switched on and off 5 and 15 times a second, tones shaken 20 times, clicks, full noise, silence."""
    import soundfile

    rng = np.random.default_rng(5)
    t = np.arange(int(seconds * rate_hz)) / rate_hz
    noise = 0.5 * rng.standard_normal(len(t))
    tone = 0.5 * np.sin(2 * np.pi * 220.0 * t) + 0.3 * np.sin(2 * np.pi * 3000.0 * t)
    clicks = np.zeros_like(t)
    clicks[:: rate_hz // 10] = 1.0
    sounds = {
        "square_5_hz": noise * (np.floor(10.0 * t) % 2),
        "square_15_hz": noise * (np.floor(30.0 * t) % 2),
        "tremolo_20_hz": tone * (0.5 + 0.5 * np.sin(2 * np.pi * 20.0 * t)),
        "clicks_10_hz": clicks,
        "full_noise": np.clip(3.0 * noise, -1.0, 1.0),
        "silence": np.zeros_like(t),
    }
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, samples in sounds.items():
        path = folder / f"{name}.wav"
        soundfile.write(path, np.clip(samples, -1, 1).astype(np.float32), rate_hz)
        paths.append(path)
    return paths
