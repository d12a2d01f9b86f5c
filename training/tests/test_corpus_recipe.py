"""A recipe is checked where it is read, and every prefix of its items has its mix."""

import collections
import json

import pytest

from anacrusis_training.corpus import recipe
from anacrusis_training.corpus.recipe import Recipe

SHARES = {"folk": 1.0, "pop": 2.0, "piano": 1.0}


def test_every_prefix_has_the_mix():
    chosen = Recipe("r", 1, 10, SHARES)
    for n_items in (8, 40, 400):
        counts = collections.Counter(chosen.family_of(index) for index in range(n_items))
        for family, share in SHARES.items():
            assert abs(counts[family] - n_items * share / 4) <= 2.5


def test_a_share_of_zero_is_never_chosen():
    chosen = Recipe("r", 1, 10, {"folk": 0, "pop": 1, "zydeco": 0})
    assert {chosen.family_of(index) for index in range(100)} == {"pop"}


def test_generators_depend_on_seed_split_index_and_step():
    first = Recipe("r", 1, 10, SHARES)
    draws = [
        chosen.rng(index, step).random()
        for chosen in (first, Recipe("r", 2, 10, SHARES), Recipe("r", 1, 10, SHARES, split="dev"))
        for index in (0, 1)
        for step in (0, 1)
    ]
    assert len(set(draws)) == len(draws)
    assert first.rng(0, 0).random() == draws[0]


def test_name_and_hours_leave_the_identity_and_nothing_else_does():
    first = Recipe("r", 1, 10, SHARES)
    assert first.identity() == Recipe("other", 1, 20, SHARES).identity()
    assert first.identity() != Recipe("r", 1, 10, SHARES, item_sec=60).identity()


def test_items_follow_from_hours():
    assert Recipe("r", 1, 2, SHARES, item_sec=72).n_items == 100
    assert Recipe("r", 1, 0.001, SHARES).n_items == 1


def test_a_file_comes_back(tmp_path):
    chosen = Recipe("r", 1, 10, SHARES, version_strengths=(0.0, 1.0))
    path = tmp_path / "r.json"
    path.write_text(json.dumps(chosen.to_json()))
    assert recipe.load(path) == chosen


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hours": 0}, "hours is 0, expected more than 0"),
        ({"seed": -1}, "seed is -1"),
        ({"families": {}}, "sum above 0"),
        ({"families": {"folk": -1, "pop": 2}}, "shares of 0 or more"),
        ({"version_strengths": [2]}, "0 to 1 each"),
        ({"split": "test"}, "train or dev"),
        ({"colour": 1}, "unknown field `colour`"),
    ],
)
def test_a_bad_value_is_named(tmp_path, change, message):
    path = tmp_path / "r.json"
    path.write_text(json.dumps(Recipe("r", 1, 10, SHARES).to_json() | change))
    with pytest.raises(ValueError, match=message):
        recipe.load(path)


def test_every_recipe_of_the_repository_reads():
    folder = recipe.Path(__file__).parents[1] / "recipes"
    for path in folder.glob("corpus_*.json"):
        assert recipe.load(path).name == path.stem.removeprefix("corpus_")
