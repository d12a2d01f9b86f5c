"""Bass, accompaniment and cross rhythms: every figure in every meter."""

from fractions import Fraction

import numpy as np
import pytest

from anacrusis_training.compose.bass import BASS_FIGURES, walking_bar
from anacrusis_training.compose.comping import COMP_FIGURES
from anacrusis_training.compose.meter import FIVE, FOUR, NINE_EIGHT, SEVEN, SIX_EIGHT, THREE, TWO, Meter
from anacrusis_training.compose.rhythm import cross, off_beat, random_onsets, spread

METERS = [Meter((1,)), TWO, THREE, FOUR, FIVE, SEVEN, SIX_EIGHT, NINE_EIGHT]


@pytest.mark.parametrize(
    "name", [*(("bass", name) for name in BASS_FIGURES), *(("comp", name) for name in COMP_FIGURES)]
)
def test_figures_fill_whole_bars_and_stay_inside(name: tuple[str, str]) -> None:
    makers = BASS_FIGURES if name[0] == "bass" else COMP_FIGURES
    rng = np.random.default_rng(5)
    for meter in METERS:
        for steps in (1, 2, 3, 4):
            figure = makers[name[1]](rng, meter, steps)
            assert figure.hits and figure.period_beats % meter.n_beats == 0
            for hit in figure.hits:
                assert 0 <= hit.at_beats < figure.period_beats and hit.length_beats > 0


def test_the_tumbao_avoids_the_downbeat_and_anticipates() -> None:
    figures = [BASS_FIGURES["tumbao"](np.random.default_rng(seed), FOUR, 2) for seed in range(40)]
    empty = [figure for figure in figures if figure.hits[0].at_beats > 0]
    assert len(empty) > 20
    assert all(figure.hits[-1].at_beats == 3 and figure.hits[-1].ahead_beats == 1 for figure in figures)


def test_a_walking_bass_takes_every_beat_and_starts_on_the_root() -> None:
    hits = walking_bar(np.random.default_rng(1), 4, 0, 3, 3)
    assert {hit.at_beats for hit in hits} >= {0, 1, 2, 3} and hits[0].tone == 0
    assert [hit.at_beats for hit in walking_bar(np.random.default_rng(2), 1, 0, 3, 2) if hit.at_beats % 1 == 0] == [0]


@pytest.mark.parametrize(("steps", "off"), [(1, 0.5), (2, 0.5), (3, 2 / 3), (4, 0.5)])
def test_off_beats(steps: int, off: float) -> None:
    assert off_beat(steps) == off


def test_syncopation_moves_onsets_off_the_beat() -> None:
    rng = np.random.default_rng(1)

    def on_beat(syncopation: float) -> float:
        onsets = [at for _ in range(200) for at in random_onsets(rng, FOUR, 2, 0.4, syncopation)]
        return float(np.mean([at % 1 == 0 for at in onsets]))

    assert on_beat(0.0) > 0.6
    assert on_beat(1.0) < 0.4


def test_no_density_gives_no_onsets() -> None:
    assert random_onsets(np.random.default_rng(1), FOUR, 4, 0.0, 0.0) == []
    assert spread([], 4, 1.0) == []


def test_onsets_last_until_the_next() -> None:
    assert spread([0.0, 1.0, 1.5], 4, 1.0) == [(0.0, 1.0), (1.0, 0.5), (1.5, 2.5)]


def test_a_cross_rhythm_runs_over_the_bar() -> None:
    figure = cross(Fraction(1, 2), 3, (0, 1, 2), accent_every=3)
    accents = [hit.at_beats for hit in figure.between(0, 6) if hit.accent > 1]
    assert accents == [0.0, 1.5, 3.0, 4.5] and not figure.barwise
