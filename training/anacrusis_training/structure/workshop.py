"""The folder in which an anticipator is made: corpora, networks, calibration, results."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator
from pathlib import Path

from anacrusis_training import contract, features
from anacrusis_training.corpus import build, manifest
from anacrusis_training.corpus.build import Built
from anacrusis_training.corpus.eval_format import EvalPiece, EvalWriter
from anacrusis_training.corpus.pool import ProcessPool, Work
from anacrusis_training.progress import Progress
from anacrusis_training.render.soundfonts import Soundfont
from anacrusis_training.structure.model_recipe import ModelRecipe
from anacrusis_training.structure.rows import Song, read_song
from anacrusis_training.structure.song_item import SongBuilder, SongJob

SCOPE = "anticipator"
"""The contract's hash scope of everything here."""


def _sound_worker(job: SongJob) -> Work[Built]:
    """A worker that only makes sound; a function of a module, so that it survives pickling."""
    return SongBuilder(job).sound_only


def _scored_worker(job: SongJob) -> Work[EvalPiece]:
    """A worker that makes songs for scoring."""
    return SongBuilder(job).scored


@dataclasses.dataclass(frozen=True, slots=True)
class Workshop:
    """A recipe and the folder for everything in between."""

    recipe: ModelRecipe
    folder: Path

    def corpus_dir(self, part: str) -> Path:
        """Where the songs of a part are."""
        return self.folder / "corpora" / part

    def network_dir(self, name: str = "main") -> Path:
        """Where a network's weights, checkpoint and journal are; `main` is the one that is shipped."""
        return self.folder / "networks" / name

    def results_dir(self) -> Path:
        """Where reports are."""
        return self.folder / "results"

    def job(self, part: str, sources_dir: Path, fonts: tuple[Soundfont, ...], with_rows: bool) -> SongJob:
        """What workers need for a part."""
        return SongJob(
            recipe=self.recipe.corpora[part],
            sources_dir=sources_dir.resolve(),
            soundfonts=fonts,
            anacrusis_bin=features.find_binary() if with_rows else None,
            contract_hash=contract.scope_hash(contract.load(), SCOPE) if with_rows else "",
            audio_dir=self.folder / "sound" / part,
            scratch_dir=self.folder / "scratch" / part,
        )

    def make_sound(self, part: str, sources_dir: Path, fonts: tuple[Soundfont, ...], n_workers: int) -> int:
        """Compose and render what has neither rows nor sound yet; returns how many songs were made."""
        job = self.job(part, sources_dir, fonts, with_rows=False)
        missing = [i for i in build.missing_indices(self.corpus_dir(part), job.recipe.n_items) if not (job.audio_dir / f"{i:06}.flac").is_file()]
        progress = Progress(len(missing) * job.recipe.item_sec)
        for outcome in ProcessPool(functools.partial(_sound_worker, job), n_workers).run(missing):
            if outcome.value is None:
                print(f"song {outcome.index}: {outcome.error}")
            progress.add(job.recipe.item_sec, failed=outcome.value is None)
        progress.finish()
        return len(missing)

    def make_corpus(self, part: str, sources_dir: Path, fonts: tuple[Soundfont, ...], n_workers: int) -> dict[int, manifest.Row]:
        """Make what is missing of a part's rows."""
        folder, recipe = self.corpus_dir(part), self.recipe.corpora[part]
        job = self.job(part, sources_dir, fonts, with_rows=True)
        build.write_header(folder, recipe, job.contract_hash)
        return build.build(folder, recipe, ProcessPool(functools.partial(SongBuilder, job), n_workers))

    def make_scored(self, out_dir: Path, sources_dir: Path, fonts: tuple[Soundfont, ...], n_workers: int) -> int:
        """Write songs of the test part with their sound, for `anacrusis eval --structure`; returns how many."""
        job = dataclasses.replace(self.job("test", sources_dir, fonts, with_rows=False), audio_dir=self.folder / "scored-audio")
        writer, recipe = EvalWriter(out_dir), self.recipe.corpora["test"]
        progress = Progress(self.recipe.scored_songs * recipe.item_sec)
        for outcome in ProcessPool(functools.partial(_scored_worker, job), n_workers).run(range(self.recipe.scored_songs)):
            if outcome.value is None:
                print(f"song {outcome.index}: {outcome.error}")
            else:
                writer.add(outcome.value)
            progress.add(recipe.item_sec, failed=outcome.value is None)
        progress.finish()
        return writer.finish("Synthetic sound on real section plans of the test part; truth by construction. Not for training.")

    def songs(self, part: str) -> Iterator[Song]:
        """Songs of a part, in the order of its recipe."""
        folder = self.corpus_dir(part)
        rows = manifest.read(folder)
        for index in sorted(rows):
            if rows[index].status == "ok":
                yield read_song(folder / rows[index].file)

