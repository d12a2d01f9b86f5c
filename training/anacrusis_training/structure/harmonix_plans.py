"""Plans of the Harmonix Set with their beats, by part of the frozen split; MIT."""

from __future__ import annotations

from pathlib import Path

from anacrusis_training.piece import Source
from anacrusis_training.sources.excluded import load_excluded
from anacrusis_training.sources.harmonix import COLLECTION, LICENCE, read_beats
from anacrusis_training.structure.importers import read_lines
from anacrusis_training.structure.plan import Plan, make_plan
from anacrusis_training.structure.split import songs_of


class HarmonixPlans:
    """Whole songs of one part.

    Parameters
    ----------
    folder
        A checkout: the folder that has ``dataset/beats_and_downbeats`` and ``dataset/segments``.
    part
        ``"train"``, ``"val"`` or ``"test"``.

    Raises
    ------
    ValueError
        No song of the part is there.
    """

    def __init__(self, folder: Path, part: str) -> None:
        self._dataset = Path(folder) / "dataset"
        banned = load_excluded()
        self.songs = [song for song in songs_of(part) if not banned.has_name(COLLECTION, song) and self._beats_path(song).is_file()]
        if not self.songs:
            raise ValueError(f"{self._dataset}: no song of the part {part!r}")

    def load(self, song: str) -> Plan:
        """The plan of a song, with its beats.

        Raises
        ------
        ValueError
            The song's files contradict themselves.
        """
        plan = read_lines(self._dataset / "segments" / f"{song}.txt")
        rows = [(segment.start_sec, segment.end_sec, segment.raw) for segment in plan.segments]
        return make_plan(rows, f"{COLLECTION}/{song}", read_beats(self._beats_path(song)))

    @staticmethod
    def source(song: str) -> Source:
        """What a manifest says of a song."""
        return Source(COLLECTION, song, LICENCE)

    def _beats_path(self, song: str) -> Path:
        return self._dataset / "beats_and_downbeats" / f"{song}.txt"
