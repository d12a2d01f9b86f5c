"""How a piece shall sound, drawn once, and the mix that makes it sound so.

`choose_sound` draws everything from its generator; `render` is a function of the piece and the sound alone.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from anacrusis_training.augment import dynamics
from anacrusis_training.piece import DRUM_CHANNEL, Control, Note, Piece
from anacrusis_training.render import fluidsynth, synth
from anacrusis_training.render.soundfonts import Soundfont

DEFAULT_RATE_HZ = 22_050
_N_CHANNELS = 16
_KICK_PITCHES = (35, 36)
_PUMP_STEP_HZ = 400


@dataclasses.dataclass(frozen=True, slots=True)
class Pump:
    """Sidechain compression: every kick lowers the rest by `depth_db`, which comes back within about `release_sec`."""

    depth_db: float
    release_sec: float


@dataclasses.dataclass(frozen=True, slots=True)
class Bus:
    """Compression of the mix, and the drive of the limiter after it (see `augment.dynamics`)."""

    threshold_db: float
    ratio: float
    attack_sec: float
    release_sec: float
    drive: float


@dataclasses.dataclass(frozen=True, slots=True)
class Sound:
    """A sound for one piece.

    Attributes
    ----------
    font
        Soundfont of the channels that `synth_channels` does not name; `None` where there is none.
    synth_channels
        Channels our own synthesiser plays.
    synth_seed
        What its patches and its drum kit are drawn from.
    kit
        Drum program of the soundfont where the piece asks for none.
    reverb
        Whether the soundfont sounds in fluidsynth's reverberation and chorus.
    gains_db
        Level of each of the 16 channels.
    pump, bus
        Sidechain and bus compression; `None` is without.
    """

    font: Soundfont | None
    synth_channels: frozenset[int]
    synth_seed: int
    kit: int
    reverb: bool
    gains_db: tuple[float, ...]
    pump: Pump | None
    bus: Bus | None

    def describe(self) -> dict[str, object]:
        """What a manifest records: JSON types only, without paths."""
        font = None if self.font is None else f"{self.font.name} ({self.font.licence}, {self.font.sha256[:12]})"
        return {
            "font": font,
            "synth_channels": sorted(self.synth_channels),
            "synth_seed": self.synth_seed,
            "kit": self.kit,
            "reverb": self.reverb,
            "gains_db": [round(gain_db, 1) for gain_db in self.gains_db],
            "pump": None if self.pump is None else dataclasses.asdict(self.pump),
            "bus": None if self.bus is None else dataclasses.asdict(self.bus),
        }


def choose_sound(rng: np.random.Generator, fonts: Sequence[Soundfont]) -> Sound:
    """Draw a sound.

    A third of the pieces are played by a soundfont alone, a third by our own synthesiser alone, a third by both.
    The drums' level is drawn apart from the rest, from buried to loud, and sometimes one channel stands out as a lead
    voice does.

    Parameters
    ----------
    rng
        Source of every choice.
    fonts
        Soundfonts to draw from; with none, everything is synthesised.
    """
    font = fonts[int(rng.integers(len(fonts)))] if fonts else None
    draw = rng.random()
    everything = range(_N_CHANNELS)
    if font is None or draw > 0.72:
        font, synthesised = None, frozenset(everything)
    elif draw < 0.38:
        synthesised = frozenset()
    elif draw < 0.50:
        synthesised = frozenset((DRUM_CHANNEL,))
    else:
        share = rng.uniform(0.2, 0.8)
        synthesised = frozenset(channel for channel in everything if rng.random() < share)
    gains_db = rng.normal(-4.0, 2.5, _N_CHANNELS).clip(-12.0, 3.0)
    if rng.random() < 0.35:
        gains_db[int(rng.integers(_N_CHANNELS))] = rng.uniform(2.0, 4.0)
    gains_db[DRUM_CHANNEL] = rng.uniform(-16.0, 2.0)
    kit = int(rng.choice(font.kits)) if font is not None and rng.random() < 0.6 else 0
    pump = Pump(float(rng.uniform(2.0, 14.0)), float(rng.uniform(0.08, 0.35))) if rng.random() < 0.15 else None
    return Sound(
        font=font,
        synth_channels=synthesised,
        synth_seed=int(rng.integers(2**31)),
        kit=kit,
        reverb=bool(rng.random() < 0.4),
        gains_db=tuple(float(gain_db) for gain_db in gains_db),
        pump=pump,
        bus=_choose_bus(rng) if rng.random() < 0.6 else None,
    )


def render(piece: Piece, sound: Sound, rate_hz: int = DEFAULT_RATE_HZ) -> np.ndarray:
    """Make a piece sound.

    Parameters
    ----------
    piece
        What to play; notes that begin before 0 begin at 0.
    sound
        How to play it.
    rate_hz
        Sample rate of the result.

    Returns
    -------
    np.ndarray
        Mono samples, float32 `[n_samples]`, peak `augment.dynamics.PEAK`; from time 0 to a tail after the piece's end.
        A percussive note's transient is within 4 ms of its time.

    Raises
    ------
    render.fluidsynth.FluidsynthError
        If the soundfont's part cannot be rendered.
    """
    n_samples = round((piece.end_sec() + fluidsynth.TAIL_SEC) * rate_hz)
    if sound.pump is None:
        mix = _render_notes(piece.notes, piece.controls, sound, rate_hz, n_samples)
    else:
        drums = [note for note in piece.notes if note.channel == DRUM_CHANNEL]
        rest = [note for note in piece.notes if note.channel != DRUM_CHANNEL]
        kicks_sec = np.array(sorted(note.start_sec for note in drums if note.pitch in _KICK_PITCHES))
        mix = _render_notes(rest, piece.controls, sound, rate_hz, n_samples)
        mix *= pump_gain(kicks_sec, sound.pump, n_samples, rate_hz)
        mix += _render_notes(drums, piece.controls, sound, rate_hz, n_samples)
    mix = dynamics.normalise(mix)
    if sound.bus is not None:
        bus = sound.bus
        mix = dynamics.compress(mix, rate_hz, bus.threshold_db, bus.ratio, bus.attack_sec, bus.release_sec)
        mix = dynamics.saturate(mix, bus.drive)
    return dynamics.normalise(mix)


def pump_gain(kicks_sec: np.ndarray, pump: Pump, n_samples: int, rate_hz: int) -> np.ndarray:
    """Gain of the rest under sidechain compression, float32 `[n_samples]`: down at each kick, back along a cosine.

    Parameters
    ----------
    kicks_sec
        Times of the kicks, ascending, `[n_kicks]`.
    pump
        Depth and release.
    n_samples, rate_hz
        Length and rate of the result.
    """
    if len(kicks_sec) == 0:
        return np.ones(n_samples, np.float32)
    grid_sec = np.arange(0.0, n_samples / rate_hz + 2.0 / _PUMP_STEP_HZ, 1.0 / _PUMP_STEP_HZ)
    last = np.searchsorted(kicks_sec, grid_sec, side="right") - 1
    since_sec = np.where(last >= 0, grid_sec - kicks_sec[np.maximum(last, 0)], np.inf)
    recovered = 0.5 - 0.5 * np.cos(np.pi * np.minimum(since_sec / pump.release_sec, 1.0))
    gain = 10.0 ** (-pump.depth_db * (1.0 - recovered) / 20.0)
    return np.interp(np.arange(n_samples) / rate_hz, grid_sec, gain).astype(np.float32)


def _choose_bus(rng: np.random.Generator) -> Bus:
    return Bus(
        threshold_db=float(rng.uniform(-24.0, -6.0)),
        ratio=float(rng.uniform(1.5, 5.0)),
        attack_sec=float(rng.uniform(0.003, 0.03)),
        release_sec=float(rng.uniform(0.06, 0.3)),
        drive=float(rng.uniform(0.3, 2.0)),
    )


def _render_notes(notes: list[Note], controls: list[Control], sound: Sound, rate_hz: int, n_samples: int) -> np.ndarray:
    """Notes through the engines that play their channels, float32 `[n_samples]`."""
    by_synth = [note for note in notes if note.channel in sound.synth_channels]
    by_font = [note for note in notes if note.channel not in sound.synth_channels]
    gains_db = dict(enumerate(sound.gains_db))
    out = synth.render_synth(by_synth, controls, sound.synth_seed, rate_hz, n_samples, gains_db=gains_db)
    if not by_font:
        return out
    channels = {note.channel for note in by_font}
    if sound.font is None:
        raise ValueError(f"channels {sorted(channels)} are neither synthesised nor given a soundfont")
    heard = [control for control in controls if control.channel in channels]
    if not any(control.channel == DRUM_CHANNEL and control.kind == "program" for control in heard):
        heard.append(Control(0.0, DRUM_CHANNEL, "program", sound.kit))
    out += fluidsynth.render_font(
        by_font, heard, sound.font, rate_hz, n_samples, gains_db=gains_db, reverb=sound.reverb
    )
    return out
