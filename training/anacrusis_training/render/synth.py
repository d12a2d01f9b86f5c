"""Our own synthesiser: every channel gets a random patch for its program, channel 9 a random kit.

Fast because a held note is made once for each patch, pitch and strength, and every note is then a cut of it
with a gain and a release. Pitch bends are ignored; of the controllers, volume and expression are, too.
"""

from __future__ import annotations

import bisect
from collections import defaultdict
from collections.abc import Iterable

import numpy as np

from anacrusis_training.augment.dynamics import saturate
from anacrusis_training.piece import DRUM_CHANNEL, Control, Note
from anacrusis_training.render.drums import Kit
from anacrusis_training.render.patch_bank import draw_patch
from anacrusis_training.render.patches import Patch
from anacrusis_training.render.programs import Programs

_TONE_LEVEL = 0.11
_DRUM_LEVEL = 0.28
_N_STRENGTHS = 3
_N_VARIANTS = 2
_LONGEST_NOTE_SEC = 12.0
_VELOCITY_EXPONENT = 1.6
_RELEASES = 5.0
"""Time constants after which a release is silent."""


def render_synth(
    notes: list[Note],
    controls: Iterable[Control],
    seed: int,
    rate_hz: int,
    n_samples: int,
    *,
    gains_db: dict[int, float] | None = None,
) -> np.ndarray:
    """Synthesise notes.

    Parameters
    ----------
    notes
        What to play; a percussive sound's transient is within 1 ms of its note's time.
    controls
        Program changes choose the patches, all else is ignored.
    seed
        What patches and kit are drawn from; a patch depends on seed, channel and program only.
    rate_hz
        Sample rate.
    n_samples
        Length of the result; what sounds later is cut.
    gains_db
        Level of each channel.

    Returns
    -------
    np.ndarray
        Mono samples, float32 `[n_samples]`.
    """
    out = np.zeros(max(n_samples, 0), np.float32)
    by_channel: dict[int, list[Note]] = defaultdict(list)
    for note in notes:
        by_channel[note.channel].append(note)
    programs = Programs(controls)
    for channel, played in sorted(by_channel.items()):
        gain = 10.0 ** ((gains_db or {}).get(channel, 0.0) / 20.0)
        if channel == DRUM_CHANNEL:
            part = _DRUM_LEVEL * _play_drums(played, np.random.default_rng((seed, channel)), rate_hz, n_samples)
        else:
            part = _TONE_LEVEL * _play_channel(played, programs, seed, rate_hz, n_samples)
        out += np.float32(gain) * part
    return out


def _play_drums(notes: list[Note], rng: np.random.Generator, rate_hz: int, n_samples: int) -> np.ndarray:
    out = np.zeros(n_samples, np.float32)
    kit = Kit(rng, rate_hz)
    starts_sec: dict[int, list[float]] = defaultdict(list)
    ordered = sorted(notes, key=lambda note: (note.start_sec, note.pitch))
    for note in ordered:
        starts_sec[note.pitch].append(note.start_sec)
    for number, note in enumerate(ordered):
        stroke = kit.hit(note.pitch, number % _N_VARIANTS)
        for choker in kit.choked_by(note.pitch):
            following = bisect.bisect_right(starts_sec[choker], note.start_sec)
            if following < len(starts_sec[choker]):
                gap_sec = starts_sec[choker][following] - note.start_sec
                stroke = _released(stroke, round(gap_sec * rate_hz), 0.01, rate_hz)
        _add(out, stroke * np.float32(_velocity_gain(note.velocity)), note.start_sec, rate_hz)
    return out


def _play_channel(notes: list[Note], programs: Programs, seed: int, rate_hz: int, n_samples: int) -> np.ndarray:
    """Notes of one channel, patch by patch, since saturation takes in all that sounds together, `[n_samples]`."""
    by_program: dict[int, list[Note]] = defaultdict(list)
    for note in notes:
        by_program[programs.at(note.channel, note.start_sec)].append(note)
    out = np.zeros(n_samples, np.float32)
    for program, played in sorted(by_program.items()):
        rng = np.random.default_rng((seed, played[0].channel, program))
        patch = draw_patch(rng, program)
        part = _play_patch(played, patch, rng, rate_hz, n_samples)
        if patch.drive:
            level = float(np.max(np.abs(part), initial=0.0))
            part = 0.6 * level * saturate(part, patch.drive)
        out += part
    return out


def _play_patch(notes: list[Note], patch: Patch, rng: np.random.Generator, rate_hz: int, n_samples: int) -> np.ndarray:
    out = np.zeros(n_samples, np.float32)
    groups: dict[tuple[int, int], list[Note]] = defaultdict(list)
    for note in notes:
        groups[(note.pitch, note.velocity * _N_STRENGTHS // 128)].append(note)
    tail = round(_RELEASES * patch.release_sec * rate_hz)
    for (pitch, bucket), played in sorted(groups.items()):
        lengths = [round(min(max(n.end_sec - n.start_sec, 0.03), _LONGEST_NOTE_SEC) * rate_hz) for n in played]
        frequency_hz = 440.0 * 2.0 ** ((pitch - 69) / 12.0 + patch.octave)
        strength = (bucket + 1) / _N_STRENGTHS
        tone = patch.waveform.tone(rng, frequency_hz, strength, max(lengths) + tail, rate_hz)
        tone = (tone / (np.max(np.abs(tone)) + 1e-9)).astype(np.float32)
        for note, length in zip(played, lengths, strict=True):
            cut = _released(tone[: length + tail], length, patch.release_sec, rate_hz)
            cut *= np.float32(_velocity_gain(note.velocity))
            _add(out, cut, note.start_sec - patch.lead_sec, rate_hz)
    return out


def _released(tone: np.ndarray, length: int, release_sec: float, rate_hz: int) -> np.ndarray:
    """A copy of a held tone that is let go after `length` samples."""
    tail = min(max(len(tone) - length, 0), round(_RELEASES * release_sec * rate_hz))
    cut = tone[: length + tail].copy()
    if tail:
        fall = np.exp(-np.arange(tail) / (release_sec * rate_hz)) * np.linspace(1.0, 0.0, tail)
        cut[length:] *= fall.astype(np.float32)
    return cut


def _add(out: np.ndarray, sound: np.ndarray, start_sec: float, rate_hz: int) -> None:
    """Mix a sound into `out` at a time; what lies before 0 starts at 0, what lies beyond the end is cut."""
    start = max(0, round(start_sec * rate_hz))
    stop = min(len(out), start + len(sound))
    if stop > start:
        out[start:stop] += sound[: stop - start]


def _velocity_gain(velocity: int) -> float:
    return (velocity / 127.0) ** _VELOCITY_EXPONENT
