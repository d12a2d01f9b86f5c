"""Pseudo-labels: recordings without annotations, where two trackers that work differently agree about the beats.

Each window is tracked with the whole of it known, once from the networks' activations and once from the spectral flux. It is kept
where beats and downbeats of both agree and the networks' tracker is sure of itself. What is kept is easy music with a regular beat: a
bridge to the sound of recordings, no test of anything.
"""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import mir_eval
import numpy as np
import soundfile
from numpy.typing import NDArray

from anacrusis_training import features
from anacrusis_training.augment import augment
from anacrusis_training.contract import canonical_json
from anacrusis_training.corpus import manifest
from anacrusis_training.corpus.build import ITEM_FOLDER, Built
from anacrusis_training.corpus.item import MIN_BEATS
from anacrusis_training.corpus.item_file import Item, to_bytes
from anacrusis_training.corpus.manifest import Row
from anacrusis_training.corpus.pool import FatalError
from anacrusis_training.sources.licences import require_allowed

FAMILY = "pseudo"
RATE_HZ = 22_050
ITEM_SEC = 72.0
"""Seconds of a window."""

MIN_BEAT_F = 0.9
"""F-measure (70 ms) that the beats of both trackers must reach against each other."""

MIN_DOWNBEAT_F = 0.8
"""The same of downbeats."""

MIN_CONFIDENCE = 0.5
"""Mean confidence that the networks' tracker must have."""

MIN_WINDOW_SEC = 20.0
"""A recording's last window is left out where it is shorter."""


@dataclasses.dataclass(frozen=True, slots=True)
class Window:
    """A stretch of a recording: `file` relative to the folder, with its licence."""

    file: str
    licence: str
    start_sec: float
    duration_sec: float


@dataclasses.dataclass(frozen=True, slots=True)
class PseudoPlan:
    """The windows of a folder of recordings (a `build.Plan`).

    Attributes
    ----------
    windows
        In the order of the list of licences.
    seed
        Of the augmentations.
    item_sec
        Seconds of a window.
    version_strengths
        Strength of the augmentation of each stored version.
    """

    windows: tuple[Window, ...]
    seed: int
    item_sec: float = ITEM_SEC
    version_strengths: tuple[float, ...] = (0.0, 1.0)

    @property
    def n_items(self) -> int:
        """Windows, kept or not."""
        return len(self.windows)

    def family_of(self, index: int) -> str:
        """Always the same."""
        return FAMILY

    def to_json(self) -> dict[str, Any]:
        """For the header of the corpus."""
        return json.loads(json.dumps(dataclasses.asdict(self)))

    def identity(self) -> str:
        """Hash of windows, seed and strengths."""
        return "sha256:" + hashlib.sha256(canonical_json(self.to_json()).encode()).hexdigest()


@dataclasses.dataclass(frozen=True, slots=True)
class PseudoJob:
    """What a worker needs to judge any window; fields as of `item.Job`."""

    plan: PseudoPlan
    audio_dir: Path
    anacrusis_bin: Path
    contract_hash: str
    scratch_dir: Path


@dataclasses.dataclass(frozen=True, slots=True)
class Tracked:
    """Beats float64 ``[n_beats, 2]`` (seconds, place in the bar, 0 where it is not known), and the tracker's mean confidence."""

    beats: NDArray[np.float64]
    confidence: float


def read_licences(path: Path) -> list[tuple[str, str]]:
    """Files and their licences from a table with the columns ``file`` and ``licence``.

    Raises
    ------
    ValueError
        A column is missing, a licence is empty, or a file is named twice.
    """
    with path.open(newline="", encoding="utf-8") as stream:
        table = csv.DictReader(stream)
        if not {"file", "licence"} <= set(table.fieldnames or ()):
            raise ValueError(f"{path}: columns {table.fieldnames}, expected file and licence")
        rows = [(row["file"], row["licence"] or "") for row in table]
    for number, (file, licence) in enumerate(rows):
        if not licence.strip():
            raise ValueError(f"{path}: {file} has no licence")
        if file in {name for name, _ in rows[:number]}:
            raise ValueError(f"{path}: {file} is named twice")
    return [(file, licence.strip()) for file, licence in rows]


def make_plan(audio_dir: Path, licences: Path, seed: int, item_sec: float) -> PseudoPlan:
    """Windows of every recording in the list of licences; every licence must be allowed.

    Raises
    ------
    ValueError
        A licence is not allowed, or a file is not there or is no audio.
    """
    windows = []
    for file, licence in read_licences(licences):
        require_allowed(licence, file)
        length_sec = duration_sec(audio_dir / file)
        start_sec = 0.0
        while length_sec - start_sec >= MIN_WINDOW_SEC:
            windows.append(Window(file, licence, start_sec, round(min(item_sec, length_sec - start_sec), 3)))
            start_sec += item_sec
    return PseudoPlan(tuple(windows), seed, item_sec)


def duration_sec(path: Path) -> float:
    """Length of an audio file.

    Raises
    ------
    ValueError
        No such file, or no audio.
    """
    command = ["ffprobe", "-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0", path]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        return float(result.stdout)
    except ValueError:
        raise ValueError(f"{path}: no audio: {result.stderr.strip() or 'of unknown length'}") from None


