"""An item on disk: bands of every version, beats, sections, and where all of it came from.

``bands_0``, ``bands_1``, ... float16 ``[n_frames, 136]``; ``beats`` float64 ``[n_beats, 2]``, seconds and place in the bar;
``section_start_sec`` float64 and ``section_label``; ``meta``, JSON.
"""

from __future__ import annotations

import dataclasses
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anacrusis_training.contract import canonical_json


@dataclasses.dataclass(frozen=True, slots=True)
class Item:
    """One item.

    Attributes
    ----------
    bands
        One float16 ``[n_frames, 136]`` a version.
    beats
        float64 ``[n_beats, 2]``: seconds, and place in the bar counted from 1.
    section_start_sec
        float64 ``[n_sections]``.
    section_label
        ``[n_sections]`` labels of the contract.
    meta
        Family, name, traits, sources, sound, augmentations, seeds.
    """

    bands: list[NDArray[np.float16]]
    beats: NDArray[np.float64]
    section_start_sec: NDArray[np.float64]
    section_label: list[str]
    meta: dict[str, Any]


def to_bytes(item: Item) -> bytes:
    """The file's bytes: the same for the same item, on any day."""
    stream = io.BytesIO()
    arrays: dict[str, Any] = {f"bands_{version}": bands for version, bands in enumerate(item.bands)}
    np.savez(
        stream,
        **arrays,
        beats=item.beats,
        section_start_sec=item.section_start_sec,
        section_label=np.array(item.section_label, dtype=np.str_),
        meta=np.array(canonical_json(item.meta)),
    )
    return stream.getvalue()


def load(path: Path) -> Item:
    """Read an item.

    Raises
    ------
    ValueError
        An array is missing or has another shape than it should.
    """
    with np.load(path) as arrays:
        names = set(arrays.files)
        needed = {"bands_0", "beats", "section_start_sec", "section_label", "meta"}
        if missing := sorted(needed - names):
            raise ValueError(f"{path}: no array `{missing[0]}`: not an item of a corpus")
        n_versions = sum(name.startswith("bands_") for name in names)
        item = Item(
            bands=[arrays[f"bands_{version}"] for version in range(n_versions)],
            beats=arrays["beats"],
            section_start_sec=arrays["section_start_sec"],
            section_label=[str(label) for label in arrays["section_label"]],
            meta=json.loads(str(arrays["meta"])),
        )
    if item.beats.ndim != 2 or item.beats.shape[1] != 2:
        raise ValueError(f"{path}: beats of shape {item.beats.shape}, expected [n_beats, 2]")
    return item
