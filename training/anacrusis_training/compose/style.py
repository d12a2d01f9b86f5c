"""What a style of music is made of, as weights and ranges that each piece draws from."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from . import programs
from .choose import weighted
from .drumming import Groove
from .grid import STRAIGHT, Swing
from .harmony import LOOPS, RHYTHMS
from .meter import Meter
from .tempo import BAND_CURVES

LIGHT_SWING = Swing(0.08, 1.0)
TRIPLET_SWING = Swing(0.1667, 1.0)
SIXTEENTH_SWING = Swing(0.1, 0.5)


@dataclasses.dataclass(frozen=True, slots=True)
class Style:
    """A style.

    Attributes
    ----------
    bpm
        Slowest and fastest tempo of the beat that people tap.
    steps
        Weights of the number of equal parts of a beat.
    grooves
        Drum patterns; none means patterns made by chance.
    drums_prob, bass_prob, comp_prob, comp_2_prob, pad_prob, lead_prob, counter_prob, arp_prob
        Chances that a piece has these roles.
    bass, comp, lead
        Weights of the names of figures (`bass.BASS_FIGURES`, or ``"walking"``; `comping.COMP_FIGURES`, or ``"hold"``)
        and of melodic characters.
    rhythms
        Weights of harmonic rhythms.
    feels
        Weights of the drums' time: 2 half, 0.5 double.
    tightness_sec
        Range of the players' random error.
    roll_sec
        Time from one note of a chord to the next.
    melody_first_sec
        How far the melody comes before its accompaniment, as pianists play.
    one_program_prob
        Chance that all voices share one program: a single player.
    pump_prob
        Chance that pads duck on every beat.
    part_bars
        Bars of a part, one of these.
    swell_prob
        Chance of slow dynamics over a phrase.
    weight
        Share within its family.
    """

    name: str
    meter: Meter
    bpm: tuple[float, float]
    steps: Mapping[int, float] = dataclasses.field(default_factory=lambda: {2: 0.6, 4: 0.4})
    swings: tuple[Swing, ...] = (STRAIGHT,)
    curves: Mapping[str, float] = dataclasses.field(default_factory=lambda: BAND_CURVES)
    scales: tuple[str, ...] = ("major", "major", "minor", "minor", "mixolydian", "dorian")
    loops: tuple[tuple[int, ...], ...] = LOOPS
    rhythms: Mapping[str, float] = dataclasses.field(default_factory=lambda: RHYTHMS)
    colours: tuple[str, ...] = ("triad", "triad", "triad", "seventh", "suspended", "open")
    grooves: tuple[Groove, ...] = ()
    tops: tuple[str, ...] = programs.TOPS
    ornament: float = 1.0
    feels: Mapping[float, float] = dataclasses.field(default_factory=lambda: {1.0: 1.0})
    drums_prob: float = 0.7
    bass_prob: float = 0.9
    comp_prob: float = 0.92
    comp_2_prob: float = 0.3
    pad_prob: float = 0.3
    lead_prob: float = 0.75
    counter_prob: float = 0.15
    arp_prob: float = 0.15
    bass: Mapping[str, float] = dataclasses.field(
        default_factory=lambda: {
            "pump": 1,
            "groups": 1,
            "hold": 1,
            "syncopated": 2,
            "long syncopated": 1,
            "octaves": 0.4,
        }
    )
    comp: Mapping[str, float] = dataclasses.field(
        default_factory=lambda: {
            "hold": 1,
            "beats": 1,
            "strum": 1.5,
            "cell": 1,
            "arpeggio": 1,
            "pushed": 0.8,
            "groups": 0.5,
        }
    )
    lead: Mapping[str, float] = dataclasses.field(
        default_factory=lambda: {"song": 2, "vocal": 3, "long": 0.7, "busy": 0.5, "syncopated": 0.8}
    )
    bass_programs: tuple[int, ...] = programs.ANY_BASS
    comp_programs: tuple[int, ...] = programs.ANY_COMP
    pad_programs: tuple[int, ...] = programs.ANY_PAD
    lead_programs: tuple[int, ...] = programs.ANY_LEAD
    arp_programs: tuple[int, ...] = programs.ANY_ARP
    kits: tuple[int, ...] = programs.ANY_KIT
    tightness_sec: tuple[float, float] = (0.0, 0.012)
    roll_sec: tuple[float, float] = (0.0, 0.006)
    melody_first_sec: tuple[float, float] = (0.0, 0.0)
    one_program_prob: float = 0.06
    pedal_prob: float = 0.0
    pump_prob: float = 0.0
    part_bars: tuple[int, ...] = (4, 8, 8, 8, 16)
    swell_prob: float = 0.2
    weight: float = 1.0


def pick_style(rng: np.random.Generator, styles: Sequence[Style]) -> Style:
    """One of `styles`, each as often as its weight says."""
    return styles[weighted(rng, {idx: style.weight for idx, style in enumerate(styles)})]
