"""Random patches for each General MIDI family, so that a bass stays a bass while no two pieces share a timbre."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from anacrusis_training.render.patches import FmPatch, HarmonicPatch, Layer, PartialPatch, Patch, Vibrato
from anacrusis_training.render.programs import lead_sec

_STRAY_PROB = 0.2
"""How often an instrument is replaced by one of `_STRAY_FAMILIES`."""

_STRAY_FAMILIES = (0, 1, 2, 3, 5, 7, 8, 9, 10, 13, 14, 15)
"""No basses, which are too low, and no ensembles and pads, which blur the attacks of what they replace."""

_VOWELS_HZ = {
    # Peterson and Barney 1952, table II, men and women between.
    "a": ((790.0, 110.0, 1.0), (1150.0, 120.0, 0.6), (2600.0, 180.0, 0.2)),
    "e": ((560.0, 90.0, 1.0), (1950.0, 130.0, 0.45), (2600.0, 180.0, 0.25)),
    "i": ((290.0, 70.0, 1.0), (2500.0, 150.0, 0.3), (3150.0, 200.0, 0.2)),
    "o": ((580.0, 90.0, 1.0), (880.0, 100.0, 0.5), (2550.0, 180.0, 0.1)),
    "u": ((330.0, 70.0, 1.0), (900.0, 100.0, 0.25), (2450.0, 180.0, 0.08)),
}


def draw_patch(rng: np.random.Generator, program: int) -> Patch:
    """Draw a patch for a General MIDI program (0 to 127)."""
    if not 0 <= program < 128:
        raise ValueError(f"program must be in 0 to 127, not {program}")
    family = int(rng.choice(_STRAY_FAMILIES)) if rng.random() < _STRAY_PROB else program // 8
    makers = _FAMILIES[family]
    return makers[int(rng.integers(len(makers)))](rng)


def analogue(rng: np.random.Generator) -> Patch:
    """Subtractive lead or keyboard."""
    dark, bright = _filtered_pair(rng, (300.0, 1500.0), (2.0, 10.0))
    decay_sec = _log_uniform(rng, 0.05, 0.8)
    layers = (Layer(dark, 0.002, 5.0, 1.0), Layer(bright, 0.002, decay_sec, float(rng.uniform(0.0, 0.6))))
    waveform = HarmonicPatch(layers, _unison(rng, 15.0), brightness_by_velocity=float(rng.uniform(0.2, 0.9)))
    return Patch("analogue", waveform, float(rng.uniform(0.02, 0.25)), drive=_maybe(rng, 0.2, 1.0, 3.0))


def bass(rng: np.random.Generator) -> Patch:
    """Analogue bass, sometimes driven."""
    dark, bright = _filtered_pair(rng, (80.0, 400.0), (2.0, 12.0))
    layers = (
        Layer(dark, 0.002, 5.0, 0.9),
        Layer(bright, 0.001, _log_uniform(rng, 0.04, 0.4), float(rng.uniform(0.0, 0.4))),
    )
    waveform = HarmonicPatch(layers, _unison(rng, 6.0))
    return Patch("bass", waveform, 0.04, drive=_maybe(rng, 0.3, 1.0, 4.0))


def plucked(rng: np.random.Generator) -> Patch:
    """Plucked or struck string: the higher its harmonics are, the sooner they die, as in Karplus and Strong 1983."""
    position, slope = float(rng.uniform(0.08, 0.45)), float(rng.uniform(0.6, 1.6))
    numbers = np.arange(1, 61)
    amplitudes = np.abs(np.sin(np.pi * numbers * position)) / numbers**slope
    decay_sec = _log_uniform(rng, 0.25, 3.0)
    damping = float(rng.uniform(0.5, 1.1))
    layers = []
    for low, high in ((1, 2), (3, 5), (6, 11), (12, 25), (26, 60)):
        group = np.where((numbers >= low) & (numbers <= high), amplitudes, 0.0)
        layers.append(Layer(tuple(group), 0.001, decay_sec / low**damping, 0.0))
    waveform = HarmonicPatch(tuple(layers), _unison(rng, 3.0), brightness_by_velocity=0.5)
    return Patch("plucked", waveform, float(rng.uniform(0.03, 0.2)))


def distorted(rng: np.random.Generator) -> Patch:
    """Distorted guitar: a plucked string whose whole channel is saturated, so that chords intermodulate."""
    clean = plucked(rng).waveform
    return Patch("distorted", clean, 0.05, drive=_log_uniform(rng, 6.0, 30.0))


def organ(rng: np.random.Generator) -> Patch:
    """Drawbars."""
    amplitudes = np.zeros(16)
    amplitudes[[0, 1, 2, 3, 5, 7, 9, 11, 15]] = rng.uniform(0.0, 1.0, 9) ** 2
    amplitudes[0] = max(amplitudes[0], 0.4)
    vibrato = Vibrato(float(rng.uniform(0.0, 25.0)), float(rng.choice([0.8, 6.3])), 0.05)
    layers = (Layer(tuple(amplitudes), float(rng.uniform(0.001, 0.03)), 5.0, 1.0),)
    return Patch("organ", HarmonicPatch(layers, vibrato=vibrato), 0.03, drive=_maybe(rng, 0.3, 1.0, 4.0))


def bowed(rng: np.random.Generator) -> Patch:
    """Bowed strings: a sawtooth under body resonances, slow attack, delayed vibrato, several players."""
    numbers = np.arange(1, 41)
    attack_sec = float(rng.uniform(0.03, 0.14))
    bright = tuple(np.where(numbers > 6, 1.0 / numbers, 0.0))
    dark = tuple(np.where(numbers <= 6, 1.0 / numbers, 0.0))
    formants = tuple((_log_uniform(rng, 250.0, 3500.0), _log_uniform(rng, 150.0, 900.0), 1.0) for _ in range(5))
    vibrato = Vibrato(float(rng.uniform(5.0, 30.0)), float(rng.uniform(4.5, 6.5)), float(rng.uniform(0.15, 0.5)))
    layers = (Layer(dark, attack_sec, 5.0, 1.0), Layer(bright, 1.5 * attack_sec, 5.0, 1.0))
    waveform = HarmonicPatch(layers, _unison(rng, 12.0), vibrato, formants, breath=float(rng.uniform(0.0, 0.03)))
    return Patch("bowed", waveform, float(rng.uniform(0.05, 0.3)), lead_sec=lead_sec(attack_sec))


def sung(rng: np.random.Generator) -> Patch:
    """A sung tone that moves from one vowel to another, with vibrato, breath and a slow attack."""
    vowels = list(_VOWELS_HZ.values())
    scale = float(rng.uniform(0.9, 1.2))
    formants = tuple((hz * scale, width, gain) for hz, width, gain in vowels[int(rng.integers(len(vowels)))])
    numbers = np.arange(1, 61)
    source = 1.0 / numbers ** float(rng.uniform(0.7, 1.3))
    attack_sec = float(rng.uniform(0.025, 0.15))
    closing = Layer(tuple(np.where(numbers > 4, source, 0.0)), 0.5 * attack_sec, float(rng.uniform(0.1, 0.6)), 0.4)
    layers = (Layer(tuple(np.where(numbers <= 4, source, 0.0)), attack_sec, 5.0, 1.0), closing)
    vibrato = Vibrato(float(rng.uniform(10.0, 60.0)), float(rng.uniform(4.8, 6.8)), float(rng.uniform(0.1, 0.6)))
    detunes = _unison(rng, 14.0) if rng.random() < 0.3 else (0.0,)
    waveform = HarmonicPatch(layers, detunes, vibrato, formants, breath=float(rng.uniform(0.002, 0.03)))
    return Patch("sung", waveform, float(rng.uniform(0.04, 0.15)), lead_sec=lead_sec(attack_sec))


def brass(rng: np.random.Generator) -> Patch:
    """Brass: the high harmonics enter after the low ones and grow with strength (Risset 1966)."""
    numbers = np.arange(1, 31)
    source = 1.0 / numbers ** float(rng.uniform(0.5, 1.1))
    attack_sec = float(rng.uniform(0.015, 0.07))
    dark = Layer(tuple(np.where(numbers <= 3, source, 0.0)), attack_sec, 5.0, 0.9)
    bright = Layer(tuple(np.where(numbers > 3, source, 0.0)), 1.6 * attack_sec, float(rng.uniform(0.2, 1.0)), 0.6)
    vibrato = Vibrato(float(rng.uniform(0.0, 15.0)), 5.2, 0.4)
    formants = ((_log_uniform(rng, 500.0, 1800.0), 1500.0, 1.0),)
    waveform = HarmonicPatch((dark, bright), _unison(rng, 7.0), vibrato, formants, brightness_by_velocity=0.9)
    return Patch("brass", waveform, 0.05, lead_sec=lead_sec(attack_sec))


def wind(rng: np.random.Generator) -> Patch:
    """Flute to clarinet: few harmonics, odd ones favoured or not, breath."""
    numbers = np.arange(1, 16)
    odd = float(rng.uniform(0.0, 1.0))
    source = np.where(numbers % 2 == 1, 1.0, 1.0 - odd) / numbers ** float(rng.uniform(1.0, 2.2))
    attack_sec = float(rng.uniform(0.02, 0.09))
    vibrato = Vibrato(float(rng.uniform(0.0, 25.0)), float(rng.uniform(4.5, 6.0)), 0.3)
    layers = (Layer(tuple(source), attack_sec, 5.0, 1.0),)
    waveform = HarmonicPatch(layers, vibrato=vibrato, breath=float(rng.uniform(0.01, 0.12)))
    return Patch("wind", waveform, 0.05, lead_sec=lead_sec(attack_sec))


def pad(rng: np.random.Generator) -> Patch:
    """Slow analogue pad of many detuned copies."""
    dark, bright = _filtered_pair(rng, (300.0, 1200.0), (2.0, 5.0))
    attack_sec = _log_uniform(rng, 0.05, 0.35)
    layers = (Layer(dark, attack_sec, 8.0, 1.0), Layer(bright, 2.0 * attack_sec, 3.0, float(rng.uniform(0.2, 1.0))))
    return Patch(
        "pad", HarmonicPatch(layers, _unison(rng, 20.0)), float(rng.uniform(0.2, 0.7)), lead_sec=lead_sec(attack_sec)
    )


def electric_piano(rng: np.random.Generator) -> Patch:
    """Frequency modulation with a falling index: electric pianos, clavinets, metallic keys."""
    layer = Layer((1.0,), 0.001, _log_uniform(rng, 0.3, 2.5), 0.0)
    ratio = float(rng.choice([1.0, 2.0, 3.0, 5.0, 7.0, 14.0, 1.41, 3.5]))
    waveform = FmPatch(
        ratio, float(rng.uniform(0.8, 5.0)), float(rng.uniform(0.0, 0.5)), _log_uniform(rng, 0.05, 0.7), layer
    )
    return Patch("electric piano", waveform, float(rng.uniform(0.05, 0.25)))


def fm_lead(rng: np.random.Generator) -> Patch:
    """Sustained frequency modulation."""
    layer = Layer((1.0,), float(rng.uniform(0.002, 0.03)), 3.0, 0.8)
    ratio = float(rng.choice([0.5, 1.0, 2.0, 3.0, 1.5]))
    waveform = FmPatch(
        ratio, float(rng.uniform(1.0, 6.0)), float(rng.uniform(0.5, 2.0)), _log_uniform(rng, 0.1, 1.0), layer
    )
    return Patch("fm lead", waveform, 0.06)


def bell(rng: np.random.Generator) -> Patch:
    """Bars and bells: partials stretched from a bar's 1 : 2.76 : 5.4 : 8.9, higher ones dying sooner."""
    decay_sec = _log_uniform(rng, 0.15, 2.5)
    stretch = float(rng.uniform(0.8, 1.2))
    ratios = 1.0 + stretch * (np.array([1.0, 2.76, 5.40, 8.93]) - 1.0)
    partials = tuple((float(r), float(rng.uniform(0.2, 1.0)) / float(r) ** 0.5, decay_sec / float(r)) for r in ratios)
    return Patch("bell", PartialPatch(partials), 0.15)


