"""Form: parts of a few bars, what they are made of, who plays in them and how they end."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from .choose import chance, pick, weighted
from .grid import Bar
from .meter import Meter, meter_of

DRUMS, BASS, COMP, COMP_2, PAD, LEAD, COUNTER, ARP = "drums", "bass", "comp", "comp 2", "pad", "lead", "counter", "arp"
"""Roles of a band."""

ENDINGS = {"plain": 0.3, "fill": 0.52, "drop": 0.07, "stop": 0.04, "build": 0.07}
"""Weights of what happens at the end of a part: nothing, a drum fill, silence before the next downbeat, one chord on
the last bar's downbeat, a roll that swells."""


@dataclasses.dataclass(frozen=True, slots=True)
class Part:
    """Bars of one material.

    Attributes
    ----------
    label
        Parts with the same label and meter sound the same.
    meter
        Of its regular bars.
    bar_beats
        Beats of each of its bars; an odd one may stand among them.
    energy
        0 to 1: loudness and fullness.
    roles
        Who plays.
    ending
        A key of `ENDINGS`.
    feel
        2 plays the drums at half time, 0.5 at double time, 1 as written.
    transpose
        Semitones above the song's key.
    crash
        Whether a cymbal marks its start.
    """

    label: str
    meter: Meter
    bar_beats: tuple[int, ...]
    energy: float
    roles: tuple[str, ...]
    ending: str = "plain"
    feel: float = 1.0
    transpose: int = 0
    crash: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Span:
    """A bar as far as one part plays it: from `begin` to before `end`, in beats from the bar's start."""

    bar: Bar
    begin: float
    end: float


@dataclasses.dataclass(frozen=True, slots=True)
class Passage:
    """A part on the grid."""

    part: Part
    spans: tuple[Span, ...]


def plan_parts(
    rng: np.random.Generator,
    meter: Meter,
    n_beats: int,
    roles: Sequence[str],
    *,
    part_bars: Sequence[int] = (4, 8, 8, 8, 16),
    feels: dict[float, float] | None = None,
    odd_bar_prob: float = 0.03,
    meter_change_prob: float = 0.02,
) -> list[Part]:
    """Parts that together last at least `n_beats` beats.

    Raises
    ------
    ValueError
        Where nobody plays.
    """
    if not roles:
        raise ValueError("a form needs at least one role, got none")
    form = pick(rng, ("AABA", "ABAB", "ABABCB", "AABB", "ABCB", "ABAC", "AAAA", "AAB"))
    energies = {letter: rng.uniform(0.55, 1.0) for letter in "ABC"}
    parts: list[Part] = []
    planned = 0
    transpose = 0
    while planned < n_beats:
        idx = len(parts)
        label = form[idx % len(form)]
        here = meter
        if idx and chance(rng, meter_change_prob):
            here = meter_of(pick(rng, (2, 3, 4, 5)), meter.compound)
        elif idx and parts[-1].meter is not meter and chance(rng, 0.5):
            here = parts[-1].meter
        bars = [here.n_beats] * pick(rng, part_bars)
        if here.n_beats >= 4 and chance(rng, odd_bar_prob):
            bars[-1] += pick(rng, (-2, -2, 2, -1, 1))
        if idx > 2 and chance(rng, 0.05):
            transpose += pick(rng, (1, 2, 2, -3))
        parts.append(
            Part(
                label,
                here,
                tuple(bars),
                energies[label],
                _players(rng, roles, idx),
                weighted(rng, ENDINGS),
                weighted(rng, feels or {1.0: 1.0}),
                transpose,
                crash=chance(rng, 0.5),
            )
        )
        planned += sum(bars)
    return parts


def _players(rng: np.random.Generator, roles: Sequence[str], part_idx: int) -> tuple[str, ...]:
    """Everybody, less who rests in an intro, a breakdown or a thinner part; never nobody."""
    absent = {DRUMS: 0.07, BASS: 0.06, COMP: 0.07, COMP_2: 0.2, PAD: 0.3, LEAD: 0.22, COUNTER: 0.3, ARP: 0.3}
    if part_idx == 0 and chance(rng, 0.5):
        absent |= {DRUMS: 0.5, BASS: 0.4, LEAD: 0.7}
    elif part_idx and chance(rng, 0.1):
        absent |= {DRUMS: 0.85, BASS: 0.5}
    playing = tuple(role for role in roles if not chance(rng, absent[role]))
    return playing or (roles[0],)


def place(parts: Sequence[Part], bars: Sequence[Bar]) -> list[Passage]:
    """Parts laid over the bars of a grid, in order, as far as either lasts."""
    passages = []
    first = 0
    for part in parts:
        own = bars[first : first + len(part.bar_beats)]
        if own:
            spans = tuple(Span(bar, float(max(0, -bar.start)), float(bar.n_beats)) for bar in own)
            passages.append(Passage(part, spans))
        first += len(part.bar_beats)
    return passages
