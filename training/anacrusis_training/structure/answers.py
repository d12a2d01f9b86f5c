"""What a network says of songs, at the moments at which it is scored."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from anacrusis_training.structure.labels import LABEL_INDEX
from anacrusis_training.structure.net import Anticipator
from anacrusis_training.structure.prior import Prior, places
from anacrusis_training.structure.rows import Song
from anacrusis_training.structure.scoring import Moments, moments
from anacrusis_training.structure.steps import N_AUDIO


@dataclasses.dataclass(slots=True)
class Answers:
    """Of one song.

    Attributes
    ----------
    moments
        Where it is scored.
    label_logits, bin_logits
        float32 ``[n, 8]`` and ``[n, 6]`` at the moments.
    step
        int64 ``[n]``: the step that speaks for each moment: the first one at or after the beat.
    steps_label
        int64 ``[n_steps]``: the label said at every step.
    """

    moments: Moments
    label_logits: NDArray[np.float32]
    bin_logits: NDArray[np.float32]
    step: NDArray[np.int64]
    steps_label: NDArray[np.int64]


def song_moments(song: Song) -> tuple[Moments, NDArray[np.int64]]:
    """Moments of a song that have a step, and that step: the first one at or after the beat.

    A step before the beat would count the beat itself as "within one beat".
    """
    found = moments(song.beats[:, 0], song.section_start_sec, song.section_label, song.section_weight, song.end_sec)
    step = np.searchsorted(song.step_time_sec, song.beats[found.beat_idx, 0] - 1e-6)
    silent = found.label == LABEL_INDEX["silence"]
    kept = step < len(song.step_time_sec)
    chosen = Moments(found.beat_idx[kept], found.left_beats[kept], found.label[kept], np.where(silent, 0.0, found.weight)[kept])
    return chosen, step[kept].astype(np.int64)


@torch.no_grad()
def answer(net: Anticipator, songs: Iterable[Song], other_audio: Sequence[Song] | None = None) -> list[Answers]:
    """Run a network over songs.

    Parameters
    ----------
    net
        Trained.
    songs
        To be heard.
    other_audio
        Songs whose audio and structure memory take the place of each song's own, repeated where they are shorter: the control that
        shows whether the network listens at all.
    """
    net.eval()
    out = []
    for number, song in enumerate(songs):
        rows = song.rows.astype(np.float32)
        if other_audio is not None:
            rows = _with_audio_of(rows, other_audio[number].rows.astype(np.float32))
        label, bins, _, _ = net(torch.from_numpy(rows)[None], net.initial_state(1))
        chosen, step = song_moments(song)
        label, bins = label[0].numpy(), bins[0].numpy()
        out.append(Answers(chosen, label[step], bins[step], step, label.argmax(1)))
    return out


def prior_answers(prior: Prior, songs: Iterable[Song]) -> list[NDArray[np.float64]]:
    """The table's probabilities at each song's moments ``[n, 5]``, with annotated beats and bars: the floor."""
    out = []
    for song in songs:
        chosen, _ = song_moments(song)
        bars, to_downbeat = places(song.beats[:, 1].astype(np.int64))
        out.append(prior.look_up(bars[chosen.beat_idx], to_downbeat[chosen.beat_idx]))
    return out


def _with_audio_of(rows: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows with the beat features of one song and all else of another."""
    repeated = np.resize(np.arange(len(other)), len(rows))
    out = other[repeated].copy()
    out[:, N_AUDIO : N_AUDIO + 5] = rows[:, N_AUDIO : N_AUDIO + 5]
    return out
