"""A corpus as a few flat arrays that processes share through the page cache.

`pack` joins the items of corpora into ``bands.raw`` ``[n, 136]`` float16, ``targets.raw`` ``[n, 3]`` float16 (beat, downbeat, known) and
``bpm.raw`` ``[n]`` float16, with ``index.json`` saying which frames are whose. `Pack` maps them.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from ..features import FRAMES_PER_SEC, N_BANDS
from .targets import beat_targets, known_frames, tempo_curve

MIN_BPM, MAX_BPM = 42.0, 225.0
"""Median tempi outside are left out: no tracker setting reaches them."""


@dataclasses.dataclass(frozen=True, slots=True)
class Entry:
    """One version of one piece: its frames are ``first`` to ``first + n_frames`` of the arrays."""

    first: int
    n_frames: int
    family: str
    name: str
    version: int


def refusal(beats: np.ndarray) -> str | None:
    """Why a piece is left out, or None."""
    if len(beats) < 12:
        return f"{len(beats)} beats, fewer than 12"
    intervals_sec = np.diff(beats[:, 0])
    if not (intervals_sec > 0).all():
        return "beats are not in time order"
    bpm = 60.0 / float(np.median(intervals_sec))
    if not MIN_BPM <= bpm <= MAX_BPM:
        return f"{bpm:.0f} BPM, outside {MIN_BPM:.0f} to {MAX_BPM:.0f}"
    return None


def pack(items: Iterable[Path], out_dir: Path) -> list[Entry]:
    """Join item files (``bands_<v>``, ``beats``, ``meta``) into `out_dir`; returns the entries.

    Raises
    ------
    ValueError
        Where no item is usable.
    """
    out_dir.mkdir(parents=True, exist_ok=True)
    entries: list[Entry] = []
    first = 0
    with (out_dir / "bands.raw").open("wb") as bands_file, (out_dir / "targets.raw").open("wb") as targets_file, (
        out_dir / "bpm.raw"
    ).open("wb") as bpm_file:
        for path in items:
            with np.load(path) as item:
                beats, meta = item["beats"], json.loads(str(item["meta"]))
                if refusal(beats) is not None:
                    continue
                for version, key in enumerate(sorted(k for k in item.files if k.startswith("bands_"))):
                    bands = item[key]
                    n_frames = len(bands)
                    known = known_frames(beats, n_frames)[:, None]
                    targets = np.concatenate([beat_targets(beats, n_frames), known], 1)
                    bands_file.write(np.ascontiguousarray(bands, np.float16).tobytes())
                    targets_file.write(targets.astype(np.float16).tobytes())
                    bpm_file.write(tempo_curve(beats, n_frames).astype(np.float16).tobytes())
                    entries.append(Entry(first, n_frames, meta["family"], f"{path.stem} {meta['name']}", version))
                    first += n_frames
    if not entries:
        raise ValueError(f"no usable item for {out_dir}")
    (out_dir / "index.json").write_text(json.dumps([dataclasses.asdict(e) for e in entries]))
    return entries


class Pack:
    """A packed corpus, mapped read-only."""

    def __init__(self, directory: Path) -> None:
        self.entries = [Entry(**e) for e in json.loads((directory / "index.json").read_text())]
        n = sum(e.n_frames for e in self.entries)
        self.bands = np.memmap(directory / "bands.raw", np.float16, "r", shape=(n, N_BANDS))
        self.targets = np.memmap(directory / "targets.raw", np.float16, "r", shape=(n, 3))
        self.bpm = np.memmap(directory / "bpm.raw", np.float16, "r", shape=(n,))

    def hours(self) -> float:
        """Hours of features, every version counted."""
        return len(self.bands) / (3600.0 * FRAMES_PER_SEC)
