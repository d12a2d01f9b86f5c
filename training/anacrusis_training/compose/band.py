"""A band: voices that play at musical positions, and the human error between a score and its sound."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from ..piece import DRUM_CHANNEL, Control, Note
from .choose import chance, pick
from .grid import Grid
from .programs import DRUM_PITCHES

SHORTEST_NOTE_SEC = 0.03
LAYBACK_LIMIT_SEC = 0.03
OWN_ERROR = 0.2
"""Error of a single note of a chord against that of the chord."""

CC_VOLUME, CC_MODULATION, CC_EXPRESSION, CC_PEDAL = 7, 1, 11, 64

MELODIC_CHANNELS = tuple(channel for channel in range(16) if channel != DRUM_CHANNEL)


@dataclasses.dataclass(frozen=True, slots=True)
class Voice:
    """One player.

    Attributes
    ----------
    channel, program
        MIDI; on the percussion channel the program is the kit.
    low, high
        Range in MIDI pitches, at least an octave wide; notes outside are moved by octaves.
    offset_sec, jitter_sec
        Constant and random (one sigma) distance from the beat.
    gain
        Factor on velocities.
    """

    channel: int
    program: int
    low: int = 0
    high: int = 127
    offset_sec: float = 0.0
    jitter_sec: float = 0.0
    gain: float = 1.0


class Band:
    """Collects what its voices play on a grid; `finish` turns it into notes."""

    def __init__(self, rng: np.random.Generator, grid: Grid, tightness_sec: float) -> None:
        """`tightness_sec` is the typical random error of a player; 0 for machines."""
        if tightness_sec < 0:
            raise ValueError(f"tightness must not be negative, got {tightness_sec} s")
        self._rng = rng
        self._grid = grid
        self._tightness_sec = tightness_sec
        self._voices: list[Voice] = []
        self._rows: list[tuple[int, float, float, int, float, float]] = []
        self._extra: list[Control] = []

    def add(self, programs: Sequence[int], low: int, high: int, layback_sec: float = 0.0) -> int:
        """A new melodic voice with one of `programs`; returns its number.

        Raises
        ------
        ValueError
            Where all melodic channels are taken, or the range is narrower than an octave.
        """
        taken = sum(voice.channel != DRUM_CHANNEL for voice in self._voices)
        if taken >= len(MELODIC_CHANNELS):
            raise ValueError(f"all {len(MELODIC_CHANNELS)} melodic channels are taken")
        if high - low < 11:
            raise ValueError(f"a voice needs a range of an octave, got {low} to {high}")
        return self._join(MELODIC_CHANNELS[taken], pick(self._rng, programs), low, high, layback_sec)

    def add_drums(self, kits: Sequence[int]) -> int:
        """A voice on the percussion channel with one of `kits`; returns its number."""
        return self._join(DRUM_CHANNEL, pick(self._rng, kits), 0, 127, 0.0)

    def _join(self, channel: int, program: int, low: int, high: int, layback_sec: float) -> int:
        rng, tight_sec = self._rng, self._tightness_sec
        drums = channel == DRUM_CHANNEL
        # NOTE: the drummer is where the band hears the beat, so only the others stand off it.
        offset_sec = 0.0 if drums else float(rng.normal(layback_sec, 0.4 * tight_sec))
        self._voices.append(
            Voice(
                channel,
                program,
                low,
                high,
                float(np.clip(offset_sec, -LAYBACK_LIMIT_SEC, LAYBACK_LIMIT_SEC)),
                tight_sec * rng.uniform(0.4, 1.0 if drums else 1.4),
                rng.uniform(0.8, 1.1),
            )
        )
        return len(self._voices) - 1

    def channel(self, voice: int) -> int:
        """MIDI channel of a voice."""
        return self._voices[voice].channel

    def play(
        self, voice: int, at_beats: float, length_beats: float, pitch: int, velocity: float, shift_sec: float = 0.0
    ) -> None:
        """One note; `velocity` 1 to 127 before gain and chance, `shift_sec` is a wanted distance from the grid."""
        self._rows.append((voice, at_beats, length_beats, pitch, velocity, shift_sec))

    def hit(self, voice: int, at_beats: float, drum: str, velocity: float, shift_sec: float = 0.0) -> None:
        """One stroke of a named drum."""
        self._rows.append((voice, at_beats, 0.2, DRUM_PITCHES[drum], velocity, shift_sec))

    def control(self, voice: int, at_beats: float, number: int, value: int) -> None:
        """One control change."""
        time_sec = float(self._grid.seconds(np.array([at_beats]))[0])
        self._extra.append(Control(max(0.0, time_sec), self._voices[voice].channel, "cc", value, number))

    def finish(self) -> tuple[list[Note], list[Control]]:
        """Everything played from the first beat to one beat after the last, in time order, and the controls."""
        return self._notes(), self._controls()

    def _notes(self) -> list[Note]:
        rows = [row for row in self._rows if -0.01 <= row[1] < self._grid.n_beats - 0.01 and row[4] >= 1]
        if not rows:
            return []
        rng = self._rng
        voice, at, length, pitch, velocity, shift = (np.array(column) for column in zip(*rows, strict=True))
        table = np.array([(v.low, v.high, v.offset_sec, v.jitter_sec, v.gain) for v in self._voices])[voice]
        low, high, offset_sec, jitter_sec, gain = table.T
        pitch = pitch + 12 * np.ceil(np.maximum(low - pitch, 0) / 12)
        pitch = pitch - 12 * np.ceil(np.maximum(pitch - high, 0) / 12)
        # A player's notes of one moment share most of their error: hands miss together.
        moments, moment = np.unique(voice * 10**7 + np.rint(at * 1000).astype(np.int64), return_inverse=True)
        together = np.clip(rng.standard_normal(len(moments)), -2.5, 2.5)[moment]
        apart = np.clip(rng.standard_normal(len(rows)), -2.5, 2.5)
        error_sec = offset_sec + jitter_sec * (together + OWN_ERROR * apart) + shift
        start = np.maximum(0.0, self._grid.seconds(at) + error_sec)
        end = self._grid.seconds(np.minimum(at + length, self._grid.n_beats + 1)) + offset_sec
        end = np.maximum(end, start + SHORTEST_NOTE_SEC)
        level = np.clip(np.rint(velocity * gain * rng.uniform(0.9, 1.08, len(rows))), 1, 127).astype(int)
        pitch = np.clip(np.rint(pitch), 1, 127).astype(int)
        channels = [self._voices[v].channel for v in voice]
        order = np.argsort(start, kind="stable")
        starts, ends, pitches, levels = start.tolist(), end.tolist(), pitch.tolist(), level.tolist()
        return [Note(starts[i], ends[i], channels[i], pitches[i], levels[i]) for i in order.tolist()]

    def _controls(self) -> list[Control]:
        controls = []
        for voice in self._voices:
            controls.append(Control(0.0, voice.channel, "program", voice.program))
            controls.append(Control(0.0, voice.channel, "cc", int(self._rng.integers(72, 121)), CC_VOLUME))
            if voice.channel != DRUM_CHANNEL and chance(self._rng, 0.2):
                controls.append(Control(0.0, voice.channel, "cc", int(self._rng.integers(10, 70)), CC_MODULATION))
        return controls + sorted(self._extra, key=lambda control: control.time_sec)