def decode(path: Path, window: Window) -> NDArray[np.float32]:
    """The window's samples, mono at `RATE_HZ`, exact to the sample from one decoding to the next.

    Raises
    ------
    ValueError
        ffmpeg cannot decode it.
    """
    span = ["-ss", str(window.start_sec), "-t", str(window.duration_sec)]
    command = ["ffmpeg", "-v", "error", "-i", path, *span, "-ac", "1", "-ar", str(RATE_HZ), "-f", "f32le", "-"]
    result = subprocess.run(command, capture_output=True, check=False)
    if result.returncode != 0 or not result.stdout:
        raise ValueError(f"{window.file}: cannot be decoded: {result.stderr.decode(errors='replace').strip()[-200:]}")
    return np.frombuffer(result.stdout, dtype="<f4").astype(np.float32)


def track(anacrusis_bin: Path, audio: Path, options: list[str]) -> Tracked:
    """Beats of a file by the runtime's offline tracker.

    Raises
    ------
    FatalError
        The runtime fails.
    """
    command = [anacrusis_bin, "analyze", "--offline", "--format", "json", "--stdout", "--quiet", *options, audio]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise FatalError(f"`anacrusis analyze` ended with {result.returncode}: {result.stderr.strip()[-300:]}")
    document = json.loads(result.stdout)
    if not options and document["activation"] == "flux":
        raise FatalError("the runtime has no networks, and the flux cannot confirm itself: run `cargo xtask models`")
    rows = [(beat["time_sec"], beat["beat_in_bar"]) for beat in document["beats"]]
    confidence = float(np.mean([beat["confidence"] for beat in document["beats"]])) if rows else 0.0
    return Tracked(np.array(rows, dtype=np.float64).reshape(-1, 2), confidence)


def refusal(networks: Tracked, flux: Tracked) -> str:
    """Why a window is not kept; empty where it is."""
    if len(networks.beats) < MIN_BEATS:
        return f"{len(networks.beats)} beats, expected {MIN_BEATS} or more"
    if np.any(networks.beats[:, 1] < 1):
        return "bars are not known throughout"
    if networks.confidence < MIN_CONFIDENCE:
        return f"confidence {networks.confidence:.2f}, expected {MIN_CONFIDENCE} or more"
    for what, least, select in (("beat", MIN_BEAT_F, _all), ("downbeat", MIN_DOWNBEAT_F, _first)):
        measured = mir_eval.beat.f_measure(select(networks.beats), select(flux.beats)) if len(flux.beats) else 0.0
        if measured < least:
            return f"{what} F {measured:.2f} between the trackers, expected {least} or more"
    return ""


def _all(beats: NDArray[np.float64]) -> NDArray[np.float64]:
    return beats[:, 0]


def _first(beats: NDArray[np.float64]) -> NDArray[np.float64]:
    return beats[beats[:, 1] == 1, 0]


class PseudoBuilder:
    """Judges windows, and makes items of those that are kept."""

    def __init__(self, job: PseudoJob) -> None:
        self._job = job
        job.scratch_dir.mkdir(parents=True, exist_ok=True)

    def __call__(self, index: int) -> Built:
        """The window's item, or its row with the reason.

        Raises
        ------
        FatalError
            The runtime fails, or the disk is full.
        """
        plan, window = self._job.plan, self._job.plan.windows[index]
        name = f"{window.file} from {window.start_sec:g} s"
        clean = decode(self._job.audio_dir / window.file, window)
        versions = [
            augment(np.random.default_rng([plan.seed, index, version]), clean, RATE_HZ, strength)
            for version, strength in enumerate(plan.version_strengths)
        ]
        with tempfile.TemporaryDirectory(dir=self._job.scratch_dir) as folder_name:
            folder = Path(folder_name)
            audio = self._write(folder / "clean.wav", clean)
            networks = track(self._job.anacrusis_bin, audio, [])
            flux = track(self._job.anacrusis_bin, audio, ["--activation", "flux"])
            if reason := refusal(networks, flux):
                return Built(Row(index, "skipped", FAMILY, name, reason=reason), b"")
            paths = [self._write(folder / f"{number}.wav", samples) for number, (samples, _) in enumerate(versions)]
            try:
                bands = features.extract(self._job.anacrusis_bin, paths, folder, self._job.contract_hash)
            except features.FeatureError as error:
                raise FatalError(str(error)) from error
        source = f"recordings/{window.file}"
        item = Item(
            bands=bands,
            beats=networks.beats,
            section_start_sec=np.zeros(0),
            section_label=[],
            meta={
                "family": FAMILY,
                "name": name,
                "traits": {"truth": "pseudo"},
                "sources": [{"collection": "recordings", "item": window.file, "licence": window.licence}],
                "augmentations": [names for _, names in versions],
                "confidence": round(networks.confidence, 4),
                "seed": [plan.seed, index],
                "contract_hash": self._job.contract_hash,
            },
        )
        data = to_bytes(item)
        row = Row(
            index=index,
            status="ok",
            family=FAMILY,
            name=name,
            seconds=round(len(clean) / RATE_HZ, 3),
            n_versions=len(versions),
            file=f"{ITEM_FOLDER}/{index:06}.npz",
            sha256=manifest.hash_bytes(data),
            licences=[window.licence],
            sources=[source],
            traits={"truth": "pseudo"},
        )
        return Built(row, data)

    def _write(self, path: Path, samples: NDArray[np.float32]) -> Path:
        try:
            soundfile.write(path, np.clip(samples, -1, 1), RATE_HZ, subtype="PCM_16")
        except OSError as error:
            raise FatalError(str(error)) from error
        return path
