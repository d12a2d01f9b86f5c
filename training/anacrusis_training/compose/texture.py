"""Family ``texture``: any meter, any figures, any instruments; the widest variety, bound to no genre."""

from __future__ import annotations

import dataclasses

import numpy as np

from ..piece import Piece
from . import programs
from .bass import BASS_FIGURES
from .choose import chance, pick, weighted
from .comping import COMP_FIGURES
from .harmony import COLOURS, SCALES
from .material import HOLD, WALKING
from .melody import CHARACTERS
from .meter import FIVE, FOUR, NINE_EIGHT, SEVEN, SIX_EIGHT, THREE, TWELVE_EIGHT, TWO, Meter
from .song import compose
from .style import LIGHT_SWING, SIXTEENTH_SWING, STRAIGHT, TRIPLET_SWING, Style
from .tempo import CURVES

FAMILY = "texture"

METERS = {
    FOUR: 0.4,
    THREE: 0.2,
    TWO: 0.09,
    SIX_EIGHT: 0.11,
    FIVE: 0.05,
    SEVEN: 0.02,
    NINE_EIGHT: 0.04,
    TWELVE_EIGHT: 0.07,
}


def random_style(rng: np.random.Generator, meter: Meter, steps: int) -> Style:
    """A style made of everything there is, with a few favourites drawn for this piece."""
    fastest = {4: 150.0, 3: 170.0}.get(steps, 210.0)
    return Style(
        name="random",
        meter=meter,
        bpm=(46.0, fastest),
        steps={steps: 1.0},
        swings=(STRAIGHT, STRAIGHT, STRAIGHT, LIGHT_SWING, TRIPLET_SWING if steps == 2 else SIXTEENTH_SWING),
        curves={name: 4.0 if name == "constant" else 1.0 for name in CURVES},
        scales=tuple(SCALES),
        colours=tuple(COLOURS),
        drums_prob=0.5,
        bass_prob=0.75,
        comp_prob=0.8,
        lead_prob=0.75,
        counter_prob=0.2,
        arp_prob=0.2,
        pad_prob=0.25,
        bass=_favourites(rng, (*BASS_FIGURES, WALKING)),
        comp=_favourites(rng, (*COMP_FIGURES, HOLD, HOLD)),
        lead=_favourites(rng, tuple(CHARACTERS)),
        comp_programs=programs.ANY_COMP + programs.ANY_PAD + programs.MALLETS,
        tightness_sec=(0.0, 0.016),
        roll_sec=(0.0, 0.012),
        melody_first_sec=(0.0, 0.02) if chance(rng, 0.3) else (0.0, 0.0),
        one_program_prob=0.3,
        pedal_prob=0.1,
        pump_prob=0.06,
        swell_prob=0.4,
    )


def _favourites(rng: np.random.Generator, names: tuple[str, ...]) -> dict[str, float]:
    return {name: float(rng.exponential()) for name in names}


def compose_texture(rng: np.random.Generator, duration_sec: float) -> Piece:
    """A piece of random texture."""
    meter = weighted(rng, METERS)
    steps = 3 if meter.compound else weighted(rng, {1: 0.05, 2: 0.45, 3: 0.2, 4: 0.3})
    style = random_style(rng, meter, steps)
    if meter.compound:
        style = dataclasses.replace(style, bpm=(style.bpm[0], pick(rng, (90.0, 130.0, 160.0))))
    return compose(rng, FAMILY, style, duration_sec)
