"""The performance: parts and their material played by a band on a grid, bar by bar."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from ..piece import Control, Note
from . import form
from .band import CC_EXPRESSION, CC_PEDAL, Band
from .bass import walking_bar
from .choose import chance, pick
from .comping import LOW_ROOT, UPPER_TONES, WHOLE_CHORD
from .figure import Figure
from .form import Passage, Span
from .grid import Grid
from .harmony import Key, random_key, voicing
from .material import Material, make_material
from .melody import Melody, MelodyNote, to_chord
from .style import Style

COMP_LEVEL, BASS_LEVEL, LEAD_LEVEL, PAD_LEVEL, COUNTER_LEVEL, ARP_LEVEL = 68, 88, 88, 56, 70, 64
"""Velocities of plain notes by role."""


@dataclasses.dataclass(slots=True)
class _Moment:
    """The bar at hand, as every player sees it."""

    span: Span
    bar_idx: int
    part_meter_beats: int
    beats_into_part: float
    changes: list[tuple[int, int]]
    next_degree: int
    key: Key
    material: Material
    energy: float
    end_beats: float

    def degree_at(self, position_beats: float) -> int:
        """The chord at a position of the bar; past its end, the next bar's first."""
        if position_beats >= self.span.bar.n_beats - 1e-6:
            return self.next_degree
        return [degree for beat, degree in self.changes if beat <= position_beats + 1e-6][-1]

    def hits(self, figure: Figure):
        """Hits of a figure in this bar, as far as it is played."""
        n_beats = self.span.bar.n_beats
        regular = self.bar_idx * self.part_meter_beats if figure.barwise else self.beats_into_part
        for hit in figure.between(regular, n_beats):
            if self.span.begin - 1e-6 <= hit.at_beats < self.end_beats - 1e-6:
                yield hit


