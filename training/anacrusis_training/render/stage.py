"""What is rendered beside the notes of a whole song: its singer, rising noise, closing filters, and the level of each section."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import scipy.signal

from anacrusis_training.augment import dynamics
from anacrusis_training.compose.whole_song import Level, Sweep, WholeSong
from anacrusis_training.render import sound as sounds
from anacrusis_training.render.voice import sing

_RISER_BANDS_HZ = (300.0, 700.0, 1500.0, 3000.0, 6000.0)
_LEVEL_STEP_HZ = 100
_LEVEL_RAMP_SEC = 0.08


@dataclasses.dataclass(frozen=True, slots=True)
class Stage:
    """How a whole song sounds: its notes' sound, and the levels and seed of all else.

    Attributes
    ----------
    sound
        Of the notes.
    voice_db, backing_db, riser_db
        Singer, second voice and rising noise against the band; a second voice of `None` dB is silent.
    filter_hz
        Where a sweep closes its filter.
    seed
        Of singer and noise.
    """

    sound: sounds.Sound
    voice_db: float
    backing_db: float | None
    riser_db: float
    filter_hz: float
    seed: int

    def describe(self) -> dict[str, object]:
        """What a manifest records."""
        rest = {"voice_db": round(self.voice_db, 1), "riser_db": round(self.riser_db, 1), "seed": self.seed}
        return self.sound.describe() | rest

    def renderer(self) -> str:
        """The family of renderers that a report groups by: what plays most of the band."""
        if self.sound.font is None or len(self.sound.synth_channels) > 8:
            return "synthesiser"
        return self.sound.font.name


def choose_stage(rng: np.random.Generator, fonts: Sequence) -> Stage:
    """Draw a stage; `fonts` as for `sound.choose_sound`."""
    sound = sounds.choose_sound(rng, fonts)
    return Stage(
        sound=sound,
        voice_db=float(rng.uniform(-5.0, 5.0)),
        backing_db=float(rng.uniform(-12.0, -4.0)) if rng.random() < 0.25 else None,
        riser_db=float(rng.uniform(-14.0, -2.0)),
        filter_hz=float(np.exp(rng.uniform(np.log(250.0), np.log(1200.0)))),
        seed=int(rng.integers(2**31)),
    )


def render_song(song: WholeSong, stage: Stage, rate_hz: int = sounds.DEFAULT_RATE_HZ) -> np.ndarray:
    """Make a song sound: mono float32 ``[n_samples]`` from time 0 to a tail after its end."""
    mix = sounds.render(song.piece, stage.sound, rate_hz)
    rng = np.random.default_rng(stage.seed)
    level = _level(mix)
    if song.sung:
        mix = mix + _sung(song, stage, rng, rate_hz, len(mix), level)
    for sweep in song.sweeps:
        if sweep.kind == "riser":
            _add_riser(mix, sweep, rng, level * 10.0 ** (stage.riser_db / 20.0), rate_hz)
        else:
            _close_filter(mix, sweep, stage.filter_hz, rate_hz)
    mix = mix * level_curve(song.levels, len(mix), rate_hz)
    return dynamics.normalise(mix.astype(np.float32))


def level_curve(levels: Sequence[Level], n_samples: int, rate_hz: int) -> np.ndarray:
    """Gain of the mix, float32 ``[n_samples]``: steps of `_LEVEL_RAMP_SEC` at the levels' times, and their ramps in between."""
    if not levels:
        return np.ones(n_samples, np.float32)
    end_sec = n_samples / rate_hz
    grid_sec = np.arange(0.0, end_sec + 2.0 / _LEVEL_STEP_HZ, 1.0 / _LEVEL_STEP_HZ)
    points_sec, points_db = [0.0], [levels[0].level_db]
    for level, following in zip(levels, [*levels[1:], None], strict=True):
        until_sec = following.start_sec if following is not None else end_sec
        points_sec += [max(level.start_sec, points_sec[-1]) + _LEVEL_RAMP_SEC, max(until_sec, points_sec[-1] + _LEVEL_RAMP_SEC)]
        points_db += [level.level_db, level.level_db + level.ramp_db]
    curve_db = np.interp(grid_sec, np.maximum.accumulate(points_sec), points_db)
    gain = 10.0 ** (curve_db / 20.0)
    return np.interp(np.arange(n_samples) / rate_hz, grid_sec, gain).astype(np.float32)


