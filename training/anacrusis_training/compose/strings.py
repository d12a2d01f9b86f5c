"""Family ``strings``: ensembles and soloists without drums: strings, choir, organ, guitar, harp, winds."""

from __future__ import annotations

import numpy as np

from ..piece import Piece
from . import programs
from .choose import pick, weighted
from .meter import FOUR, NINE_EIGHT, SIX_EIGHT, THREE, TWO
from .song import compose
from .style import Style
from .tempo import EXPRESSIVE_CURVES

FAMILY = "strings"

SUSTAINED = {"hold": 2, "groups": 2, "beats": 2, "cell": 0.5}
MOVING = {
    "arpeggio": 2,
    "beats": 2,
    "alberti": 1,
    "pump": 1,
    "groups": 1,
    "off beats": 0.5,
    "oom pah": 1,
    "hemiola": 0.3,
}
PLUCKED = {"arpeggio": 4, "nocturne": 2, "strum": 1, "broken": 1, "beats": 0.5, "alberti": 1}

ENSEMBLES: dict[str, tuple[tuple[int, ...], dict[str, float], float]] = {
    "strings": ((48, 49, 40, 41, 42, 44, 45, 50), SUSTAINED, 0.18),
    "string quartet": ((40, 41, 42), MOVING, 0.2),
    "pizzicato": ((45,), MOVING, 0.05),
    "choir": (programs.VOICES, SUSTAINED, 0.12),
    "organ": ((19, 20, 16, 18), {**SUSTAINED, **MOVING}, 0.1),
    "guitar": ((24, 25), PLUCKED, 0.13),
    "harp": ((46, 15, 107, 11), PLUCKED, 0.06),
    "winds": ((68, 69, 70, 71, 73, 60), {**SUSTAINED, **MOVING}, 0.08),
    "accordion": ((21, 22, 23), MOVING, 0.04),
    "pads": (programs.SYNTH_PADS, SUSTAINED, 0.04),
}
"""Programs, accompaniments and share."""

METERS = {FOUR: 0.45, THREE: 0.27, TWO: 0.12, SIX_EIGHT: 0.13, NINE_EIGHT: 0.03}


def compose_strings(rng: np.random.Generator, duration_sec: float) -> Piece:
    """A piece for an ensemble or a soloist without drums."""
    name = weighted(rng, {ensemble: share for ensemble, (_, _, share) in ENSEMBLES.items()})
    own, comp, _ = ENSEMBLES[name]
    meter = weighted(rng, METERS)
    style = Style(
        name=name,
        meter=meter,
        bpm=(44.0, 90.0) if meter.compound else pick(rng, ((46.0, 110.0), (60.0, 176.0))),
        steps={3: 1.0} if meter.compound else {2: 0.7, 4: 0.2, 3: 0.1},
        curves=EXPRESSIVE_CURVES,
        scales=("major", "minor", "harmonic minor", "dorian", "major", "lydian"),
        rhythms={"bar": 4, "half": 3, "mixed": 2, "beats": 1.5, "two bars": 1},
        colours=("triad", "triad", "triad", "open", "seventh", "sixth"),
        drums_prob=0.0,
        bass_prob=0.7,
        comp_prob=0.9,
        comp_2_prob=0.3,
        pad_prob=0.15,
        lead_prob=0.85,
        counter_prob=0.45,
        arp_prob=0.05,
        bass={"groups": 3, "beats": 2, "hold": 2, "pump": 0.5, "walking": 0.7, "long syncopated": 0.4},
        comp=comp,
        lead={"lyrical": 4, "song": 2, "tune": 1.5, "runs": 0.6, "long": 1},
        bass_programs=own + (42, 43, 32) if name in ("strings", "string quartet", "winds") else own,
        comp_programs=own,
        pad_programs=own,
        lead_programs=own,
        arp_programs=own,
        tightness_sec=(0.004, 0.02),
        roll_sec=(0.0, 0.02) if comp is PLUCKED else (0.0, 0.006),
        one_program_prob=0.4,
        pedal_prob=0.0,
        swell_prob=0.85,
        part_bars=(4, 4, 8, 8),
    )
    return compose(rng, FAMILY, style, duration_sec)
