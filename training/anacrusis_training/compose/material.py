"""Material of a part: the chords, figures, melodies and drum pattern that return whenever its label does."""

from __future__ import annotations

import dataclasses
from fractions import Fraction

import numpy as np

from .bass import BASS_FIGURES
from .choose import chance, pick, weighted
from .comping import COMP_FIGURES
from .drumming import Drummer, random_groove
from .figure import Figure
from .harmony import Progression, random_progression
from .melody import CHARACTERS, Melody
from .meter import Meter
from .rhythm import cross
from .style import Style

WALKING = "walking"
HOLD = "hold"
"""The bass and the accompaniment that are no fixed figures."""


@dataclasses.dataclass(frozen=True, slots=True)
class Material:
    """What a label sounds like. A missing bass figure means a walking bass, a missing chord figure held chords."""

    progression: Progression
    colour: str
    bass: Figure | None
    comp: Figure | None
    comp_2: Figure | None
    arp: Figure
    melody: Melody
    counter: Melody
    drummer: Drummer
    tied: bool
    """Whether a held chord that stays is not struck again in the next bar."""


def make_material(rng: np.random.Generator, style: Style, meter: Meter, steps: int, feel: float) -> Material:
    """Draw the material of one label."""
    pattern = pick(rng, style.grooves) if style.grooves and meter == style.meter else random_groove(rng, meter, steps)
    if feel != 1.0:
        pattern = pattern.stretched(feel)
    return Material(
        progression=random_progression(rng, meter, style.loops, style.rhythms),
        colour=pick(rng, style.colours),
        bass=_figure(rng, BASS_FIGURES, weighted(rng, style.bass), WALKING, meter, steps),
        comp=_figure(rng, COMP_FIGURES, weighted(rng, style.comp), HOLD, meter, steps),
        comp_2=_figure(rng, COMP_FIGURES, weighted(rng, style.comp), HOLD, meter, steps),
        arp=_ostinato(rng, meter, steps),
        melody=Melody(rng, meter, steps, CHARACTERS[weighted(rng, style.lead)]),
        counter=Melody(rng, meter, steps, CHARACTERS[pick(rng, ("long", "sparse", "lyrical"))]),
        drummer=Drummer(rng, meter, steps, pattern, tops=style.tops, ornament=style.ornament),
        tied=chance(rng, 0.5),
    )


def _figure(rng: np.random.Generator, makers: dict, name: str, free: str, meter: Meter, steps: int) -> Figure | None:
    if name == free:
        return None
    if name not in makers:
        raise ValueError(f"unknown figure {name!r}, expected {free!r} or one of {sorted(makers)}")
    return makers[name](rng, meter, steps)


def _ostinato(rng: np.random.Generator, meter: Meter, steps: int) -> Figure:
    """An arpeggio within the bar (mostly), or one of 3, 5 or 6 steps that runs across bars."""
    if chance(rng, 0.65):
        return COMP_FIGURES["arpeggio"](rng, meter, max(2, steps))
    every = Fraction(1, pick(rng, (max(2, steps), 2)))
    n_tones = pick(rng, (3, 3, 6, 5, 6))
    tones = tuple(int(tone) for tone in rng.integers(0, 5, n_tones))
    return cross(every, n_tones, tones, accent_every=pick(rng, (0, 0, 3, n_tones)))
