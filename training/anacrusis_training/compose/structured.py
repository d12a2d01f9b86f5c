"""Family ``structured``: an arrangement over given beats and sections, so that the form can be heard.

Sections of one label share their material; what differs is who plays and how loud. Before a boundary the drums fill,
the band drops out or a roll builds up; after it a cymbal marks the entry.
"""

from __future__ import annotations

import bisect
import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from ..piece import Beat, Piece, Section
from . import form
from .choose import chance, pick, weighted
from .electronic import STYLES as ELECTRONIC_STYLES
from .form import ARP, BASS, COMP, COMP_2, COUNTER, DRUMS, LEAD, PAD, Part, Passage, Span
from .grid import STRAIGHT, Bar, Grid
from .meter import Meter, meter_of
from .performance import Performance
from .pop import STYLES as POP_STYLES
from .rock import STYLES as ROCK_STYLES
from .style import Style
from .texture import random_style

FAMILY = "structured"

BOUNDARY_TOLERANCE_SEC = 0.07
"""A section starts at the first beat that comes no earlier than this before its time."""


@dataclasses.dataclass(frozen=True, slots=True)
class _Plan:
    """What a label sounds like: energy, and the chance of each role."""

    energy: float
    roles: Mapping[str, float]


PLANS: dict[str, _Plan] = {
    "intro": _Plan(0.6, {DRUMS: 0.5, BASS: 0.4, COMP: 0.75, COMP_2: 0.3, PAD: 0.6, LEAD: 0.2, COUNTER: 0.1, ARP: 0.4}),
    "verse": _Plan(
        0.72, {DRUMS: 0.92, BASS: 0.96, COMP: 0.85, COMP_2: 0.2, PAD: 0.25, LEAD: 0.8, COUNTER: 0.05, ARP: 0.15}
    ),
    "pre-chorus": _Plan(
        0.82, {DRUMS: 0.9, BASS: 0.95, COMP: 0.9, COMP_2: 0.4, PAD: 0.6, LEAD: 0.8, COUNTER: 0.1, ARP: 0.4}
    ),
    "chorus": _Plan(
        1.0, {DRUMS: 0.98, BASS: 1.0, COMP: 1.0, COMP_2: 0.8, PAD: 0.8, LEAD: 0.95, COUNTER: 0.4, ARP: 0.5}
    ),
    "bridge": _Plan(
        0.7, {DRUMS: 0.6, BASS: 0.75, COMP: 0.7, COMP_2: 0.3, PAD: 0.85, LEAD: 0.5, COUNTER: 0.3, ARP: 0.5}
    ),
    "inst": _Plan(0.9, {DRUMS: 0.92, BASS: 0.95, COMP: 0.85, COMP_2: 0.5, PAD: 0.4, LEAD: 0.8, COUNTER: 0.3, ARP: 0.5}),
    "outro": _Plan(
        0.62, {DRUMS: 0.55, BASS: 0.6, COMP: 0.8, COMP_2: 0.3, PAD: 0.7, LEAD: 0.25, COUNTER: 0.1, ARP: 0.2}
    ),
    "silence": _Plan(0.0, {}),
}
"""By label of the contract. In a silence nobody plays."""

ROLES = (DRUMS, COMP, BASS, LEAD, COMP_2, PAD, COUNTER, ARP)

ENDINGS_BEFORE: dict[str, dict[str, float]] = {
    "silence": {"plain": 1.0},
    "chorus": {"fill": 0.55, "drop": 0.15, "build": 0.2, "stop": 0.03, "plain": 0.07},
    "inst": {"fill": 0.6, "drop": 0.14, "build": 0.08, "stop": 0.03, "plain": 0.15},
}
ENDINGS_BEFORE_OTHERS = {"fill": 0.66, "drop": 0.05, "build": 0.03, "stop": 0.03, "plain": 0.23}
"""How a section ends, by the label of the next one."""


