"""Family ``march``: marches in two and in six, brass and wind bands, fanfares, orchestra with timpani."""

from __future__ import annotations

import numpy as np

from ..piece import Piece
from . import programs
from .drumming import groove
from .meter import FOUR, SIX_EIGHT, THREE, TWO
from .song import compose
from .style import Style, pick_style
from .tempo import BAND_CURVES, EXPRESSIVE_CURVES

FAMILY = "march"

TWO_GROOVES = (
    groove("march", 4, kick="x...|x...", snare="X.xx|X.xx", crash="x...|...."),
    groove("march, off-beats", 2, kick="x.|x.", snare=".x|.x"),
    groove("march, rolls", 4, kick="x...|x...", snare="x.xx|xxxx|X...|X.x."),
    groove("parade", 2, kick="x.|..|x.|x.", snare="xx|xx|x.|x."),
)
SIX_GROOVES = (
    groove("march in six", 3, kick="x..|x..", snare="X.x|X.x"),
    groove("march in six, rolls", 3, kick="x..|x..", snare="X.x|Xxx"),
)
FOUR_GROOVES = (
    groove("slow march", 4, kick="x...|....|x...|....", snare="X...|x.xx|X...|x.x."),
    groove("orchestra", 2, kick="x...|x...", crash_2="x...|....", snare="..xx|..x."),
    groove("taiko", 4, tom_6="X...|x.x.|X...|x.xx", tom_4="..x.|..x.|..x.|x..."),
)

WIND_BAND = {
    "comp_programs": (57, 58, 60, 61, 69, 71, 66, 21),
    "bass_programs": (58, 58, 70, 57, 43, 67),
    "lead_programs": (56, 57, 72, 73, 71, 68, 61, 64, 60),
    "pad_programs": (60, 61, 48, 57),
    "kits": programs.ORCHESTRA_KITS + (0, 0),
    "tops": ("hat", "crash", "ride", "triangle", "tambourine"),
    "drums_prob": 0.8,
    "lead_prob": 0.95,
    "counter_prob": 0.4,
    "pad_prob": 0.15,
    "arp_prob": 0.0,
    "ornament": 0.4,
    "scales": ("major", "major", "major", "minor"),
    "colours": ("triad", "triad", "seventh"),
    "one_program_prob": 0.08,
    "tightness_sec": (0.003, 0.016),
    "lead": {"tune": 3, "song": 3, "busy": 1},
    "part_bars": (8, 16, 16),
}
ORCHESTRA = WIND_BAND | {
    "comp_programs": (48, 49, 44, 45, 61, 60, 41),
    "bass_programs": (43, 42, 47, 47, 58, 70),
    "lead_programs": (40, 48, 56, 60, 68, 71, 73, 72, 61),
    "pad_programs": (48, 49, 52, 60, 61),
    "kits": (48,),
    "drums_prob": 0.5,
    "pad_prob": 0.5,
    "swell_prob": 0.7,
    "lead": {"song": 3, "tune": 2, "lyrical": 2, "busy": 1, "runs": 0.5},
}
GROUND = {"groups": 3, "beats": 2, "pump": 0.3}

STYLES = (
    Style(
        "march in two",
        TWO,
        (96, 144),
        {2: 0.5, 4: 0.5},
        curves=BAND_CURVES,
        grooves=TWO_GROOVES,
        bass=GROUND,
        comp={"off beats": 4, "oom pah": 1, "beats": 1},
        weight=0.36,
        **WIND_BAND,
    ),
    Style(
        "march in six",
        SIX_EIGHT,
        (96, 140),
        {3: 1},
        curves=BAND_CURVES,
        grooves=SIX_GROOVES,
        bass=GROUND,
        comp={"off beats": 3, "oom pah": 1, "beats": 1, "pump": 0.5},
        weight=0.16,
        **WIND_BAND,
    ),
    Style(
        "slow march",
        FOUR,
        (56, 112),
        {4: 0.5, 2: 0.5},
        curves=BAND_CURVES,
        grooves=FOUR_GROOVES,
        bass=GROUND,
        comp={"beats": 2, "groups": 2, "hold": 1, "off beats": 1},
        weight=0.14,
        **WIND_BAND,
    ),
    Style(
        "orchestra in four",
        FOUR,
        (70, 168),
        {2: 0.6, 4: 0.4},
        curves=EXPRESSIVE_CURVES,
        grooves=FOUR_GROOVES,
        bass=GROUND,
        comp={"pump": 2, "beats": 2, "groups": 1, "arpeggio": 1, "cell": 1, "hold": 1},
        weight=0.2,
        **ORCHESTRA,
    ),
    Style(
        "orchestral waltz",
        THREE,
        (100, 200),
        {2: 1},
        curves=EXPRESSIVE_CURVES,
        bass={"hold": 2, "groups": 3},
        comp={"oom pah": 5, "arpeggio": 0.5, "beats": 0.5},
        weight=0.14,
        **ORCHESTRA,
    ),
)


def compose_march(rng: np.random.Generator, duration_sec: float) -> Piece:
    """A march or an orchestral piece."""
    return compose(rng, FAMILY, pick_style(rng, STYLES), duration_sec)
