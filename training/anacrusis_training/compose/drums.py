"""Family ``drums``: drums and percussion alone, in any groove of the other families and in odd meters."""

from __future__ import annotations

import numpy as np

from ..piece import Piece
from . import compound, electronic, folk, jazz, latin, march, pop, programs, rock
from .meter import FIVE, FOUR, SEVEN, SIX_EIGHT, THREE, TWELVE_EIGHT, TWO
from .song import compose
from .style import SIXTEENTH_SWING, STRAIGHT, Style, pick_style
from .tempo import LIVE_CURVES

FAMILY = "drums"

ALONE = {
    "drums_prob": 1.0,
    "bass_prob": 0.0,
    "comp_prob": 0.0,
    "comp_2_prob": 0.0,
    "pad_prob": 0.0,
    "lead_prob": 0.0,
    "counter_prob": 0.0,
    "arp_prob": 0.0,
    "curves": LIVE_CURVES,
    "kits": programs.ANY_KIT,
    "tightness_sec": (0.0, 0.016),
    "part_bars": (2, 4, 4, 8, 8),
    "swell_prob": 0.4,
}

STYLES = (
    Style(
        "eighths", FOUR, (64, 190), {2: 1}, grooves=pop.STRAIGHT_GROOVES[:6] + rock.EIGHTH_GROOVES, weight=0.24, **ALONE
    ),
    Style(
        "sixteenths",
        FOUR,
        (60, 132),
        {4: 1},
        (STRAIGHT, STRAIGHT, SIXTEENTH_SWING),
        grooves=pop.SIXTEENTH_GROOVES + rock.SIXTEENTH_GROOVES + electronic.HIP_HOP_GROOVES,
        weight=0.26,
        **ALONE,
    ),
    Style("breaks", FOUR, (84, 178), {4: 1}, grooves=electronic.BREAK_GROOVES, weight=0.06, **ALONE),
    Style(
        "swing",
        FOUR,
        (90, 200),
        {3: 1},
        grooves=jazz.SWING_GROOVES + compound.TWELVE_GROOVES[2:4],
        weight=0.12,
        **ALONE,
    ),
    Style(
        "twelve",
        TWELVE_EIGHT,
        (48, 110),
        {3: 1},
        grooves=compound.TWELVE_GROOVES + latin.BELL_GROOVES,
        weight=0.07,
        **ALONE,
    ),
    Style("six", SIX_EIGHT, (46, 120), {3: 1}, grooves=compound.SIX_GROOVES + folk.JIG_GROOVES, weight=0.06, **ALONE),
    Style("two", TWO, (70, 140), {4: 1}, grooves=march.TWO_GROOVES + latin.SAMBA_GROOVES, weight=0.06, **ALONE),
    Style("any groove in four", FOUR, (60, 160), {2: 0.5, 4: 0.5}, weight=0.05, **ALONE),
    Style("three", THREE, (70, 190), {2: 0.7, 4: 0.3}, weight=0.04, **ALONE),
    Style("five", FIVE, (84, 190), {2: 0.7, 4: 0.3}, weight=0.025, **ALONE),
    Style("seven", SEVEN, (110, 200), {2: 1}, weight=0.015, **ALONE),
)


def compose_drums(rng: np.random.Generator, duration_sec: float) -> Piece:
    """Drums alone."""
    return compose(rng, FAMILY, pick_style(rng, STYLES), duration_sec)
