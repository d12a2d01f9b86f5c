"""A singer: a line of notes as vowels with vibrato, glides, consonants and breaths.

Source and filter (Fant, "Acoustic Theory of Speech Production", 1960): a pulse train whose pitch follows the notes goes through four
resonators, once for each vowel; every note fades from one vowel to another. It is no voice that anybody would take for a person's. It has
what a section detector goes by: harmonics that slide, formants that move, syllables, and pauses for breath.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy.signal

from anacrusis_training.piece import Note

VOWELS_HZ: tuple[tuple[float, float, float, float], ...] = (
    (800.0, 1150.0, 2900.0, 3900.0),
    (400.0, 1600.0, 2700.0, 3300.0),
    (350.0, 1700.0, 2700.0, 3700.0),
    (450.0, 800.0, 2830.0, 3800.0),
    (325.0, 700.0, 2530.0, 3500.0),
)
"""First four formants of an alto's a, e, i, o, u (Csound manual, appendix D, "Formant Values")."""

_BANDWIDTHS_HZ = (80.0, 100.0, 130.0, 160.0)
_GAINS = (1.0, 0.5, 0.28, 0.18)

LOWEST_PITCH, HIGHEST_PITCH = 45, 81
"""Range in MIDI pitches; what lies outside is sung octaves away."""

_GLIDE_SEC = 0.06
_ATTACK_SEC, _RELEASE_SEC = 0.035, 0.08
_PHRASE_GAP_SEC = 0.35
"""A longer pause is one in which the singer breathes."""

_BREATH_SEC = 0.28
_DRIFT_SEMITONES = 0.08

_HALVED_FROM_HZ = 20_000

_N_VOWELS = 3
"""Vowels of one singer; each costs four filters over the whole song."""

_CONTROL_HZ = 441
"""Rate at which pitch, loudness and vowel are drawn."""


