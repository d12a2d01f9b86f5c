"""Bass lines: figures whose tones are scale steps above the chord's root."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .choose import chance, pick
from .figure import Figure, Hit
from .meter import Meter
from .rhythm import TRESILLO_STEPS, off_beat, random_onsets, spread

FigureMaker = Callable[[np.random.Generator, Meter, int], Figure]
"""From generator, meter and steps per beat."""


def _hold(rng: np.random.Generator, meter: Meter, steps: int) -> Figure:
    return Figure((Hit(0, meter.n_beats * rng.uniform(0.7, 1.0)),), meter.n_beats)


def _groups(rng: np.random.Generator, meter: Meter, steps: int) -> Figure:
    fifth = pick(rng, (0, 4, 4, 7))
    starts = meter.group_starts if meter.n_beats > 2 else tuple(range(meter.n_beats))
    hits = tuple(Hit(at, rng.uniform(0.6, 0.95), fifth if idx % 2 else 0) for idx, at in enumerate(starts))
    return Figure(hits, meter.n_beats)


def _beats(rng: np.random.Generator, meter: Meter, steps: int) -> Figure:
    return Figure(tuple(Hit(beat, 0.85, 0, 1.0 if beat else 1.1) for beat in range(meter.n_beats)), meter.n_beats)


def _pump(rng: np.random.Generator, meter: Meter, steps: int) -> Figure:
    per_beat = steps if steps in (2, 3) else 2
    length = rng.uniform(0.5, 0.95) / per_beat
    onsets = (step / per_beat for step in range(meter.n_beats * per_beat))
    return Figure(tuple(Hit(at, length, 0, 1.05 if at % 1 == 0 else 0.9) for at in onsets), meter.n_beats)


def _octaves(rng: np.random.Generator, meter: Meter, steps: int) -> Figure:
    off = off_beat(steps)
    hits = tuple(Hit(b + d, 0.4, 7 if d else 0, 1.0) for b in range(meter.n_beats) for d in (0, off))
    return Figure(hits, meter.n_beats)


def _off_beats(rng: np.random.Generator, meter: Meter, steps: int) -> Figure:
    off = off_beat(steps)
    hits = [Hit(beat + off, 0.4) for beat in range(meter.n_beats)]
    if steps == 4 and chance(rng, 0.4):
        hits += [Hit(beat + 0.75, 0.2, 0, 0.85) for beat in range(meter.n_beats)]
    return Figure(tuple(hits), meter.n_beats)


def _syncopated(rng: np.random.Generator, meter: Meter, steps: int) -> Figure:
    bars = pick(rng, (1, 1, 2))
    hits = []
    for bar in range(bars):
        onsets = random_onsets(rng, meter, steps, rng.uniform(0.2, 0.55), rng.uniform(0.1, 0.55))
        if 0.0 not in onsets and chance(rng, 0.88):
            onsets.insert(0, 0.0)
        for at, length in spread(onsets, meter.n_beats, rng.uniform(0.5, 0.95)):
            tone = 0 if at == 0 or chance(rng, 0.65) else pick(rng, (4, 7, 6, 2, 4))
            hits.append(Hit(at + bar * meter.n_beats, length, tone, 1.1 if at == 0 else rng.uniform(0.85, 1.05)))
    return Figure(tuple(hits), meter.n_beats * bars)


def _riff(rng: np.random.Generator, meter: Meter, steps: int) -> Figure:
    bars = pick(rng, (1, 1, 2))
    onsets = random_onsets(rng, meter, steps, rng.uniform(0.4, 0.75), rng.uniform(0.1, 0.45))
    if 0.0 not in onsets:
        onsets.insert(0, 0.0)
    scale = pick(rng, ((0, 0, 2, 4, 6, 7), (0, 0, 0, 3, 4, 7), (0, 1, 2, 4, 5)))
    tones = {at: 0 if at == 0 else pick(rng, scale) for at in onsets}
    hits = [
        Hit(at + bar * meter.n_beats, length, pick(rng, scale) if bar and at >= meter.n_beats / 2 else tones[at])
        for bar in range(bars)
        for at, length in spread(onsets, meter.n_beats, 0.85)
    ]
    return Figure(tuple(hits), meter.n_beats * bars)


def _gallop(rng: np.random.Generator, meter: Meter, steps: int) -> Figure:
    cell = pick(rng, ((0, 0.5, 0.75), (0, 0.25, 0.5))) if steps % 2 == 0 else (0, 2 / 3)
    hits = (Hit(beat + at, 0.22, 0, 1.0 if at == 0 else 0.85) for beat in range(meter.n_beats) for at in cell)
    return Figure(tuple(hits), meter.n_beats)


def _tresillo(rng: np.random.Generator, meter: Meter, steps: int) -> Figure:
    unit = meter.n_beats / 8
    tones = pick(rng, ((0, 0, 0), (0, 4, 7), (0, 4, 4), (0, 0, 4)))
    hits = [Hit(step * unit, 2.4 * unit, tone) for step, tone in zip(TRESILLO_STEPS, tones, strict=True)]
    return Figure(tuple(hits), meter.n_beats)


def _tumbao(rng: np.random.Generator, meter: Meter, steps: int) -> Figure:
    # The fourth beat already belongs to the next chord, and the downbeat stays empty.
    n = meter.n_beats
    hits = [Hit(n - 2.5, 1.3, pick(rng, (4, 4, 7, 0))), Hit(n - 1, 1.6, 0, 1.05, ahead_beats=1.0)]
    if n < 4:
        hits = [Hit(n - 0.5, 1.2, 0, ahead_beats=0.5), Hit(max(0.5, n - 1.25), 0.6, 4)]
    elif chance(rng, 0.25):
        hits.insert(0, Hit(0, 1.2, 0, 0.8))
    return Figure(tuple(hits), n)


def _one_drop(rng: np.random.Generator, meter: Meter, steps: int) -> Figure:
    off = off_beat(steps)
    onsets = [at for at in random_onsets(rng, meter, 2, 0.6, 0.4) if at > 0] or [meter.n_beats / 2]
    if off != 0.5:
        onsets = [int(at) + (off if at % 1 else 0) for at in onsets]
    return Figure(tuple(Hit(at, 0.4, pick(rng, (0, 0, 4, 2))) for at in onsets), meter.n_beats)


def _surdo(rng: np.random.Generator, meter: Meter, steps: int) -> Figure:
    # As samba's: light on one, heavy on two, the fifth below.
    hits = [Hit(beat, 0.7, 0 if beat % 2 == 0 else 4, 0.85 if beat % 2 == 0 else 1.1) for beat in range(meter.n_beats)]
    hits += [Hit(beat + 0.75, 0.25, 0, 0.9) for beat in range(meter.n_beats) if steps % 2 == 0]
    return Figure(tuple(hits), meter.n_beats)


def _long_syncopated(rng: np.random.Generator, meter: Meter, steps: int) -> Figure:
    off = off_beat(steps)
    second = pick(rng, (meter.middle - 1 + off, meter.middle, max(0, meter.n_beats - 2 + off)))
    hits = [Hit(0, max(0.4, second * 0.9)), Hit(second, max(0.4, (meter.n_beats - second) * 0.9), pick(rng, (0, 0, 4)))]
    return Figure(tuple(hits if second > 0 else hits[:1]), meter.n_beats)


def _early(rng: np.random.Generator, meter: Meter, steps: int) -> Figure:
    # The whole line stands an off-beat before the bar: pop's pushed bass.
    n, off = meter.n_beats, off_beat(steps)
    hits = [Hit(n - 1 + off, 1.2, 0, 1.1, ahead_beats=1 - off)]
    hits += [Hit(beat, 0.8, 0, 0.95) for beat in range(1, n) if chance(rng, 0.6)]
    return Figure(tuple(hits), n)


BASS_FIGURES: dict[str, FigureMaker] = {
    "hold": _hold,
    "groups": _groups,
    "beats": _beats,
    "pump": _pump,
    "octaves": _octaves,
    "off beats": _off_beats,
    "syncopated": _syncopated,
    "riff": _riff,
    "gallop": _gallop,
    "tresillo": _tresillo,
    "tumbao": _tumbao,
    "one drop": _one_drop,
    "surdo": _surdo,
    "long syncopated": _long_syncopated,
    "early": _early,
}
"""Bass figures by name; ``"walking"`` is not one, since it leads from chord to chord: see `walking_bar`."""


def walking_bar(rng: np.random.Generator, n_beats: int, degree: int, next_degree: int, steps: int) -> list[Hit]:
    """One bar of walking bass; tones are scale steps above `degree`, and the last one leads to `next_degree`."""
    target = (next_degree - degree + 3) % 7 - 3
    tones = [0]
    for _ in range(n_beats - 2):
        tones.append(tones[-1] + pick(rng, (1, 1, 2, -1, 2, -2)))
    if n_beats > 1:
        tones.append(target + pick(rng, (1, -1, 1, -1, 4)))
    hits = [Hit(beat, 0.9, tone, 1.0 if beat % 2 == 0 else 1.06) for beat, tone in enumerate(tones)]
    if chance(rng, 0.25):
        beat = int(rng.integers(n_beats))
        hits.append(Hit(beat + off_beat(steps), 0.25, tones[beat], 0.75))
    return hits
