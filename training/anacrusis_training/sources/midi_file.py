"""MIDI files at absolute times: notes, controls, and beats from the tempo map and the time signatures."""

from __future__ import annotations

import bisect
import dataclasses
from pathlib import Path

import mido
import numpy as np

from anacrusis_training.piece import Beat, Control, Note
from anacrusis_training.sources.excluded import content_hash

_DEFAULT_TEMPO_USEC = 500_000
_SHORTEST_NOTE_SEC = 0.02
_MUSICAL_CONTROLLERS = frozenset((1, 7, 10, 11, 64, 66, 67, 91, 93))
"""Modulation, volume, pan, expression, pedals, effect levels; bank selects and the like need the original device."""


@dataclasses.dataclass(frozen=True, slots=True)
class Score:
    """What a MIDI file says.

    Attributes
    ----------
    notes, controls
        At absolute times.
    beats
        From the first time signature to the end of the last note; 6/8, 9/8 and 12/8 are counted in dotted quarters,
        other meters in the unit of their signature.
    meter
        The signature that lasts longest, as ``"6/8"``.
    content
        Hash of the note sequence, see `sources.excluded.content_hash`.
    """

    notes: list[Note]
    controls: list[Control]
    beats: list[Beat]
    meter: str
    content: str


class MidiFileError(ValueError):
    """A MIDI file that cannot be read."""


class TempoMap:
    """Seconds of ticks under changing tempo.

    Parameters
    ----------
    changes
        Microseconds per quarter note by tick; 120 quarters per minute hold before the first.
    ticks_per_quarter
        Resolution of the file.
    """

    def __init__(self, changes: dict[int, int], ticks_per_quarter: int) -> None:
        tempos = {0: _DEFAULT_TEMPO_USEC} | changes
        self._ticks = sorted(tempos)
        self._sec_per_tick = [tempos[tick] / 1e6 / ticks_per_quarter for tick in self._ticks]
        lengths = np.diff(self._ticks) * np.array(self._sec_per_tick[:-1])
        self._starts_sec = [0.0, *np.cumsum(lengths).tolist()]

    def seconds(self, tick: float) -> float:
        """Time of a tick, which may lie between two or beyond the last."""
        at = max(bisect.bisect_right(self._ticks, tick) - 1, 0)
        return self._starts_sec[at] + (tick - self._ticks[at]) * self._sec_per_tick[at]


def read_midi(path: Path) -> Score:
    """Read a MIDI file of type 0 or 1.

    A note ends with its note-off; one without ends where its pitch sounds again or with the file.

    Raises
    ------
    MidiFileError
        If it is not such a file.
    """
    try:
        file = mido.MidiFile(path, charset="latin-1", clip=True)
    except (OSError, EOFError, ValueError, KeyError, IndexError, mido.KeySignatureError) as error:
        raise MidiFileError(f"{path} is not a readable MIDI file: {error}") from error
    if file.type == 2 or file.ticks_per_beat <= 0:
        raise MidiFileError(
            f"{path}: type {file.type} at {file.ticks_per_beat} ticks per quarter; expected type 0 or 1"
        )
    raw = _Collector()
    for track in file.tracks:
        raw.add_track(track)
    tempo_map = TempoMap(raw.tempos, file.ticks_per_beat)
    notes = []
    for start, end, channel, pitch, velocity in sorted(raw.notes):
        start_sec = tempo_map.seconds(start)
        end_sec = max(tempo_map.seconds(end), start_sec + _SHORTEST_NOTE_SEC)
        notes.append(Note(start_sec, end_sec, channel, pitch, velocity))
    controls = [
        dataclasses.replace(control, time_sec=tempo_map.seconds(tick))
        for tick, control in sorted(raw.controls, key=lambda entry: entry[0])
    ]
    end = max((end for _, end, *_ in raw.notes), default=0)
    signatures = raw.signatures or {0: (4, 4)}
    ticks = beat_ticks(signatures, end, file.ticks_per_beat)
    beats = [Beat(tempo_map.seconds(tick), position) for tick, position in ticks]
    content = content_hash(((start, pitch) for start, _, _, pitch, _ in raw.notes), file.ticks_per_beat)
    return Score(notes, controls, beats, _longest_meter(signatures, end), content)