def sing(notes: Sequence[Note], rng: np.random.Generator, rate_hz: int, n_samples: int) -> np.ndarray:
    """Sing a line.

    Parameters
    ----------
    notes
        In any order; where they overlap, the later one wins.
    rng
        Who sings: register, timbre, vibrato, consonants.
    rate_hz, n_samples
        Of the result.

    Returns
    -------
    np.ndarray
        Mono samples, float32 ``[n_samples]``, peak 1 or silent.
    """
    line = _line(notes, rng)
    if not line or n_samples <= 0:
        return np.zeros(max(n_samples, 0), np.float32)
    if rate_hz >= _HALVED_FROM_HZ:
        # Nothing of a voice here lies above a quarter of such a rate, and half the samples cost half the time.
        low = _voice(line, rng, rate_hz // 2, n_samples // 2 + 1)
        out = scipy.signal.resample_poly(low, 2, 1)[:n_samples]
    else:
        out = _voice(line, rng, rate_hz, n_samples)
    peak = float(np.max(np.abs(out), initial=0.0))
    return (out / peak if peak > 0 else out).astype(np.float32)


def _voice(line: Sequence[tuple[float, float, float, float]], rng: np.random.Generator, rate_hz: int, n_samples: int) -> np.ndarray:
    """The line at a rate, of any level, ``[n_samples]``."""
    n_control = int(np.ceil(n_samples / rate_hz * _CONTROL_HZ)) + 1
    at_sec = np.arange(n_control) / _CONTROL_HZ
    pitch, loudness, vowels = _contours(line, rng, at_sec)
    where = np.arange(n_samples) * (_CONTROL_HZ / rate_hz)
    grid = np.arange(n_control)
    frequency_hz = np.interp(where, grid, 440.0 * 2.0 ** ((pitch - 69.0) / 12.0))
    source = _pulses(frequency_hz, rate_hz) * np.interp(where, grid, loudness)
    source += float(rng.uniform(0.01, 0.06)) * rng.standard_normal(n_samples) * np.interp(where, grid, loudness)
    size = float(rng.uniform(0.88, 1.22))
    out = np.zeros(n_samples)
    for vowel, formants_hz in enumerate(VOWELS_HZ):
        share = vowels[:, vowel]
        if share.any():
            out += _through(source, [size * hz for hz in formants_hz], rate_hz) * np.interp(where, grid, share)
    return out + _noises(line, rng, rate_hz, n_samples) * float(np.sqrt(np.mean(out**2)))


def _line(notes: Sequence[Note], rng: np.random.Generator) -> list[tuple[float, float, float, float]]:
    """One note at a time: start, end in seconds, MIDI pitch within range, loudness 0 to 1."""
    shift = 12 * int(rng.integers(-1, 2))
    ordered = sorted(notes, key=lambda note: (note.start_sec, -note.pitch))
    line: list[tuple[float, float, float, float]] = []
    for note in ordered:
        if line and note.start_sec - line[-1][0] < 0.03:
            continue
        if line and line[-1][1] > note.start_sec:
            line[-1] = (line[-1][0], note.start_sec, *line[-1][2:])
        pitch = note.pitch + shift
        while pitch < LOWEST_PITCH:
            pitch += 12
        while pitch > HIGHEST_PITCH:
            pitch -= 12
        line.append((note.start_sec, max(note.end_sec, note.start_sec + 0.06), float(pitch), note.velocity / 127.0))
    return line


def _contours(
    line: Sequence[tuple[float, float, float, float]], rng: np.random.Generator, at_sec: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pitch (MIDI), loudness, and the share of each vowel, at the control rate."""
    pitch = np.full(len(at_sec), line[0][2])
    loudness = np.zeros(len(at_sec))
    shares = np.zeros((len(at_sec), len(VOWELS_HZ)))
    used = rng.permutation(len(VOWELS_HZ))[:_N_VOWELS]
    depth, rate_hz, phase = rng.uniform(0.1, 0.6), rng.uniform(4.8, 6.6), rng.uniform(0.0, 6.28)
    for start_sec, end_sec, note_pitch, strength in line:
        first, last = np.searchsorted(at_sec, (start_sec, end_sec + _RELEASE_SEC))
        begin = max(0, int(first) - 1)
        since = at_sec[first:last] - start_sec
        # The glide comes from the pitch before; what follows holds until the next note.
        before = pitch[begin]
        glide = np.exp(-since / _GLIDE_SEC)
        wobble = depth * np.clip((since - 0.25) / 0.4, 0.0, 1.0) * np.sin(2 * np.pi * rate_hz * since + phase)
        pitch[first:last] = note_pitch + (before - note_pitch) * glide + wobble
        pitch[last:] = note_pitch
        rise = np.clip(since / _ATTACK_SEC, 0.0, 1.0)
        fall = np.clip((end_sec + _RELEASE_SEC - at_sec[first:last]) / _RELEASE_SEC, 0.0, 1.0)
        loudness[first:last] = np.maximum(strength * rise * fall, loudness[first:last] * fall)
        one, other = rng.choice(used, 2)
        moved = np.clip(since / max(end_sec - start_sec, 0.1), 0.0, 1.0)
        shares[first:last] = 0.0
        shares[first:last, one] += 1.0 - moved
        shares[first:last, other] += moved
    knots_sec = np.arange(0.0, at_sec[-1] + 0.5, 0.25)
    drift = np.interp(at_sec, knots_sec, rng.standard_normal(len(knots_sec)))
    return pitch + _DRIFT_SEMITONES * drift, loudness, shares


def _pulses(frequency_hz: np.ndarray, rate_hz: int) -> np.ndarray:
    """A sawtooth with its steps rounded off (PolyBLEP, Välimäki and Huovilainen 2007), darker than one as a glottis is."""
    step = frequency_hz / rate_hz
    phase = np.cumsum(step) % 1.0
    saw = 2.0 * phase - 1.0
    early = phase < step
    late = phase > 1.0 - step
    t = phase[early] / step[early]
    saw[early] -= t + t - t * t - 1.0
    t = (phase[late] - 1.0) / step[late]
    saw[late] -= t * t + t + t + 1.0
    return scipy.signal.lfilter([0.35], [1.0, -0.65], saw)


def _through(source: np.ndarray, formants_hz: Sequence[float], rate_hz: int) -> np.ndarray:
    """Four resonators side by side."""
    out = np.zeros(len(source))
    for hz, width_hz, gain in zip(formants_hz, _BANDWIDTHS_HZ, _GAINS, strict=True):
        if hz > 0.45 * rate_hz:
            continue
        radius = np.exp(-np.pi * width_hz / rate_hz)
        angle = 2.0 * np.pi * hz / rate_hz
        out += gain * scipy.signal.lfilter([1.0 - radius, 0.0, -(1.0 - radius)], [1.0, -2.0 * radius * np.cos(angle), radius**2], source)
    return out


def _noises(line: Sequence[tuple[float, float, float, float]], rng: np.random.Generator, rate_hz: int, n_samples: int) -> np.ndarray:
    """Consonants before notes and breaths before phrases, in units of the voice's level."""
    out = np.zeros(n_samples)
    last_end_sec = -np.inf
    consonant_prob, breath = rng.uniform(0.3, 0.9), rng.uniform(0.05, 0.3)
    for start_sec, end_sec, _, strength in line:
        if rng.random() < consonant_prob:
            length_sec = float(rng.uniform(0.02, 0.09))
            _add_noise(out, rng, start_sec - length_sec, length_sec, float(rng.uniform(1500.0, 3800.0)), 1.2 * strength, rate_hz)
        if start_sec - last_end_sec > _PHRASE_GAP_SEC:
            _add_noise(out, rng, start_sec - _BREATH_SEC - 0.05, _BREATH_SEC, float(rng.uniform(1200.0, 3000.0)), breath, rate_hz)
        last_end_sec = end_sec
    return out


def _add_noise(
    out: np.ndarray, rng: np.random.Generator, start_sec: float, length_sec: float, centre_hz: float, level: float, rate_hz: int
) -> None:
    first = round(start_sec * rate_hz)
    n = max(8, round(length_sec * rate_hz))
    if first < 0 or first + n > len(out):
        return
    low, high = 0.6 * centre_hz, min(1.6 * centre_hz, 0.47 * rate_hz)
    sos = scipy.signal.butter(2, (low, high), "bandpass", fs=rate_hz, output="sos")
    burst = scipy.signal.sosfilt(sos, rng.standard_normal(n)) * np.hanning(n)
    out[first : first + n] += 2.0 * level * burst
