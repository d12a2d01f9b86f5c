"""Makes one whole song: plan, composition, sound, spoiling, rows. A function of job and index alone."""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from anacrusis_training import features
from anacrusis_training.augment import augment
from anacrusis_training.compose.whole_song import WholeSong, arrange_song, shift
from anacrusis_training.corpus import manifest
from anacrusis_training.corpus.build import ITEM_FOLDER, Built
from anacrusis_training.corpus.eval_format import EvalPiece, beat_text, encode
from anacrusis_training.corpus.item import MIN_BEATS
from anacrusis_training.corpus.manifest import Row
from anacrusis_training.corpus.pool import FatalError
from anacrusis_training.corpus.scratch import use_scratch
from anacrusis_training.piece import Section
from anacrusis_training.render.soundfonts import Soundfont
from anacrusis_training.render.stage import choose_stage, render_song
from anacrusis_training.sources.groove_fills import GrooveFills
from anacrusis_training.structure import rows as rows_of
from anacrusis_training.structure.harmonix_plans import HarmonixPlans
from anacrusis_training.structure.labels import LABEL_INDEX
from anacrusis_training.structure.plan import Plan
from anacrusis_training.structure.song_recipe import SongRecipe
from anacrusis_training.structure.steps import STEP_HZ

STEP_COMPOSE, STEP_STAGE, STEP_AUGMENT, STEP_CUT = 0, 1, 2, 3
"""Steps with a generator of their own."""

LEAD_IN_SEC = (0.2, 2.0)
"""Silence before the first beat."""

MOST_CUT_SHARE = 0.6
"""A song is joined no later than after this share of it."""

AUDIO_SUFFIX = ".flac"
TAIL_SEC = 2.0
"""Of sound that is kept after the song's end."""


@dataclasses.dataclass(frozen=True, slots=True)
class SongJob:
    """What a worker needs to make any song.

    Attributes
    ----------
    recipe
        What is made.
    sources_dir
        Folder with ``harmonixset/`` and ``groove/``.
    soundfonts
        The recipe's soundfonts as found on this machine.
    anacrusis_bin
        The runtime's command line; `None` where only sound is made.
    contract_hash
        The ``anticipator`` scope hash that it must have been built with.
    audio_dir
        Where sound is left that was made before its rows, and found again.
    scratch_dir
        Folder for files that are gone when the item is made.
    """

    recipe: SongRecipe
    sources_dir: Path
    soundfonts: tuple[Soundfont, ...]
    anacrusis_bin: Path | None
    contract_hash: str
    audio_dir: Path
    scratch_dir: Path | None = None


@dataclasses.dataclass(slots=True)
class Composed:
    """A song before its rows: truth on the time axis of its sound, and what a manifest says.

    `cut_sec` is how much of its beginning is missing; `end_known` is false where its end is.
    """

    song: WholeSong
    sections: list[tuple[float, str, float]]
    end_sec: float
    cut_sec: float
    end_known: bool
    meta: dict[str, object]


