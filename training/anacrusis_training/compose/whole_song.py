"""A whole song over a real plan: blocks of material by label that return changed, soft cues of the song's own habits, false ones too.

Unlike `structured`, which teaches where beats are, this is made so that a net must listen for sections and cannot learn one arranger's
manner: see `habits`. What is not notes (a singer, rising noise, filters, levels) stands beside the notes and is rendered by
`render.stage`.
"""

from __future__ import annotations

import bisect
import dataclasses
from collections import Counter
from collections.abc import Sequence

import numpy as np

from ..piece import DRUM_CHANNEL, Beat, Note, Piece, Section
from .choose import chance, pick
from .form import DRUMS, LEAD, Part, Passage
from .grid import STRAIGHT, Bar, Grid
from .habits import Cue, Habits, draw_habits
from .meter import Meter, meter_of
from .song_performance import DrawFill, SongPerformance
from .structured import BOUNDARY_TOLERANCE_SEC, ROLES, spans_between, style_for

FAMILY = "whole song"

LINE_BARS = 4
"""False cues stand at lines of this many bars from a section's start."""

NEAREST_LINE_BEATS = 3.0
"""A line this near to a true boundary is none."""


@dataclasses.dataclass(frozen=True, slots=True)
class Sweep:
    """An effect of the mix: ``"riser"`` (noise that rises) or ``"sweep"`` (a filter that closes), from and to in seconds."""

    kind: str
    start_sec: float
    end_sec: float


@dataclasses.dataclass(frozen=True, slots=True)
class Level:
    """Loudness of the mix from a time on, in dB; `ramp_db` is added evenly until the next one."""

    start_sec: float
    level_db: float
    ramp_db: float


@dataclasses.dataclass(slots=True)
class WholeSong:
    """A piece, and what is rendered beside its notes.

    Attributes
    ----------
    piece
        Notes without the singer's.
    sung
        The singer's line.
    sweeps, levels
        Of the mix, in time order.
    n_cues, n_false
        How many boundaries were announced, and how many lines within sections as if they were.
    """

    piece: Piece
    sung: list[Note]
    sweeps: list[Sweep]
    levels: list[Level]
    n_cues: int
    n_false: int


def arrange_song(
    rng: np.random.Generator, beats: Sequence[Beat], sections: Sequence[Section], draw_fill: DrawFill | None
) -> WholeSong:
    """Compose over beats and sections.

    Parameters
    ----------
    beats
        At least two, in strictly increasing time.
    sections
        In time order, with the contract's labels; beats before the first stay silent.
    draw_fill
        Fills that people played, or `None`.

    Raises
    ------
    ValueError
        Fewer than two beats, or no section.
    """
    if not sections:
        raise ValueError("a song needs at least one section, got none")
    plain = Grid(beats)
    meter = meter_of(Counter(bar.n_beats for bar in plain.bars()).most_common(1)[0][0])
    style, steps = style_for(rng, meter, plain.interval_sec)
    swing = pick(rng, style.swings) if steps % 2 == 0 else STRAIGHT
    grid = Grid(beats, swing)
    roles = tuple(role for role in ROLES if role != DRUMS or chance(rng, 0.93))
    habits = draw_habits(rng, roles)
    bars = grid.bars()
    times_sec = [beat.time_sec for beat in beats]
    bounds = [bisect.bisect_left(times_sec, section.start_sec - BOUNDARY_TOLERANCE_SEC) for section in sections] + [len(beats)]
    true_cues = _true_cues(rng, habits, sections, bounds)
    false_cues = _false_cues(rng, habits, sections, bounds, bars)
    entries = _entries(rng, habits, bounds, bars)
    passages = _passages(rng, habits, sections, entries, bars, meter)
    performance = SongPerformance(rng, grid, style, roles, steps, habits, [*true_cues, *false_cues], draw_fill)
    performance.play(passages)
    _crashes(rng, habits, performance, passages, false_cues)
    notes, controls = performance.finish()
    sung, notes = _take_singer(rng, habits, performance.lead_channel(), notes, sections)
    piece = Piece(
        FAMILY,
        f"{style.name}, {meter.name}, {60 / grid.interval_sec:.0f} bpm, {len(sections)} sections",
        notes,
        controls,
        list(beats),
        list(sections),
        sources=list(dict.fromkeys(performance.sources)),
        traits={
            "meter": meter.name,
            "style": style.name,
            "drums": "yes" if DRUMS in roles else "no",
            "mode": habits.mode,
            "flipped": "yes" if habits.flipped else "no",
            "sung": "yes" if sung else "no",
        },
    )
    sweeps = [
        Sweep(cue.kind, *grid.seconds(np.array([cue.start_beats, cue.end_beats])).tolist())
        for cue in (*true_cues, *false_cues)
        if cue.kind in ("riser", "sweep")
    ]
    return WholeSong(
        piece,
        sung,
        sorted(sweeps, key=lambda sweep: sweep.start_sec),
        _levels(rng, habits, sections, times_sec, entries),
        len({cue.end_beats for cue in true_cues}),
        len({cue.end_beats for cue in false_cues}),
    )


