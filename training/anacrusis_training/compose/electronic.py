"""Family ``electronic``: house, techno, trance, drum and bass, dubstep, hip-hop, trap, synth-pop."""

from __future__ import annotations

import numpy as np

from ..piece import Piece
from . import programs
from .drumming import groove
from .meter import FOUR
from .song import compose
from .style import SIXTEENTH_SWING, STRAIGHT, Style, Swing, pick_style
from .tempo import MACHINE_CURVES

FAMILY = "electronic"

HOUSE_GROOVES = (
    groove("house", 4, kick="x...|x...|x...|x...", clap="....|x...|....|x...", open="..x.|..x.|..x.|..x."),
    groove("house shaker", 4, kick="x...|x...|x...|x...", snare="....|x...|....|x...", shaker="xoXo|xoXo|xoXo|xoXo"),
    groove("techno", 4, kick="x...|x...|x...|x...", top="..x.|..x.|..x.|..x.", rim="...x|..x.|....|.x.."),
    groove("techno bare", 4, kick="x...|x...|x...|x...", top="x.xx|x.xx|x.xx|x.xx"),
    groove(
        "trance",
        4,
        kick="x...|x...|x...|x...",
        open="..x.|..x.|..x.|..x.",
        clap="....|x...|....|x...",
        top="xxxx|xxxx|xxxx|xxxx",
    ),
    groove("garage", 4, kick="x...|....|..x.|....", clap="....|x...|....|x...", top="..x.|..xx|..x.|.xx."),
    groove(
        "electro",
        4,
        kick="x...|..x.|..x.|..x.",
        snare="....|x...|....|x...",
        top="x.x.|x.x.|x.x.|x.x.",
        cowbell="...x|....|.x..|....",
    ),
)
BREAK_GROOVES = (
    groove("two step", 2, kick="x...|.x..", snare="..x.|..x.", top="xxxx|xxxx"),
    groove("break", 4, kick="x.x.|....|..x.|....", snare="....|x..o|.o..|x..o", top="x.x.|x.x.|x.x.|x.x."),
    groove("chopped", 4, kick="x.x.|....|..xx|....", snare="....|x..x|.x..|..x.", top="x.x.|x.x.|x.x.|x.x."),
)
DUBSTEP_GROOVES = (
    groove("dubstep", 4, kick="x...|....|....|..x.", snare="....|....|x...|....", top="x.x.|..x.|x.xx|..x."),
    groove("dubstep two", 4, kick="x..x|....|....|.x..", snare="....|....|x...|....", top="..x.|x..x|..x.|x..x"),
)
HIP_HOP_GROOVES = (
    groove("boom bap", 4, kick="x...|..x.|..x.|....", snare="....|x...|....|x...", top="x.x.|x.x.|x.x.|x.x."),
    groove("boom bap two", 4, kick="x..x|....|.xx.|....", snare="....|x...|....|x..o", top="x.x.|x.x.|x.x.|x.x."),
    groove("lazy", 4, kick="x..x|...x|..x.|....", snare="....|x...|....|x...", top="x...|x...|x...|x..."),
)
# Eight steps a beat: rolls of the hats.
TRAP_GROOVES = (
    groove(
        "trap",
        8,
        kick="x.....x.|........|..x.....|....x...",
        clap="........|x.......|........|x.......",
        hat="x.x.x.x.|x.x.xxxx|x.x.x.x.|xxx.x.x.",
    ),
    groove(
        "trap two",
        8,
        kick="x.......|....x...|..x...x.|........",
        snare="........|x.......|........|x.......",
        hat="x.x.x.x.|x.x.x.x.|xxxxx.x.|x.x.xxxx",
    ),
    groove(
        "drill",
        8,
        kick="x.......|..x.....|....x...|........",
        snare="........|....x...|........|x.......",
        hat="x..x..x.|x..x..x.|x..x..x.|x..xxxx.",
    ),
)

