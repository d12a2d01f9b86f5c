"""Which instrument a channel has at a time, and how early its players start.

Players of slow instruments begin before the beat, so that the tone is there on it; a rendering that does not would put
every onset late of its truth.
"""

from __future__ import annotations

import bisect
import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Sequence

from anacrusis_training.piece import DRUM_CHANNEL, Control, Note

MOST_LEAD_SEC = 0.05

_SAME_TIME_SEC = 0.001
"""A program change this much after a note still counts for it: times are rounded."""

# NB: from a note's time to half of its greatest level, ms: the mean of FluidR3_GM and MuseScore_General_Lite, two
# pitches, velocity 90. Programs that are not listed take under 25 ms.
# fmt: off
_ATTACK_MS = {
    17: 29, 19: 71, 21: 36, 22: 29, 23: 26, 40: 130, 41: 88, 42: 155, 43: 115, 44: 76, 45: 58, 48: 78, 49: 195,
    50: 65, 51: 69, 52: 190, 53: 55, 54: 97, 57: 47, 60: 28, 63: 97, 68: 38, 70: 26, 71: 34, 72: 104, 73: 58,
    74: 47, 75: 55, 76: 56, 77: 77, 78: 131, 85: 31, 89: 299, 91: 23, 92: 138, 93: 174, 94: 150, 95: 209, 97: 212,
    99: 28, 101: 397, 102: 77, 103: 122, 109: 68, 110: 131,
}
# fmt: on


class Programs:
    """Program changes of all channels.

    Parameters
    ----------
    controls
        In any order; only programs count.
    """

    def __init__(self, controls: Iterable[Control]) -> None:
        changes: dict[int, list[tuple[float, int]]] = defaultdict(list)
        for control in controls:
            if control.kind == "program":
                changes[control.channel].append((control.time_sec, control.value))
        # Stable by time: of two changes at once the later written one holds.
        self._changes = {channel: sorted(entries, key=lambda entry: entry[0]) for channel, entries in changes.items()}

    def at(self, channel: int, time_sec: float) -> int:
        """The program a channel has at a time; 0 before its first change."""
        changes = self._changes.get(channel, [])
        number = bisect.bisect_right(changes, time_sec + _SAME_TIME_SEC, key=lambda entry: entry[0])
        return changes[number - 1][1] if number else 0


def lead_sec(attack_sec: float) -> float:
    """How early a player of an instrument with this attack starts: half of it, at most `MOST_LEAD_SEC`."""
    return min(0.5 * attack_sec, MOST_LEAD_SEC)


def played_early(notes: Sequence[Note], controls: Iterable[Control]) -> list[Note]:
    """Notes as players of soundfont instruments start them; their ends stay, and nothing starts before 0."""
    programs = Programs(controls)
    out = []
    for note in notes:
        attack_ms = 0 if note.channel == DRUM_CHANNEL else _ATTACK_MS.get(programs.at(note.channel, note.start_sec), 0)
        if attack_ms:
            note = dataclasses.replace(note, start_sec=max(0.0, note.start_sec - lead_sec(attack_ms / 1000.0)))
        out.append(note)
    return out