def _true_cues(rng: np.random.Generator, habits: Habits, sections: Sequence[Section], bounds: Sequence[int]) -> list[Cue]:
    cues: list[Cue] = []
    for idx in range(1, len(sections)):
        room = bounds[idx] - bounds[idx - 1]
        if room > 0 and sections[idx - 1].label != "silence":
            cues += habits.cues(rng, float(bounds[idx]), float(min(room, 8)))
    return cues


def _false_cues(
    rng: np.random.Generator, habits: Habits, sections: Sequence[Section], bounds: Sequence[int], bars: Sequence[Bar]
) -> list[Cue]:
    """The song's own cues where nothing ends: before lines of four bars inside sections."""
    cues: list[Cue] = []
    for idx, section in enumerate(sections):
        inside = [bar.start for bar in bars if bounds[idx] <= bar.start < bounds[idx + 1]]
        for line in inside[LINE_BARS::LINE_BARS]:
            near = min(line - bounds[idx], bounds[idx + 1] - line)
            if section.label == "silence" or near < NEAREST_LINE_BEATS or not chance(rng, habits.false_prob):
                continue
            drawn = habits.cues(rng, float(line), 4.0)
            cues += drawn or habits.cues(rng, float(line), 4.0)
    return cues


def _entries(rng: np.random.Generator, habits: Habits, bounds: Sequence[int], bars: Sequence[Bar]) -> list[int]:
    """Where the band changes: on the boundary, or on the downbeat up to two beats after it, to which the boundary is the pick-up."""
    downbeats = [bar.start for bar in bars]
    entries = []
    for idx, bound in enumerate(bounds):
        later = [beat for beat in downbeats if bound < beat <= bound + 2]
        fits = later and idx and idx + 1 < len(bounds) and later[0] < bounds[idx + 1] and bound not in downbeats
        entries.append(later[0] if fits and chance(rng, habits.pickup_prob) else bound)
    return entries


def _passages(
    rng: np.random.Generator, habits: Habits, sections: Sequence[Section], entries: Sequence[int], bars: Sequence[Bar], meter: Meter
) -> list[Passage]:
    passages = []
    seen: Counter[str] = Counter()
    for idx, section in enumerate(sections):
        spans = spans_between(bars, entries[idx], entries[idx + 1])
        if not spans:
            continue
        roles = _players(rng, habits, section.label, first=not seen[section.label])
        seen[section.label] += 1
        energy = habits.energy[section.label] * rng.uniform(0.95, 1.05)
        part = Part(section.label, meter, tuple(span.bar.n_beats for span in spans), energy, roles)
        passages += _with_change_inside(rng, habits, Passage(part, spans))
    return passages


