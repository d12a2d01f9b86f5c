"""Patches of our own synthesiser: what one held note of one pitch sounds like.

Three kinds cover the classic methods. `HarmonicPatch` sums layers of harmonics, each with its own envelope:
analogue-like (a bright layer that dies over a dark one that stays, in the place of a filter sweep), plucked strings
(high harmonics die sooner), organ, bowed strings, brass, pads, and sung vowels (harmonics shaped by formants).
`FmPatch` is two-operator frequency modulation (Chowning 1973). `PartialPatch` sums inharmonic partials, as bells do.
"""

from __future__ import annotations

import dataclasses

import numpy as np

_TABLE_SAMPLES = 8192
_HIGHEST_SHARE = 0.45
"""Harmonics end at this share of the sample rate."""

_CLICK_FREE_SEC = 0.0008


@dataclasses.dataclass(frozen=True, slots=True)
class Layer:
    """Harmonics that share an envelope.

    `amplitudes` are of harmonics 1, 2, ...; the envelope rises within `attack_sec` and then falls
    with time constant `decay_sec` to `sustain` of its peak.
    """

    amplitudes: tuple[float, ...]
    attack_sec: float
    decay_sec: float
    sustain: float


@dataclasses.dataclass(frozen=True, slots=True)
class Vibrato:
    """Periodic change of pitch that sets in gradually over `delay_sec`."""

    depth_cents: float
    rate_hz: float
    delay_sec: float


NO_VIBRATO = Vibrato(0.0, 5.0, 0.1)


