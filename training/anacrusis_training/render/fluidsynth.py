"""Notes of a piece through the fluidsynth program and a soundfont.

The MIDI file handed over has absolute times under one constant tempo event.
NB: a tempo event per beat makes fluidsynth 2.3.1 drift, by up to 0.1 s in 2 minutes, because it restarts its clock
at a block edge.
"""

from __future__ import annotations

import math
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

import mido
import numpy as np
import scipy.signal
import soundfile

from anacrusis_training.piece import Control, Note
from anacrusis_training.render.programs import played_early
from anacrusis_training.render.soundfonts import Soundfont

TICKS_PER_SEC = 10_000
ENGINE_RATE_HZ = 22_050
"""Rate fluidsynth runs at, that of the features.

Its events start at blocks of 64 samples: 2.9 ms, a seventh of a frame.
"""

ENGINE_LATENCY_SEC = 0.0044
"""NB: mean delay from an event's time to its sound, measured at `ENGINE_RATE_HZ`: 1.5 blocks and half a player tick."""

TAIL_SEC = 1.5
"""Sound kept after the last note, for releases and reverberation."""

_GAIN = 0.4
_SHORTEST_NOTE_SEC = 0.02
_BASE_VOLUME = 100
"""General MIDI's channel volume at reset."""


class FluidsynthError(RuntimeError):
    """fluidsynth is missing, failed, ran out of time or wrote no sound."""


def write_midi(
    notes: Iterable[Note], controls: Iterable[Control], path: Path, gains_db: dict[int, float] | None = None
) -> None:
    """Write notes and controls at their absolute times, rounded to 0.1 ms.

    Parameters
    ----------
    notes, controls
        In any order; times before 0 become 0.
    path
        File to write.
    gains_db
        Level of each channel in dB, applied to its volume controller (7), so that the timbre of its velocities stays.
    """
    gains_db = gains_db or {}
    events: list[tuple[int, int, mido.Message]] = []
    for channel, gain_db in sorted(gains_db.items()):
        volume = _scaled_volume(_BASE_VOLUME, gain_db)
        events.append((0, 0, mido.Message("control_change", channel=channel, control=7, value=volume)))
    for control in controls:
        events.append((_ticks(control.time_sec), 1, _control_message(control, gains_db.get(control.channel, 0.0))))
    for note in notes:
        start, end = _ticks(note.start_sec), _ticks(max(note.end_sec, note.start_sec + _SHORTEST_NOTE_SEC))
        on = mido.Message("note_on", channel=note.channel, note=note.pitch, velocity=note.velocity)
        events.append((start, 3, on))
        events.append((max(end, start + 1), 2, mido.Message("note_off", channel=note.channel, note=note.pitch)))
    events.sort(key=lambda event: event[:2])
    track = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=1_000_000)])
    last = 0
    for tick, _, message in events:
        track.append(message.copy(time=tick - last))
        last = tick
    track.append(mido.MetaMessage("end_of_track", time=round(TAIL_SEC * TICKS_PER_SEC)))
    file = mido.MidiFile(type=0, ticks_per_beat=TICKS_PER_SEC)
    file.tracks.append(track)
    file.save(path)


def render_font(
    notes: list[Note],
    controls: list[Control],
    font: Soundfont,
    rate_hz: int,
    n_samples: int,
    *,
    gains_db: dict[int, float] | None = None,
    reverb: bool = False,
    timeout_sec: float = 120.0,
) -> np.ndarray:
    """Render notes with one soundfont.

    The delay of the engine and of the font's samples is taken out, so that percussion sounds within 4 ms of its
    note's time; slow instruments start early, see `render.programs`.

    Parameters
    ----------
    notes, controls
        What to play.
    font
        Soundfont.
    rate_hz
        Sample rate of the result.
    n_samples
        Length of the result; what sounds later is cut.
    gains_db
        See `write_midi`.
    reverb
        Whether fluidsynth's reverberation and chorus are on.
    timeout_sec
        How long fluidsynth may take.

    Returns
    -------
    np.ndarray
        Mono samples, float32 `[n_samples]`.

    Raises
    ------
    FluidsynthError
        If the program is missing, fails, runs out of time or writes no sound.
    """
    if not notes or n_samples <= 0:
        return np.zeros(max(n_samples, 0), np.float32)
    with tempfile.TemporaryDirectory(prefix="anacrusis_render_") as folder:
        midi_path, wave_path = Path(folder, "piece.mid"), Path(folder, "piece.wav")
        write_midi(played_early(notes, controls), controls, midi_path, gains_db)
        _run_fluidsynth(midi_path, wave_path, font, reverb, timeout_sec)
        stereo, _ = soundfile.read(wave_path, dtype="float32", always_2d=True)
    delay = round((ENGINE_LATENCY_SEC + font.attack_sec) * ENGINE_RATE_HZ)
    mono = stereo.mean(axis=1)[delay:]
    divisor = math.gcd(rate_hz, ENGINE_RATE_HZ)
    if rate_hz != ENGINE_RATE_HZ and len(mono):
        mono = scipy.signal.resample_poly(mono, rate_hz // divisor, ENGINE_RATE_HZ // divisor)
    out = np.zeros(n_samples, np.float32)
    out[: min(n_samples, len(mono))] = mono[:n_samples]
    return out


def _run_fluidsynth(midi_path: Path, wave_path: Path, font: Soundfont, reverb: bool, timeout_sec: float) -> None:
    switch = "1" if reverb else "0"
    # fmt: off
    command = [
        "fluidsynth", "-n", "-i", "-q", "-g", str(_GAIN), "-r", str(ENGINE_RATE_HZ), "-R", switch, "-C", switch,
        "-o", "synth.dynamic-sample-loading=1", "-O", "float", "-T", "wav",
        "-F", str(wave_path), str(font.path), str(midi_path),
    ]
    # fmt: on
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_sec, check=False)
    except FileNotFoundError as error:
        raise FluidsynthError("the program fluidsynth is not installed (Debian package fluidsynth)") from error
    except subprocess.TimeoutExpired as error:
        raise FluidsynthError(f"fluidsynth took longer than {timeout_sec} s with {font.name}") from error
    if done.returncode != 0 or not wave_path.is_file():
        message = (done.stderr or done.stdout).strip()[-500:]
        raise FluidsynthError(f"fluidsynth ended with status {done.returncode} and {font.name}: {message}")


def _ticks(time_sec: float) -> int:
    return max(0, round(time_sec * TICKS_PER_SEC))


def _scaled_volume(volume: int, gain_db: float) -> int:
    """Controller value for a gain: General MIDI's level is 40 log10(value / 127) dB."""
    return max(1, min(127, round(volume * 10 ** (gain_db / 40.0))))


def _control_message(control: Control, gain_db: float) -> mido.Message:
    if control.kind == "program":
        return mido.Message("program_change", channel=control.channel, program=control.value)
    if control.kind == "bend":
        return mido.Message("pitchwheel", channel=control.channel, pitch=control.value)
    if control.kind == "cc":
        value = _scaled_volume(control.value, gain_db) if control.number == 7 and control.value > 0 else control.value
        return mido.Message("control_change", channel=control.channel, control=control.number, value=value)
    raise ValueError(f"control kind is program, cc or bend, not {control.kind!r}")
