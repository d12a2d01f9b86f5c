"""Accompaniment: figures whose tones say which part of the chord sounds."""

from __future__ import annotations

import numpy as np

from .bass import FigureMaker
from .choose import chance, pick
from .figure import Figure, Hit
from .meter import Meter
from .rhythm import TRESILLO_STEPS, off_beat, random_onsets, spread

WHOLE_CHORD = -1
LOW_ROOT = -2
UPPER_TONES = -3
"""Tones of a figure that are not an index: the whole chord, its root an octave or two lower, all but the lowest.

From 0 on a tone is an index into the chord, continued an octave higher past its end."""


ARPEGGIOS = (
    (0, 1, 2), (0, 1, 2, 3), (0, 2, 1, 2), (0, 1, 2, 1), (3, 2, 1, 0), (0, 2, 3, 4, 3, 2), (0, 3, 1, 4), (2, 1, 0),
)  # fmt: skip
"""Orders of chord tones."""


def _chords(onsets: list[float], meter: Meter, sustain: float, accents: list[float] | None = None) -> Figure:
    accents = accents or [1.1 if at == 0 else 1.0 for at in onsets]
    hits = (
        Hit(at, length, WHOLE_CHORD, accent)
        for (at, length), accent in zip(spread(onsets, meter.n_beats, sustain), accents, strict=True)
    )
    return Figure(tuple(hits), meter.n_beats)


def _beats(rng: np.random.Generator, meter: Meter, steps: int) -> Figure:
    return _chords([float(beat) for beat in range(meter.n_beats)], meter, rng.uniform(0.4, 0.95))


def _groups(rng: np.random.Generator, meter: Meter, steps: int) -> Figure:
    return _chords([float(beat) for beat in meter.group_starts], meter, rng.uniform(0.6, 1.0))


def _back_beats(rng: np.random.Generator, meter: Meter, steps: int) -> Figure:
    odd = [float(beat) for beat in range(meter.n_beats) if beat not in meter.group_starts] or [0.0]
    hits = tuple(Hit(at, rng.uniform(0.2, 0.6), WHOLE_CHORD) for at in odd)
    return Figure(hits, meter.n_beats)


def _oom_pah(rng: np.random.Generator, meter: Meter, steps: int) -> Figure:
    hits = []
    for beat in range(meter.n_beats):
        low = beat in meter.group_starts if meter.n_beats > 2 else beat == 0 and steps == 1
        if meter.compound or meter.n_beats == 2:
            hits.append(Hit(beat, 0.3, LOW_ROOT, 1.05))
            hits.append(Hit(beat + off_beat(steps), 0.3, WHOLE_CHORD, 0.9))
        else:
            hits.append(Hit(beat, 0.7 if low else 0.5, LOW_ROOT if low else WHOLE_CHORD, 1.05 if low else 0.9))
    return Figure(tuple(hits), meter.n_beats)


def _off_beats(rng: np.random.Generator, meter: Meter, steps: int) -> Figure:
    off, length = off_beat(steps), rng.uniform(0.15, 0.45)
    hits = [Hit(beat + off, length, WHOLE_CHORD) for beat in range(meter.n_beats)]
    if steps == 4 and chance(rng, 0.2):
        hits += [Hit(beat + 0.75, 0.15, WHOLE_CHORD, 0.8) for beat in range(meter.n_beats)]
    return Figure(tuple(hits), meter.n_beats)


def _pump(rng: np.random.Generator, meter: Meter, steps: int) -> Figure:
    per_beat = steps if steps in (2, 3) else pick(rng, (2, 4))
    strong = pick(rng, (1.1, 1.1, 1.0, 0.9))
    onsets = [step / per_beat for step in range(meter.n_beats * per_beat)]
    return _chords(onsets, meter, rng.uniform(0.3, 0.9), [strong if at % 1 == 0 else 0.92 for at in onsets])


