"""Family ``compound``: slow ballads in 6/8 and 12/8, blues, doo-wop and gospel: three parts to every beat."""

from __future__ import annotations

import numpy as np

from ..piece import Piece
from . import programs
from .drumming import groove
from .harmony import BLUES, LOOPS
from .meter import FOUR, NINE_EIGHT, SIX_EIGHT, THREE, TWELVE_EIGHT
from .song import compose
from .style import Style, pick_style
from .tempo import LIVE_CURVES

FAMILY = "compound"

SIX_GROOVES = (
    groove("six", 3, kick="x..|...", snare="...|x..", top="xxx|xxx"),
    groove("six with pickup", 3, kick="x..|..x", snare="...|x..", top="xxx|xxx"),
    groove("six over two bars", 3, kick="x..|...|x.x|...", snare="...|x..|...|x..", top="x.x|x.x|x.x|x.x"),
    groove("six brushed", 3, kick="x..|...", rim="...|x..", top="x..|x.."),
    groove("six, one back-beat in two bars", 3, kick="x..|..x|...|..x", snare="...|...|x..|...", top="xxx|xxx|xxx|xxx"),
)
TWELVE_GROOVES = (
    groove("twelve", 3, kick="x..|...|x..|...", snare="...|x..|...|x..", top="xxx|xxx|xxx|xxx"),
    groove("twelve two", 3, kick="x..|..x|x..|..x", snare="...|x..|...|x..", top="xxx|xxx|xxx|xxx"),
    groove("shuffle", 3, kick="x..|x..|x..|x..", snare="...|x..|...|x..", top="x.x|x.x|x.x|x.x"),
    groove("flat shuffle", 3, kick="x..|...|x..|..x", snare="o.o|X.o|o.o|X.o", top="x.x|x.x|x.x|x.x"),
    groove("half-time shuffle", 3, kick="x..|..x|...|...", snare="..o|.o.|X..|.o.", top="x.x|x.x|x.x|x.x"),
    groove("doo-wop", 3, kick="x..|..x|x..|...", rim="...|x..|...|x..", top="xxx|xxx|xxx|xxx"),
)

SLOW = {
    "curves": LIVE_CURVES,
    "tightness_sec": (0.002, 0.015),
    "pad_prob": 0.4,
    "lead": {"vocal": 4, "song": 2, "lyrical": 1, "solo": 1, "long": 0.5},
    "comp_programs": programs.KEYS + programs.ACOUSTIC_GUITARS + programs.CLEAN_GUITARS + (46, 48, 11),
    "one_program_prob": 0.12,
    "pedal_prob": 0.15,
    "swell_prob": 0.4,
}
BROKEN = {
    "arpeggio": 4,
    "pump": 1.5,
    "nocturne": 1.5,
    "hold": 1,
    "strum": 1.5,
    "beats": 1,
    "cell": 0.5,
    "broken": 0.4,
    "hemiola": 0.3,
}
STEADY_BASS = {"groups": 2, "hold": 2, "beats": 1.5, "syncopated": 1, "pump": 0.4, "gallop": 0.5}

STYLES = (
    Style(
        "ballad in six",
        SIX_EIGHT,
        (42, 76),
        {3: 1},
        grooves=SIX_GROOVES,
        drums_prob=0.6,
        bass=STEADY_BASS,
        comp=BROKEN,
        weight=0.26,
        **SLOW,
    ),
    Style(
        "ballad in six without drums",
        SIX_EIGHT,
        (42, 80),
        {3: 1},
        drums_prob=0.0,
        bass=STEADY_BASS,
        comp=BROKEN,
        bass_prob=0.6,
        weight=0.12,
        **SLOW,
    ),
    Style(
        "ballad in twelve",
        TWELVE_EIGHT,
        (46, 84),
        {3: 1},
        grooves=TWELVE_GROOVES,
        drums_prob=0.65,
        bass=STEADY_BASS,
        comp=BROKEN,
        weight=0.2,
        **SLOW,
    ),
    Style(
        "blues",
        TWELVE_EIGHT,
        (48, 100),
        {3: 1},
        grooves=TWELVE_GROOVES,
        drums_prob=0.75,
        loops=(BLUES, *LOOPS[-4:]),
        rhythms={"bar": 1},
        scales=("mixolydian", "dorian"),
        colours=("seventh", "ninth", "triad"),
        part_bars=(12,),
        bass={"walking": 2, "beats": 1, "groups": 1, "syncopated": 1, "gallop": 1},
        comp={"cell": 2, "pump": 1, "charleston": 1, "off beats": 1, "stride": 1},
        weight=0.17,
        **SLOW,
    ),
    Style(
        "shuffle",
        FOUR,
        (90, 168),
        {3: 1},
        grooves=TWELVE_GROOVES[2:4],
        drums_prob=0.8,
        loops=(BLUES, *LOOPS[:8]),
        bass={"walking": 3, "gallop": 1.5, "beats": 1, "riff": 1},
        comp={"cell": 2, "off beats": 2, "charleston": 1, "pump": 1},
        part_bars=(8, 12, 12),
        weight=0.13,
        **SLOW,
    ),
    Style("nine", NINE_EIGHT, (44, 84), {3: 1}, drums_prob=0.3, bass=STEADY_BASS, comp=BROKEN, weight=0.06, **SLOW),
    Style(
        "triplets in three", THREE, (50, 96), {3: 1}, drums_prob=0.4, bass=STEADY_BASS, comp=BROKEN, weight=0.06, **SLOW
    ),
)


def compose_compound(rng: np.random.Generator, duration_sec: float) -> Piece:
    """A piece with three parts to the beat."""
    return compose(rng, FAMILY, pick_style(rng, STYLES), duration_sec)