class SongBuilder:
    """Makes the songs of a job, one after the other."""

    def __init__(self, job: SongJob) -> None:
        self._job = job
        self._plans = HarmonixPlans(job.sources_dir / "harmonixset", job.recipe.part)
        self._fills = GrooveFills(job.sources_dir / "groove", is_train=job.recipe.part == "train")
        job.audio_dir.mkdir(parents=True, exist_ok=True)
        use_scratch(job.scratch_dir)

    def __call__(self, index: int) -> Built:
        """Make a song's rows.

        Raises
        ------
        FatalError
            The runtime cannot give rows, or the disk is full.
        """
        recipe = self._job.recipe
        composed = self.compose(index)
        if isinstance(composed, Row):
            return Built(composed, b"")
        path = self._audio(composed, index)
        try:
            with tempfile.TemporaryDirectory(prefix=f"song{index}_") as name:
                assert self._job.anacrusis_bin is not None, "rows are made with a runtime only"
                heard = rows_of.extract(self._job.anacrusis_bin, [path], Path(name), self._job.contract_hash)[0]
        except (features.FeatureError, OSError) as error:
            # A runtime of another contract, a full disk: the next song would fare no better.
            raise FatalError(str(error)) from error
        cut_sec = composed.cut_sec
        beats = np.array([(b.time_sec - cut_sec, b.beat_in_bar) for b in composed.song.piece.beats]).reshape(-1, 2)
        song = rows_of.Song(
            rows=rows_of.half(heard.rows),
            step_time_sec=heard.step_time_sec,
            step_beat=heard.step_beat,
            locked=heard.locked,
            tracker_beat_sec=heard.tracker_beat_sec,
            beats=beats,
            section_start_sec=np.array([start for start, _, _ in composed.sections]),
            section_label=np.array([LABEL_INDEX[label] for _, label, _ in composed.sections], dtype=np.int8),
            section_weight=np.array([weight for _, _, weight in composed.sections], dtype=np.float32),
            end_sec=composed.end_sec,
            end_known=composed.end_known,
            meta=composed.meta,
        )
        data = rows_of.to_bytes(song)
        path.unlink()
        piece = composed.song.piece
        row = Row(
            index=index,
            status="ok",
            family=recipe.part,
            name=piece.name,
            seconds=round(len(heard.step_time_sec) / STEP_HZ, 3),
            n_versions=1,
            file=f"{ITEM_FOLDER}/{index:06}.npz",
            sha256=manifest.hash_bytes(data),
            licences=sorted({source.licence for source in piece.sources}),
            sources=sorted({f"{source.collection}/{source.item}" for source in piece.sources}),
            traits=piece.traits,
        )
        return Built(row, data)

    def sound_only(self, index: int) -> Built:
        """Make a song's sound and leave it for a later run; its row says ``skipped`` and is not kept."""
        composed = self.compose(index)
        if isinstance(composed, Row):
            return Built(composed, b"")
        self._audio(composed, index)
        return Built(Row(index, "skipped", self._job.recipe.part, reason="sound only"), b"")

    def scored(self, index: int) -> EvalPiece:
        """A song for `anacrusis eval --structure`.

        Raises
        ------
        ValueError
            The plan cannot be used.
        """
        composed = self.compose(index)
        if isinstance(composed, Row):
            raise ValueError(composed.reason)
        path = self._audio(composed, index)
        samples, rate_hz = soundfile.read(path, dtype="float32")
        piece = composed.song.piece
        beats = np.array([(b.time_sec, b.beat_in_bar) for b in piece.beats if b.time_sec < composed.end_sec + 1e-6])
        song = str(composed.meta["song"])
        entry = {
            "id": f"str_{song}",
            "real": False,
            "kind": "synthetic sound on a real section plan",
            "genre": str(composed.meta["renderer"]),
            "name": piece.name,
            "traits": piece.traits,
            "tempo_bpm": round(60.0 / float(np.median(np.diff(beats[:, 0]))), 2),
            "duration_s": round(len(samples) / rate_hz, 3),
            "n_beats": len(beats),
            "n_downbeats": int(np.sum(beats[:, 1] == 1)),
            "beats_per_bar": int(beats[:, 1].max()),
            "truth": "by construction",
            "downbeats_scored": True,
            "source": sorted(f"{source.collection}/{source.item}" for source in piece.sources),
            "licence": sorted({source.licence for source in piece.sources}),
            "sound": composed.meta["sound"],
        }
        lines = [f"{start:.6f}\t{label}\n" for start, label, _ in composed.sections]
        sections = "".join([*lines, f"{composed.end_sec:.6f}\tend\n"])
        return EvalPiece(entry, encode(samples, rate_hz), beat_text(beats), sections)

    def compose(self, index: int) -> Composed | Row:
        """The song's notes and truth, or a row that says why its plan cannot be used."""
        recipe = self._job.recipe
        name = recipe.song_of(index)
        try:
            plan = self._plans.load(name)
            check_plan(plan)
        except (ValueError, FileNotFoundError) as error:
            return Row(index, "skipped", recipe.part, name, reason=str(error))
        rng = recipe.rng(index, STEP_COMPOSE)
        scale, lead_in_sec = float(rng.uniform(*recipe.scale)), float(rng.uniform(*LEAD_IN_SEC))
        marks = [Section(segment.start_sec, segment.label) for segment in plan.segments]
        beats, sections = shift(plan.beats, [*marks, Section(plan.end_sec, "silence")], scale, lead_in_sec)
        end_sec = sections[-1].start_sec
        song = arrange_song(rng, beats, sections[:-1], self._fills.draw)
        song.piece.sources = [self._plans.source(name), *song.piece.sources]
        stage = choose_stage(recipe.rng(index, STEP_STAGE), list(self._job.soundfonts))
        cut_sec, heard_sec = self._cut(index, sections[0].start_sec, end_sec)
        meta = {
            "song": name,
            "index": index,
            "renderer": stage.renderer(),
            "traits": song.piece.traits,
            "n_cues": song.n_cues,
            "n_false": song.n_false,
            "sound": stage.describe(),
            "seed": [recipe.seed, recipe.part, index],
        }
        truth = [
            (section.start_sec - cut_sec, section.label, segment.weight)
            for section, segment in zip(sections[:-1], plan.segments, strict=True)
            if section.start_sec < cut_sec + heard_sec
        ]
        end_known = heard_sec >= end_sec - cut_sec - 1e-6
        # Where it breaks off, its truth ends with the sound.
        return Composed(song, truth, min(end_sec - cut_sec, heard_sec), cut_sec, end_known, meta)

    def _cut(self, index: int, start_sec: float, end_sec: float) -> tuple[float, float]:
        """Seconds missing at the beginning, and seconds that are heard from there on."""
        recipe = self._job.recipe
        rng = recipe.rng(index, STEP_CUT)
        joins, leaves = rng.random() < recipe.cut_prob, rng.random() < 0.5 * recipe.cut_prob
        at_share, heard_share = rng.uniform(0.05, MOST_CUT_SHARE), rng.uniform(0.5, 0.95)
        cut_sec = start_sec + at_share * (end_sec - start_sec) if joins else 0.0
        rest_sec = end_sec - cut_sec
        return float(cut_sec), float(rest_sec * heard_share if leaves else rest_sec)

    def _audio(self, composed: Composed, index: int) -> Path:
        """The song's sound as a file; one that is there already is taken."""
        recipe = self._job.recipe
        path = self._job.audio_dir / f"{index:06}{AUDIO_SUFFIX}"
        if not path.is_file():
            clean = render_song(composed.song, choose_stage(recipe.rng(index, STEP_STAGE), list(self._job.soundfonts)), recipe.rate_hz)
            clean = _window(clean, composed, recipe.rate_hz)
            rng = recipe.rng(index, STEP_AUGMENT)
            samples, _ = augment(rng, clean, recipe.rate_hz, float(rng.uniform(*recipe.strength)))
            manifest.write_atomically(path, encode(samples, recipe.rate_hz))
        return path


def check_plan(plan: Plan) -> None:
    """Refuse what cannot be played.

    Raises
    ------
    ValueError
        Too few beats, or times that do not increase.
    """
    if len(plan.beats) < MIN_BEATS:
        raise ValueError(f"{plan.source}: {len(plan.beats)} beats, expected {MIN_BEATS} or more")


def _window(clean: NDArray[np.float32], composed: Composed, rate_hz: int) -> NDArray[np.float32]:
    """The part of a song that is heard: after a cut at once, and to its end with a tail, or until it breaks off."""
    first = round(composed.cut_sec * rate_hz)
    tail_sec = TAIL_SEC if composed.end_known else 0.0
    last = min(len(clean), first + round((composed.end_sec + tail_sec) * rate_hz))
    return clean[first:last]
