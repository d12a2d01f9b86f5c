"""A band for given beats: bass, chords and melody under (or with) somebody's drumming."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from ..piece import Beat, Control, Note
from . import form
from .form import DRUMS
from .grid import STRAIGHT, Grid
from .meter import meter_of
from .song import draw_roles, play_parts
from .texture import random_style

SUBDIVISIONS = (1, 2, 3, 4)
"""Equal parts of a beat that the figures know."""


def accompany(
    rng: np.random.Generator, beats: Sequence[Beat], subdivisions: int, *, drums: bool, density: float = 1.0
) -> tuple[list[Note], list[Control]]:
    """Notes and controls of a band on a grid that somebody else has played.

    Parameters
    ----------
    beats
        In strictly increasing time; the meter is the commonest length of their bars.
    subdivisions
        Equal parts of a beat, one of `SUBDIVISIONS`; 3 for compound and triplet feels.
    drums
        Whether the percussion channel plays too.
    density
        Scales the chance of each instrument, 0 to 1 and above; somebody always plays.

    Returns
    -------
    notes, controls
        Both empty where there are fewer than two beats.

    Raises
    ------
    ValueError
        Where `subdivisions` is not one of `SUBDIVISIONS`, `density` is negative, or times do not increase.
    """
    if subdivisions not in SUBDIVISIONS:
        raise ValueError(f"expected one of {SUBDIVISIONS} subdivisions of a beat, got {subdivisions}")
    if not density >= 0:
        raise ValueError(f"density must not be negative, got {density}")
    if len(beats) < 2:
        return [], []
    bars = Grid(beats).bars()
    meter = meter_of(Counter(bar.n_beats for bar in bars).most_common(1)[0][0], compound=subdivisions == 3)
    style = random_style(rng, meter, subdivisions)
    roles = tuple(role for role in draw_roles(rng, style, density) if role != DRUMS) or (form.COMP,)
    if drums:
        roles = (DRUMS, *roles)
    parts = form.plan_parts(rng, meter, len(bars) * meter.n_beats, roles, odd_bar_prob=0.0, meter_change_prob=0.0)
    return play_parts(rng, beats, STRAIGHT, style, roles, subdivisions, parts).finish()
