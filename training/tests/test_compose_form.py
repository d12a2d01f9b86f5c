"""Form: parts cover the beats, somebody plays, bars are placed."""

import numpy as np
import pytest

from anacrusis_training.compose.form import BASS, COMP, DRUMS, ENDINGS, Part, place, plan_parts
from anacrusis_training.compose.grid import Bar
from anacrusis_training.compose.meter import FOUR, TWO


def test_parts_cover_the_beats_and_are_never_empty() -> None:
    for seed in range(30):
        parts = plan_parts(np.random.default_rng(seed), FOUR, 300, (DRUMS, COMP, BASS))
        assert sum(sum(part.bar_beats) for part in parts) >= 300
        for part in parts:
            assert part.roles and part.ending in ENDINGS and min(part.bar_beats) >= 1


def test_without_surprises_every_bar_is_regular() -> None:
    parts = plan_parts(np.random.default_rng(1), FOUR, 400, (COMP,), odd_bar_prob=0.0, meter_change_prob=0.0)
    assert {beats for part in parts for beats in part.bar_beats} == {4}


def test_meters_may_change() -> None:
    parts = plan_parts(np.random.default_rng(1), FOUR, 2000, (COMP,), meter_change_prob=0.5)
    assert {part.meter for part in parts} > {FOUR, TWO}


def test_bars_are_placed_in_order_and_cut_with_the_grid() -> None:
    parts = [
        Part("A", FOUR, (4, 4), 1.0, (COMP,)),
        Part("B", FOUR, (4, 4), 1.0, (COMP,)),
        Part("C", FOUR, (4,), 1.0, (COMP,)),
    ]
    passages = place(parts, [Bar(-3, 4), Bar(1, 4), Bar(5, 4)])
    assert [passage.part.label for passage in passages] == ["A", "B"]
    assert [(span.begin, span.end) for span in passages[0].spans] == [(3, 4), (0, 4)]
    assert place(parts, []) == []


def test_a_form_for_nobody_is_refused() -> None:
    with pytest.raises(ValueError, match="got none"):
        plan_parts(np.random.default_rng(1), FOUR, 16, ())
