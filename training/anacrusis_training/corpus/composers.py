"""The one table of what can compose a piece: generated families, and sources of the user's folders.

Everything is imported and read on first use: a recipe without Groove needs no Groove.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from anacrusis_training.piece import Piece

Composer = Callable[[np.random.Generator, float], Piece]
"""From a generator and a length in seconds to a piece."""


def _groove(folder: Path, split: str, *, band: bool) -> Composer:
    from anacrusis_training.sources.groove import GrooveSource

    source = GrooveSource(folder, split=split)
    return lambda rng, duration_sec: source.compose(rng, duration_sec, band=band)


def _freedoom(folder: Path, split: str) -> Composer:
    from anacrusis_training.sources.freedoom import FreedoomSource

    return FreedoomSource(folder, split=split).compose


def _structured(folder: Path, split: str) -> Composer:
    from anacrusis_training.sources.harmonix import HarmonixSource

    return HarmonixSource(folder, split=split).compose


SOURCED: dict[str, tuple[str, Callable[[Path, str], Composer]]] = {
    "groove": ("groove", lambda folder, split: _groove(folder, split, band=False)),
    "groove_band": ("groove", lambda folder, split: _groove(folder, split, band=True)),
    "freedoom": ("freedoom", _freedoom),
    "structured": ("harmonixset", _structured),
}
"""Families from outside: folder below the user's sources, and what makes the composer from it and a split."""


class Composers:
    """Composers by family, made on first use.

    Parameters
    ----------
    sources_dir
        The user's folder of outside sources; `None` where the recipe has generated families only.
    split
        Which part of those sources: ``"train"`` or ``"dev"``.
    """

    def __init__(self, sources_dir: Path | None, split: str) -> None:
        self._sources_dir = sources_dir
        self._split = split
        self._made: dict[str, Composer] = {}

    def compose(self, family: str, rng: np.random.Generator, duration_sec: float) -> Piece:
        """A piece of a family.

        Raises
        ------
        ValueError
            No such family, or its source is not there.
        """
        if family not in self._made:
            self._made[family] = self._make(family)
        return self._made[family](rng, duration_sec)

    def _make(self, family: str) -> Composer:
        from anacrusis_training.compose.families import GENERATED

        if family in GENERATED:
            return GENERATED[family]
        if family not in SOURCED:
            known = ", ".join(sorted([*GENERATED, *SOURCED]))
            raise ValueError(f"no family `{family}`: expected one of {known}")
        name, make = SOURCED[family]
        if self._sources_dir is None:
            raise ValueError(f"family `{family}` needs --sources DIR with a folder `{name}`")
        folder = self._sources_dir / name
        if not folder.is_dir():
            raise ValueError(f"family `{family}` needs {folder}, which is no folder")
        return make(folder, self._split)


def check_families(families: dict[str, float], sources_dir: Path | None) -> None:
    """Refuse a recipe that this machine cannot compose, before any work.

    Raises
    ------
    ValueError
        A family that is not there, or whose source is not.
    """
    from anacrusis_training.compose.families import GENERATED

    for family, share in families.items():
        if share > 0 and family not in GENERATED:
            if family not in SOURCED:
                known = ", ".join(sorted([*GENERATED, *SOURCED]))
                raise ValueError(f"no family `{family}`: expected one of {known}")
            if sources_dir is None or not (sources_dir / SOURCED[family][0]).is_dir():
                raise ValueError(f"family `{family}` needs a folder `{SOURCED[family][0]}` in --sources DIR, got {sources_dir}")
