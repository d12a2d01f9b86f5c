"""Rows of features as the plugin feeds them to the anticipator, made by the Rust runtime only, and the file that keeps a song's.

A row describes 80 ms: 290 pooled audio features, 5 of the beat, 40 of the structure memory. The beat and the memory come from the
tracker as it would have run on the audio, with its errors.
"""

from __future__ import annotations

import dataclasses
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anacrusis_training.features import FeatureError, require_contract, run_features
from anacrusis_training.structure.steps import N_ROW

LARGEST_HALF = 65_504.0
"""Largest number of half precision."""


@dataclasses.dataclass(slots=True)
class Song:
    """A song to learn from or to score.

    Attributes
    ----------
    rows
        float16 ``[n_steps, 335]``: audio, beat, structure memory.
    step_time_sec
        float64 ``[n_steps]``.
    step_beat
        float64 ``[n_steps]``: the runtime's own fractional count of beats, virtual ones while it has no lock.
    locked
        uint8 ``[n_steps]``.
    tracker_beat_sec
        float64 ``[n]``: beats that the tracker announced.
    beats
        float64 ``[n_beats, 2]``: annotated beats, seconds and place in the bar.
    section_start_sec, section_label, section_weight
        float64 ``[n]``, int8 ``[n]`` (index of the label), float32 ``[n]`` (share in the label loss).
    end_sec
        Where the song ends.
    end_known
        Whether the song ends there; where the recording breaks off, nobody knows when the next boundary comes.
    meta
        Song, sound and whatever a report groups by.
    """

    rows: NDArray[np.float16]
    step_time_sec: NDArray[np.float64]
    step_beat: NDArray[np.float64]
    locked: NDArray[np.uint8]
    tracker_beat_sec: NDArray[np.float64]
    beats: NDArray[np.float64]
    section_start_sec: NDArray[np.float64]
    section_label: NDArray[np.int8]
    section_weight: NDArray[np.float32]
    end_sec: float
    end_known: bool
    meta: dict[str, Any]


@dataclasses.dataclass(slots=True)
class Heard:
    """What the runtime says of a file; fields as in `Song`, with rows in float32."""

    rows: NDArray[np.float32]
    step_time_sec: NDArray[np.float64]
    step_beat: NDArray[np.float64]
    locked: NDArray[np.uint8]
    tracker_beat_sec: NDArray[np.float64]


def extract(anacrusis_bin: Path, audio_paths: Sequence[Path], out_dir: Path, contract_hash: str, jobs: int = 1) -> list[Heard]:
    """Rows of several audio files.

    Parameters
    ----------
    anacrusis_bin
        The runtime's command line.
    audio_paths
        Audio files with stems that differ.
    out_dir
        Folder for the runtime's own files, one ``STEM.npz`` for each.
    contract_hash
        The ``anticipator`` scope hash that the runtime must have been built with.
    jobs
        Files at a time.

    Raises
    ------
    FeatureError
        The runtime failed or follows another contract.
    """
    if not audio_paths:
        return []
    run_features(anacrusis_bin, audio_paths, out_dir, ["--structure"], jobs)
    return [read_heard(out_dir / f"{path.stem}.npz", contract_hash) for path in audio_paths]


def read_heard(path: Path, contract_hash: str) -> Heard:
    """A file of `anacrusis features --structure`.

    Raises
    ------
    FeatureError
        Another contract, other shapes, or a number that is none.
    """
    with np.load(path) as arrays:
        got = str(arrays["contract_hash"])
        heard = Heard(
            arrays["rows"].astype(np.float32),
            arrays["step_time_sec"].astype(np.float64),
            arrays["step_beat"].astype(np.float64),
            arrays["locked"].astype(np.uint8),
            arrays["tracker_beat_sec"].astype(np.float64),
        )
    require_contract(path, got, contract_hash)
    n_steps = len(heard.step_time_sec)
    for name, shape in (("rows", (n_steps, N_ROW)), ("step_beat", (n_steps,)), ("locked", (n_steps,))):
        if getattr(heard, name).shape != shape:
            raise FeatureError(f"{path.name}: {name} of shape {getattr(heard, name).shape}, expected {shape}")
    if not np.isfinite(heard.rows).all():
        raise FeatureError(f"{path.name}: rows hold numbers that are not finite")
    return heard


def to_bytes(song: Song) -> bytes:
    """A song's file."""
    arrays = {field.name: getattr(song, field.name) for field in dataclasses.fields(Song) if field.name not in ("end_sec", "end_known", "meta")}
    stream = io.BytesIO()
    header = json.dumps({"end_sec": song.end_sec, "end_known": song.end_known, **song.meta}, ensure_ascii=False)
    np.savez_compressed(stream, **arrays, meta=np.array(header))
    return stream.getvalue()


def read_song(path: Path) -> Song:
    """A song from its file.

    Raises
    ------
    ValueError
        Not such a file.
    """
    names = [field.name for field in dataclasses.fields(Song) if field.name not in ("end_sec", "end_known", "meta")]
    with np.load(path) as arrays:
        if missing := [name for name in [*names, "meta"] if name not in arrays]:
            raise ValueError(f"{path}: no song of rows: {missing[0]} is missing")
        meta = json.loads(str(arrays["meta"]))
        fields = {name: arrays[name] for name in names}
    return Song(**fields, end_sec=float(meta.pop("end_sec")), end_known=bool(meta.pop("end_known")), meta=meta)


def half(rows: NDArray[np.float32]) -> NDArray[np.float16]:
    """Rows in half precision, within its range."""
    return np.clip(rows, -LARGEST_HALF, LARGEST_HALF).astype(np.float16)
