"""What is known without hearing anything: how often a boundary comes within h beats, by place in the bar and bars since the start.

The runtime falls back on this table where there is no model, and every report has it as its floor. It is a histogram over the training
part of the Harmonix Set, drawn towards the mean of its place in the bar where few songs have a word.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anacrusis_training.structure.labels import LABEL_INDEX
from anacrusis_training.structure.plan import Plan
from anacrusis_training.structure.scoring import Moments, hits, moments
from anacrusis_training.structure.steps import HORIZONS_BEATS

FORMAT = 1

LEAD_BARS, CYCLE_BARS = 32, 8
"""Bars from the start with an entry of their own; from then on, the place in a cycle of so many bars."""

N_BARS = LEAD_BARS + CYCLE_BARS

N_PLACES = 4
"""Beats to the next downbeat that are told apart: 1, 2, 3, and 4 or more."""

PULL = 60.0
"""Beats of the place's mean that are added to every entry: with fewer own beats than this, the mean says more."""

UNKNOWN_PLACE = 0


@dataclasses.dataclass(frozen=True, slots=True)
class Prior:
    """The table: probabilities ``[N_BARS, N_PLACES, 5]``, those of an unknown bar ``[5]``, and from how many songs."""

    prob: NDArray[np.float64]
    unknown_bar: NDArray[np.float64]
    n_songs: int

    def look_up(self, bars: NDArray[np.int64], to_downbeat: NDArray[np.int64]) -> NDArray[np.float64]:
        """Probabilities ``[n, 5]``.

        Parameters
        ----------
        bars
            Bars since the start, ``[n]``: 0 up to the end of the first bar.
        to_downbeat
            Beats to the next downbeat, 1 or more; `UNKNOWN_PLACE` where the bar is unknown.
        """
        place = np.minimum(np.maximum(to_downbeat, 1), N_PLACES) - 1
        found = self.prob[bar_index(bars), place]
        return np.where((to_downbeat == UNKNOWN_PLACE)[:, None], self.unknown_bar, found)

    def to_json(self) -> dict[str, Any]:
        """As in its file."""
        return {
            "format": FORMAT,
            "horizons_beats": list(HORIZONS_BEATS),
            "lead_bars": LEAD_BARS,
            "cycle_bars": CYCLE_BARS,
            "prob": [[[round(float(p), 5) for p in row] for row in bar] for bar in self.prob],
            "unknown_bar": [round(float(p), 5) for p in self.unknown_bar],
            "songs": self.n_songs,
            "source": "urinieto/harmonixset e35da7a, training part of harmonix_split.json",
            "licence": "MIT",
        }


def bar_index(bars: NDArray[np.int64]) -> NDArray[np.int64]:
    """First index into the table of bars since the start."""
    return np.where(bars < LEAD_BARS, bars, LEAD_BARS + bars % CYCLE_BARS)


def places(in_bar: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Bars since the start and beats to the next downbeat at each beat, from the beats' places in the bar ``[n_beats]``.

    Without any downbeat the bar is unknown.
    """
    downbeats = np.flatnonzero(in_bar == 1)
    if not len(downbeats):
        return np.zeros(len(in_bar), np.int64), np.full(len(in_bar), UNKNOWN_PLACE)
    bars = np.maximum(np.cumsum(in_bar == 1) - 1, 0)
    index = np.arange(len(in_bar))
    following = np.searchsorted(downbeats, index, side="right")
    # Behind the last downbeat the bar is taken to be as long as the one before it.
    usual = int(np.median(np.diff(downbeats))) if len(downbeats) > 1 else N_PLACES
    later = np.append(downbeats, downbeats[-1] + usual)
    return bars, np.maximum(later[following] - index, 1)


def fit(plans: Iterable[Plan], pull: float = PULL) -> Prior:
    """The table of some plans.

    Raises
    ------
    ValueError
        No plans.
    """
    met = np.zeros((N_BARS, N_PLACES, len(HORIZONS_BEATS)))
    seen = np.zeros((N_BARS, N_PLACES))
    n_songs = 0
    for plan in plans:
        if len(plan.beats) < 2:
            continue
        n_songs += 1
        chosen = plan_moments(plan)
        bars, to_downbeat = places(np.array([beat.beat_in_bar for beat in plan.beats]))
        at = bar_index(bars)[chosen.beat_idx], np.clip(to_downbeat, 1, N_PLACES)[chosen.beat_idx] - 1
        np.add.at(met, at, hits(chosen.left_beats))
        np.add.at(seen, at, 1.0)
    if not n_songs:
        raise ValueError("a prior needs plans with beats, got none")
    mean = met.sum(0) / np.maximum(seen.sum(0), 1.0)[:, None]
    prob = (met + pull * mean) / (seen + pull)[..., None]
    return Prior(prob, met.sum((0, 1)) / seen.sum(), n_songs)


def plan_moments(plan: Plan) -> Moments:
    """A plan's moments, see `scoring.moments`."""
    beats_sec = np.array([beat.time_sec for beat in plan.beats])
    labels = [LABEL_INDEX[segment.label] for segment in plan.segments]
    return moments(beats_sec, [s.start_sec for s in plan.segments], labels, [s.weight for s in plan.segments], plan.end_sec)


def read(path: Path) -> Prior:
    """The table from its file.

    Raises
    ------
    ValueError
        Not such a file.
    """
    document = json.loads(path.read_text(encoding="utf-8"))
    if document.get("format") != FORMAT or tuple(document.get("horizons_beats", ())) != HORIZONS_BEATS:
        raise ValueError(f"{path}: not a prior of format {FORMAT} with horizons {HORIZONS_BEATS}")
    prob = np.array(document["prob"])
    if prob.shape != (N_BARS, N_PLACES, len(HORIZONS_BEATS)):
        raise ValueError(f"{path}: a table of shape {prob.shape}, expected {(N_BARS, N_PLACES, len(HORIZONS_BEATS))}")
    return Prior(prob, np.array(document["unknown_bar"]), int(document["songs"]))


def write(prior: Prior, path: Path) -> None:
    """Write the table."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(prior.to_json()) + "\n", encoding="utf-8")
