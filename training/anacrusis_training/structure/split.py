"""Which song plans train, choose and test: a frozen split by artist, so that no artist is on two sides."""

from __future__ import annotations

import json
from pathlib import Path

SPLIT_PATH = Path(__file__).resolve().parents[2] / "harmonix_split.json"
"""Song ids of the Harmonix Set by part, written by tools/make_excluded.py."""

PARTS = ("train", "val", "test")


def songs_of(part: str, path: Path = SPLIT_PATH) -> list[str]:
    """Ids of a part, sorted.

    Raises
    ------
    ValueError
        No such part.
    """
    if part not in PARTS:
        raise ValueError(f"no part {part!r}, expected one of {', '.join(PARTS)}")
    return sorted(json.loads(path.read_text(encoding="utf-8"))[part])
