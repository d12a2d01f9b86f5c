"""Drum synthesis: a random kit whose hits are tones that fall in pitch, filtered noise, and square waves for metal.

The drum machines of the 1980s work this way (808, 909); wide random ranges reach from those to noises no kit has.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import scipy.signal

_LONGEST_SEC = 2.5
_METAL_RATIOS = (1.0, 1.342, 1.2312, 1.6532, 1.9523, 2.1523)
"""Inharmonic squares of a synthetic cymbal, about 205 to 440 Hz at ratio 1, as drum machines use them."""


@dataclasses.dataclass(frozen=True, slots=True)
class Recipe:
    """What a drum is made of.

    Attributes
    ----------
    tone_hz, sweep, tone_decay_sec, tone
        Frequencies of its tones, ratio by which they start higher, time constant, level.
    noise_band_hz, noise_decay_sec, noise
        Band, time constant and level of its noise.
    attack_sec
        Rise of the noise; shakers take their time.
    bursts
        Number of noise bursts 11 ms apart; the last one is the hand clap's.
    metal, metal_decay_sec
        Level and time constant of its square cluster, high-passed at the noise band's lower edge.
    """

    tone_hz: tuple[float, ...] = ()
    sweep: float = 1.0
    tone_decay_sec: float = 0.1
    tone: float = 0.0
    noise_band_hz: tuple[float, float] = (400.0, 9000.0)
    noise_decay_sec: float = 0.05
    noise: float = 0.0
    attack_sec: float = 0.0
    bursts: int = 1
    metal: float = 0.0
    metal_decay_sec: float = 0.1


_HAT_BAND_HZ = (5500.0, 10500.0)
_CYMBAL_BAND_HZ = (2500.0, 10500.0)

_KICK = Recipe((52.0,), 4.5, 0.16, 1.0, (1500.0, 6000.0), 0.004, 0.25)
_SNARE = Recipe((185.0, 330.0), 1.25, 0.07, 0.6, (900.0, 9000.0), 0.11, 0.7)
_STICK = Recipe((820.0, 1710.0), 1.05, 0.012, 0.6, (1500.0, 8000.0), 0.008, 0.4)
_CLAP = Recipe(noise_band_hz=(800.0, 3500.0), noise_decay_sec=0.09, noise=1.0, bursts=4)
_CLOSED_HAT = Recipe(noise_band_hz=_HAT_BAND_HZ, noise_decay_sec=0.03, noise=0.5, metal=0.5, metal_decay_sec=0.03)
_OPEN_HAT = Recipe(noise_band_hz=_HAT_BAND_HZ, noise_decay_sec=0.28, noise=0.5, metal=0.5, metal_decay_sec=0.3)
_PEDAL_HAT = Recipe(noise_band_hz=(4000.0, 9500.0), noise_decay_sec=0.04, noise=0.4, metal=0.3, metal_decay_sec=0.04)
_CRASH = Recipe(noise_band_hz=_CYMBAL_BAND_HZ, noise_decay_sec=0.7, noise=0.6, metal=0.35, metal_decay_sec=0.8)
_SPLASH = Recipe(noise_band_hz=_CYMBAL_BAND_HZ, noise_decay_sec=0.25, noise=0.6, metal=0.3, metal_decay_sec=0.2)
_RIDE = Recipe((3100.0, 4700.0), 1.0, 0.1, 0.25, (4000.0, 10500.0), 0.3, 0.2, metal=0.4, metal_decay_sec=0.4)
_RIDE_BELL = Recipe((1180.0, 2950.0), 1.0, 0.35, 0.6, (4000.0, 10500.0), 0.2, 0.1, metal=0.3, metal_decay_sec=0.4)
_TAMBOURINE = Recipe(noise_band_hz=(6000.0, 10500.0), noise_decay_sec=0.09, noise=0.6, metal=0.5, metal_decay_sec=0.08)
_COWBELL = Recipe((562.0, 845.0), 1.0, 0.07, 1.0)
_SHAKER = Recipe(noise_band_hz=(4500.0, 10500.0), noise_decay_sec=0.035, noise=0.6, attack_sec=0.008)
_GUIRO = Recipe(noise_band_hz=(2000.0, 7000.0), noise_decay_sec=0.06, noise=0.8, bursts=7)
_TRIANGLE = Recipe((4120.0, 6890.0, 9230.0), 1.0, 0.6, 0.6)
_WHISTLE = Recipe((2350.0,), 1.0, 0.15, 0.7, (2000.0, 4000.0), 0.1, 0.15)
_CLAVES = Recipe((2480.0,), 1.0, 0.02, 1.0)


def _membrane(frequency_hz: float, decay_sec: float, slap: float = 0.2) -> Recipe:
    """Tom, conga, bongo or timbale."""
    return Recipe((frequency_hz, 1.59 * frequency_hz), 1.35, decay_sec, 0.9, (800.0, 6000.0), 0.012, slap)


def _block(frequency_hz: float, decay_sec: float) -> Recipe:
    """Wood block or agogo."""
    return Recipe((frequency_hz, 1.51 * frequency_hz), 1.0, decay_sec, 0.9)


_RECIPES: dict[int, Recipe] = {
    **dict.fromkeys((35, 36), _KICK),
    **dict.fromkeys((38, 40), _SNARE),
    **dict.fromkeys((31, 32, 33, 37), _STICK),
    39: _CLAP,
    41: _membrane(85.0, 0.22),
    42: _CLOSED_HAT,
    43: _membrane(98.0, 0.22),
    44: _PEDAL_HAT,
    45: _membrane(118.0, 0.2),
    46: _OPEN_HAT,
    47: _membrane(138.0, 0.18),
    48: _membrane(160.0, 0.17),
    **dict.fromkeys((49, 52, 57), _CRASH),
    50: _membrane(190.0, 0.15),
    **dict.fromkeys((51, 59), _RIDE),
    53: _RIDE_BELL,
    **dict.fromkeys((54, 83), _TAMBOURINE),
    55: _SPLASH,
    56: _COWBELL,
    58: _GUIRO,
    60: _membrane(420.0, 0.06),
    61: _membrane(310.0, 0.07),
    62: _membrane(330.0, 0.04, 0.5),
    63: _membrane(250.0, 0.12),
    64: _membrane(175.0, 0.14),
    65: _membrane(360.0, 0.12, 0.4),
    66: _membrane(260.0, 0.14, 0.4),
    67: _block(1060.0, 0.12),
    68: _block(760.0, 0.13),
    **dict.fromkeys((69, 70, 82), _SHAKER),
    **dict.fromkeys((71, 72), _WHISTLE),
    **dict.fromkeys((73, 74), _GUIRO),
    75: _CLAVES,
    76: _block(1180.0, 0.03),
    77: _block(850.0, 0.035),
    78: _membrane(520.0, 0.08),
    79: _membrane(400.0, 0.12),
    **dict.fromkeys((80, 81), _TRIANGLE),
}

_CHOKED_BY = {46: (42, 44)}
"""An open hi-hat ends when the closed one or the pedal sounds."""


class Kit:
    """A kit drawn from a generator; a drum pitch without a recipe is a stick.

    Parameters
    ----------
    rng
        Source of the kit's character.
    rate_hz
        Sample rate.
    """

    def __init__(self, rng: np.random.Generator, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._seed = int(rng.integers(2**31))
        self._pitch_spread = float(rng.uniform(0.03, 0.25))
        self._decay_scale = float(np.exp(rng.normal(0.0, 0.35)))
        self._noise_scale = float(np.exp(rng.normal(0.0, 0.5)))
        self._drive = float(rng.uniform(0.5, 5.0)) if rng.random() < 0.4 else 0.0
        self._long_kick = float(rng.uniform(1.5, 4.0)) if rng.random() < 0.25 else 1.0
        self._hits: dict[tuple[int, int], np.ndarray] = {}

    def hit(self, pitch: int, variant: int) -> np.ndarray:
        """One stroke at full strength, float32 `[n_samples]`, with its transient at the start.

        `variant` is a different stroke of the same drum.
        """
        key = (pitch, variant)
        if key not in self._hits:
            # The drum's character comes from its pitch alone, the noise of a stroke from the variant as well.
            recipe = self._vary(_RECIPES.get(pitch, _STICK), pitch)
            self._hits[key] = self._strike(recipe, np.random.default_rng((self._seed, pitch, variant)))
        return self._hits[key]

    @staticmethod
    def choked_by(pitch: int) -> tuple[int, ...]:
        """Drum pitches that end a sounding stroke of `pitch`."""
        return _CHOKED_BY.get(pitch, ())

    def _vary(self, recipe: Recipe, pitch: int) -> Recipe:
        rng = np.random.default_rng((self._seed, pitch))
        tune = float(np.exp(rng.normal(0.0, self._pitch_spread)))
        decay = self._decay_scale * float(np.exp(rng.normal(0.0, 0.25)))
        if recipe is _KICK:
            decay *= self._long_kick
        low_hz, high_hz = recipe.noise_band_hz
        return dataclasses.replace(
            recipe,
            tone_hz=tuple(hz * tune for hz in recipe.tone_hz),
            sweep=1.0 + (recipe.sweep - 1.0) * float(rng.uniform(0.6, 1.6)),
            tone_decay_sec=recipe.tone_decay_sec * decay,
            noise_band_hz=(low_hz * float(rng.uniform(0.7, 1.2)), high_hz),
            noise_decay_sec=recipe.noise_decay_sec * decay,
            noise=recipe.noise * (1.0 if recipe.tone == 0.0 else self._noise_scale),
            metal_decay_sec=recipe.metal_decay_sec * decay,
            metal=recipe.metal * float(rng.uniform(0.3, 1.6)),
        )

    def _strike(self, recipe: Recipe, rng: np.random.Generator) -> np.ndarray:
        longest_sec = max(recipe.tone_decay_sec, recipe.noise_decay_sec, recipe.metal_decay_sec)
        n_samples = int(min(_LONGEST_SEC, 7.0 * longest_sec + 0.02 * recipe.bursts) * self._rate_hz)
        time_sec = np.arange(n_samples) / self._rate_hz
        out = np.zeros(n_samples)
        if recipe.tone:
            out += recipe.tone * _tones(recipe, time_sec)
        if recipe.noise:
            out += recipe.noise * _noise(recipe, time_sec, rng, self._rate_hz)
        if recipe.metal:
            out += recipe.metal * _metal(recipe, time_sec, rng, self._rate_hz)
        out /= np.max(np.abs(out)) + 1e-12
        if self._drive:
            out = np.tanh(self._drive * out) / np.tanh(self._drive)
        fade = min(n_samples, int(0.01 * self._rate_hz))
        out[n_samples - fade :] *= np.linspace(1.0, 0.0, fade)
        return out.astype(np.float32)


def _tones(recipe: Recipe, time_sec: np.ndarray) -> np.ndarray:
    out = np.zeros(len(time_sec))
    fall_sec = 0.25 * recipe.tone_decay_sec
    # The integral of a frequency that falls exponentially from sweep * hz to hz.
    stretched = time_sec + (recipe.sweep - 1.0) * fall_sec * (1.0 - np.exp(-time_sec / fall_sec))
    for number, hz in enumerate(recipe.tone_hz):
        # A cosine start gives the click of the beater.
        decay = np.exp(-time_sec * (1.0 + 0.6 * number) / recipe.tone_decay_sec)
        out += decay * np.cos(2.0 * np.pi * hz * stretched - 0.5) / (number + 1.0)
    return out


def _noise(recipe: Recipe, time_sec: np.ndarray, rng: np.random.Generator, rate_hz: int) -> np.ndarray:
    low_hz, high_hz = recipe.noise_band_hz
    band = [min(low_hz, 0.4 * rate_hz), min(high_hz, 0.48 * rate_hz)]
    sections = scipy.signal.butter(1, band, "bandpass", fs=rate_hz, output="sos")
    noise = scipy.signal.sosfilt(sections, rng.standard_normal(len(time_sec)))
    envelope = np.zeros(len(time_sec))
    for burst in range(recipe.bursts):
        since_sec = time_sec - 0.011 * burst
        decay_sec = recipe.noise_decay_sec if burst == recipe.bursts - 1 else 0.006
        envelope = np.maximum(
            envelope, np.where(since_sec >= 0.0, np.exp(-np.maximum(since_sec, 0.0) / decay_sec), 0.0)
        )
    if recipe.attack_sec:
        envelope *= np.minimum(time_sec / recipe.attack_sec, 1.0)
    return envelope * noise


def _metal(recipe: Recipe, time_sec: np.ndarray, rng: np.random.Generator, rate_hz: int) -> np.ndarray:
    base_hz = float(rng.uniform(205.0, 440.0))
    cluster = np.zeros(len(time_sec))
    for ratio in _METAL_RATIOS:
        cluster += np.sign(np.sin(2.0 * np.pi * base_hz * ratio * time_sec + rng.uniform(0.0, 2.0 * np.pi)))
    cutoff_hz = min(recipe.noise_band_hz[0], 0.4 * rate_hz)
    sections = scipy.signal.butter(2, cutoff_hz, "highpass", fs=rate_hz, output="sos")
    return scipy.signal.sosfilt(sections, cluster) * np.exp(-time_sec / recipe.metal_decay_sec)
