"""Songs of a user's own: recordings with sections by people or by a detector such as SongFormer, as rows to learn from.

Beats that nobody annotated are the tracker's own, taken from the same run that makes the rows.
"""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from anacrusis_training import contract
from anacrusis_training.corpus import build, manifest
from anacrusis_training.features import FeatureError
from anacrusis_training.structure import rows as rows_of
from anacrusis_training.structure.importers import read_plan
from anacrusis_training.structure.labels import LABEL_INDEX
from anacrusis_training.structure.plan import Plan
from anacrusis_training.structure.steps import STEP_HZ
from anacrusis_training.structure.workshop import SCOPE, Workshop

FIRST_INDEX = 1_000_000
"""Imported songs are numbered from here on, behind all that a recipe composes."""

FEWEST_BEATS = 8

AUDIO_SUFFIXES = (".wav", ".flac", ".mp3", ".ogg", ".m4a", ".aac", ".aif", ".aiff")


@dataclasses.dataclass(slots=True)
class Imported:
    """What became of the recordings: songs that joined, those that could not, and what is to be said of them."""

    n_songs: int
    n_failed: int
    warnings: list[str]


def import_songs(
    workshop: Workshop, part: str, audio_dir: Path, sections: Mapping[str, Path], teacher: str, anacrusis_bin: Path
) -> Imported:
    """Make rows of recordings and add them to a part.

    Parameters
    ----------
    workshop
        Whose part; its corpus may be empty.
    part
        ``"train"``, ``"val"`` or ``"test"``.
    audio_dir
        Recordings.
    sections
        File of sections by the stem of the recording; a recording without one is passed over.
    teacher
        What made the sections, where no person did.
    anacrusis_bin
        The runtime's command line.

    Raises
    ------
    ValueError
        No recording has sections.
    RuntimeError
        Another process builds this corpus.
    """
    recordings = [path for path in sorted(audio_dir.iterdir()) if path.suffix.lower() in AUDIO_SUFFIXES and path.stem in sections]
    if not recordings:
        raise ValueError(f"{audio_dir}: no recording has a file of sections of the same stem")
    folder = workshop.corpus_dir(part)
    contract_hash = contract.scope_hash(contract.load(), SCOPE)
    build.write_header(folder, workshop.recipe.corpora[part], contract_hash)
    with build.sole_builder(folder):
        known = {row.name: row for row in manifest.read(folder).values() if row.index >= FIRST_INDEX}
        next_index = max([row.index + 1 for row in known.values()], default=FIRST_INDEX)
        result = Imported(0, 0, [])
        writer = manifest.Writer(folder)
        try:
            for recording in recordings:
                try:
                    plan = read_plan(sections[recording.stem], teacher)
                    song = _listen(recording, plan, anacrusis_bin, contract_hash)
                except (ValueError, FeatureError) as error:
                    result.warnings.append(f"{recording.name}: {error}")
                    result.n_failed += 1
                    continue
                result.warnings += [f"{recording.name}: {text}" for text in plan.warnings]
                index = known[recording.stem].index if recording.stem in known else next_index
                next_index = max(next_index, index + 1)
                data = rows_of.to_bytes(song)
                file = f"{build.ITEM_FOLDER}/{index:07}.npz"
                manifest.write_atomically(folder / file, data)
                seconds = round(len(song.rows) / STEP_HZ, 3)
                digest, traits = manifest.hash_bytes(data), {"teacher": plan.teacher or "people"}
                source = f"own/{recording.name}"
                writer.append(manifest.Row(index, "ok", part, recording.stem, seconds, 1, file, digest, [], [source], traits))
                result.n_songs += 1
        finally:
            writer.close()
    return result


def _listen(recording: Path, plan: Plan, anacrusis_bin: Path, contract_hash: str) -> rows_of.Song:
    with tempfile.TemporaryDirectory(prefix="anacrusis_import_") as name:
        heard = rows_of.extract(anacrusis_bin, [recording], Path(name), contract_hash)[0]
    beats = np.array([(beat.time_sec, beat.beat_in_bar) for beat in plan.beats]).reshape(-1, 2)
    if not len(beats):
        beats = np.column_stack([heard.tracker_beat_sec, np.zeros(len(heard.tracker_beat_sec))])
    if len(beats) < FEWEST_BEATS:
        raise ValueError(f"{len(beats)} beats, expected {FEWEST_BEATS} or more")
    return rows_of.Song(
        rows=rows_of.half(heard.rows),
        step_time_sec=heard.step_time_sec,
        step_beat=heard.step_beat,
        locked=heard.locked,
        tracker_beat_sec=heard.tracker_beat_sec,
        beats=beats,
        section_start_sec=np.array([segment.start_sec for segment in plan.segments]),
        section_label=np.array([LABEL_INDEX[segment.label] for segment in plan.segments], dtype=np.int8),
        section_weight=np.array([segment.weight for segment in plan.segments], dtype=np.float32),
        end_sec=plan.end_sec,
        end_known=True,
        meta={"song": recording.stem, "renderer": "recording", "teacher": plan.teacher, "source": plan.source},
    )
