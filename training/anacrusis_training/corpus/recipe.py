"""What a corpus is made of: a JSON file, and the order that follows from it.

Everything random in an item comes from generators seeded by (seed, split, index, step), so an item depends on nothing but its recipe
and index, whichever machine makes it and in whichever order.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from anacrusis_training.contract import canonical_json

SPLITS = ("train", "dev")
"""Which part of the outside sources is used; the place in this tuple seeds the generators."""

GOLDEN_STEP = (math.sqrt(5) - 1) / 2
"""Step of the sequence that orders families: every run of items then has nearly the recipe's shares."""


@dataclasses.dataclass(frozen=True, slots=True)
class Recipe:
    """What a corpus is made of.

    Attributes
    ----------
    name
        For people.
    seed
        Not negative.
    hours
        Hours of composed audio; each is stored once a version.
    item_sec
        Seconds of an item.
    families
        Shares by family, of any sum above 0.
    version_strengths
        Strength of the augmentation of each stored version, 0 (as rendered) to 1.
    soundfonts
        Names of the soundfonts, as `render.soundfonts` knows them; all must be there. With none, our own synthesiser plays all.
    rate_hz
        Rate of rendering.
    split
        ``"train"`` or ``"dev"``: which part of the outside sources.
    """

    name: str
    seed: int
    hours: float
    families: dict[str, float]
    item_sec: float = 72.0
    version_strengths: tuple[float, ...] = (0.35, 1.0)
    soundfonts: tuple[str, ...] = ("FluidR3_GM", "MuseScore_General_Lite")
    rate_hz: int = 22_050
    split: str = "train"

    def __post_init__(self) -> None:
        checks = [
            (bool(self.name), "name", self.name, "a text"),
            (self.seed >= 0, "seed", self.seed, "0 or more"),
            (self.hours > 0, "hours", self.hours, "more than 0"),
            (self.item_sec >= 5, "item_sec", self.item_sec, "5 or more"),
            (bool(self.version_strengths), "version_strengths", self.version_strengths, "one strength or more"),
            (all(0 <= s <= 1 for s in self.version_strengths), "version_strengths", self.version_strengths, "0 to 1 each"),
            (8_000 <= self.rate_hz <= 192_000, "rate_hz", self.rate_hz, "8000 to 192000"),
            (self.split in SPLITS, "split", self.split, " or ".join(SPLITS)),
            (all(w >= 0 for w in self.families.values()), "families", self.families, "shares of 0 or more"),
            (sum(self.families.values()) > 0, "families", self.families, "shares with a sum above 0"),
        ]
        for is_good, field, got, expected in checks:
            if not is_good:
                raise ValueError(f"recipe: {field} is {got!r}, expected {expected}")

    @property
    def n_items(self) -> int:
        """Items of the whole corpus."""
        return max(1, round(self.hours * 3600 / self.item_sec))

    def family_of(self, index: int) -> str:
        """Family of an item: a low-discrepancy sequence over the shares, so that every prefix has nearly the whole's mix."""
        total = sum(self.families.values())
        offset = np.random.default_rng([self.seed, SPLITS.index(self.split)]).random()
        position = (offset + index * GOLDEN_STEP) % 1.0 * total
        passed = 0.0
        chosen = ""
        for family, share in sorted(self.families.items()):
            if share == 0:
                continue
            chosen = family
            passed += share
            if position < passed:
                break
        return chosen

    def rng(self, index: int, step: int) -> np.random.Generator:
        """Generator of one step of one item; steps do not disturb each other when one of them changes."""
        return np.random.default_rng([self.seed, SPLITS.index(self.split), index, step])

    def to_json(self) -> dict[str, Any]:
        """As in its file."""
        return json.loads(json.dumps(dataclasses.asdict(self)))

    def identity(self) -> str:
        """Hash of everything that an item depends on: all but the name and the number of hours."""
        fields = {key: value for key, value in self.to_json().items() if key not in ("name", "hours")}
        return "sha256:" + hashlib.sha256(canonical_json(fields).encode()).hexdigest()


def from_json(fields: dict[str, Any]) -> Recipe:
    """A recipe from its JSON object.

    Raises
    ------
    ValueError
        A field is unknown, missing or out of range.
    """
    known = {field.name for field in dataclasses.fields(Recipe)}
    if unknown := sorted(set(fields) - known):
        raise ValueError(f"recipe: unknown field `{unknown[0]}`, expected one of {', '.join(sorted(known))}")
    lists = {key: tuple(value) for key, value in fields.items() if isinstance(value, list)}
    try:
        return Recipe(**{**fields, **lists})
    except TypeError as error:
        raise ValueError(f"recipe: {error}") from error


def load(path: Path) -> Recipe:
    """Read a recipe.

    Raises
    ------
    ValueError
        Not JSON, or not a recipe.
    """
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(fields, dict):
            raise ValueError("expected a JSON object")
        return from_json(fields)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