def _players(rng: np.random.Generator, habits: Habits, label: str, *, first: bool) -> tuple[str, ...]:
    """Who plays: the label's players, and when it returns sometimes one more or less."""
    roles = habits.roles[label]
    if first or not roles or habits.mode in ("same band", "repetition only") or not chance(rng, habits.mutation):
        return roles
    role = pick(rng, ROLES[1:])
    if role in roles:
        return tuple(other for other in roles if other != role) or roles
    return tuple(other for other in ROLES if other in roles or other == role and role != LEAD) or roles


def _with_change_inside(rng: np.random.Generator, habits: Habits, passage: Passage) -> list[Passage]:
    """A section in which players come in or leave halfway: a change that is no boundary."""
    part, n_spans = passage.part, len(passage.spans)
    prob = {"intro": 0.5, "outro": 0.4, "bridge": 0.35, "verse": 0.2}.get(part.label, 0.1)
    if habits.mode in ("same band", "repetition only") or n_spans < 8 or len(part.roles) < 3 or not chance(rng, prob):
        return [passage]
    half = n_spans // 2
    absent = pick(rng, part.roles)
    thin = tuple(role for role in part.roles if role != absent)
    order = (part.roles, thin) if part.label == "outro" else (thin, part.roles)
    first = dataclasses.replace(part, roles=order[0], bar_beats=part.bar_beats[:half])
    second = dataclasses.replace(part, roles=order[1], bar_beats=part.bar_beats[half:])
    return [Passage(first, passage.spans[:half]), Passage(second, passage.spans[half:])]


def _crashes(
    rng: np.random.Generator, habits: Habits, performance: SongPerformance, passages: Sequence[Passage], false_cues: Sequence[Cue]
) -> None:
    played = [passage for passage in passages if DRUMS in passage.part.roles]
    for passage in played:
        if chance(rng, habits.crash_prob):
            performance.crash(passage.spans[0].bar.start + passage.spans[0].begin, passage.part)
    for cue in false_cues:
        if played and chance(rng, 0.5 * habits.crash_prob):
            performance.crash(cue.end_beats, played[0].part)


def _take_singer(
    rng: np.random.Generator, habits: Habits, channel: int | None, notes: list[Note], sections: Sequence[Section]
) -> tuple[list[Note], list[Note]]:
    """The melody's notes that are sung, and all others; a section is sung or not as a whole."""
    if channel is None or channel == DRUM_CHANNEL:
        return [], notes
    starts_sec = [section.start_sec for section in sections]
    is_sung = [chance(rng, habits.sung_prob[section.label]) for section in sections]

    def sung(note: Note) -> bool:
        # A pick-up belongs to what it leads into.
        at = bisect.bisect_right(starts_sec, note.start_sec + 0.3) - 1
        return note.channel == channel and at >= 0 and is_sung[at]

    return [note for note in notes if sung(note)], [note for note in notes if not sung(note)]


def _levels(
    rng: np.random.Generator, habits: Habits, sections: Sequence[Section], times_sec: Sequence[float], entries: Sequence[int]
) -> list[Level]:
    levels = []
    for idx, section in enumerate(sections):
        ramp_db = float(rng.uniform(0.0, 3.0)) if section.label == "pre-chorus" and habits.mode == "open" else 0.0
        at = min(entries[idx], len(times_sec) - 1)
        levels.append(Level(times_sec[at], habits.level_db[section.label] + float(rng.normal(0.0, 0.5)), ramp_db))
    return levels


def shift(song_beats: Sequence[Beat], sections: Sequence[Section], scale: float, lead_in_sec: float) -> tuple[list[Beat], list[Section]]:
    """A plan at another tempo, from `lead_in_sec` after the start of the sound on."""
    origin_sec = min(song_beats[0].time_sec, sections[0].start_sec)
    beats = [Beat(lead_in_sec + scale * (beat.time_sec - origin_sec), beat.beat_in_bar) for beat in song_beats]
    return beats, [Section(lead_in_sec + scale * (section.start_sec - origin_sec), section.label) for section in sections]