def blip(rng: np.random.Generator) -> Patch:
    """Pulse wave of an early computer."""
    duty = float(rng.choice([0.125, 0.25, 0.5]))
    numbers = np.arange(1, 41)
    pulse = tuple(np.abs(np.sin(np.pi * numbers * duty)) / numbers)
    layers = (Layer(pulse, 0.001, _log_uniform(rng, 0.05, 2.0), float(rng.uniform(0.0, 1.0))),)
    vibrato = Vibrato(float(rng.uniform(0.0, 30.0)), 6.0, 0.2)
    return Patch("blip", HarmonicPatch(layers, vibrato=vibrato), 0.01)


_Maker = Callable[[np.random.Generator], Patch]

_FAMILIES: tuple[tuple[_Maker, ...], ...] = (
    (plucked, plucked, electric_piano),  # piano
    (bell, bell, electric_piano),  # chromatic percussion
    (organ,),
    (plucked, distorted),  # guitar
    (bass, bass, plucked, fm_lead),  # bass
    (bowed,),  # strings
    (bowed, sung, pad),  # ensemble
    (brass,),
    (wind, brass, fm_lead),  # reed
    (wind,),  # pipe
    (analogue, blip, fm_lead, sung),  # synth lead
    (pad,),  # synth pad
    (pad, bell, analogue),  # synth effects
    (plucked, bowed, electric_piano),  # ethnic
    (bell, plucked),  # percussive
    (analogue, blip),  # sound effects
)
"""Makers by General MIDI family of eight programs."""


