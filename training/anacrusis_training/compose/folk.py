"""Family ``folk``: dances and songs: jigs, reels, waltzes, polkas, odd meters, often without drums."""

from __future__ import annotations

import numpy as np

from ..piece import Piece
from . import programs
from .drumming import groove
from .meter import FIVE, FOUR, NINE_EIGHT, SEVEN, SIX_EIGHT, THREE, TWO, Meter
from .song import compose
from .style import LIGHT_SWING, STRAIGHT, TRIPLET_SWING, Style, pick_style
from .tempo import LIVE_CURVES

FAMILY = "folk"

FRAME_DRUMS = ("tambourine", "shaker", "conga mute", "tom 4", "rim")

# A bodhran's lines: low strokes on the kick's sound or a low tom, the rest with the tipper on the time-keeping line.
JIG_GROOVES = (
    groove("bodhran jig", 3, tom_6="x..|...", top="Xxx|Xxx"),
    groove("bodhran jig two", 3, tom_6="x..|x.x", top="Xox|Xox"),
    groove("kit jig", 3, kick="x..|...", snare="...|x..", top="x.x|x.x"),
)
REEL_GROOVES = (
    groove("bodhran reel", 4, tom_6="x...|....|x...|....", top="Xoxo|Xoxo|Xoxo|Xoxo"),
    groove("bodhran back", 4, tom_6="x...|x...|x...|x...", top="..X.|..X.|..X.|..X."),
    groove("kit reel", 2, kick="x.|x.|x.|x.", snare=".x|.x|.x|.x"),
)
POLKA_GROOVES = (
    groove("polka", 2, kick="x.|x.", snare=".x|.x"),
    groove("polka brush", 4, kick="x...|....", snare="..x.|..xx", top="x.x.|x.x."),
)
WALTZ_GROOVES = (
    groove("waltz", 1, kick="x..", snare=".xx"),
    groove("waltz brush", 2, kick="x.....", rim="..x.x.", top="xxxxxx"),
)

TUNE = {"tune": 4, "busy": 1, "runs": 0.6, "song": 0.6}
DANCE = {
    "bass_programs": programs.ACOUSTIC_BASSES + programs.ACCORDIONS + (42, 43, 0),
    "comp_programs": programs.ACOUSTIC_GUITARS + programs.ACCORDIONS + programs.WORLD_PLUCKED + (0, 46, 48, 16),
    "lead_programs": programs.FIDDLES + programs.FLUTES + (71, 68, 15, 46, 24, 11, 52),
    "tops": FRAME_DRUMS,
    "curves": LIVE_CURVES,
    "tightness_sec": (0.003, 0.016),
    "drums_prob": 0.35,
    "bass_prob": 0.55,
    "comp_prob": 0.85,
    "comp_2_prob": 0.12,
    "pad_prob": 0.1,
    "lead_prob": 0.96,
    "arp_prob": 0.03,
    "counter_prob": 0.12,
    "one_program_prob": 0.2,
    "lead": TUNE,
    "part_bars": (8, 8, 8, 16),
    "scales": ("major", "major", "dorian", "mixolydian", "minor", "harmonic minor", "phrygian"),
    "colours": ("triad", "triad", "triad", "open", "power", "seventh"),
}
GROUND = {"groups": 3, "hold": 1, "beats": 1, "long syncopated": 0.3}

STYLES = (
    Style(
        "jig",
        SIX_EIGHT,
        (84, 136),
        {3: 1},
        grooves=JIG_GROOVES,
        bass=GROUND,
        comp={"oom pah": 3, "pump": 1, "strum": 3, "beats": 1.5, "arpeggio": 1},
        weight=0.17,
        **DANCE,
    ),
    Style(
        "slip jig",
        NINE_EIGHT,
        (80, 132),
        {3: 1},
        bass=GROUND,
        comp={"strum": 3, "beats": 2, "arpeggio": 1, "oom pah": 1, "hold": 0.5},
        weight=0.07,
        **DANCE,
    ),
    Style(
        "reel",
        FOUR,
        (80, 132),
        {4: 0.75, 2: 0.25},
        (STRAIGHT, LIGHT_SWING),
        grooves=REEL_GROOVES,
        bass=GROUND,
        comp={"stride": 2, "strum": 3, "beats": 1, "off beats": 1.5, "oom pah": 1},
        weight=0.14,
        **DANCE,
    ),
    Style(
        "hornpipe",
        FOUR,
        (110, 190),
        {2: 1},
        (TRIPLET_SWING, TRIPLET_SWING, LIGHT_SWING),
        bass=GROUND,
        comp={"stride": 3, "beats": 1, "strum": 1, "oom pah": 1},
        weight=0.07,
        **DANCE,
    ),
    Style(
        "polka",
        TWO,
        (96, 156),
        {2: 0.5, 4: 0.5},
        grooves=POLKA_GROOVES,
        bass=GROUND,
        comp={"oom pah": 4, "off beats": 2, "strum": 1},
        weight=0.1,
        **DANCE,
    ),
    Style(
        "waltz",
        THREE,
        (84, 200),
        {2: 0.9, 1: 0.1},
        (STRAIGHT, LIGHT_SWING),
        grooves=WALTZ_GROOVES,
        bass={"hold": 3, "groups": 2, "beats": 0.4},
        comp={"oom pah": 5, "arpeggio": 1.5, "strum": 1, "hold": 0.6, "hemiola": 0.3},
        weight=0.15,
        **DANCE,
    ),
    Style(
        "air",
        THREE,
        (50, 96),
        {2: 0.6, 3: 0.4},
        bass={"hold": 2, "groups": 1},
        comp={"hold": 2, "arpeggio": 3, "groups": 1, "nocturne": 1},
        weight=0.06,
        **DANCE | {"lead": {"lyrical": 2, "song": 1}},
    ),
    Style(
        "five",
        FIVE,
        (100, 220),
        {2: 1},
        bass=GROUND,
        comp={"groups": 2, "beats": 1, "strum": 2, "oom pah": 2, "arpeggio": 1},
        weight=0.05,
        **DANCE,
    ),
    Style(
        "five the other way",
        Meter((2, 3)),
        (100, 220),
        {2: 1},
        bass=GROUND,
        comp={"groups": 2, "beats": 1, "strum": 2, "oom pah": 2, "arpeggio": 1},
        weight=0.03,
        **DANCE,
    ),
    Style(
        "seven",
        SEVEN,
        (130, 220),
        {2: 0.8, 1: 0.2},
        bass=GROUND,
        comp={"groups": 3, "beats": 1, "strum": 1, "oom pah": 2},
        weight=0.04,
        **DANCE,
    ),
    Style(
        "song",
        FOUR,
        (60, 140),
        {2: 1},
        (STRAIGHT, LIGHT_SWING),
        bass=GROUND,
        comp={"strum": 3, "arpeggio": 2, "stride": 1, "oom pah": 1, "hold": 0.5},
        weight=0.12,
        **DANCE | {"lead": {"song": 3, "vocal": 3, "tune": 1}},
    ),
)


def compose_folk(rng: np.random.Generator, duration_sec: float) -> Piece:
    """A dance or a song."""
    return compose(rng, FAMILY, pick_style(rng, STYLES), duration_sec)
