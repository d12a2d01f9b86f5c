"""Meters: how many beats a bar has, how they group, and how strong each moment of the bar is."""

from __future__ import annotations

import dataclasses

BAR_STRENGTH = 1.0
GROUP_STRENGTH = 0.8
BEAT_STRENGTH = 0.65
HALF_STRENGTH = 0.4
STEP_STRENGTH = 0.28
"""Metrical strength in (0, 1] of a bar's start, a group's start, a beat, half a beat, and any other step."""

POSITION_TOLERANCE_BEATS = 1e-4
"""Two positions closer than this are the same moment."""


@dataclasses.dataclass(frozen=True, slots=True)
class Meter:
    """A bar of equal beats.

    Attributes
    ----------
    groups
        Beats per group, in order: ``(2, 2)`` for 4/4, ``(3, 2)`` for one kind of 5/4.
    compound
        Whether a beat is a dotted quarter of three eighths.
    """

    groups: tuple[int, ...]
    compound: bool = False

    def __post_init__(self) -> None:
        if not self.groups or min(self.groups) < 1:
            raise ValueError(f"a meter needs groups of at least one beat, got {self.groups}")

    @property
    def n_beats(self) -> int:
        """Beats in a bar."""
        return sum(self.groups)

    @property
    def name(self) -> str:
        """As written at the head of a score: ``"4/4"``, ``"6/8"``."""
        return f"{3 * self.n_beats}/8" if self.compound else f"{self.n_beats}/4"

    @property
    def group_starts(self) -> tuple[int, ...]:
        """Beats, counted from 0, on which a group starts."""
        return tuple(sum(self.groups[:k]) for k in range(len(self.groups)))

    @property
    def middle(self) -> int:
        """The beat, counted from 0, on which a bar is best halved; 0 for a bar of one beat."""
        if self.n_beats == 3:
            return 2
        starts = self.group_starts[1:] or (self.n_beats // 2,)
        return min(starts, key=lambda start: abs(start - self.n_beats / 2))

    def strength(self, position_beats: float) -> float:
        """Metrical strength in (0, 1] of a moment of the bar; positions past its end wrap."""
        position = position_beats % self.n_beats
        beat = round(position)
        if abs(position - beat) < POSITION_TOLERANCE_BEATS:
            beat %= self.n_beats
            if beat == 0:
                return BAR_STRENGTH
            return GROUP_STRENGTH if beat in self.group_starts else BEAT_STRENGTH
        if not self.compound and abs(position % 1 - 0.5) < POSITION_TOLERANCE_BEATS:
            return HALF_STRENGTH
        return STEP_STRENGTH


def meter_of(n_beats: int, compound: bool = False) -> Meter:
    """The usual grouping of a bar of `n_beats` beats: twos, with a three where the count is odd.

    Raises
    ------
    ValueError
        Where `n_beats` is below 1.
    """
    if n_beats < 1:
        raise ValueError(f"a bar needs at least one beat, got {n_beats}")
    if n_beats <= 3:
        return Meter((n_beats,), compound)
    if n_beats % 2:
        return Meter((3,) + (2,) * ((n_beats - 3) // 2), compound)
    return Meter((2,) * (n_beats // 2), compound)


FOUR = Meter((2, 2))
THREE = Meter((3,))
TWO = Meter((2,))
FIVE = Meter((3, 2))
SEVEN = Meter((2, 2, 3))
SIX_EIGHT = Meter((2,), compound=True)
NINE_EIGHT = Meter((3,), compound=True)
TWELVE_EIGHT = Meter((2, 2), compound=True)