def _level(samples: np.ndarray) -> float:
    """Root mean square, or that of a quiet sound for silence."""
    return max(float(np.sqrt(np.mean(samples.astype(np.float64) ** 2))), 1e-3)


def _sung(song: WholeSong, stage: Stage, rng: np.random.Generator, rate_hz: int, n_samples: int, level: float) -> np.ndarray:
    voice = sing(song.sung, rng, rate_hz, n_samples)
    active = np.abs(voice) > 1e-3
    own = _level(voice[active]) if active.any() else 1.0
    out = voice * (level / own * 10.0 ** (stage.voice_db / 20.0))
    if stage.backing_db is not None:
        third = [dataclasses.replace(note, pitch=note.pitch + 4, start_sec=note.start_sec + 0.015) for note in song.sung]
        starts = {section.start_sec: section.label for section in song.piece.sections}
        chorus = _within(third, starts)
        backing = sing(chorus, rng, rate_hz, n_samples)
        out = out + backing * (level / own * 10.0 ** (stage.backing_db / 20.0))
    return out.astype(np.float32)


def _within(notes: Sequence, starts: dict[float, str]) -> list:
    """Notes that begin in a chorus."""
    times = sorted(starts)
    labels = [starts[time] for time in times]
    places = np.searchsorted(times, [note.start_sec for note in notes], side="right") - 1
    return [note for note, place in zip(notes, places, strict=True) if place >= 0 and labels[place] == "chorus"]


def _add_riser(mix: np.ndarray, sweep: Sweep, rng: np.random.Generator, level: float, rate_hz: int) -> None:
    """Noise whose band climbs and whose loudness grows, in place."""
    first, last = max(0, round(sweep.start_sec * rate_hz)), min(len(mix), round(sweep.end_sec * rate_hz))
    n = last - first
    if n < rate_hz // 20:
        return
    noise = rng.standard_normal(n)
    at = np.linspace(0.0, len(_RISER_BANDS_HZ) - 1.0, n)
    out = np.zeros(n)
    for number, centre_hz in enumerate(_RISER_BANDS_HZ):
        sos = scipy.signal.butter(2, (0.6 * centre_hz, min(1.6 * centre_hz, 0.47 * rate_hz)), "bandpass", fs=rate_hz, output="sos")
        out += scipy.signal.sosfilt(sos, noise) * np.clip(1.0 - np.abs(at - number), 0.0, 1.0)
    out *= np.linspace(0.05, 1.0, n) ** 1.5
    fade = max(1, rate_hz // 200)
    out[-fade:] *= np.linspace(1.0, 0.0, fade)
    mix[first:last] += (2.0 * level * out / max(float(np.std(out)), 1e-9)).astype(np.float32)


def _close_filter(mix: np.ndarray, sweep: Sweep, filter_hz: float, rate_hz: int) -> None:
    """Fade the mix into its low end, in place."""
    first, last = max(0, round(sweep.start_sec * rate_hz)), min(len(mix), round(sweep.end_sec * rate_hz))
    if last - first < rate_hz // 20:
        return
    sos = scipy.signal.butter(3, filter_hz, "lowpass", fs=rate_hz, output="sos")
    dark = scipy.signal.sosfilt(sos, mix[first:last])
    share = np.linspace(0.0, 1.0, last - first) ** 0.5
    mix[first:last] = (1.0 - share) * mix[first:last] + share * dark