def _filtered_pair(
    rng: np.random.Generator, cutoff_range_hz: tuple[float, float], opening_range: tuple[float, float]
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """A sawtooth, square or pulse behind a closed filter, and what opening the filter adds.

    Cutoffs hold at a pitch of 220 Hz and follow the pitch.
    """
    numbers = np.arange(1, 61)
    duty = float(rng.choice([0.5, 0.3, 0.12]))
    wave = 1.0 / numbers if rng.random() < 0.6 else np.abs(np.sin(np.pi * numbers * duty)) / numbers
    closed_at = _log_uniform(rng, *cutoff_range_hz) / 220.0
    open_at = closed_at * float(rng.uniform(*opening_range))
    resonance = float(rng.uniform(0.0, 2.5))
    closed = wave / (1.0 + (numbers / max(closed_at, 0.7)) ** 4) ** 0.5
    opened = wave / (1.0 + (numbers / max(open_at, 1.0)) ** 4) ** 0.5
    opened = opened * (1.0 + resonance * np.exp(-(((numbers - open_at) / (0.3 * open_at)) ** 2)))
    return tuple(closed), tuple(np.maximum(opened - closed, 0.0))


def _unison(rng: np.random.Generator, most_cents: float) -> tuple[float, ...]:
    """One to three copies, detuned."""
    count = int(rng.integers(1, 4))
    return tuple(float(cents) for cents in rng.uniform(-most_cents, most_cents, count))


def _maybe(rng: np.random.Generator, prob: float, low: float, high: float) -> float:
    return float(rng.uniform(low, high)) if rng.random() < prob else 0.0


def _log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))
