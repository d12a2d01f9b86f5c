"""Family ``latin``: Afro-Latin, Caribbean and African patterns with strong off-beats, band or percussion."""

from __future__ import annotations

import numpy as np

from ..piece import Piece
from . import programs
from .latin_grooves import (
    AFROBEAT_GROOVES,
    BELL_GROOVES,
    BOSSA_GROOVES,
    CUMBIA_GROOVES,
    REGGAE_GROOVES,
    SALSA_GROOVES,
    SAMBA_GROOVES,
)
from .meter import FOUR, TWELVE_EIGHT, TWO
from .song import compose
from .style import SIXTEENTH_SWING, STRAIGHT, Style, Swing, pick_style

FAMILY = "latin"

MOST = {"lead": {"syncopated": 2, "song": 1, "vocal": 2, "solo": 1, "busy": 0.5}, "ornament": 0.5}
BAND_PROGRAMS = {
    "comp_programs": programs.PIANOS
    + programs.ACOUSTIC_GUITARS
    + programs.CLEAN_GUITARS
    + programs.ORGANS[:3]
    + (21, 105, 12, 61),
    "bass_programs": programs.ACOUSTIC_BASSES + programs.ELECTRIC_BASSES,
    "lead_programs": programs.BRASS + programs.FLUTES[:4] + programs.VOICES[:3] + (65, 66, 71, 11, 24, 22, 21),
}
RELAXED = Swing(0.04, 0.5)


STYLES = (
    Style(
        "salsa",
        FOUR,
        (120, 222),
        {2: 1},
        grooves=SALSA_GROOVES,
        drums_prob=0.92,
        bass={"tumbao": 6, "tresillo": 1, "early": 1},
        comp={"montuno": 5, "pushed": 1, "cell": 1},
        weight=0.2,
        **MOST,
        **BAND_PROGRAMS,
    ),
    Style(
        "bolero",
        FOUR,
        (76, 130),
        {2: 1},
        grooves=SALSA_GROOVES[4:],
        drums_prob=0.8,
        bass={"long syncopated": 2, "tumbao": 1, "groups": 2},
        comp={"cell": 1, "arpeggio": 2, "tresillo": 1, "strum": 1},
        weight=0.06,
        **MOST,
        **BAND_PROGRAMS,
    ),
    Style(
        "samba",
        TWO,
        (76, 136),
        {4: 1},
        (STRAIGHT, STRAIGHT, RELAXED),
        grooves=SAMBA_GROOVES,
        drums_prob=0.93,
        bass={"surdo": 4, "syncopated": 1, "groups": 1},
        comp={"cell": 3, "strum": 2, "stabs": 1, "tresillo": 1},
        weight=0.17,
        **MOST,
        **BAND_PROGRAMS,
    ),
    Style(
        "bossa nova",
        FOUR,
        (110, 172),
        {2: 1},
        grooves=BOSSA_GROOVES,
        drums_prob=0.6,
        bass={"groups": 2, "long syncopated": 2, "tresillo": 0.7},
        comp={"cell": 3, "pushed": 2, "charleston": 1},
        colours=("seventh", "ninth", "sixth"),
        weight=0.1,
        **MOST,
        **BAND_PROGRAMS,
    ),
    Style(
        "reggae",
        FOUR,
        (60, 96),
        {2: 0.6, 4: 0.4},
        (STRAIGHT, Swing(0.08, 0.5)),
        grooves=REGGAE_GROOVES,
        drums_prob=0.9,
        bass={"one drop": 4, "riff": 2, "syncopated": 1},
        comp={"skank": 6, "back beats": 1},
        weight=0.12,
        **MOST,
        **BAND_PROGRAMS,
    ),
    Style(
        "ska",
        FOUR,
        (110, 190),
        {2: 1},
        grooves=REGGAE_GROOVES[4:],
        drums_prob=0.9,
        bass={"walking": 3, "pump": 1, "beats": 1},
        comp={"skank": 4, "off beats": 3},
        weight=0.05,
        **MOST,
        **BAND_PROGRAMS,
    ),
    Style(
        "cumbia",
        FOUR,
        (78, 132),
        {4: 1},
        grooves=CUMBIA_GROOVES,
        drums_prob=0.92,
        bass={"groups": 2, "tresillo": 2, "long syncopated": 1},
        comp={"off beats": 3, "skank": 1, "cell": 1, "montuno": 0.5},
        weight=0.12,
        **MOST,
        **BAND_PROGRAMS,
    ),
    Style(
        "afrobeat",
        FOUR,
        (92, 136),
        {4: 1},
        (STRAIGHT, STRAIGHT, SIXTEENTH_SWING),
        grooves=AFROBEAT_GROOVES,
        drums_prob=0.92,
        bass={"riff": 3, "syncopated": 2},
        comp={"cell": 3, "stabs": 1, "skank": 1, "arpeggio": 1},
        arp_prob=0.4,
        rhythms={"four bars": 2, "two bars": 1, "bar": 1},
        weight=0.1,
        **MOST,
        **BAND_PROGRAMS,
    ),
    Style(
        "twelve eight bell",
        TWELVE_EIGHT,
        (84, 140),
        {3: 1},
        grooves=BELL_GROOVES,
        drums_prob=0.95,
        bass={"syncopated": 2, "groups": 1},
        comp={"cell": 2, "arpeggio": 1},
        weight=0.06,
        **MOST,
        **BAND_PROGRAMS,
    ),
    Style(
        "salsa percussion",
        FOUR,
        (120, 222),
        {2: 1},
        grooves=SALSA_GROOVES,
        drums_prob=1,
        bass_prob=0,
        comp_prob=0,
        comp_2_prob=0,
        pad_prob=0,
        lead_prob=0,
        counter_prob=0,
        arp_prob=0,
        ornament=0.5,
        weight=0.04,
    ),
    Style(
        "batucada",
        TWO,
        (90, 140),
        {4: 1},
        (STRAIGHT, RELAXED),
        grooves=SAMBA_GROOVES,
        drums_prob=1,
        bass_prob=0,
        comp_prob=0,
        comp_2_prob=0,
        pad_prob=0,
        lead_prob=0,
        counter_prob=0,
        arp_prob=0,
        ornament=0.5,
        weight=0.05,
    ),
    Style(
        "candombe and bells",
        FOUR,
        (90, 140),
        {4: 1},
        grooves=AFROBEAT_GROOVES[3:],
        drums_prob=1,
        bass_prob=0,
        comp_prob=0,
        comp_2_prob=0,
        pad_prob=0,
        lead_prob=0.1,
        counter_prob=0,
        arp_prob=0,
        ornament=0.4,
        weight=0.05,
    ),
)


def compose_latin(rng: np.random.Generator, duration_sec: float) -> Piece:
    """A piece of Afro-Latin rhythm."""
    return compose(rng, FAMILY, pick_style(rng, STYLES), duration_sec)
