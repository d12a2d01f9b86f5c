"""Makes one item: composes, renders, spoils, extracts. A function of job and index alone."""

from __future__ import annotations

import dataclasses
import platform
import tempfile
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from anacrusis_training import features
from anacrusis_training.augment import augment
from anacrusis_training.corpus import manifest
from anacrusis_training.corpus.build import ITEM_FOLDER, Built
from anacrusis_training.corpus.composers import Composers
from anacrusis_training.corpus.item_file import Item, to_bytes
from anacrusis_training.corpus.manifest import Row
from anacrusis_training.corpus.pool import FatalError
from anacrusis_training.corpus.recipe import Recipe
from anacrusis_training.corpus.scratch import use_scratch
from anacrusis_training.piece import Piece
from anacrusis_training.render import sound as sounds
from anacrusis_training.render.soundfonts import Soundfont
from anacrusis_training.sources.licences import LicenceError, require_allowed

STEP_COMPOSE, STEP_SOUND, STEP_AUGMENT = 0, 1, 2
"""Steps with a generator of their own; version v is spoilt by step `STEP_AUGMENT` + v."""

MIN_BEATS = 8
"""An item with fewer says nothing about tempo."""


@dataclasses.dataclass(frozen=True, slots=True)
class Job:
    """What a worker needs to make any item.

    Attributes
    ----------
    recipe
        What is made.
    sources_dir
        The user's folder of outside sources, or `None`.
    soundfonts
        The recipe's soundfonts as found on this machine.
    anacrusis_bin
        The runtime's command line.
    contract_hash
        The ``beat_model`` scope hash that it must have been built with.
    scratch_dir
        Folder for files that are gone when the item is made; `None` for the system's.
    """

    recipe: Recipe
    sources_dir: Path | None
    soundfonts: tuple[Soundfont, ...]
    anacrusis_bin: Path
    contract_hash: str
    scratch_dir: Path | None = None


class ItemBuilder:
    """Makes the items of a job, one after the other."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._composers = Composers(job.sources_dir, job.recipe.split)
        use_scratch(job.scratch_dir)

    def __call__(self, index: int) -> Built:
        """Make an item.

        Raises
        ------
        FatalError
            The runtime cannot give features, or the disk is full.
        """
        recipe = self._job.recipe
        family = recipe.family_of(index)
        try:
            piece = self.compose(index)
        except LicenceError as error:
            return Built(Row(index, "skipped", family, reason=str(error)), b"")
        clean, sound = self.sound(piece, index)
        beats = beat_array(piece, len(clean) / recipe.rate_hz)
        if len(beats) < MIN_BEATS:
            row = Row(index, "skipped", family, piece.name, reason=f"{len(beats)} beats, expected {MIN_BEATS} or more")
            return Built(row, b"")
        versions = [self.spoil(clean, index, version) for version in range(len(recipe.version_strengths))]
        sections = [section for section in piece.sections if section.start_sec < len(clean) / recipe.rate_hz]
        item = Item(
            bands=self._features([samples for samples, _ in versions], index),
            beats=beats,
            section_start_sec=np.array([section.start_sec for section in sections], dtype=np.float64),
            section_label=[section.label for section in sections],
            meta={
                "family": piece.family,
                "name": piece.name,
                "traits": piece.traits,
                "sources": [dataclasses.asdict(source) for source in piece.sources],
                "sound": sound.describe(),
                "augmentations": [names for _, names in versions],
                "seed": [recipe.seed, recipe.split, index],
                "contract_hash": self._job.contract_hash,
                "tools": {"python": platform.python_version(), "numpy": np.__version__},
            },
        )
        data = to_bytes(item)
        licences = {source.licence for source in piece.sources} | ({sound.font.licence} if sound.font else set())
        row = Row(
            index=index,
            status="ok",
            family=piece.family,
            name=piece.name,
            seconds=round(len(clean) / recipe.rate_hz, 3),
            n_versions=len(versions),
            file=f"{ITEM_FOLDER}/{index:06}.npz",
            sha256=manifest.hash_bytes(data),
            licences=sorted(licences),
            sources=sorted({f"{source.collection}/{source.item}" for source in piece.sources}),
            traits=piece.traits,
        )
        return Built(row, data)

    def compose(self, index: int) -> Piece:
        """The item's notes and truth; refused where something in it has a licence that is not allowed."""
        recipe = self._job.recipe
        piece = self._composers.compose(recipe.family_of(index), recipe.rng(index, STEP_COMPOSE), recipe.item_sec)
        for source in piece.sources:
            require_allowed(source.licence, f"{source.collection}/{source.item}")
        return piece

    def sound(self, piece: Piece, index: int) -> tuple[NDArray[np.float32], sounds.Sound]:
        """The piece as audio, float32 ``[n_samples]`` of at most the recipe's length, and what played it."""
        recipe = self._job.recipe
        sound = sounds.choose_sound(recipe.rng(index, STEP_SOUND), list(self._job.soundfonts))
        samples = sounds.render(piece, sound, recipe.rate_hz)
        return samples[: round(recipe.item_sec * recipe.rate_hz)], sound

    def spoil(self, clean: NDArray[np.float32], index: int, version: int) -> tuple[NDArray[np.float32], list[str]]:
        """A version of the audio, and the names of what was done to it."""
        recipe = self._job.recipe
        rng = recipe.rng(index, STEP_AUGMENT + version)
        return augment(rng, clean, recipe.rate_hz, recipe.version_strengths[version])

    def _features(self, versions: list[NDArray[np.float32]], index: int) -> list[NDArray[np.float16]]:
        try:
            with tempfile.TemporaryDirectory(prefix=f"item{index}_") as name:
                folder = Path(name)
                paths = [folder / f"version{number}.wav" for number in range(len(versions))]
                for path, samples in zip(paths, versions, strict=True):
                    soundfile.write(path, np.clip(samples, -1, 1), self._job.recipe.rate_hz, subtype="PCM_16")
                return features.extract(self._job.anacrusis_bin, paths, folder, self._job.contract_hash)
        except (features.FeatureError, OSError) as error:
            # A runtime of another contract, a full disk: the next item would fare no better.
            raise FatalError(str(error)) from error


def beat_array(piece: Piece, end_sec: float) -> NDArray[np.float64]:
    """Beats before `end_sec` as float64 ``[n_beats, 2]``: seconds, and place in the bar."""
    rows = [(beat.time_sec, beat.beat_in_bar) for beat in piece.beats if 0 <= beat.time_sec < end_sec]
    return np.array(rows, dtype=np.float64).reshape(-1, 2)
