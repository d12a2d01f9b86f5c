"""Family ``piano``: one expressive pianist: rubato, pedal, rolled chords, melody before accompaniment."""

from __future__ import annotations

import numpy as np

from ..piece import Piece
from .meter import FOUR, SIX_EIGHT, THREE, TWELVE_EIGHT, TWO
from .song import compose
from .style import STRAIGHT, TRIPLET_SWING, Style, pick_style
from .tempo import EXPRESSIVE_CURVES

FAMILY = "piano"

GRAND = {
    "drums_prob": 0.0,
    "bass_prob": 0.5,
    "bass": {"hold": 3, "groups": 2, "beats": 0.4, "long syncopated": 0.3},
    "comp_prob": 1.0,
    "comp_2_prob": 0.12,
    "pad_prob": 0.0,
    "lead_prob": 0.93,
    "counter_prob": 0.2,
    "arp_prob": 0.05,
    "comp_programs": (0, 0, 0, 0, 0, 1, 1, 2, 3, 4, 6),
    "one_program_prob": 1.0,
    "curves": EXPRESSIVE_CURVES,
    "tightness_sec": (0.004, 0.018),
    "roll_sec": (0.0, 0.018),
    "melody_first_sec": (0.0, 0.024),
    "swell_prob": 0.85,
    "scales": ("major", "major", "minor", "harmonic minor", "harmonic minor", "lydian", "dorian"),
    "colours": ("triad", "triad", "triad", "seventh", "open", "sixth"),
    "part_bars": (4, 4, 8, 8),
}
FAST_CHANGES = {"bar": 0.4, "half": 0.3, "mixed": 0.15, "beats": 0.15}

STYLES = (
    Style(
        "nocturne",
        FOUR,
        (46, 96),
        {3: 0.5, 2: 0.5},
        comp={"nocturne": 5, "arpeggio": 1},
        pedal_prob=0.95,
        lead={"lyrical": 5, "vocal": 1, "song": 1},
        weight=0.13,
        **GRAND,
    ),
    Style(
        "nocturne in compound time",
        TWELVE_EIGHT,
        (44, 76),
        {3: 1},
        comp={"nocturne": 5, "arpeggio": 2},
        pedal_prob=0.95,
        lead={"lyrical": 5, "vocal": 1},
        weight=0.06,
        **GRAND,
    ),
    Style(
        "barcarolle",
        SIX_EIGHT,
        (44, 84),
        {3: 1},
        comp={"nocturne": 3, "arpeggio": 2, "oom pah": 1, "broken": 1},
        pedal_prob=0.85,
        lead={"lyrical": 3, "song": 2},
        weight=0.1,
        **GRAND,
    ),
    Style(
        "waltz",
        THREE,
        (90, 214),
        {2: 0.9, 1: 0.1},
        comp={"oom pah": 6, "stride": 1, "beats": 0.5, "hemiola": 0.3},
        pedal_prob=0.7,
        lead={"song": 2, "tune": 2, "runs": 1, "lyrical": 2},
        weight=0.15,
        **GRAND,
    ),
    Style(
        "mazurka and minuet",
        THREE,
        (70, 160),
        {2: 1},
        comp={"oom pah": 3, "beats": 2, "groups": 1, "alberti": 1},
        pedal_prob=0.4,
        lead={"song": 2, "tune": 2, "busy": 1},
        rhythms=FAST_CHANGES,
        weight=0.1,
        **GRAND,
    ),
    Style(
        "sonata",
        FOUR,
        (80, 176),
        {2: 0.5, 4: 0.5},
        comp={"alberti": 5, "arpeggio": 1, "pump": 1, "groups": 1},
        pedal_prob=0.3,
        lead={"song": 2, "busy": 2, "runs": 1.5, "tune": 1},
        rhythms=FAST_CHANGES,
        weight=0.14,
        **GRAND,
    ),
    Style(
        "sonata in two",
        TWO,
        (60, 150),
        {2: 0.4, 4: 0.6},
        comp={"alberti": 3, "oom pah": 2, "broken": 1, "beats": 1},
        pedal_prob=0.3,
        lead={"busy": 2, "song": 2, "runs": 1},
        rhythms=FAST_CHANGES,
        weight=0.08,
        **GRAND,
    ),
    Style(
        "prelude",
        FOUR,
        (56, 132),
        {4: 0.8, 3: 0.2},
        comp={"arpeggio": 3, "broken": 2, "alberti": 1},
        pedal_prob=0.6,
        lead={"long": 2, "runs": 2, "lyrical": 1},
        rhythms=FAST_CHANGES,
        weight=0.1,
        **GRAND,
    ),
    Style(
        "chorale",
        FOUR,
        (50, 110),
        {2: 1},
        comp={"beats": 5, "groups": 1, "hold": 1},
        pedal_prob=0.5,
        lead={"song": 2, "long": 1},
        rhythms={"beats": 0.6, "half": 0.4},
        weight=0.06,
        **GRAND,
    ),
    Style(
        "ragtime and stride",
        FOUR,
        (120, 210),
        {2: 1},
        (STRAIGHT, STRAIGHT, TRIPLET_SWING),
        comp={"stride": 5},
        pedal_prob=0.1,
        lead={"syncopated": 4, "busy": 1, "solo": 1},
        weight=0.08,
        **GRAND,
    ),
)


def compose_piano(rng: np.random.Generator, duration_sec: float) -> Piece:
    """A piece for piano alone."""
    return compose(rng, FAMILY, pick_style(rng, STYLES), duration_sec)