@dataclasses.dataclass(frozen=True, slots=True)
class HarmonicPatch:
    """Layers of harmonics, played by detuned copies.

    `formants` are (centre Hz, bandwidth Hz, gain); without any, the amplitudes stand as they are.
    `breath` is the share of noise; `brightness_by_velocity` how far soft notes lose all layers but the first.
    """

    layers: tuple[Layer, ...]
    detunes_cents: tuple[float, ...] = (0.0,)
    vibrato: Vibrato = NO_VIBRATO
    formants: tuple[tuple[float, float, float], ...] = ()
    breath: float = 0.0
    brightness_by_velocity: float = 0.5

    def tone(
        self, rng: np.random.Generator, frequency_hz: float, strength: float, n_samples: int, rate_hz: int
    ) -> np.ndarray:
        """One held note, see `Patch`."""
        time_sec = np.arange(n_samples) / rate_hz
        out = np.zeros(n_samples)
        wobble = _vibrato_cycles(self.vibrato, time_sec)
        for cents in self.detunes_cents:
            tuned_hz = frequency_hz * 2.0 ** (cents / 1200.0)
            cycles = tuned_hz * (time_sec + wobble) + rng.random()
            index = (cycles * _TABLE_SAMPLES).astype(np.int64) & (_TABLE_SAMPLES - 1)
            for number, layer in enumerate(self.layers):
                table = self._table(layer, tuned_hz, rate_hz)
                softened = 1.0 - (self.brightness_by_velocity * (1.0 - strength) if number else 0.0)
                out += softened * _envelope(layer, time_sec) * table[index]
        if self.breath:
            first = _envelope(self.layers[0], time_sec)
            out += self.breath * len(self.detunes_cents) * first * rng.standard_normal(n_samples)
        return out

    def _table(self, layer: Layer, frequency_hz: float, rate_hz: int) -> np.ndarray:
        """One cycle of a layer without the harmonics that would alias, `[_TABLE_SAMPLES]`."""
        count = min(len(layer.amplitudes), int(_HIGHEST_SHARE * rate_hz / frequency_hz), _TABLE_SAMPLES // 2 - 1)
        numbers = np.arange(1, count + 1)
        amplitudes = np.array(layer.amplitudes[:count])
        if self.formants:
            shape = np.full(count, 0.02)
            for centre_hz, width_hz, gain in self.formants:
                shape += gain / (1.0 + ((numbers * frequency_hz - centre_hz) / (0.5 * width_hz)) ** 2)
            amplitudes = amplitudes * shape
        spectrum = np.zeros(_TABLE_SAMPLES // 2 + 1, complex)
        # Phases by Schroeder's rule keep the crest factor low.
        spectrum[1 : count + 1] = amplitudes * np.exp(-1j * np.pi * numbers * (numbers - 1) / max(count, 1))
        return np.fft.irfft(spectrum, _TABLE_SAMPLES) * (_TABLE_SAMPLES / 2)


@dataclasses.dataclass(frozen=True, slots=True)
class FmPatch:
    """Two-operator frequency modulation: its index falls from `index_peak` to `index_floor` with `index_decay_sec`."""

    ratio: float
    index_peak: float
    index_floor: float
    index_decay_sec: float
    layer: Layer
    vibrato: Vibrato = NO_VIBRATO

    def tone(
        self, rng: np.random.Generator, frequency_hz: float, strength: float, n_samples: int, rate_hz: int
    ) -> np.ndarray:
        """One held note, see `Patch`."""
        time_sec = np.arange(n_samples) / rate_hz
        angle = 2.0 * np.pi * frequency_hz * (time_sec + _vibrato_cycles(self.vibrato, time_sec))
        # Carson's rule keeps the sidebands below the Nyquist frequency.
        room = max(0.0, _HIGHEST_SHARE * rate_hz / frequency_hz - 1.0) / max(self.ratio, 0.25) - 1.0
        fall = np.exp(-time_sec / self.index_decay_sec)
        index = np.minimum((self.index_floor + (self.index_peak - self.index_floor) * fall) * strength, max(room, 0.0))
        modulator = np.sin(self.ratio * angle + rng.uniform(0.0, 2.0 * np.pi))
        return _envelope(self.layer, time_sec) * np.sin(angle + index * modulator)


@dataclasses.dataclass(frozen=True, slots=True)
class PartialPatch:
    """Inharmonic partials: (ratio to the pitch, amplitude, decay in seconds) each."""

    partials: tuple[tuple[float, float, float], ...]

    def tone(
        self, rng: np.random.Generator, frequency_hz: float, strength: float, n_samples: int, rate_hz: int
    ) -> np.ndarray:
        """One held note, see `Patch`."""
        time_sec = np.arange(n_samples) / rate_hz
        out = np.zeros(n_samples)
        for number, (ratio, amplitude, decay_sec) in enumerate(self.partials):
            if ratio * frequency_hz < _HIGHEST_SHARE * rate_hz:
                level = amplitude * (strength if number else 1.0)
                phase = rng.uniform(0.0, 2.0 * np.pi)
                out += (
                    level * np.exp(-time_sec / decay_sec) * np.sin(2 * np.pi * ratio * frequency_hz * time_sec + phase)
                )
        return out * np.minimum(time_sec / _CLICK_FREE_SEC, 1.0)


Waveform = HarmonicPatch | FmPatch | PartialPatch


@dataclasses.dataclass(frozen=True, slots=True)
class Patch:
    """A waveform with what surrounds it.

    Attributes
    ----------
    name
        For people.
    waveform
        Its `tone(rng, frequency_hz, strength, n_samples, rate_hz)` is a held note, float `[n_samples]`;
        `strength` in (0, 1] stands for velocity.
    release_sec
        Time constant of the fall after the note's end.
    lead_sec
        How much sooner than written the note starts, as players of slow instruments do.
    drive
        Saturation of the whole channel, 0 for none.
    octave
        Octaves added to the written pitch.
    """

    name: str
    waveform: Waveform
    release_sec: float
    lead_sec: float = 0.0
    drive: float = 0.0
    octave: int = 0


def _envelope(layer: Layer, time_sec: np.ndarray) -> np.ndarray:
    """Linear rise, then exponential fall to the sustain level, `[n_samples]`."""
    attack_sec = max(layer.attack_sec, _CLICK_FREE_SEC)
    fall = np.exp(-np.maximum(time_sec - attack_sec, 0.0) / layer.decay_sec)
    return np.minimum(time_sec / attack_sec, 1.0) * (layer.sustain + (1.0 - layer.sustain) * fall)


def _vibrato_cycles(vibrato: Vibrato, time_sec: np.ndarray) -> np.ndarray:
    """Seconds by which vibrato advances the phase, `[n_samples]`; zeros without vibrato."""
    if vibrato.depth_cents == 0.0:
        return np.zeros_like(time_sec)
    deviation = 2.0 ** (vibrato.depth_cents / 1200.0) - 1.0
    angle = 2.0 * np.pi * vibrato.rate_hz * time_sec
    grown = np.clip(time_sec / vibrato.delay_sec, 0.0, 1.0)
    return deviation / (2.0 * np.pi * vibrato.rate_hz) * grown * (1.0 - np.cos(angle))