MACHINE = {
    "curves": MACHINE_CURVES,
    "kits": programs.MACHINE_KITS,
    "tops": ("hat", "hat", "hat", "shaker", "open", "ride", "cabasa"),
    "comp_programs": programs.SYNTH_LEADS + programs.SYNTH_PADS + programs.ELECTRIC_PIANOS + (0, 16, 18, 62, 63, 48),
    "bass_programs": programs.SYNTH_BASSES * 2 + (80, 81, 33, 36),
    "pad_programs": programs.SYNTH_PADS + (48, 50, 51, 52),
    "lead_programs": programs.SYNTH_LEADS + programs.VOICES + (0, 11, 62, 73),
    "tightness_sec": (0.0, 0.002),
    "roll_sec": (0.0, 0.0),
    "one_program_prob": 0.0,
    "scales": ("minor", "minor", "minor", "phrygian", "dorian", "major"),
    "drums_prob": 0.95,
    "swell_prob": 0.1,
    "part_bars": (4, 8, 8, 16, 16),
    "ornament": 0.4,
}
CLUB = {"pad_prob": 0.6, "arp_prob": 0.55, "pump_prob": 0.5, "lead_prob": 0.45, "comp_2_prob": 0.3}
DARK = {"pad_prob": 0.5, "arp_prob": 0.3, "pump_prob": 0.2, "lead_prob": 0.5}
STATIC = {"four bars": 2, "two bars": 2, "bar": 3, "half": 0.5}
CLUB_COMP = {"stabs": 2, "cell": 2, "off beats": 2, "pump": 1, "tresillo": 2, "hold": 1, "arpeggio": 1, "pushed": 0.7}

STYLES = (
    Style(
        "house and techno",
        FOUR,
        (112, 150),
        {4: 1},
        (STRAIGHT, STRAIGHT, Swing(0.06, 0.5)),
        grooves=HOUSE_GROOVES,
        rhythms=STATIC,
        bass={"off beats": 3, "octaves": 2, "pump": 1, "riff": 2, "syncopated": 2, "hold": 0.5},
        comp=CLUB_COMP,
        lead={"syncopated": 2, "vocal": 2, "sparse": 1, "long": 1, "song": 1},
        weight=0.36,
        **MACHINE,
        **CLUB,
    ),
    Style(
        "trance",
        FOUR,
        (128, 146),
        {4: 1},
        grooves=HOUSE_GROOVES[2:5],
        rhythms=STATIC,
        bass={"off beats": 4, "gallop": 1, "pump": 1},
        comp=CLUB_COMP,
        lead={"busy": 2, "long": 1, "song": 1},
        weight=0.1,
        **MACHINE,
        **CLUB,
    ),
    Style(
        "drum and bass",
        FOUR,
        (158, 182),
        {4: 0.5, 2: 0.5},
        grooves=BREAK_GROOVES,
        rhythms=STATIC,
        bass={"hold": 2, "riff": 1, "syncopated": 2, "long syncopated": 2},
        comp={"hold": 2, "stabs": 2, "cell": 1, "arpeggio": 1},
        lead={"vocal": 2, "long": 2, "sparse": 1},
        weight=0.12,
        **MACHINE,
        **DARK,
    ),
    Style(
        "dubstep",
        FOUR,
        (134, 146),
        {4: 1},
        grooves=DUBSTEP_GROOVES,
        rhythms=STATIC,
        bass={"hold": 1, "syncopated": 2, "riff": 2, "long syncopated": 1},
        comp={"hold": 2, "stabs": 2, "arpeggio": 1},
        lead={"long": 2, "vocal": 2, "sparse": 1},
        weight=0.07,
        **MACHINE,
        **DARK,
    ),
    Style(
        "hip-hop",
        FOUR,
        (68, 112),
        {4: 1},
        (STRAIGHT, SIXTEENTH_SWING, Swing(0.06, 0.5)),
        grooves=HIP_HOP_GROOVES,
        bass={"syncopated": 3, "hold": 1, "long syncopated": 2, "riff": 1},
        comp={"cell": 2, "arpeggio": 1, "hold": 1, "stabs": 1, "charleston": 1},
        lead={"syncopated": 2, "vocal": 2, "sparse": 2},
        colours=("seventh", "ninth", "triad"),
        weight=0.15,
        **MACHINE,
        **DARK,
    ),
    Style(
        "trap",
        FOUR,
        (62, 84),
        {4: 1},
        grooves=TRAP_GROOVES,
        bass={"hold": 2, "syncopated": 2, "long syncopated": 2},
        comp={"arpeggio": 2, "hold": 1, "cell": 1},
        lead={"vocal": 2, "sparse": 2, "syncopated": 1},
        weight=0.1,
        **MACHINE,
        **DARK,
    ),
    Style(
        "synth-pop",
        FOUR,
        (96, 132),
        {4: 0.6, 2: 0.4},
        grooves=HOUSE_GROOVES[:2] + HOUSE_GROOVES[6:] + BREAK_GROOVES[1:2],
        bass={"octaves": 3, "pump": 3, "syncopated": 1},
        comp={"hold": 1, "pump": 1, "arpeggio": 2, "pushed": 1, "beats": 1},
        weight=0.1,
        **MACHINE,
        **CLUB,
    ),
)


def compose_electronic(rng: np.random.Generator, duration_sec: float) -> Piece:
    """A piece made with machines."""
    return compose(rng, FAMILY, pick_style(rng, STYLES), duration_sec)
