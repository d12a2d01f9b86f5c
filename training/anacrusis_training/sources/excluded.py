"""What the evaluation corpus is made of and training must therefore never see.

Items are excluded by name and by content: a renamed copy has the same notes.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

EXCLUDED_PATH = Path(__file__).resolve().parents[2] / "excluded.json"
"""The list in this repository, written by tools/make_excluded.py."""

HASHED_NOTES = 200
_TICKS_PER_QUARTER = 480

_COLLECTIONS = {
    "zharry29/drums-with-llm": "groove",
    "freedoom/freedoom": "freedoom",
    "urinieto/harmonixset": "harmonixset",
}
"""Collections that a loader here can read, by the repository that the evaluation corpus names."""


@dataclasses.dataclass(frozen=True, slots=True)
class Excluded:
    """Names by collection, and hashes of note sequences (see `content_hash`)."""

    names: dict[str, frozenset[str]]
    contents: frozenset[str]

    def has_name(self, collection: str, name: str) -> bool:
        """Whether an item is excluded by its name, path or stem."""
        return name in self.names.get(collection, frozenset())

    def has_content(self, content: str) -> bool:
        """Whether a note sequence is excluded."""
        return content in self.contents


def load_excluded(path: Path = EXCLUDED_PATH) -> Excluded:
    """Read the list.

    Raises
    ------
    FileNotFoundError
        If there is none: without it nothing from outside may be used.
    ValueError
        If it does not have the form that tools/make_excluded.py writes.
    """
    document = json.loads(Path(path).read_text(encoding="utf-8"))
    try:
        names = {collection: frozenset(items) for collection, items in document["names"].items()}
        return Excluded(names, frozenset(document["contents"]))
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is not a list of excluded items: {error!r}") from error


def content_hash(note_ons: Iterable[tuple[int, int]], ticks_per_quarter: int) -> str:
    """Hash of a note sequence: pitches and distances of the first 200 notes.

    Tempo, velocities, channels, names and the file's resolution do not matter.

    Parameters
    ----------
    note_ons
        (tick, pitch) of every note, in any order.
    ticks_per_quarter
        Resolution of the file.
    """
    ordered = sorted(note_ons)[:HASHED_NOTES]
    last = ordered[0][0] if ordered else 0
    words = []
    for tick, pitch in ordered:
        words.append(f"{pitch}:{round((tick - last) * _TICKS_PER_QUARTER / ticks_per_quarter)}")
        last = tick
    return hashlib.sha256(" ".join(words).encode()).hexdigest()[:32]


def names_in_manifest(manifest: dict[str, Any], harmonix_ids: Iterable[str] = ()) -> dict[str, list[str]]:
    """Names of the source items of an evaluation corpus, by collection, sorted.

    Parameters
    ----------
    manifest
        The corpus' manifest: a list ``pieces``, each with a ``source``: ``owner/name@commit path/in/it (remark)``.
    harmonix_ids
        Further song ids to exclude, those of sets whose manifest is not at hand.

    Returns
    -------
    dict[str, list[str]]
        Items of the collections that have a loader by path or id, all others by their source as it is written,
        under ``"other"``.
    """
    names: dict[str, set[str]] = {collection: set() for collection in (*_COLLECTIONS.values(), "other")}
    names["harmonixset"].update(harmonix_ids)
    for piece in manifest["pieces"]:
        source = str(piece["source"])
        repository = source.split("@")[0].split(" ")[0]
        collection = _COLLECTIONS.get(repository)
        if collection == "harmonixset":
            names[collection].update(re.findall(r"\b\d{4}_\w+", source))
        elif collection is not None:
            names[collection].update(re.findall(r"\S+\.mid\b", source))
        else:
            names["other"].add(source)
    return {collection: sorted(items) for collection, items in names.items()}