class Performance:
    """One piece being played; `play` it, then take `band`."""

    def __init__(self, rng: np.random.Generator, grid: Grid, style: Style, roles: Sequence[str], steps: int) -> None:
        """`roles` says who exists; parts say who plays when."""
        self._rng = rng
        self._style = style
        self._steps = steps
        self._key = random_key(rng, style.scales)
        self._tightness_sec = rng.uniform(*style.tightness_sec)
        self._roll_sec = rng.uniform(*style.roll_sec)
        self._melody_first_sec = rng.uniform(*style.melody_first_sec)
        self._pedal = chance(rng, style.pedal_prob)
        self._pump = chance(rng, style.pump_prob)
        self._swell = rng.uniform(0.1, 0.3) if chance(rng, style.swell_prob) else 0.0
        self._centre = int(rng.integers(57, 68))
        self._lead_shift = pick(rng, (0, 0, 12, 12, -12))
        self._doubled = pick(rng, (0, 0, 0, 0, 12, -12))
        self._materials: dict[tuple, Material] = {}
        self.band = Band(rng, grid, self._tightness_sec)
        self._voices = self._cast(roles)

    def _cast(self, roles: Sequence[str]) -> dict[str, int]:
        rng, style = self._rng, self._style
        table = {
            form.BASS: (style.bass_programs, 28, 52),
            form.COMP: (style.comp_programs, 36, 88),
            form.COMP_2: (style.comp_programs, 40, 90),
            form.PAD: (style.pad_programs, 43, 84),
            form.LEAD: (style.lead_programs, 48, 96),
            form.COUNTER: (style.lead_programs + style.pad_programs, 48, 91),
            form.ARP: (style.arp_programs, 48, 100),
        }
        shared = (pick(rng, style.comp_programs),) if chance(rng, style.one_program_prob) else None
        voices = {}
        for role in roles:
            if role == form.DRUMS:
                voices[role] = self.band.add_drums(style.kits)
                continue
            options, low, high = table[role]
            layback_sec = max(0.0, rng.normal(0.0, 0.012)) if role == form.LEAD and self._tightness_sec > 0.004 else 0.0
            voices[role] = self.band.add(shared or options, low, high, layback_sec)
        return voices

    def play(self, passages: Sequence[Passage]) -> None:
        """Play all passages in order."""
        for idx, passage in enumerate(passages):
            following = passages[idx + 1] if idx + 1 < len(passages) else None
            self._play_passage(passage, following)

    def _material(self, part: form.Part) -> Material:
        key = (part.label, part.meter, part.feel)
        if key not in self._materials:
            same = next((m for (label, meter, _), m in self._materials.items() if (label, meter) == key[:2]), None)
            made = make_material(self._rng, self._style, part.meter, self._steps, part.feel)
            # A part that returns at half time keeps its chords and tunes.
            self._materials[key] = dataclasses.replace(same, drummer=made.drummer) if same else made
        return self._materials[key]

    def _play_passage(self, passage: Passage, following: Passage | None) -> None:
        part, material, rng = passage.part, self._material(passage.part), self._rng
        key = self._key.transposed(part.transpose)
        next_melody = None
        if following is not None and form.LEAD in following.part.roles:
            next_melody = self._material(following.part).melody
        beats = 0.0
        for bar_idx, span in enumerate(passage.spans):
            n_beats = span.bar.n_beats
            last = bar_idx == len(passage.spans) - 1
            swell = 1 - self._swell * (0.5 + 0.5 * np.cos(2 * np.pi * bar_idx / 8))
            quiet_beats = self._silence(part, n_beats) if last and following is not None else 0.0
            if last and following is not None:
                next_degree = self._material(following.part).progression.bar(0, 1, 0)[0][1]
            else:
                next_degree = material.progression.bar(bar_idx + 1, n_beats, part.meter.middle)[0][1]
            moment = _Moment(
                span,
                bar_idx,
                part.meter.n_beats,
                beats,
                material.progression.bar(bar_idx, n_beats, part.meter.middle),
                next_degree,
                key,
                material,
                part.energy * swell,
                min(span.end, n_beats - quiet_beats),
            )
            self._play_bar(moment, part, last, next_melody)
            beats += n_beats
        if not passage.spans:
            return
        if form.DRUMS in part.roles and part.crash and passage.spans[0].begin == 0:
            material.drummer.crash(rng, self.band, self._voices[form.DRUMS], passage.spans[0].bar.start)

    def _silence(self, part: form.Part, n_beats: int) -> float:
        """Beats of silence at the end of a part's last bar."""
        if part.ending == "drop":
            return min(n_beats - 1, pick(self._rng, (1, 1, 2, 0.5)))
        return n_beats - 1 if part.ending == "stop" and n_beats > 1 else 0.0

    def _play_bar(self, moment: _Moment, part: form.Part, last: bool, next_melody: Melody | None) -> None:
        roles, material = part.roles, moment.material
        if form.DRUMS in roles:
            self._play_drums(moment, part, last)
        if form.BASS in roles:
            self._play_bass(moment)
        for role, figure, level in (
            (form.COMP, material.comp, COMP_LEVEL),
            (form.COMP_2, material.comp_2, COMP_LEVEL - 6),
        ):
            if role in roles and figure is not None:
                self._play_figure(moment, self._voices[role], figure, level, self._centre + 5 * (role == form.COMP_2))
            elif role in roles:
                self._hold(moment, self._voices[role], level)
        if form.PAD in roles:
            self._hold(moment, self._voices[form.PAD], PAD_LEVEL)
            if self._pump:
                self._duck(moment, self._voices[form.PAD])
        if form.ARP in roles:
            self._play_figure(moment, self._voices[form.ARP], material.arp, ARP_LEVEL, self._centre + 12)
        if form.LEAD in roles:
            notes = list(material.melody.bar(moment.bar_idx))
            if not last and material.melody.ends_phrase(moment.bar_idx):
                notes += material.melody.pickup
            self._play_melody(moment, self._voices[form.LEAD], notes, LEAD_LEVEL, self._lead_shift, moment.end_beats)
        if last and next_melody is not None:
            self._play_melody(
                moment, self._voices[form.LEAD], next_melody.pickup, LEAD_LEVEL, self._lead_shift, moment.span.end
            )
        if form.COUNTER in roles:
            notes = material.counter.bar(moment.bar_idx)
            self._play_melody(moment, self._voices[form.COUNTER], notes, COUNTER_LEVEL, 0, moment.end_beats)
        if self._pedal:
            self._press_pedal(moment)

    def _play_drums(self, moment: _Moment, part: form.Part, last: bool) -> None:
        rng, voice, drummer = self._rng, self._voices[form.DRUMS], moment.material.drummer
        n_beats, start = moment.span.bar.n_beats, moment.span.bar.start
        end = moment.end_beats
        fill = 0.0
        if last and part.ending == "fill" or not last and moment.bar_idx % 4 == 3 and chance(rng, 0.15):
            fill = min(end, pick(rng, (0.5, 1, 1, 2, 2, 4)))
        if last and part.ending == "build" and moment.span.begin == 0:
            drummer.build(rng, self.band, voice, start, n_beats)
            end = 0.0 if chance(rng, 0.5) else end
        drummer.play_bar(rng, self.band, voice, moment.span, moment.bar_idx, moment.energy, end_beats=end - fill)
        if fill:
            drummer.fill(rng, self.band, voice, start + end - fill, fill, moment.energy)

    def _play_bass(self, moment: _Moment) -> None:
        figure, n_beats = moment.material.bass, moment.span.bar.n_beats
        if figure is None:
            first = moment.changes[0][1]
            hits = [
                hit
                for hit in walking_bar(self._rng, n_beats, first, moment.next_degree, self._steps)
                if moment.span.begin - 1e-6 <= hit.at_beats < moment.end_beats - 1e-6
            ]
        else:
            hits = moment.hits(figure)
        for hit in hits:
            degree = moment.changes[0][1] if figure is None else moment.degree_at(hit.at_beats + hit.ahead_beats)
            pitch = moment.key.pitch(degree + hit.tone) - 24
            level = BASS_LEVEL * hit.accent * (0.6 + 0.4 * moment.energy)
            self.band.play(
                self._voices[form.BASS], moment.span.bar.start + hit.at_beats, hit.length_beats, pitch, level
            )

    def _play_figure(self, moment: _Moment, voice: int, figure: Figure, level: float, centre: int) -> None:
        for hit in moment.hits(figure):
            chord = voicing(
                moment.key, moment.degree_at(hit.at_beats + hit.ahead_beats), moment.material.colour, centre
            )
            if hit.tone == WHOLE_CHORD:
                pitches = chord
            elif hit.tone == UPPER_TONES:
                pitches = chord[1:]
            elif hit.tone == LOW_ROOT:
                root = moment.key.pitch(moment.degree_at(hit.at_beats + hit.ahead_beats))
                pitches = [root - 12 * (1 + (root - 12 > centre - 10))]
            else:
                octave, idx = divmod(hit.tone, len(chord))
                pitches = [chord[idx] + 12 * octave]
            self._chord(moment, voice, hit.at_beats, hit.length_beats, pitches, level * hit.accent)

    def _chord(self, moment: _Moment, voice: int, at: float, length: float, pitches: list[int], level: float) -> None:
        loud = level * (0.6 + 0.4 * moment.energy)
        for idx, pitch in enumerate(pitches):
            self.band.play(voice, moment.span.bar.start + at, length, pitch, loud, idx * self._roll_sec)

    def _hold(self, moment: _Moment, voice: int, level: float) -> None:
        n_beats = moment.span.bar.n_beats
        ends = [beat for beat, _ in moment.changes[1:]] + [n_beats]
        for (beat, degree), end in zip(moment.changes, ends, strict=True):
            stop = min(end, moment.end_beats)
            begin = max(float(beat), moment.span.begin)
            if stop <= begin:
                continue
            stays = len(moment.changes) == 1 and moment.material.tied
            previous = (
                moment.material.progression.bar(moment.bar_idx - 1, n_beats, 0)[-1][1] if moment.bar_idx else None
            )
            if stays and previous == degree and moment.bar_idx % 4:
                continue
            length = stop - begin
            if stays and moment.next_degree == degree and moment.bar_idx % 4 < 3:
                length += n_beats
            self._chord(
                moment, voice, begin, length, voicing(moment.key, degree, moment.material.colour, self._centre), level
            )

    def _play_melody(
        self, moment: _Moment, voice: int, notes: Sequence[MelodyNote], level: float, shift: int, end_beats: float
    ) -> None:
        for note in notes:
            if not moment.span.begin - 1e-6 <= note.at_beats < end_beats - 1e-6:
                continue
            degree = to_chord(note.degree, moment.degree_at(note.at_beats)) if note.strong else note.degree
            pitch = moment.key.pitch(degree) + shift
            at = moment.span.bar.start + note.at_beats
            loud = level * note.accent * (0.65 + 0.35 * moment.energy)
            self.band.play(voice, at, note.length_beats, pitch, loud, -self._melody_first_sec)
            if self._doubled:
                self.band.play(voice, at, note.length_beats, pitch + self._doubled, 0.8 * loud, -self._melody_first_sec)

    def _duck(self, moment: _Moment, voice: int) -> None:
        for beat in range(moment.span.bar.n_beats):
            for part, value in ((0.0, 30), (0.25, 75), (0.5, 110), (0.75, 127)):
                self.band.control(voice, moment.span.bar.start + beat + part, CC_EXPRESSION, value)

    def _press_pedal(self, moment: _Moment) -> None:
        for role, voice in self._voices.items():
            if role == form.DRUMS:
                continue
            for beat, _ in moment.changes:
                at = moment.span.bar.start + beat
                self.band.control(voice, at, CC_PEDAL, 0)
                self.band.control(voice, at + 0.08, CC_PEDAL, 127)

    def finish(self) -> tuple[list[Note], list[Control]]:
        """Notes and controls of everything played."""
        return self.band.finish()
