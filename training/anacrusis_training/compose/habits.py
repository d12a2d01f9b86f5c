"""What a song always does, drawn once a song: how its sections differ, and how, how often and how falsely it says that one is ending.

A net that is shown one way of announcing a boundary learns that way. So every cue is a habit that a song has or has not, many songs have
a cue at one boundary and none at the next, and the same cues come where nothing ends.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from .choose import chance, pick, weighted
from .form import ARP, BASS, COMP, COMP_2, COUNTER, DRUMS, LEAD, PAD

MODES = {"open": 0.6, "shared chords": 0.15, "same band": 0.15, "repetition only": 0.1}
"""How sections may be told apart: by everything; not by chords; not by who plays and how loud; by nothing but that material returns."""

FLIPPED_PROB = 0.15
"""Songs whose chorus is the quiet part."""

UNANNOUNCED_PROB = 0.12
"""Songs without any cue."""

SUNG_SONG_PROB = 0.75

CUE_KINDS = ("fill", "human fill", "build", "drop", "riser", "sweep")
"""Drum fill, a fill that a person played, roll that swells, silence of some or all players, rising noise, a filter that closes."""

CUE_BEATS = {1.0: 0.3, 2.0: 0.34, 4.0: 0.26, 8.0: 0.1}

CUES_BY_SONG = (0.62, 0.75, 0.22, 0.35, 0.3, 0.18)
"""Chance that a song has each of `CUE_KINDS` as a habit at all; how often it then uses it is drawn from 0.1 to 0.8."""


@dataclasses.dataclass(frozen=True, slots=True)
class Cue:
    """One announcement, true or false: what, from and to which beat, and whether a cymbal follows it."""

    kind: str
    start_beats: float
    end_beats: float


@dataclasses.dataclass(frozen=True, slots=True)
class _Leaning:
    """What a label tends to: energy, level in dB, chance of a singer, and the chance of each role."""

    energy: float
    level_db: float
    sung_prob: float
    roles: Mapping[str, float]


# fmt: off
LEANINGS: dict[str, _Leaning] = {
    "intro": _Leaning(0.62, -1.5, 0.06, {DRUMS: 0.6, BASS: 0.5, COMP: 0.8, COMP_2: 0.3, PAD: 0.6, LEAD: 0.25, COUNTER: 0.1, ARP: 0.4}),
    "verse": _Leaning(0.72, -0.5, 0.93, {DRUMS: 0.9, BASS: 0.95, COMP: 0.85, COMP_2: 0.2, PAD: 0.25, LEAD: 0.9, COUNTER: 0.05, ARP: 0.15}),
    "pre-chorus": _Leaning(0.82, 0.5, 0.93, {DRUMS: 0.88, BASS: 0.94, COMP: 0.9, COMP_2: 0.4, PAD: 0.6, LEAD: 0.9, COUNTER: 0.1, ARP: 0.4}),
    "chorus": _Leaning(1.0, 2.5, 0.97, {DRUMS: 0.97, BASS: 1.0, COMP: 1.0, COMP_2: 0.75, PAD: 0.75, LEAD: 0.96, COUNTER: 0.4, ARP: 0.5}),
    "bridge": _Leaning(0.7, -1.5, 0.6, {DRUMS: 0.7, BASS: 0.75, COMP: 0.7, COMP_2: 0.3, PAD: 0.85, LEAD: 0.6, COUNTER: 0.3, ARP: 0.5}),
    "inst": _Leaning(0.9, 0.5, 0.04, {DRUMS: 0.9, BASS: 0.95, COMP: 0.85, COMP_2: 0.5, PAD: 0.4, LEAD: 0.75, COUNTER: 0.3, ARP: 0.5}),
    "outro": _Leaning(0.66, -2.0, 0.3, {DRUMS: 0.6, BASS: 0.65, COMP: 0.8, COMP_2: 0.3, PAD: 0.7, LEAD: 0.35, COUNTER: 0.1, ARP: 0.25}),
    "silence": _Leaning(0.0, 0.0, 0.0, {}),
}
# fmt: on
"""By label of the contract. In a silence nobody plays."""

_LEVEL_SPREAD_DB = 2.5
_ENERGY_SPREAD = 0.08


@dataclasses.dataclass(frozen=True, slots=True)
class Habits:
    """A song's habits.

    Attributes
    ----------
    mode
        One of `MODES`.
    flipped
        Whether energy and level of chorus and verse are the wrong way round.
    cue_probs
        Chance of each cue before a boundary.
    false_prob
        Chance of a cue at a line of four bars where nothing ends.
    crash_prob
        Chance of a cymbal on a boundary; half of it after a false cue.
    mutation
        Share of what changes when material returns.
    pickup_prob
        Chance that the band changes on the downbeat after a boundary that lies before it.
    energy, level_db, sung_prob, roles
        By label.
    """

    mode: str
    flipped: bool
    cue_probs: Mapping[str, float]
    false_prob: float
    crash_prob: float
    mutation: float
    pickup_prob: float
    energy: Mapping[str, float]
    level_db: Mapping[str, float]
    sung_prob: Mapping[str, float]
    roles: Mapping[str, tuple[str, ...]]

    def cues(self, rng: np.random.Generator, end_beats: float, room_beats: float, scale: float = 1.0) -> list[Cue]:
        """Cues that end at a beat, each as often as the song does it times `scale`, none longer than `room_beats`."""
        found = []
        for kind in CUE_KINDS:
            if not chance(rng, scale * self.cue_probs[kind]):
                continue
            n_beats = min(room_beats, weighted(rng, CUE_BEATS))
            if kind == "drop":
                n_beats = min(n_beats, pick(rng, (0.5, 1.0, 1.0, 2.0, 4.0)))
            if n_beats > 0:
                found.append(Cue(kind, end_beats - n_beats, end_beats))
        return found


def draw_habits(rng: np.random.Generator, roles: tuple[str, ...]) -> Habits:
    """Habits of a new song in which these roles exist."""
    mode = weighted(rng, MODES)
    flipped = chance(rng, FLIPPED_PROB)
    plain = mode in ("same band", "repetition only")
    sign = -1.0 if flipped else 1.0
    energy, level_db, sung, players = {}, {}, {}, {}
    everybody = tuple(role for role in roles if role not in (COUNTER, ARP) or chance(rng, 0.5))
    is_sung = chance(rng, SUNG_SONG_PROB)
    for label, leaning in LEANINGS.items():
        middle = 0.8
        drawn = middle + sign * (leaning.energy - middle) + rng.normal(0.0, _ENERGY_SPREAD)
        energy[label] = 0.85 if plain else float(np.clip(drawn, 0.4, 1.05))
        level_db[label] = 0.0 if plain else float(sign * leaning.level_db + rng.normal(0.0, _LEVEL_SPREAD_DB))
        sung[label] = 0.5 if is_sung and mode == "repetition only" else leaning.sung_prob * is_sung
        chosen = everybody if plain else tuple(role for role in roles if chance(rng, leaning.roles.get(role, 0.0)))
        players[label] = () if label == "silence" else chosen or (COMP,)
    is_quiet = chance(rng, UNANNOUNCED_PROB) or mode == "repetition only"
    probs = {
        kind: 0.0 if is_quiet or not chance(rng, share) else float(rng.uniform(0.1, 0.8))
        for kind, share in zip(CUE_KINDS, CUES_BY_SONG, strict=True)
    }
    return Habits(
        mode=mode,
        flipped=flipped,
        cue_probs=probs,
        false_prob=0.0 if is_quiet else float(rng.uniform(0.03, 0.22)),
        crash_prob=0.0 if is_quiet else float(rng.uniform(0.0, 0.95)),
        mutation=float(rng.uniform(0.1, 0.4)),
        pickup_prob=float(rng.uniform(0.2, 0.9)),
        energy=energy,
        level_db=level_db,
        sung_prob=sung,
        roles=players,
    )
