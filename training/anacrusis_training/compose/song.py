"""A whole piece of a style: tempo, beats, form and performance."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from ..piece import Beat, Piece
from . import form
from .choose import chance, log_uniform, pick, weighted
from .evidence import beats_are_heard
from .form import DRUMS, Part
from .grid import STRAIGHT, Grid, Swing
from .performance import Performance
from .style import Style
from .tempo import beat_times

SHORTEST_PIECE_SEC = 5.0
PICKUP_START_PROB = 0.2
COUNT_IN_PROB = 0.04
MOST_ATTEMPTS = 8
"""Pieces drawn before one whose beats can hardly be heard is taken after all."""


def compose(rng: np.random.Generator, family: str, style: Style, duration_sec: float) -> Piece:
    """A piece of `style` that lasts about `duration_sec` and whose beats can be heard.

    Raises
    ------
    ValueError
        Where `duration_sec` is below `SHORTEST_PIECE_SEC`.
    """
    if not duration_sec >= SHORTEST_PIECE_SEC:
        raise ValueError(f"expected at least {SHORTEST_PIECE_SEC} s of music, got {duration_sec} s")
    for _ in range(MOST_ATTEMPTS):
        piece = _compose_once(rng, family, style, duration_sec)
        if beats_are_heard(piece.notes, piece.beats):
            break
    return piece


def _compose_once(rng: np.random.Generator, family: str, style: Style, duration_sec: float) -> Piece:
    bpm = log_uniform(rng, *style.bpm)
    curve = weighted(rng, style.curves)
    steps = weighted(rng, style.steps)
    swing = pick(rng, style.swings) if steps % 2 == 0 else STRAIGHT
    roles = draw_roles(rng, style)
    parts = form.plan_parts(
        rng,
        style.meter,
        int(duration_sec * bpm / 60 * 1.7) + style.meter.n_beats,
        roles,
        part_bars=style.part_bars,
        feels=dict(style.feels),
    )
    parts = _opening(rng, parts, roles)
    positions = [beat + 1 for part in parts for n_beats in part.bar_beats for beat in range(n_beats)]
    skipped = _skipped_beats(rng, style.meter.n_beats)
    times_sec = beat_times(
        rng, curve, bpm, rng.uniform(0.05, 0.9), duration_sec, pick(rng, (4, 4, 8)) * style.meter.n_beats, skipped
    )
    beats = [Beat(float(t), p) for t, p in zip(times_sec, positions[skipped:], strict=False)]
    performance = play_parts(rng, beats, swing, style, roles, steps, parts)
    notes, controls = performance.finish()
    meters = tuple(dict.fromkeys(part.meter.name for part in _heard(parts, len(beats) + skipped)))
    traits = {
        "meter": "+".join(meters),
        "tempo_curve": curve,
        "drums": "yes" if DRUMS in roles else "no",
        "style": style.name,
        "bpm": f"{bpm:.0f}",
        "subdivisions": str(steps),
        "swing": f"{swing.delay:.2f}",
    }
    name = f"{style.name}, {traits['meter']}, {bpm:.0f} bpm, {curve}"
    return Piece(family, name, notes, controls, beats, traits=traits)


def draw_roles(rng: np.random.Generator, style: Style, density: float = 1.0) -> tuple[str, ...]:
    """Who takes part, in a fixed order; never nobody. `density` scales the chances of all but the drums."""
    probs = (
        (form.DRUMS, style.drums_prob),
        (form.COMP, style.comp_prob * density),
        (form.BASS, style.bass_prob * density),
        (form.LEAD, style.lead_prob * density),
        (form.COMP_2, style.comp_2_prob * density),
        (form.PAD, style.pad_prob * density),
        (form.COUNTER, style.counter_prob * density),
        (form.ARP, style.arp_prob * density),
    )
    roles = tuple(role for role, prob in probs if chance(rng, prob))
    if roles:
        return roles
    return (max(probs, key=lambda entry: entry[1])[0],)


def play_parts(
    rng: np.random.Generator,
    beats: Sequence[Beat],
    swing: Swing,
    style: Style,
    roles: Sequence[str],
    steps: int,
    parts: Sequence[Part],
) -> Performance:
    """A performance of `parts` over the bars of `beats`."""
    grid = Grid(beats, swing)
    performance = Performance(rng, grid, style, roles, steps)
    performance.play(form.place(parts, grid.bars()))
    return performance


def _skipped_beats(rng: np.random.Generator, n_beats: int) -> int:
    """Beats missing from the first bar: the piece begins with a pickup, or is cut from a longer one."""
    return int(rng.integers(1, n_beats)) if n_beats > 1 and chance(rng, PICKUP_START_PROB) else 0


def _opening(rng: np.random.Generator, parts: list[Part], roles: Sequence[str]) -> list[Part]:
    """Sometimes one bar before everything, on which only the drums play: a count-in or a fill."""
    if DRUMS in roles and chance(rng, COUNT_IN_PROB):
        first = parts[0]
        count = dataclasses.replace(
            first, label="count", bar_beats=(first.meter.n_beats,), roles=(DRUMS,), ending="plain", crash=False
        )
        return [count, *parts]
    return parts


def _heard(parts: Sequence[Part], n_beats: int) -> list[Part]:
    """The parts that begin within the first `n_beats`."""
    heard, start = [], 0
    for part in parts:
        if start < n_beats:
            heard.append(part)
        start += sum(part.bar_beats)
    return heard
