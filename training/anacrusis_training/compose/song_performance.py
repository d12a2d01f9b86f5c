"""A performance in which material returns changed, and which announces where cues say so, true or false."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from ..piece import Source
from ..sources.groove_fills import Fill
from . import form
from .choose import chance
from .form import DRUMS, Part, Passage
from .grid import Grid
from .habits import Cue, Habits
from .material import Material, make_material
from .melody import Melody
from .performance import Performance, _Moment
from .style import Style

DrawFill = Callable[[np.random.Generator, float], Fill]
"""A fill that somebody played, of about so many beats."""

_KEEPS_PLAYING_PROB = 0.35
"""Chance that in a drop somebody goes on: only drums and bass fall silent."""


class SongPerformance(Performance):
    """One song being played; `play` it, then take `band`.

    Parameters
    ----------
    rng, grid, style, roles, steps
        As for `Performance`.
    habits
        What the song always does.
    cues
        All announcements; their beats lie on the grid.
    draw_fill
        Fills that people played; `None` where there are none: the drummer makes up those, too.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        grid: Grid,
        style: Style,
        roles: Sequence[str],
        steps: int,
        habits: Habits,
        cues: Sequence[Cue],
        draw_fill: DrawFill | None,
    ) -> None:
        super().__init__(rng, grid, style, roles, steps)
        self._habits = habits
        self._cues = list(cues)
        self._draw_fill = draw_fill
        self._blocks: dict[tuple, Material] = {}
        self._counts: dict[tuple, int] = {}
        self._current: tuple[Part, Material] | None = None
        self.sources: list[Source] = []

    def _material(self, part: Part) -> Material:
        """A label's block, as it was the first time, or changed a little each time it returns."""
        if self._current is not None and self._current[0] is part:
            return self._current[1]
        key = (part.label, part.meter)
        if key not in self._blocks:
            self._blocks[key] = self._new_block(part)
            self._counts[key] = 0
        return self._blocks[key]

    def _new_block(self, part: Part) -> Material:
        rng = self._rng
        made = make_material(rng, self._style, part.meter, self._steps, part.feel)
        if self._habits.mode == "shared chords":
            for (_, meter), other in self._blocks.items():
                if meter == part.meter:
                    return dataclasses.replace(made, progression=other.progression, colour=other.colour)
        return made

    def _play_passage(self, passage: Passage, following: Passage | None) -> None:
        part = passage.part
        self._current = None
        block = self._material(part)
        key = (part.label, part.meter)
        if self._counts[key] and passage.spans:
            block = self._varied(block, part)
        self._counts[key] += 1
        self._current = (part, block)
        super()._play_passage(passage, following)
        self._current = None

    def _varied(self, block: Material, part: Part) -> Material:
        """A block as it returns: some notes, sometimes another figure or other drums, mostly the same chords."""
        rng, share = self._rng, self._habits.mutation
        fresh = make_material(rng, self._style, part.meter, self._steps, part.feel)
        changes: dict[str, object] = {"melody": block.melody.varied(rng, share), "counter": block.counter.varied(rng, share)}
        for field, prob in (("comp", 0.5), ("comp_2", 0.7), ("arp", 0.7), ("bass", 0.3), ("drummer", 0.35), ("progression", 0.08)):
            if chance(rng, prob * share):
                changes[field] = getattr(fresh, field)
        return dataclasses.replace(block, **changes)

    def _play_bar(self, moment: _Moment, part: Part, last: bool, next_melody: Melody | None) -> None:
        start, span = moment.span.bar.start, moment.span
        for cue in self._cues:
            overlaps = cue.start_beats < start + span.end and cue.end_beats > start + span.begin
            if cue.kind == "drop" and overlaps and cue.end_beats >= start + span.end - 1e-6:
                moment.end_beats = max(0.0, min(moment.end_beats, cue.start_beats - start))
        if moment.end_beats > moment.span.begin + 1e-6:
            super()._play_bar(moment, part, last, next_melody)
        elif form.PAD in part.roles and chance(self._rng, _KEEPS_PLAYING_PROB):
            moment.end_beats = moment.span.end
            super()._play_bar(moment, dataclasses.replace(part, roles=(form.PAD,)), False, None)

    def _play_drums(self, moment: _Moment, part: Part, last: bool) -> None:
        rng, voice, drummer, span = self._rng, self._voices[DRUMS], moment.material.drummer, moment.span
        start, end = span.bar.start, moment.end_beats
        bar_end = start + span.bar.n_beats
        for cue in self._cues:
            if cue.kind not in ("fill", "human fill", "build") or cue.start_beats >= bar_end or cue.end_beats <= start + span.begin:
                continue
            begins_here = cue.start_beats >= start + span.begin - 1e-6
            if cue.kind != "build" or chance(rng, 0.5):
                end = min(end, max(cue.start_beats - start, 0.0))
            if begins_here or start + span.begin <= cue.start_beats + 1e-6:
                self._play_cue(cue, moment)
        if end > span.begin:
            drummer.play_bar(rng, self.band, voice, span, moment.bar_idx, moment.energy, end_beats=end)

    def _play_cue(self, cue: Cue, moment: _Moment) -> None:
        rng, voice = self._rng, self._voices[DRUMS]
        n_beats = cue.end_beats - cue.start_beats
        if cue.kind == "build":
            moment.material.drummer.build(rng, self.band, voice, cue.start_beats, max(1, round(n_beats)))
        elif cue.kind == "human fill" and self._draw_fill is not None:
            fill = self._draw_fill(rng, n_beats)
            level = 0.75 + 0.25 * moment.energy
            # The end of the fill is what leads into the next bar.
            skipped = max(0.0, fill.n_beats - n_beats)
            for stroke in fill.strokes:
                at = stroke.at_beats - skipped
                if 0 <= at < n_beats:
                    self.band.play(voice, cue.end_beats - min(fill.n_beats, n_beats) + at, 0.2, stroke.pitch, stroke.velocity * level)
            self.sources.append(fill.source)
        else:
            moment.material.drummer.fill(rng, self.band, voice, cue.start_beats, n_beats, moment.energy)

    def crash(self, at_beats: float, label_part: Part) -> None:
        """A cymbal at a beat."""
        if DRUMS in self._voices:
            self._material(label_part).drummer.crash(self._rng, self.band, self._voices[DRUMS], at_beats)

    def lead_channel(self) -> int | None:
        """MIDI channel of the melody; `None` where nobody plays one."""
        return self.band.channel(self._voices[form.LEAD]) if form.LEAD in self._voices else None