def beat_ticks(
    signatures: dict[int, tuple[int, int]], end_tick: int, ticks_per_quarter: int
) -> list[tuple[float, int]]:
    """Ticks of the beats up to `end_tick`, with their place in the bar.

    Parameters
    ----------
    signatures
        (numerator, denominator) by tick; each starts a new bar.
    end_tick
        Where the beats end.
    ticks_per_quarter
        Resolution.
    """
    out: list[tuple[float, int]] = []
    starts = sorted(signatures)
    for number, start in enumerate(starts):
        stop = starts[number + 1] if number + 1 < len(starts) else end_tick
        numerator, denominator = signatures[start]
        beats_per_bar, unit = numerator, ticks_per_quarter * 4.0 / denominator
        if denominator == 8 and numerator % 3 == 0 and numerator > 3:
            beats_per_bar, unit = numerator // 3, 3.0 * unit
        count = max(0, int(np.ceil((stop - start) / unit - 1e-9)))
        out.extend((start + beat * unit, beat % beats_per_bar + 1) for beat in range(count))
    return out


class _Collector:
    """Events of all tracks with their ticks."""

    def __init__(self) -> None:
        self.notes: list[tuple[int, int, int, int, int]] = []
        self.controls: list[tuple[int, Control]] = []
        self.tempos: dict[int, int] = {}
        self.signatures: dict[int, tuple[int, int]] = {}

    def add_track(self, track: mido.MidiTrack) -> None:
        tick = 0
        sounding: dict[tuple[int, int], list[tuple[int, int]]] = {}
        for message in track:
            tick += message.time
            if message.type == "set_tempo":
                self.tempos[tick] = message.tempo
            elif message.type == "time_signature":
                self.signatures[tick] = (message.numerator, message.denominator)
            elif message.type == "note_on" and message.velocity > 0:
                sounding.setdefault((message.channel, message.note), []).append((tick, message.velocity))
            elif message.type in ("note_on", "note_off"):
                self._end_note(sounding, (message.channel, message.note), tick)
            else:
                self._add_control(message, tick)
        for key, started in sounding.items():
            for _ in range(len(started)):
                self._end_note(sounding, key, tick)

    def _end_note(
        self, sounding: dict[tuple[int, int], list[tuple[int, int]]], key: tuple[int, int], tick: int
    ) -> None:
        if sounding.get(key):
            start, velocity = sounding[key].pop(0)
            # Pitch 0 is no note of a piece.
            if key[1] > 0:
                self.notes.append((start, tick, key[0], key[1], velocity))

    def _add_control(self, message: mido.Message, tick: int) -> None:
        if message.type == "program_change":
            self.controls.append((tick, Control(0.0, message.channel, "program", message.program)))
        elif message.type == "pitchwheel":
            self.controls.append((tick, Control(0.0, message.channel, "bend", message.pitch)))
        elif message.type == "control_change" and message.control in _MUSICAL_CONTROLLERS:
            self.controls.append((tick, Control(0.0, message.channel, "cc", message.value, message.control)))


def _longest_meter(signatures: dict[int, tuple[int, int]], end_tick: int) -> str:
    lengths: dict[tuple[int, int], int] = {}
    starts = sorted(signatures)
    for start, stop in zip(starts, [*starts[1:], max(end_tick, starts[-1])], strict=True):
        lengths[signatures[start]] = lengths.get(signatures[start], 0) + stop - start
    numerator, denominator = max(lengths, key=lambda signature: lengths[signature])
    return f"{numerator}/{denominator}"
