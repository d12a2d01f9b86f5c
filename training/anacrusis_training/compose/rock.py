"""Family ``rock``: guitars and drums, with half-time and double-time feels that leave the beat where it is."""

from __future__ import annotations

import numpy as np

from ..piece import Piece
from . import programs
from .drumming import groove
from .meter import FOUR, THREE, TWELVE_EIGHT
from .song import compose
from .style import LIGHT_SWING, SIXTEENTH_SWING, STRAIGHT, TRIPLET_SWING, Style, pick_style
from .tempo import BAND_CURVES, LIVE_CURVES

FAMILY = "rock"

EIGHTH_GROOVES = (
    groove("rock", 2, kick="x...|xx..", snare="..x.|..x.", top="xxxx|xxxx"),
    groove("rock two", 2, kick="x..x|xx..", snare="..x.|..x.", top="xxxx|xxxx"),
    groove("driving", 2, kick="x.x.|x.x.", snare="..x.|..x.", top="xxxx|xxxx"),
    groove("eight kicks", 2, kick="xx.x|xx.x", snare="..x.|..x.", top="x.x.|x.x."),
    groove("open", 2, kick="x...|.xx.", snare="..x.|..x.", open="x.x.|x.x."),
    groove("toms", 2, tom_5="xxxx|xxxx", snare="..x.|..x.", kick="x.x.|x.x."),
    groove("surf", 2, kick="x...|x...", snare="..xx|..x.", top="xxxx|xxxx"),
    groove("four on the snare", 2, kick="x.x.|x.x.", snare="x.x.|x.x.", top="xxxx|xxxx"),
)
SIXTEENTH_GROOVES = (
    groove("half time", 4, kick="x...|..x.|....|....", snare="....|....|x...|....", top="x.x.|x.x.|x.x.|x.x."),
    groove("half time two", 4, kick="x..x|....|..x.|....", snare="....|....|x...|....", open="x...|x...|x...|x..."),
    groove("sixteen", 4, kick="x..x|..x.|x..x|....", snare="....|x...|....|x...", top="x.x.|x.x.|x.x.|x.x."),
    groove("double kick", 4, kick="xxxx|xxxx|xxxx|xxxx", snare="....|x...|....|x...", top="x...|x...|x...|x..."),
    groove("gallop", 4, kick="x.xx|x.xx|x.xx|x.xx", snare="....|x...|....|x...", top="x.x.|x.x.|x.x.|x.x."),
)
PUNK_GROOVES = (
    groove("d-beat", 2, kick="x.xx|.xx.", snare="..x.|..x.", top="xxxx|xxxx"),
    groove("punk", 2, kick="x.x.|x.x.", snare=".x.x|.x.x", top="x.x.|x.x."),
    groove("fast backbeat", 1, kick="x.x.", snare=".x.x", top="xxxx"),
)
SHUFFLE_GROOVES = (
    groove("shuffle", 3, kick="x..|...|x..|...", snare="...|x..|...|x..", top="x.x|x.x|x.x|x.x"),
    groove("slow blues", 3, kick="x..|..x|x..|...", snare="...|x..|...|x..", top="xxx|xxx|xxx|xxx"),
)

GUITARS = programs.DISTORTED_GUITARS * 2 + programs.CLEAN_GUITARS
ELECTRIC = {
    "comp_programs": GUITARS + (18, 25),
    "bass_programs": programs.ELECTRIC_BASSES,
    "lead_programs": programs.DISTORTED_GUITARS * 2 + (26, 27, 52, 53, 54, 65, 18, 22, 85, 16),
    "kits": (0, 0, 0, 16, 8),
    "scales": ("minor", "minor", "dorian", "mixolydian", "major", "phrygian"),
    "colours": ("power", "power", "power", "triad", "suspended", "open"),
    "feels": {1.0: 0.76, 2.0: 0.15, 0.5: 0.09},
    "comp_2_prob": 0.5,
    "pad_prob": 0.12,
    "arp_prob": 0.1,
    "drums_prob": 0.88,
    "lead": {"vocal": 4, "song": 1, "solo": 1.5, "syncopated": 1, "busy": 0.3},
    "tightness_sec": (0.0, 0.013),
}
RIFFS = {"riff": 3, "pump": 3, "syncopated": 1.5, "gallop": 0.5, "groups": 0.5, "hold": 0.4}
CHUGS = {"pump": 3, "cell": 2, "strum": 2, "hold": 1.5, "pushed": 1, "beats": 0.5, "arpeggio": 0.6}

STYLES = (
    Style(
        "rock",
        FOUR,
        (84, 168),
        {2: 1},
        (STRAIGHT, STRAIGHT, STRAIGHT, LIGHT_SWING),
        BAND_CURVES,
        grooves=EIGHTH_GROOVES,
        bass=RIFFS,
        comp=CHUGS,
        weight=0.4,
        **ELECTRIC,
    ),
    Style(
        "heavy rock",
        FOUR,
        (60, 150),
        {4: 1},
        (STRAIGHT, STRAIGHT, SIXTEENTH_SWING),
        LIVE_CURVES,
        grooves=SIXTEENTH_GROOVES,
        bass=RIFFS,
        comp=CHUGS,
        weight=0.22,
        **ELECTRIC,
    ),
    Style(
        "punk and metal",
        FOUR,
        (140, 200),
        {2: 1},
        curves=LIVE_CURVES,
        grooves=PUNK_GROOVES + EIGHTH_GROOVES[:2],
        bass={"pump": 4, "beats": 1, "riff": 1},
        comp={"pump": 4, "hold": 1, "strum": 1},
        weight=0.14,
        **ELECTRIC,
    ),
    Style(
        "rock shuffle",
        FOUR,
        (84, 150),
        {2: 1},
        (TRIPLET_SWING,),
        LIVE_CURVES,
        grooves=EIGHTH_GROOVES[:3],
        bass={"pump": 2, "walking": 2, "riff": 1},
        comp={"pump": 2, "off beats": 1, "cell": 1, "hold": 0.5},
        weight=0.08,
        **ELECTRIC,
    ),
    Style(
        "slow rock in twelve",
        TWELVE_EIGHT,
        (46, 92),
        {3: 1},
        curves=LIVE_CURVES,
        grooves=SHUFFLE_GROOVES,
        bass={"groups": 2, "pump": 1, "syncopated": 1, "hold": 1},
        comp={"arpeggio": 3, "pump": 1, "hold": 1, "strum": 1},
        weight=0.08,
        **ELECTRIC,
    ),
    Style(
        "rock in three", THREE, (84, 190), {2: 1}, curves=LIVE_CURVES, bass=RIFFS, comp=CHUGS, weight=0.08, **ELECTRIC
    ),
)


def compose_rock(rng: np.random.Generator, duration_sec: float) -> Piece:
    """A rock piece."""
    return compose(rng, FAMILY, pick_style(rng, STYLES), duration_sec)