def _strum(rng: np.random.Generator, meter: Meter, steps: int) -> Figure:
    per_beat = 4 if steps in (2, 4) and chance(rng, 0.6) else max(2, steps)
    onsets = [0.0] if chance(rng, 0.9) else []
    onsets += [s / per_beat for s in range(1, meter.n_beats * per_beat) if chance(rng, 0.7 if s % 2 == 0 else 0.45)]
    onsets = onsets or [0.0]
    accents = [rng.uniform(0.95, 1.15) if at in (0.0, float(meter.middle)) else rng.uniform(0.6, 1.05) for at in onsets]
    return _chords(onsets, meter, 0.95, accents)


def _cell(rng: np.random.Generator, meter: Meter, steps: int) -> Figure:
    onsets = random_onsets(rng, meter, steps, rng.uniform(0.15, 0.55), rng.uniform(0.1, 0.8)) or [0.0]
    return _chords(onsets, meter, rng.uniform(0.2, 0.95))


def _pushed(rng: np.random.Generator, meter: Meter, steps: int) -> Figure:
    n, off = meter.n_beats, off_beat(steps)
    hits = [Hit(n - 1 + off, rng.uniform(0.6, n * 0.6), WHOLE_CHORD, 1.1, ahead_beats=1 - off)]
    if n > 2 and chance(rng, 0.6):
        hits.append(Hit(meter.middle - 1 + pick(rng, (off, 1)), 0.6, WHOLE_CHORD, 0.95))
    if chance(rng, 0.35):
        hits.append(Hit(0, 0.5, WHOLE_CHORD, 0.9))
    return Figure(tuple(hits), n)


def _tresillo(rng: np.random.Generator, meter: Meter, steps: int) -> Figure:
    # Over a whole bar, or twice within it.
    turns = pick(rng, (1, 1, 2)) if meter.n_beats == 4 else 1
    unit = meter.n_beats / 8 / turns
    onsets = [(step + 8 * turn) * unit for turn in range(turns) for step in TRESILLO_STEPS]
    return _chords(onsets, meter, rng.uniform(0.4, 0.95))


def _charleston(rng: np.random.Generator, meter: Meter, steps: int) -> Figure:
    off = off_beat(steps)
    shift = pick(rng, (0, 0, 1, 2)) if meter.n_beats >= 4 else 0
    onsets = sorted({(at + shift) % meter.n_beats for at in (0.0, 1 + off)})
    return Figure(tuple(Hit(at, rng.uniform(0.2, 0.8), WHOLE_CHORD) for at in onsets), meter.n_beats)


def _skank(rng: np.random.Generator, meter: Meter, steps: int) -> Figure:
    off = off_beat(steps)
    double = chance(rng, 0.3) and steps == 4
    hits = [Hit(beat + off, 0.15, WHOLE_CHORD, 1.05) for beat in range(meter.n_beats)]
    if double:
        hits += [Hit(beat + off + 0.25, 0.12, WHOLE_CHORD, 0.75) for beat in range(meter.n_beats)]
    return Figure(tuple(hits), meter.n_beats)


def _montuno(rng: np.random.Generator, meter: Meter, steps: int) -> Figure:
    # Two bars: it meets the downbeat once and runs on off-beats until the next.
    n = meter.n_beats
    onsets = [0.0, 1.0] + [beat + 0.5 for beat in range(1, 2 * n)]
    if chance(rng, 0.5):
        onsets = [(at + n) % (2 * n) for at in onsets]
    hits = [
        Hit(at, 0.42, pick(rng, (WHOLE_CHORD, UPPER_TONES, 0, 3)), 1.0, ahead_beats=0.5 if at % n == n - 0.5 else 0.0)
        for at in sorted(onsets)
        if chance(rng, 0.93)
    ]
    return Figure(tuple(hits), 2 * n)


def _arpeggio(rng: np.random.Generator, meter: Meter, steps: int) -> Figure:
    per_beat = steps if steps > 1 else pick(rng, (1, 2))
    tones = pick(rng, ARPEGGIOS)
    length = pick(rng, (1.0, 1.0, 2.0, meter.n_beats * per_beat / 2)) / per_beat
    strong, bar = rng.uniform(1.0, 1.15), rng.uniform(1.0, 1.25)
    hits = []
    for step in range(meter.n_beats * per_beat):
        accent = bar if step == 0 else strong if step % per_beat == 0 else 0.92
        hits.append(Hit(step / per_beat, length, tones[step % len(tones)], accent))
    return Figure(tuple(hits), meter.n_beats)


