"""Drumming: grooves as steps, and a drummer who varies them, fills, crashes and drops out."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from .band import Band
from .choose import chance, pick, weighted
from .figure import Figure, Hit, from_steps
from .form import Span
from .meter import Meter
from .programs import TOMS, TOPS
from .rhythm import off_beat

LEVELS = {"kick": 104, "snare": 100, "snare 2": 100, "clap": 98, "rim": 88, "top": 78, "crash": 104}
OTHER_LEVEL = 84
"""Velocity of a plain stroke by drum."""

TOP = "top"
"""The line of a groove that keeps time: the drummer chooses what it is played on."""


@dataclasses.dataclass(frozen=True, slots=True)
class Groove:
    """A drum pattern: one figure a drum."""

    name: str
    lines: tuple[tuple[str, Figure], ...]

    def stretched(self, factor: float) -> Groove:
        """Half-time (2) or double-time (0.5): slower by `factor`, while the time-keeping line goes on as it was."""
        return Groove(self.name, tuple((drum, f if drum == TOP else f.stretched(factor)) for drum, f in self.lines))


def groove(name: str, steps_per_beat: int, **lines: str) -> Groove:
    """A groove written as text (see `figure.from_steps`), one keyword a drum, underscores for spaces."""
    return Groove(
        name, tuple((drum.replace("_", " "), from_steps(text, steps_per_beat)) for drum, text in lines.items())
    )


def random_groove(rng: np.random.Generator, meter: Meter, steps_per_beat: int) -> Groove:
    """A groove for any meter: kick on one, some back-beat, something that keeps time."""
    n = meter.n_beats
    if n == 1:
        back: tuple[int, ...] = ()
    elif n == 3:
        back = pick(rng, ((1, 2), (2,), (1,), (2,)))
    else:
        back = tuple(start - 1 for start in meter.group_starts[1:]) + (n - 1,)
        if n == 4 and chance(rng, 0.15):
            back = (2,)
    every = chance(rng, 0.15)
    kicks = [Hit(0, 0.2, accent=1.05)]
    for step in range(1, n * steps_per_beat):
        at = step / steps_per_beat
        on_beat = step % steps_per_beat == 0
        if on_beat and (every or (int(at) not in back and chance(rng, 0.55))) or not on_beat and chance(rng, 0.13):
            kicks.append(Hit(at, 0.2))
    snares = [Hit(beat, 0.2) for beat in back]
    top = from_steps(pick(rng, TOP_PATTERNS[steps_per_beat]) * n, steps_per_beat)
    back_drum = pick(rng, ("snare", "snare", "snare", "snare 2", "rim", "clap"))
    lines = (("kick", Figure(tuple(kicks), n)), (back_drum, Figure(tuple(snares), n)), (TOP, top))
    return Groove("random", lines)


TOP_PATTERNS: dict[int, tuple[str, ...]] = {
    1: ("x", "X"),
    2: ("xx", "Xx", "xX", "x.", ".x", "Xo", "xx"),
    3: ("xxx", "Xxx", "x.x", "x..", "x.x", "Xox"),
    4: ("xxxx", "x.x.", "X.x.", "x...", "..x.", "Xoxo", "x.xx", "xxx.", "..X.", "oxXx"),
}
"""One beat of the time-keeping line, by steps per beat."""

FILL_KINDS = {"toms": 0.3, "snare": 0.25, "mixed": 0.2, "sparse": 0.15, "triplets": 0.1}


class Drummer:
    """Plays one groove through a part, always in the same way for the same generator state."""

    def __init__(
        self,
        rng: np.random.Generator,
        meter: Meter,
        steps_per_beat: int,
        pattern: Groove,
        *,
        tops: Sequence[str] = TOPS,
        ornament: float = 1.0,
    ) -> None:
        """`ornament` scales ghost notes and extra kicks; 0 plays the groove as written."""
        self._meter = meter
        self._steps = steps_per_beat
        self._lively = ornament * pick(rng, (0.0, 0.0, 0.04, 0.1))
        self._top = pick(rng, tops)
        self._lines = [(drum, self._shape_top(rng, f) if drum == TOP else f) for drum, f in pattern.lines]
        self._lines += self._ornaments(rng, ornament)

    def _shape_top(self, rng: np.random.Generator, figure: Figure) -> Figure:
        if chance(rng, 0.35) and self._steps in TOP_PATTERNS:
            return from_steps(pick(rng, TOP_PATTERNS[self._steps]) * self._meter.n_beats, self._steps)
        return figure

    def _ornaments(self, rng: np.random.Generator, ornament: float) -> list[tuple[str, Figure]]:
        n, lines = self._meter.n_beats, []
        step = 1 / max(2, self._steps)
        weak = [k * step for k in range(1, round(n / step)) if self._meter.strength(k * step) < 0.65]
        if chance(rng, 0.35 * ornament):
            ghosts = tuple(Hit(at, 0.1, accent=rng.uniform(0.3, 0.5)) for at in weak if chance(rng, 0.25))
            lines.append(("snare", Figure(ghosts, n)))
        if chance(rng, 0.3 * ornament):
            kicks = tuple(Hit(at, 0.1, accent=0.85) for at in weak if chance(rng, 0.15))
            lines.append(("kick", Figure(kicks, n)))
        if chance(rng, 0.12 * ornament):
            off = off_beat(self._steps)
            extra = pick(rng, ("tambourine", "shaker", "cowbell", "open", "pedal", "clap"))
            shift = pick(rng, (0.0, off))
            lines.append((extra, Figure(tuple(Hit(beat + shift, 0.1) for beat in range(n)), n)))
        return lines

    def play_bar(
        self,
        rng: np.random.Generator,
        band: Band,
        voice: int,
        span: Span,
        bar_idx: int,
        energy: float,
        *,
        end_beats: float,
    ) -> None:
        """Bar number `bar_idx` of a part, from the span's begin to `end_beats` into it (a fill or silence follows)."""
        for drum, figure in self._lines:
            name = self._top if drum == TOP else drum
            level = LEVELS.get(drum, OTHER_LEVEL) * (0.55 + 0.45 * energy)
            for hit in figure.between(bar_idx * self._meter.n_beats, span.bar.n_beats):
                dropped = self._lively and chance(rng, self._lively)
                if span.begin - 0.01 <= hit.at_beats < end_beats - 0.01 and not dropped:
                    band.hit(voice, span.bar.start + hit.at_beats, name, level * hit.accent)

    def fill(
        self, rng: np.random.Generator, band: Band, voice: int, start_beats: float, n_beats: float, energy: float
    ) -> None:
        """A fill of `n_beats` from `start_beats` on."""
        kind = weighted(rng, FILL_KINDS)
        per_beat = {3: 3, 6: 6}.get(self._steps, pick(rng, (2, 4, 4)))
        if kind == "triplets":
            per_beat = 6 if chance(rng, 0.3) else 3
        n_steps = max(1, round(n_beats * per_beat))
        keep = {"sparse": 0.4, "mixed": 0.8}.get(kind, 0.95)
        for step in range(n_steps):
            if not chance(rng, keep):
                continue
            rise = step / n_steps
            if kind == "snare" or (kind in ("mixed", "sparse") and step % 2 == 0):
                drum = "snare"
            else:
                drum = TOMS[min(len(TOMS) - 1, int(rise * len(TOMS)))]
            band.hit(voice, start_beats + step / per_beat, drum, (70 + 38 * rise) * (0.6 + 0.4 * energy))
            if step % per_beat == 0 and chance(rng, 0.35):
                band.hit(voice, start_beats + step / per_beat, "kick", 92)

    def crash(self, rng: np.random.Generator, band: Band, voice: int, at_beats: float) -> None:
        """A cymbal, mostly with the kick under it."""
        band.hit(voice, at_beats, pick(rng, ("crash", "crash", "crash 2", "china", "splash")), LEVELS["crash"])
        if chance(rng, 0.8):
            band.hit(voice, at_beats, "kick", LEVELS["kick"])

    def build(self, rng: np.random.Generator, band: Band, voice: int, start_beats: float, n_beats: int) -> None:
        """A roll that swells and doubles towards the end."""
        drum = pick(rng, ("snare", "snare", "clap", "tom 4"))
        for beat in range(n_beats):
            per_beat = 1 if beat < n_beats / 4 else 2 if beat < 3 * n_beats / 4 else 4
            for step in range(per_beat):
                at = beat + step / per_beat
                band.hit(voice, start_beats + at, drum, 50 + 55 * at / n_beats)
