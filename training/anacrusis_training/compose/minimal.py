"""Family ``minimal``: riffs, arpeggios and ostinati for few instruments, with cross rhythms of three against four."""

from __future__ import annotations

import numpy as np

from ..piece import Piece
from . import programs
from .meter import FIVE, FOUR, SIX_EIGHT, THREE
from .song import compose
from .style import STRAIGHT, Style, Swing, pick_style
from .tempo import BAND_CURVES

FAMILY = "minimal"

FEW = {
    "curves": BAND_CURVES,
    "comp_prob": 0.45,
    "comp_2_prob": 0.25,
    "pad_prob": 0.2,
    "lead_prob": 0.3,
    "counter_prob": 0.15,
    "arp_prob": 0.85,
    "rhythms": {"four bars": 1, "two bars": 2, "bar": 3},
    "lead": {"long": 2, "sparse": 2, "syncopated": 1},
    "comp": {"arpeggio": 3, "cell": 2, "stabs": 1, "tresillo": 1, "pump": 1, "beats": 1, "broken": 1},
    "comp_programs": programs.MALLETS
    + programs.PIANOS
    + programs.ELECTRIC_PIANOS
    + programs.ACOUSTIC_GUITARS
    + (6, 45, 46, 71),
    "arp_programs": programs.ANY_ARP + (12, 12, 13, 0, 0),
    "part_bars": (4, 8, 16, 16),
    "one_program_prob": 0.3,
    "tightness_sec": (0.0, 0.01),
}
ANCHORED = {"groups": 2, "hold": 2, "beats": 1, "riff": 2, "long syncopated": 1}

STYLES = (
    Style(
        "ostinato",
        FOUR,
        (70, 170),
        {2: 0.5, 4: 0.5},
        (STRAIGHT, STRAIGHT, Swing(0.08, 1.0)),
        drums_prob=0.25,
        bass_prob=0.7,
        bass=ANCHORED,
        weight=0.5,
        **FEW,
    ),
    Style(
        "riff and drums",
        FOUR,
        (70, 160),
        {2: 0.5, 4: 0.5},
        drums_prob=1.0,
        bass_prob=1.0,
        bass={"riff": 3, "syncopated": 2},
        weight=0.16,
        **FEW,
    ),
    Style(
        "ostinato in three", THREE, (70, 180), {2: 1}, drums_prob=0.2, bass_prob=0.7, bass=ANCHORED, weight=0.14, **FEW
    ),
    Style(
        "ostinato in six",
        SIX_EIGHT,
        (50, 120),
        {3: 1},
        drums_prob=0.2,
        bass_prob=0.7,
        bass=ANCHORED,
        weight=0.14,
        **FEW,
    ),
    Style(
        "ostinato in five", FIVE, (90, 200), {2: 1}, drums_prob=0.3, bass_prob=0.8, bass=ANCHORED, weight=0.06, **FEW
    ),
)


def compose_minimal(rng: np.random.Generator, duration_sec: float) -> Piece:
    """A piece of few repeated figures."""
    return compose(rng, FAMILY, pick_style(rng, STYLES), duration_sec)