def arrange(rng: np.random.Generator, beats: Sequence[Beat], sections: Sequence[Section]) -> Piece:
    """An arrangement over `beats` in which `sections` can be heard.

    Parameters
    ----------
    beats
        At least two, in strictly increasing time.
    sections
        In time order, with the contract's labels; beats before the first are played like an intro.

    Raises
    ------
    ValueError
        Where there are fewer than two beats, a label is unknown, or sections are out of order.
    """
    for section in sections:
        if section.label not in PLANS:
            raise ValueError(f"unknown section label {section.label!r}, expected one of {sorted(PLANS)}")
    starts_sec = [section.start_sec for section in sections]
    if starts_sec != sorted(starts_sec):
        raise ValueError(f"sections must be in time order, got starts {starts_sec} s")
    plain = Grid(beats)
    meter = meter_of(Counter(bar.n_beats for bar in plain.bars()).most_common(1)[0][0])
    style, steps = style_for(rng, meter, plain.interval_sec)
    swing = pick(rng, style.swings) if steps % 2 == 0 else STRAIGHT
    grid = Grid(beats, swing)
    roles = tuple(role for role in ROLES if role != DRUMS or chance(rng, 0.88))
    performance = Performance(rng, grid, style, roles, steps)
    passages = _passages(rng, grid, sections, meter, roles)
    performance.play(passages)
    notes, controls = performance.finish()
    traits = {"meter": meter.name, "drums": "yes" if DRUMS in roles else "no", "style": style.name}
    name = f"{style.name}, {meter.name}, {60 / grid.interval_sec:.0f} bpm, {len(sections)} sections"
    return Piece(FAMILY, name, notes, controls, list(beats), list(sections), traits=traits)


def style_for(rng: np.random.Generator, meter: Meter, interval_sec: float) -> tuple[Style, int]:
    """A style that suits meter and tempo, or a random one, and its steps per beat."""
    bpm = 60 / interval_sec
    fitting = [
        style
        for style in (*POP_STYLES, *ROCK_STYLES, *ELECTRONIC_STYLES)
        if style.meter == meter and style.bpm[0] <= bpm <= style.bpm[1] and style.drums_prob > 0.3
    ]
    if fitting and chance(rng, 0.75):
        style = pick(rng, fitting)
        return style, weighted(rng, style.steps)
    steps = pick(rng, (2, 2, 4) if bpm < 150 else (2,))
    return random_style(rng, meter, steps), steps


def _passages(
    rng: np.random.Generator, grid: Grid, sections: Sequence[Section], meter: Meter, roles: Sequence[str]
) -> list[Passage]:
    times_sec = [beat.time_sec for beat in grid.beats]
    bounds = [bisect.bisect_left(times_sec, s.start_sec - BOUNDARY_TOLERANCE_SEC) for s in sections]
    labels = [section.label for section in sections]
    if not bounds or bounds[0] > 0:
        bounds, labels = [0, *bounds], ["intro", *labels]
    bounds.append(grid.n_beats)
    bars = grid.bars()
    passages = []
    for idx, label in enumerate(labels):
        spans = spans_between(bars, bounds[idx], bounds[idx + 1])
        if not spans:
            continue
        following = labels[idx + 1] if idx + 1 < len(labels) else "silence"
        endings = ENDINGS_BEFORE.get(following, ENDINGS_BEFORE_OTHERS)
        part = Part(
            label,
            meter,
            tuple(span.bar.n_beats for span in spans),
            PLANS[label].energy * rng.uniform(0.9, 1.05),
            _players(rng, label, roles),
            weighted(rng, endings),
            crash=chance(rng, 0.88 if label in ("chorus", "inst") else 0.45),
        )
        passages += _with_late_entry(rng, Passage(part, spans))
    return passages


def _players(rng: np.random.Generator, label: str, roles: Sequence[str]) -> tuple[str, ...]:
    """Who plays in a section; never nobody, save in a silence."""
    chances = PLANS[label].roles
    if not chances:
        return ()
    playing = tuple(role for role in roles if chance(rng, chances[role]))
    return playing or (COMP,)


def spans_between(bars: Sequence[Bar], first: int, end: int) -> tuple[Span, ...]:
    """The bars, or pieces of bars, of beats `first` to before `end`; a bar cut by a boundary keeps its count."""
    return tuple(
        Span(bar, float(max(0, first - bar.start, -bar.start)), float(min(bar.n_beats, end - bar.start)))
        for bar in bars
        if bar.start < end and bar.start + bar.n_beats > first
    )


def _with_late_entry(rng: np.random.Generator, passage: Passage) -> list[Passage]:
    """Outer sections sometimes begin thin: the drums come in halfway, or leave."""
    part, n_spans = passage.part, len(passage.spans)
    if part.label not in ("intro", "outro", "bridge") or DRUMS not in part.roles or n_spans < 4 or chance(rng, 0.5):
        return [passage]
    half = n_spans // 2
    thin = tuple(role for role in part.roles if role != DRUMS) or (form.COMP,)
    roles = (part.roles, thin) if part.label == "outro" else (thin, part.roles)
    first = dataclasses.replace(
        part, roles=roles[0], bar_beats=part.bar_beats[:half], ending=pick(rng, ("plain", "fill"))
    )
    second = dataclasses.replace(part, roles=roles[1], bar_beats=part.bar_beats[half:], crash=chance(rng, 0.3))
    return [Passage(first, passage.spans[:half]), Passage(second, passage.spans[half:])]
