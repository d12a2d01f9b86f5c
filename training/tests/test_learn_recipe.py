"""Recipes of models: those that are committed load, and bad ones are refused by name."""

import dataclasses
import json
from pathlib import Path

import pytest
import torch

from anacrusis_training.learn import model_recipe
from anacrusis_training.learn.weights import WEIGHTS_FILE, blend_weights, save_network
from anacrusis_training.learn.workshop import Workshop
from anacrusis_training.nets import build
from anacrusis_training.ship.rounding import from_units, to_units

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
        ({"networks": {"a": {"net": {"architecture": "tcn"}, "corpora": ["e"]}}, "members": {"a": 1.0}}, "corpus e"),
        ({"start_share": 1.5}, "start_share: expected 0 to 1, got 1.5"),
        ({"weight_bits": 4}, "weight_bits: expected 8 or 32, got 4"),
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


def test_a_fine_tuned_member_keeps_its_share_of_the_start(tmp_path: Path) -> None:
    spec = {"architecture": "tcn", "width": 8, "dilations": [1, 2]}
    start, tuned = build(spec), build(spec)
    workshop = Workshop(_recipe_of(tmp_path, {"net": spec, "start": str(tmp_path / "start" / WEIGHTS_FILE)}, 0.25), tmp_path)
    save_network(start, tmp_path / "start")
    save_network(tuned, workshop.network_dir("a"))
    shipped = workshop.mixture().members[0].tensors()
    for name, tensor in tuned.tensors().items():
        torch.testing.assert_close(shipped[name], 0.75 * tensor + 0.25 * start.tensors()[name])


def test_a_member_from_scratch_is_shipped_as_it_was_trained(tmp_path: Path) -> None:
    spec = {"architecture": "tcn", "width": 8, "dilations": [1, 2]}
    workshop = Workshop(_recipe_of(tmp_path, {"net": spec}, 0.25), tmp_path)
    net = build(spec)
    save_network(net, workshop.network_dir("a"))
    for name, tensor in workshop.member("a").tensors().items():
        torch.testing.assert_close(tensor, net.tensors()[name], rtol=0.0, atol=0.0)


def test_a_member_is_rounded_where_the_recipe_says_so(tmp_path: Path) -> None:
    torch.manual_seed(0)
    spec = {"architecture": "tcn", "width": 32, "dilations": [1, 2]}
    net = build(spec)
    save_network(net, tmp_path / "networks" / "a")
    recipe = _recipe_of(tmp_path, {"net": spec}, 0.0)
    workshop = Workshop(dataclasses.replace(recipe, weight_bits=8), tmp_path)
    shipped = workshop.member("a").tensors()["input.weight"]
    assert torch.equal(shipped, from_units(*to_units(net.tensors()["input.weight"])))
    assert not torch.equal(shipped, net.tensors()["input.weight"])


def test_networks_of_different_shapes_are_not_blended() -> None:
    small, large = (build({"architecture": "tcn", "width": width, "dilations": [1, 2]}) for width in (8, 16))
    with pytest.raises(ValueError, match="different shapes"):
        blend_weights(small, large, 0.5)
    with pytest.raises(ValueError, match="got -0.1"):
        blend_weights(small, small, -0.1)


def _recipe_of(folder: Path, network: dict, start_share: float) -> model_recipe.ModelRecipe:
    path = folder / "r.json"
    change = {"networks": {"a": network}, "members": {"a": 1.0}, "start_share": start_share}
    path.write_text(json.dumps({**GOOD, **change}))
    return model_recipe.load(str(path))
