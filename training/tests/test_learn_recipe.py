"""Recipes of models: those that are committed load, and bad ones are refused by name."""

import json
from pathlib import Path

import pytest

from anacrusis_training.learn import model_recipe
from anacrusis_training.nets import build

GOOD = {
    "kind": "model",
    "name": "x",
    "corpora": ["c"],
    "dev_corpus": "d",
    "networks": {"a": {"net": {"architecture": "tcn"}}, "b": {"net": {"architecture": "tcn"}, "teachers": ["a"]}},
    "members": {"a": 0.5, "b": 0.5},
    "statement": {},
}


def committed() -> list[str]:
    files = sorted(model_recipe.RECIPE_FOLDER.glob("*.json"))
    return [f.stem for f in files if json.loads(f.read_text()).get("kind") == model_recipe.KIND]


@pytest.mark.parametrize("name", committed())
def test_committed_recipes_are_whole(name: str) -> None:
    recipe = model_recipe.load(name)
    assert recipe.networks
    for settings in recipe.networks.values():
        build(settings.net)
    for corpus in [*recipe.corpora, recipe.dev_corpus]:
        assert (model_recipe.RECIPE_FOLDER / f"{corpus}.json").is_file()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "corpus"}, "not a recipe of a model"),
        ({"members": {"a": 0.5}}, "sum to 0.5"),
        ({"members": {"z": 1.0}}, "member z"),
        ({"networks": {"b": GOOD["networks"]["b"]}}, "teacher a"),
        ({"networks": {"a": {"net": {}, "step": 1}}}, "step"),
        ({"colour": "red"}, "colour is unknown"),
    ],
)
def test_bad_recipes_are_refused(change: dict, message: str, tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    path.write_text(json.dumps({**GOOD, **change}))
    with pytest.raises(ValueError, match=message):
        model_recipe.load(str(path))


def test_a_good_one_loads(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    path.write_text(json.dumps(GOOD))
    assert model_recipe.load(str(path)).members == {"a": 0.5, "b": 0.5}


def test_what_members_learn_from_is_needed_and_experiments_are_not(tmp_path: Path) -> None:
    net = {"net": {"architecture": "tcn"}}
    networks = {"idle": net, "root": net, "tuned": {**net, "start": "root"}, "pupil": {**net, "teachers": ["tuned"]}, "late": net}
    path = tmp_path / "r.json"
    path.write_text(json.dumps({**GOOD, "networks": networks, "members": {"pupil": 1.0}}))
    assert model_recipe.load(str(path)).needed() == ["root", "tuned", "pupil"]