def _alberti(rng: np.random.Generator, meter: Meter, steps: int) -> Figure:
    per_beat = max(2, steps)
    tones = (0, 2, 1, 2) if per_beat % 2 == 0 else (0, 1, 2)
    hits = (
        Hit(step / per_beat, 1 / per_beat, tones[step % len(tones)], 1.05 if step % per_beat == 0 else 0.9)
        for step in range(meter.n_beats * per_beat)
    )
    return Figure(tuple(hits), meter.n_beats)


def _nocturne(rng: np.random.Generator, meter: Meter, steps: int) -> Figure:
    # A low root, then a wide broken chord above it.
    per_beat = max(2, steps)
    group = max(2, meter.n_beats // max(1, len(meter.groups))) * per_beat
    rise = pick(rng, ((0, 2, 4, 3, 4, 2), (1, 2, 3, 4, 3, 2), (2, 3, 4, 5, 4, 3), (2, 4, 3, 4, 3, 4)))
    hits = []
    for step in range(meter.n_beats * per_beat):
        place = step % group
        tone = LOW_ROOT if place == 0 else rise[(place - 1) % len(rise)]
        hits.append(Hit(step / per_beat, (2.0 if place == 0 else 1.0) / per_beat, tone, 1.05 if place == 0 else 0.85))
    return Figure(tuple(hits), meter.n_beats)


def _stride(rng: np.random.Generator, meter: Meter, steps: int) -> Figure:
    strong = meter.group_starts if meter.n_beats != 2 else (0,)
    hits = [
        Hit(beat, 0.6, LOW_ROOT if beat in strong else UPPER_TONES, 1.1 if beat in strong else 0.9)
        for beat in range(meter.n_beats)
    ]
    return Figure(tuple(hits), meter.n_beats)


def _broken(rng: np.random.Generator, meter: Meter, steps: int) -> Figure:
    per_beat = max(2, steps)
    hits = []
    for step in range(meter.n_beats * per_beat):
        place = step % per_beat
        if place == 0:
            hits.append(Hit(step / per_beat, 0.9 / per_beat, LOW_ROOT))
        elif place == per_beat - 1 or chance(rng, 0.6):
            hits.append(Hit(step / per_beat, 0.9 / per_beat, UPPER_TONES, 0.85))
    return Figure(tuple(hits), meter.n_beats)


def _hemiola(rng: np.random.Generator, meter: Meter, steps: int) -> Figure:
    # Two bars of three heard as three of two; any other bar in three equal parts.
    period = 2 * meter.n_beats if meter.n_beats == 3 else meter.n_beats
    third = period / 3
    return Figure(tuple(Hit(k * third, 0.85 * third, WHOLE_CHORD, 1.05 if k == 0 else 0.95) for k in range(3)), period)


def _stabs(rng: np.random.Generator, meter: Meter, steps: int) -> Figure:
    onsets = random_onsets(rng, meter, steps, 0.16, 0.85) or [off_beat(steps)]
    return Figure(tuple(Hit(at, 0.2, WHOLE_CHORD, 1.1) for at in onsets), meter.n_beats)


COMP_FIGURES: dict[str, FigureMaker] = {
    "beats": _beats,
    "groups": _groups,
    "back beats": _back_beats,
    "oom pah": _oom_pah,
    "off beats": _off_beats,
    "pump": _pump,
    "strum": _strum,
    "cell": _cell,
    "pushed": _pushed,
    "tresillo": _tresillo,
    "charleston": _charleston,
    "skank": _skank,
    "montuno": _montuno,
    "arpeggio": _arpeggio,
    "alberti": _alberti,
    "nocturne": _nocturne,
    "stride": _stride,
    "broken": _broken,
    "hemiola": _hemiola,
    "stabs": _stabs,
}
"""Accompaniments by name; ``"hold"`` is not one: it sounds where the chord changes."""
