"""Writes corpora in the format that `anacrusis eval` scores: ``manifest.json``, ``audio/``, and beats and sections in ``ann/``.

`dev_builder` makes pieces for it from a recipe whose split is ``dev``: other seeds, and outside items that no training corpus holds.
"""

from __future__ import annotations

import dataclasses
import io
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from anacrusis_training.corpus.item import MIN_BEATS, ItemBuilder, Job, beat_array
from anacrusis_training.corpus.manifest import hash_bytes, write_atomically
from anacrusis_training.piece import Section

MANIFEST_NAME = "manifest.json"
FORMAT = 1
AUDIO_SUFFIX = ".flac"


@dataclasses.dataclass(frozen=True, slots=True)
class EvalPiece:
    """A piece to be scored: an entry of the manifest, and the bytes of its files.

    Attributes
    ----------
    entry
        As `eval` reads it (``id``, ``kind``, ``genre``, ...); names of files and the hash are added when it is written.
    audio
        Bytes of the audio file.
    beats
        Text of the reference beats.
    sections
        Text of the reference sections; empty where there are none.
    """

    entry: dict[str, Any]
    audio: bytes
    beats: str
    sections: str = ""


class DevBuilder:
    """Makes the pieces of a job for scoring, in place of its items of features."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._items = ItemBuilder(job)

    def __call__(self, index: int) -> EvalPiece:
        """A piece with the augmentation of the recipe's first version.

        Raises
        ------
        ValueError
            Too few beats to score.
        """
        recipe = self._job.recipe
        piece = self._items.compose(index)
        clean, sound = self._items.sound(piece, index)
        samples, augmentations = self._items.spoil(clean, index, 0)
        duration_sec = len(samples) / recipe.rate_hz
        beats = beat_array(piece, duration_sec)
        if len(beats) < MIN_BEATS:
            raise ValueError(f"{len(beats)} beats, expected {MIN_BEATS} or more")
        intervals_sec = np.diff(beats[:, 0])
        entry = {
            "id": f"{piece.family}_{index:04}",
            "real": False,
            "kind": piece.family,
            "genre": piece.family,
            "name": piece.name,
            "traits": piece.traits,
            "tempo_bpm": round(60.0 / float(np.median(intervals_sec)), 2),
            "duration_s": round(duration_sec, 3),
            "n_beats": len(beats),
            "n_downbeats": int(np.sum(beats[:, 1] == 1)),
            "beats_per_bar": int(beats[:, 1].max()),
            "truth": "by construction",
            "downbeats_scored": True,
            "source": [f"{source.collection}/{source.item}" for source in piece.sources],
            "licence": sorted({source.licence for source in piece.sources}) or ["generated"],
            "sound": sound.describe(),
            "augmentations": augmentations,
        }
        sections = [section for section in piece.sections if section.start_sec < duration_sec]
        return EvalPiece(entry, encode(samples, recipe.rate_hz), beat_text(beats), section_text(sections))


def encode(samples: NDArray[np.float32], rate_hz: int) -> bytes:
    """FLAC of 16 bits: without loss, and the same bytes every time."""
    stream = io.BytesIO()
    soundfile.write(stream, np.clip(samples, -1, 1), rate_hz, format="FLAC", subtype="PCM_16")
    return stream.getvalue()


def beat_text(beats: NDArray[np.float64]) -> str:
    """Beats ``[n_beats, 2]`` as lines of seconds, a tab, and the place in the bar."""
    return "".join(f"{time_sec:.6f}\t{int(place)}\n" for time_sec, place in beats)


def section_text(sections: Sequence[Section]) -> str:
    """Sections as lines of seconds, a tab, and the label."""
    return "".join(f"{section.start_sec:.6f}\t{section.label}\n" for section in sections)


class EvalWriter:
    """Writes a corpus to be scored, anew."""

    def __init__(self, folder: Path) -> None:
        if folder.exists() and any(folder.iterdir()) and not (folder / MANIFEST_NAME).is_file():
            raise ValueError(f"{folder}: neither empty nor a corpus")
        shutil.rmtree(folder / "audio", ignore_errors=True)
        shutil.rmtree(folder / "ann", ignore_errors=True)
        for name in ("audio", "ann"):
            (folder / name).mkdir(parents=True)
        self._folder = folder
        self._entries: list[dict[str, Any]] = []

    def add(self, piece: EvalPiece) -> None:
        """Write the files of one piece."""
        name = piece.entry["id"]
        entry = {**piece.entry, "audio": f"audio/{name}{AUDIO_SUFFIX}", "beats": f"ann/{name}.beats"}
        entry["sha256"] = hash_bytes(piece.audio)
        write_atomically(self._folder / entry["audio"], piece.audio)
        write_atomically(self._folder / entry["beats"], piece.beats.encode())
        if piece.sections:
            entry["sections"] = f"ann/{name}.sections"
            write_atomically(self._folder / entry["sections"], piece.sections.encode())
        self._entries.append(entry)

    def finish(self, note: str) -> int:
        """Write the manifest, in the order of the names, and return how many pieces it has."""
        self._entries.sort(key=lambda entry: entry["id"])
        document = {"format": FORMAT, "note": note, "pieces": self._entries}
        write_atomically(self._folder / MANIFEST_NAME, json.dumps(document, indent=1, ensure_ascii=False).encode() + b"\n")
        return len(self._entries)


def read_entries(folder: Path) -> list[dict[str, Any]]:
    """Pieces of a corpus to be scored.

    Raises
    ------
    ValueError
        No manifest, or one of another format.
    """
    path = folder / MANIFEST_NAME
    if not path.is_file():
        raise ValueError(f"{folder}: no corpus to be scored: {MANIFEST_NAME} is missing")
    document = json.loads(path.read_text(encoding="utf-8"))
    if document.get("format") != FORMAT:
        raise ValueError(f"{path}: manifest format {document.get('format')}, expected {FORMAT}")
    return document["pieces"]
