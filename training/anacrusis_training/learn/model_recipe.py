"""What a shipped model is made of: corpora, networks, how they are mixed, and what its manifest says."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from ..ship.rounding import FLOAT_BITS, ROUNDED_BITS
from .settings import Settings

RECIPE_FOLDER = Path(__file__).resolve().parents[2] / "recipes"
KIND = "model"


@dataclasses.dataclass(frozen=True, slots=True)
class ModelRecipe:
    """A recipe of a model.

    Attributes
    ----------
    name
        Of the model.
    corpora
        Names of the corpus recipes that are packed for training.
    dev_corpus
        Name of the corpus recipe whose pieces choose calibration and mixture.
    networks
        Settings by name, in the order in which they are trained: teachers before their pupils, whose `teachers` are such names.
    members
        Which networks the model consists of, with their weights, which sum to 1.
    statement
        Licence, attribution and the like, for the manifest.
    start_share
        Share of the weights that a fine-tuned member started from in those that are shipped; see `weights.blend_weights`.
    weight_bits
        What a weight of a large matrix takes in the shipped model: 8, see `ship.rounding`, or 32 for float32.
    """

    name: str
    corpora: list[str]
    dev_corpus: str
    networks: dict[str, Settings]
    members: dict[str, float]
    statement: dict[str, Any]
    start_share: float = 0.0
    weight_bits: int = FLOAT_BITS

    def needed(self) -> list[str]:
        """The members and all networks that they learn from, in the order of training; the rest are experiments."""
        wanted: set[str] = set(self.members)
        for name in reversed(self.networks):
            if name in wanted:
                settings = self.networks[name]
                wanted |= {other for other in [*settings.teachers, settings.start] if other in self.networks}
        return [name for name in self.networks if name in wanted]


def load(text: str) -> ModelRecipe:
    """Read a recipe file, or one of ``training/recipes/`` by its name.

    Raises
    ------
    ValueError
        For what a model recipe cannot have, with the name of the file.
    """
    path = Path(text)
    named = RECIPE_FOLDER / f"{text}.json"
    path = named if not path.is_file() and named.is_file() else path
    value = json.loads(path.read_text(encoding="utf-8"))
    if value.pop("kind", None) != KIND:
        raise ValueError(f"{path}: not a recipe of a model: expected \"kind\": \"{KIND}\"")
    optional = {f.name for f in dataclasses.fields(ModelRecipe) if f.default is not dataclasses.MISSING}
    fields = {f.name for f in dataclasses.fields(ModelRecipe)}
    if odd := sorted((value.keys() - fields) | (fields - optional - value.keys())):
        raise ValueError(f"{path}: field {odd[0]} is {'unknown' if odd[0] in value else 'missing'}")
    try:
        networks = {name: Settings.from_json(entry) for name, entry in value.pop("networks").items()}
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from error
    recipe = ModelRecipe(networks=networks, **value)
    _check_names(path, recipe)
    return recipe


def _check_names(path: Path, recipe: ModelRecipe) -> None:
    earlier: set[str] = set()
    for name, settings in recipe.networks.items():
        for teacher in settings.teachers:
            if teacher not in earlier:
                raise ValueError(f"{path}: network {name}: teacher {teacher} is not trained before it")
        if settings.start in recipe.networks and settings.start not in earlier:
            raise ValueError(f"{path}: network {name}: {settings.start}, which it starts from, is not trained before it")
        for corpus in settings.corpora:
            if corpus not in recipe.corpora:
                raise ValueError(f"{path}: network {name}: corpus {corpus} is none of the recipe's {recipe.corpora}")
        earlier.add(name)
    for member in recipe.members:
        if member not in recipe.networks:
            raise ValueError(f"{path}: member {member} is none of the networks {sorted(recipe.networks)}")
    if not 0.0 <= recipe.start_share <= 1.0:
        raise ValueError(f"{path}: start_share: expected 0 to 1, got {recipe.start_share}")
    if recipe.weight_bits not in (ROUNDED_BITS, FLOAT_BITS):
        raise ValueError(f"{path}: weight_bits: expected {ROUNDED_BITS} or {FLOAT_BITS}, got {recipe.weight_bits}")
    total = sum(recipe.members.values())
    if abs(total - 1.0) > 1e-6:
        raise ValueError(f"{path}: weights of the members sum to {total}, expected 1")
