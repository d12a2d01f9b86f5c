"""Songs in memory, and batches of whole songs side by side."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import torch

from anacrusis_training.structure.losses import Batch
from anacrusis_training.structure.rows import Song
from anacrusis_training.structure.settings import FitSettings
from anacrusis_training.structure.steps import LABELS, N_ROW
from anacrusis_training.structure.targets import NO_LABEL, Targets, make_targets

STATISTICS_STRIDE = 5
"""Every so manieth step makes the normalisation."""


@dataclasses.dataclass(slots=True)
class Entry:
    """A song with its targets."""

    song: Song
    targets: Targets


class Dataset:
    """Songs of one part with their targets.

    Parameters
    ----------
    songs
        As the corpus has them.
    settings
        Of the label's weights near boundaries, and of renderers that are left out.

    Raises
    ------
    ValueError
        No song is left.
    """

    def __init__(self, songs: Iterable[Song], settings: FitSettings) -> None:
        self.entries = [
            Entry(song, make_targets(song, settings.boundary_weight, settings.boundary_beats, settings.beat_weight))
            for song in songs
            if song.meta.get("renderer") not in settings.leave_out
        ]
        if not self.entries:
            raise ValueError("no songs to learn from")

    def statistics_rows(self) -> torch.Tensor:
        """Rows ``[n, 335]`` from all songs, for the normalisation."""
        return torch.from_numpy(np.concatenate([entry.song.rows[::STATISTICS_STRIDE] for entry in self.entries]).astype(np.float32))

    def label_counts(self) -> torch.Tensor:
        """Weighted steps of each label, ``[8]``."""
        counts = np.zeros(len(LABELS))
        for entry in self.entries:
            counts += np.bincount(entry.targets.label, weights=entry.targets.label_weight, minlength=len(LABELS))
        return torch.from_numpy(counts.astype(np.float32))

    def n_steps(self) -> int:
        """Steps of all songs."""
        return sum(len(entry.song.rows) for entry in self.entries)

    def batches(self, size: int, rng: np.random.Generator) -> Iterator[Batch]:
        """Every song once, in groups of about equal length."""
        order = rng.permutation(len(self.entries))
        # Within a few groups' worth, songs of one length come together: less padding, and still another mix each time.
        span = 4 * size
        for first in range(0, len(order), span):
            near = sorted(order[first : first + span], key=lambda index: len(self.entries[index].song.rows))
            for at in range(0, len(near), size):
                yield collate([self.entries[index] for index in near[at : at + size]])

    def in_order(self, size: int) -> Iterator[Batch]:
        """Every song once, shortest first; always the same."""
        ordered = sorted(self.entries, key=lambda entry: len(entry.song.rows))
        for first in range(0, len(ordered), size):
            yield collate(ordered[first : first + size])


def collate(entries: Sequence[Entry]) -> Batch:
    """Songs padded to the longest; padding weighs nothing."""
    longest = max(len(entry.song.rows) for entry in entries)
    fills = {"next_label": NO_LABEL}
    columns = {}
    for field in dataclasses.fields(Targets):
        first = getattr(entries[0].targets, field.name)
        column = np.full((len(entries), longest), fills.get(field.name, 0), dtype=first.dtype)
        for row, entry in zip(column, entries, strict=True):
            values = getattr(entry.targets, field.name)
            row[: len(values)] = values
        columns[field.name] = torch.from_numpy(column)
    rows = np.zeros((len(entries), longest, N_ROW), np.float32)
    for into, entry in zip(rows, entries, strict=True):
        into[: len(entry.song.rows)] = entry.song.rows
    return Batch(rows=torch.from_numpy(rows), **columns)
