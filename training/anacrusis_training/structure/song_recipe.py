"""What a corpus of whole songs is made of."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from typing import Any

import numpy as np

from anacrusis_training.contract import canonical_json
from anacrusis_training.structure.split import PARTS, songs_of

MEAN_SONG_SEC = 216.0
"""Mean length of a song of the Harmonix Set, for progress only."""


@dataclasses.dataclass(frozen=True, slots=True)
class SongRecipe:
    """Whole songs over the plans of one part.

    Attributes
    ----------
    name
        For people.
    part
        ``"train"``, ``"val"`` or ``"test"``.
    seed
        Not negative; of the order of songs and of everything in them.
    songs
        How many; where there are more than plans, plans come again with other music.
    strength
        Least and greatest strength of the augmentation, 0 to 1.
    scale
        Least and greatest factor on the plan's times.
    cut_prob
        Share of songs that are heard from somewhere inside on, or not to their end.
    soundfonts
        Names of the soundfonts.
    rate_hz
        Of the sound.
    """

    name: str
    part: str
    seed: int
    songs: int
    strength: tuple[float, float] = (0.0, 0.8)
    scale: tuple[float, float] = (0.93, 1.08)
    cut_prob: float = 0.0
    soundfonts: tuple[str, ...] = ("FluidR3_GM", "MuseScore_General")
    rate_hz: int = 22_050

    def __post_init__(self) -> None:
        checks = [
            (bool(self.name), "name", self.name, "a text"),
            (self.part in PARTS, "part", self.part, " or ".join(PARTS)),
            (self.seed >= 0, "seed", self.seed, "0 or more"),
            (self.songs >= 1, "songs", self.songs, "1 or more"),
            (0 <= self.strength[0] <= self.strength[1] <= 1, "strength", self.strength, "two numbers from 0 to 1"),
            (0.5 <= self.scale[0] <= self.scale[1] <= 2, "scale", self.scale, "two numbers from 0.5 to 2"),
            (0 <= self.cut_prob <= 1, "cut_prob", self.cut_prob, "0 to 1"),
            (8_000 <= self.rate_hz <= 192_000, "rate_hz", self.rate_hz, "8000 to 192000"),
        ]
        for is_good, field, got, expected in checks:
            if not is_good:
                raise ValueError(f"song recipe: {field} is {got!r}, expected {expected}")

    @property
    def n_items(self) -> int:
        """Songs of the whole corpus."""
        return self.songs

    @property
    def item_sec(self) -> float:
        """Seconds of a song, about."""
        return MEAN_SONG_SEC

    def family_of(self, index: int) -> str:
        """All songs are of one family."""
        return self.part

    def song_of(self, index: int) -> str:
        """The plan of an item: every plan once in an order of the seed, then again."""
        songs = songs_of(self.part)
        order = np.random.default_rng([self.seed, PARTS.index(self.part)]).permutation(len(songs))
        return songs[int(order[index % len(songs)])]

    def rng(self, index: int, step: int) -> np.random.Generator:
        """Generator of one step of one item; steps do not disturb each other when one of them changes."""
        return np.random.default_rng([self.seed, PARTS.index(self.part), index, step])

    def to_json(self) -> dict[str, Any]:
        """As in its file."""
        return json.loads(json.dumps(dataclasses.asdict(self)))

    def identity(self) -> str:
        """Hash of everything that a song depends on: all but the name and how many there are."""
        fields = {key: value for key, value in self.to_json().items() if key not in ("name", "songs")}
        return "sha256:" + hashlib.sha256(canonical_json(fields).encode()).hexdigest()

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> SongRecipe:
        """A recipe from its JSON object.

        Raises
        ------
        ValueError
            A field is unknown, missing or out of range.
        """
        known = {field.name for field in dataclasses.fields(cls)}
        if unknown := sorted(set(fields) - known):
            raise ValueError(f"song recipe: unknown field `{unknown[0]}`, expected one of {', '.join(sorted(known))}")
        lists = {key: tuple(value) for key, value in fields.items() if isinstance(value, list)}
        try:
            return cls(**{**fields, **lists})
        except TypeError as error:
            raise ValueError(f"song recipe: {error}") from error
