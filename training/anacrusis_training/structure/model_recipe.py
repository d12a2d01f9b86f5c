"""What a shipped anticipator is made of: its corpora, how it is trained, and what its manifest says."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from anacrusis_training.structure.settings import FitSettings
from anacrusis_training.structure.song_recipe import SongRecipe
from anacrusis_training.structure.split import PARTS

RECIPE_FOLDER = Path(__file__).resolve().parents[2] / "recipes"
KIND = "anticipator"
STATEMENT_FIELDS = ("licence", "attribution", "changes", "trained_on")


@dataclasses.dataclass(frozen=True, slots=True)
class ModelRecipe:
    """An anticipator.

    Attributes
    ----------
    name
        Of the model folder.
    corpora
        A recipe of whole songs for each part; the test part may be missing.
    scored_songs
        Songs of the test part that are kept with their sound for `anacrusis eval --structure`.
    fit
        How it is trained.
    statement
        Licence and attribution for the manifest.
    """

    name: str
    corpora: dict[str, SongRecipe]
    scored_songs: int
    fit: FitSettings
    statement: dict[str, str]


def load(text: str) -> ModelRecipe:
    """A recipe by its file, or by its name in training/recipes/.

    Raises
    ------
    ValueError
        Not a recipe of an anticipator.
    """
    path = Path(text)
    named = RECIPE_FOLDER / f"{text}.json"
    path = named if not path.is_file() and named.is_file() else path
    if not path.is_file():
        raise ValueError(f"no recipe {text}: neither a file nor a name in {RECIPE_FOLDER.name}/")
    try:
        return from_json(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path}: {error}") from error


def from_json(fields: dict[str, Any]) -> ModelRecipe:
    """A recipe from its JSON object.

    Raises
    ------
    ValueError
        A field is unknown, missing or out of range.
    """
    if fields.get("kind") != KIND:
        raise ValueError(f"kind is {fields.get('kind')!r}, expected {KIND!r}")
    corpora = {part: SongRecipe.from_json(entry) for part, entry in fields["corpora"].items()}
    for part, recipe in corpora.items():
        if part not in PARTS or recipe.part != part:
            raise ValueError(f"corpus {part!r} takes the part {recipe.part!r}, expected its own name, one of {', '.join(PARTS)}")
    if missing := [part for part in ("train", "val") if part not in corpora]:
        raise ValueError(f"no corpus {missing[0]!r}")
    statement = fields["statement"]
    if missing := [field for field in STATEMENT_FIELDS if not statement.get(field)]:
        raise ValueError(f"statement: {missing[0]} is missing")
    return ModelRecipe(fields["name"], corpora, int(fields.get("scored_songs", 0)), FitSettings.from_json(fields["fit"]), statement)
