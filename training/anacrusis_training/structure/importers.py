"""Section annotations of people and detectors as plans: SongFormer, MSA text (also Harmonix and SALAMI), allin1, JAMS, Rock Band charts.

`read_plan` goes by the file's content, so that a folder may hold any mixture.
"""

from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import mido

from anacrusis_training.piece import Beat
from anacrusis_training.sources.midi_file import TempoMap
from anacrusis_training.structure.plan import Plan, make_plan

SUFFIXES = (".json", ".txt", ".lab", ".jams", ".mid")
"""Names of files that `read_plan` knows."""

_ROCK_BAND_SECTION = re.compile(r"^\[(?:section|prc)[ _](?P<name>[^\]]+)\]$")
"""Practice sections as charts write them: ``[section verse_1]``, ``[prc_verse_1]``."""

_END_WORDS = ("end",)


def read_plan(path: Path, teacher: str = "") -> Plan:
    """Read a file of any known format.

    Parameters
    ----------
    path
        ``.json`` (SongFormer or allin1), ``.txt`` or ``.lab`` (lines of start and label), ``.jams``, ``.mid`` (Rock Band chart).
    teacher
        What made the labels; a detector's name where the format tells it.

    Raises
    ------
    ValueError
        Of no known format, or a plan that `make_plan` refuses.
    """
    suffix = path.suffix.lower()
    if suffix == ".mid":
        return read_rock_band(path)
    if suffix in (".txt", ".lab"):
        return read_lines(path, teacher)
    if suffix not in (".json", ".jams"):
        raise ValueError(f"{path}: unknown kind of file, expected one of {', '.join(SUFFIXES)}")
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise ValueError(f"{path}: not JSON: {error}") from error
    if isinstance(document, list):
        return songformer(document, str(path.name), teacher or "SongFormer")
    if isinstance(document, dict) and "segments" in document:
        return allin1(document, str(path.name), teacher or "allin1")
    if isinstance(document, dict) and "annotations" in document:
        return jams(document, str(path.name), teacher)
    raise ValueError(f"{path}: neither SongFormer's list, nor allin1's `segments`, nor JAMS' `annotations`")


def songformer(document: list[Any], name: str, teacher: str = "SongFormer") -> Plan:
    """SongFormer's list of ``{"label", "start", "end"}``."""
    return make_plan([_row(entry, "start", "end", "label", name) for entry in document], f"songformer/{name}", teacher=teacher)


def allin1(document: dict[str, Any], name: str, teacher: str = "allin1") -> Plan:
    """allin1's object with `segments`, `beats` and `beat_positions`."""
    rows = [_row(entry, "start", "end", "label", name) for entry in document["segments"]]
    times = document.get("beats", [])
    places = document.get("beat_positions", [0] * len(times))
    if len(times) != len(places):
        raise ValueError(f"{name}: {len(times)} beats, but {len(places)} beat positions")
    beats = [Beat(float(time_sec), int(place)) for time_sec, place in zip(times, places, strict=True)]
    return make_plan(rows, f"allin1/{name}", beats, teacher)


def jams(document: dict[str, Any], name: str, teacher: str = "") -> Plan:
    """The first `segment_open` or `segment_salami_function` annotation of a JAMS document."""
    for annotation in document["annotations"]:
        if annotation.get("namespace") in ("segment_open", "segment_salami_function"):
            data = annotation.get("data", [])
            if isinstance(data, dict):
                # Files of JAMS before 0.3 hold lists by field.
                data = [dict(zip(data, values, strict=True)) for values in zip(*data.values(), strict=True)]
            rows = [_row({**entry, "end": entry["time"] + entry["duration"]}, "time", "end", "value", name) for entry in data]
            outside = [row for row in rows if row[2].strip().lower() in _END_WORDS]
            return make_plan([row for row in rows if row not in outside] or rows, f"jams/{name}", teacher=teacher)
    raise ValueError(f"{name}: no annotation of sections: expected the namespace segment_open")


def read_lines(path: Path, teacher: str = "") -> Plan:
    """Lines of start and label, the last of which ends the song: MSA text, Harmonix' segments, SALAMI's functions.

    A label may have spaces; start and label are apart by a space or a tab.
    """
    starts: list[tuple[float, str]] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            first, *rest = line.strip().split(maxsplit=1)
            starts.append((float(first), rest[0] if rest else ""))
        except ValueError as error:
            raise ValueError(f"{path}:{number}: expected start and label, got {line!r}") from error
    if len(starts) < 2 or starts[-1][1].strip().lower() not in _END_WORDS:
        raise ValueError(f"{path}: the last line has to say where the song ends, as in `215.4 end`")
    if any(after[0] < before[0] for before, after in pairwise(starts)):
        raise ValueError(f"{path}: starts are not in time order")
    rows = [(start, following[0], raw) for (start, raw), following in pairwise(starts)]
    return make_plan(rows, f"{path.parent.name}/{path.stem}", teacher=teacher)


def read_rock_band(path: Path) -> Plan:
    """Practice sections of a Rock Band chart (track ``EVENTS``), to its ``[end]`` or last event, with the beats of its BEAT track."""
    try:
        file = mido.MidiFile(path, clip=True)
    except (OSError, ValueError, EOFError, KeyError, IndexError) as error:
        raise ValueError(f"{path}: not a MIDI file: {error}") from error
    tempos: dict[int, int] = {}
    starts: list[tuple[int, str]] = []
    beats: list[tuple[int, int]] = []
    last = 0
    for track in file.tracks:
        tick = 0
        for message in track:
            tick += message.time
            last = max(last, tick)
            if message.type == "set_tempo":
                tempos[tick] = message.tempo
            elif message.type in ("text", "lyrics", "marker") and (found := _ROCK_BAND_SECTION.match(message.text.strip())):
                starts.append((tick, found["name"].replace("_", " ")))
            elif message.type == "text" and message.text.strip() == "[end]":
                starts.append((tick, "end"))
            elif track.name == "BEAT" and message.type == "note_on" and message.velocity and message.note in (12, 13):
                # The format's pitches: 12 is a downbeat, 13 any other beat.
                beats.append((tick, message.note))
    starts.sort()
    ends = [tick for tick, _ in starts[1:]] + [last]
    clock = TempoMap(tempos, file.ticks_per_beat)
    rows = []
    for (tick, raw), end in zip(starts, ends, strict=True):
        if raw == "end":
            break
        rows.append((clock.seconds(tick), clock.seconds(end), raw))
    return make_plan(rows, f"rockband/{path.parent.name}", _counted(beats, clock))


def _counted(beats: list[tuple[int, int]], clock: TempoMap) -> list[Beat]:
    """Beats with their place in the bar; 0 before the first downbeat."""
    out: list[Beat] = []
    place = 0
    for tick, pitch in sorted(beats):
        place = 1 if pitch == 12 else place + 1 if place else 0
        out.append(Beat(clock.seconds(tick), place))
    return out


def _row(entry: Any, start: str, end: str, label: str, name: str) -> tuple[float, float, str]:
    try:
        return float(entry[start]), float(entry[end]), str(entry[label])
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{name}: expected an entry with {start}, {end} and {label}, got {entry!r}") from error
