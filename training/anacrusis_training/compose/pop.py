"""Family ``pop``: songs with back-beat, chord loops and a sung line; some in 3/4, 6/8 and 2/4."""

from __future__ import annotations

import numpy as np

from ..piece import Piece
from . import programs
from .drumming import groove
from .meter import FOUR, SIX_EIGHT, THREE, TWO
from .song import compose
from .style import LIGHT_SWING, SIXTEENTH_SWING, STRAIGHT, Style, pick_style
from .tempo import BAND_CURVES

FAMILY = "pop"

STRAIGHT_GROOVES = (
    groove("plain", 2, kick="x...|x...", snare="..x.|..x.", top="xxxx|xxxx"),
    groove("two and", 2, kick="x...|xx..", snare="..x.|..x.", top="xxxx|xxxx"),
    groove("push", 2, kick="x..x|.x..", snare="..x.|..x.", top="xxxx|xxxx"),
    groove("four", 2, kick="x.x.|x.x.", snare="..x.|..x.", top="xxxx|xxxx"),
    groove("motown", 2, kick="x..x|x..x", snare="x.x.|x.x.", top="xxxx|xxxx"),
    groove("disco", 2, kick="x.x.|x.x.", snare="..x.|..x.", open=".x.x|.x.x", top="x.x.|x.x."),
    groove("train", 4, kick="x...|....|x...|....", snare="oxXo|oxXo|oxXo|oxXo"),
    groove("beguine", 2, kick="x...|x..x", rim="x..x|..x.", top="xxxx|xxxx"),
    groove("calypso", 4, kick="x...|x...|x...|x...", snare="...x|..x.|...x|..x.", top="x.xx|x.xx|x.xx|x.xx"),
)
SIXTEENTH_GROOVES = (
    groove("sixteen", 4, kick="x...|....|x.x.|....", snare="....|x...|....|x...", top="xxxx|xxxx|xxxx|xxxx"),
    groove("funk", 4, kick="x..x|..x.|..x.|..x.", snare="....|X..o|.o..|X..o", top="X.x.|X.xx|X.x.|X.x."),
    groove("funk two", 4, kick="x.x.|...x|..x.|.x..", snare="..o.|X..o|.o.o|X...", top="x.x.|x.x.|x.x.|x.x."),
    groove("soul", 4, kick="x..x|....|x..x|....", snare="....|x...|....|x..o", top="x.x.|x.x.|x.x.|x.x."),
    groove("dembow", 4, kick="x...|x...|x...|x...", snare="...x|..x.|...x|..x.", top="x.x.|x.x.|x.x.|x.x."),
    groove("ballad", 4, kick="x...|....|x.x.|....", rim="....|x...|....|x...", top="x.x.|x.x.|x.x.|x.x."),
    groove("half", 4, kick="x...|..x.|....|..x.", snare="....|....|x...|....", top="x.x.|x.x.|x.x.|x.x."),
    groove("clap", 4, kick="x..x|..x.|..x.|....", clap="....|x...|....|x...", top="..x.|..x.|..x.|..x."),
)

FEELS = {1.0: 0.9, 2.0: 0.07, 0.5: 0.03}

STYLES = (
    Style(
        "pop song",
        FOUR,
        (78, 140),
        {2: 1},
        (STRAIGHT, STRAIGHT, LIGHT_SWING),
        BAND_CURVES,
        grooves=STRAIGHT_GROOVES,
        feels=FEELS,
        lead_prob=0.85,
        weight=0.4,
    ),
    Style(
        "soul and funk",
        FOUR,
        (66, 122),
        {4: 1},
        (STRAIGHT, STRAIGHT, SIXTEENTH_SWING),
        BAND_CURVES,
        grooves=SIXTEENTH_GROOVES,
        colours=("seventh", "ninth", "triad"),
        lead_prob=0.8,
        bass={"syncopated": 3, "riff": 3, "tresillo": 1, "long syncopated": 1, "early": 0.5},
        comp={"cell": 2, "stabs": 2, "strum": 2, "off beats": 1, "hold": 1, "pushed": 1},
        weight=0.22,
    ),
    Style(
        "ballad",
        FOUR,
        (50, 84),
        {2: 0.6, 4: 0.4},
        (STRAIGHT,),
        grooves=SIXTEENTH_GROOVES[3:7],
        drums_prob=0.5,
        pad_prob=0.6,
        ornament=0.4,
        one_program_prob=0.2,
        pedal_prob=0.3,
        bass={"hold": 2, "groups": 2, "long syncopated": 2},
        comp={"arpeggio": 3, "beats": 2, "hold": 1, "strum": 1, "nocturne": 0.6},
        lead={"vocal": 4, "song": 2, "long": 1},
        weight=0.12,
    ),
    Style(
        "pop waltz",
        THREE,
        (80, 190),
        {2: 1},
        (STRAIGHT, LIGHT_SWING),
        drums_prob=0.6,
        bass={"hold": 2, "groups": 2, "syncopated": 1},
        comp={"oom pah": 3, "arpeggio": 2, "strum": 2, "hold": 1, "beats": 1},
        weight=0.1,
    ),
    Style(
        "six eight song",
        SIX_EIGHT,
        (44, 84),
        {3: 1},
        drums_prob=0.65,
        bass={"groups": 2, "hold": 2, "syncopated": 1, "pump": 0.5},
        comp={"arpeggio": 4, "pump": 1, "hold": 1, "strum": 1, "beats": 1},
        weight=0.1,
    ),
    Style(
        "two four song",
        TWO,
        (84, 160),
        {2: 1},
        drums_prob=0.6,
        comp={"off beats": 2, "oom pah": 2, "strum": 1, "beats": 1},
        weight=0.03,
    ),
    Style(
        "singer and guitar",
        FOUR,
        (62, 150),
        {2: 0.6, 4: 0.4},
        drums_prob=0.0,
        bass_prob=0.25,
        comp_2_prob=0.1,
        pad_prob=0.08,
        tightness_sec=(0.004, 0.016),
        roll_sec=(0.004, 0.012),
        comp_programs=programs.ACOUSTIC_GUITARS + programs.CLEAN_GUITARS + programs.PIANOS,
        comp={"strum": 4, "arpeggio": 3, "pushed": 1, "cell": 1, "nocturne": 0.5},
        lead={"vocal": 4, "song": 2},
        weight=0.13,
    ),
)


def compose_pop(rng: np.random.Generator, duration_sec: float) -> Piece:
    """A pop song."""
    return compose(rng, FAMILY, pick_style(rng, STYLES), duration_sec)
