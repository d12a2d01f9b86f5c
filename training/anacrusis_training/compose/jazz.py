"""Family ``jazz``: swing with walking bass and comping, brushes, jazz waltz, straight-eighth and fast pieces."""

from __future__ import annotations

import numpy as np

from ..piece import Piece
from . import programs
from .drumming import groove
from .harmony import BLUES
from .meter import FIVE, FOUR, THREE, TWO
from .song import compose
from .style import STRAIGHT, TRIPLET_SWING, Style, Swing, pick_style
from .tempo import LIVE_CURVES

FAMILY = "jazz"

SWING_GROOVES = (
    groove("ride", 3, top="x..|X.x|x..|X.x", pedal="...|x..|...|x..", kick="o..|o..|o..|o.."),
    groove(
        "ride, comping snare",
        3,
        top="x..|X.x|x..|X.x",
        pedal="...|x..|...|x..",
        snare="...|..o|...|o..|..o|...|.o.|...",
    ),
    groove("shuffle", 3, top="x.x|X.x|x.x|X.x", snare="...|x..|...|x..", kick="x..|x..|x..|x.."),
    groove("bop", 3, top="x..|X.x|x..|X.x", pedal="...|x..|...|x..", kick="...|..x|...|...|x..|...|...|..x"),
    groove("two-beat", 3, top="x..|x.x|x..|x.x", kick="x..|...|x..|...", rim="...|x..|...|x.."),
)
BRUSH_GROOVES = (
    groove("brushes", 3, snare="x..|X.o|x..|X.o", pedal="...|x..|...|x..", kick="o..|...|o..|..."),
    groove("brushes, slow", 3, snare="xoo|Xoo|xoo|Xoo", pedal="...|x..|...|x.."),
)
WALTZ_GROOVES = (
    groove("jazz waltz", 3, top="x..|x.x|x..", pedal="...|x..|...", kick="x..|...|..o"),
    groove("jazz waltz, two", 3, top="x..|x.x|x.x", pedal="...|x..|x..", snare="...|..o|..."),
)
STRAIGHT_GROOVES = (
    groove("even eighths", 2, top="xxxx|xxxx", rim="..x.|...x", kick="x..x|x..x"),
    groove("fusion", 4, kick="x..x|..x.|..x.|x...", snare="..o.|X..o|.o..|X.o.", top="x.xx|x.x.|x.xx|x.x."),
)
FIVE_GROOVES = (groove("five", 3, top="x..|x.x|x.x|x..|x.x", pedal="...|x..|...|...|x..", kick="x..|...|...|x..|..."),)

CHANGES = (
    (1, 4, 0, 0), (1, 4, 0, 5), (0, 5, 1, 4), (2, 5, 1, 4), (3, 6, 2, 5, 1, 4, 0, 0), (0, 0, 1, 4, 0, 5, 1, 4),
    (5, 1, 4, 0, 3, 6, 2, 5), BLUES, (0, 3, 0, 0, 3, 3, 0, 5, 1, 4, 0, 4), (0, 0, 0, 0, 1, 1, 0, 0),
)  # fmt: skip

COMBO = {
    "loops": CHANGES,
    "rhythms": {"bar": 3, "half": 2, "mixed": 1, "two bars": 0.6},
    "curves": LIVE_CURVES,
    "scales": ("major", "major", "dorian", "minor", "mixolydian"),
    "colours": ("seventh", "seventh", "ninth", "sixth"),
    "tops": ("ride", "ride", "ride", "ride 2", "hat"),
    "kits": programs.BRUSH_KITS + (0, 0),
    "comp_programs": programs.PIANOS[:1] * 3 + (4, 11, 16, 26, 26, 24),
    "bass_programs": (32, 32, 32, 33, 35),
    "lead_programs": (56, 59, 57, 64, 65, 66, 67, 71, 73, 11, 26, 0, 40, 52, 60),
    "lead": {"solo": 4, "syncopated": 2, "song": 1, "busy": 1, "vocal": 1},
    "tightness_sec": (0.003, 0.018),
    "comp_2_prob": 0.1,
    "pad_prob": 0.04,
    "arp_prob": 0.02,
    "counter_prob": 0.12,
    "part_bars": (8, 8, 16, 12),
    "swell_prob": 0.3,
}
COMPING = {"charleston": 3, "cell": 3, "stabs": 2, "pushed": 2, "hold": 0.5, "back beats": 0.4}

STYLES = (
    Style(
        "swing",
        FOUR,
        (100, 216),
        {3: 1},
        grooves=SWING_GROOVES,
        drums_prob=0.8,
        bass={"walking": 5, "groups": 1},
        comp=COMPING,
        weight=0.36,
        **COMBO,
    ),
    Style(
        "brushed ballad",
        FOUR,
        (50, 92),
        {3: 1},
        grooves=BRUSH_GROOVES,
        drums_prob=0.65,
        bass={"groups": 3, "walking": 1, "hold": 1},
        comp={"hold": 2, "charleston": 1, "cell": 1, "beats": 1, "arpeggio": 1},
        weight=0.13,
        **COMBO,
    ),
    Style(
        "jazz waltz",
        THREE,
        (88, 200),
        {3: 1},
        grooves=WALTZ_GROOVES,
        drums_prob=0.75,
        bass={"walking": 2, "hold": 2, "groups": 1},
        comp=COMPING,
        weight=0.14,
        **COMBO,
    ),
    Style(
        "even eighths",
        FOUR,
        (90, 180),
        {2: 0.7, 4: 0.3},
        (STRAIGHT, Swing(0.05, 1.0)),
        grooves=STRAIGHT_GROOVES,
        drums_prob=0.75,
        bass={"riff": 2, "syncopated": 2, "long syncopated": 1, "walking": 0.5},
        comp=COMPING,
        weight=0.12,
        **COMBO,
    ),
    Style(
        "swing without drums",
        FOUR,
        (76, 190),
        {3: 1},
        drums_prob=0.0,
        bass={"walking": 5, "groups": 2},
        comp={"stride": 2, "beats": 3, "charleston": 2, "cell": 1},
        weight=0.12,
        **COMBO,
    ),
    Style(
        "dixieland",
        TWO,
        (84, 130),
        {4: 1},
        (Swing(0.14, 0.5),),
        drums_prob=0.7,
        bass={"beats": 2, "groups": 2},
        comp={"oom pah": 2, "off beats": 3},
        weight=0.05,
        **COMBO,
    ),
    Style(
        "swing in five",
        FIVE,
        (120, 200),
        {3: 1},
        grooves=FIVE_GROOVES,
        drums_prob=0.8,
        bass={"groups": 3, "riff": 1},
        comp={"groups": 2, "charleston": 2, "cell": 1},
        weight=0.04,
        **COMBO,
    ),
    Style(
        "gypsy swing",
        FOUR,
        (120, 216),
        {2: 1},
        (TRIPLET_SWING, Swing(0.1, 1.0)),
        drums_prob=0.0,
        bass={"groups": 3, "walking": 2},
        comp={"beats": 4, "stride": 2, "back beats": 1},
        weight=0.04,
        **COMBO | {"comp_programs": (24, 25, 26), "lead_programs": (40, 24, 71, 25)},
    ),
)


def compose_jazz(rng: np.random.Generator, duration_sec: float) -> Piece:
    """A jazz piece."""
    return compose(rng, FAMILY, pick_style(rng, STYLES), duration_sec)
