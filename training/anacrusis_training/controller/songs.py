"""Songs for the controller: a made-up plan, composed and rendered by the package's own arranger, with its truth beside it.

No outside source is needed: sections follow each other as in the Harmonix Set (the transition table of its training part, rounded),
and their lengths are its common ones. A song is a function of seed, part and index alone.
"""

from __future__ import annotations

import dataclasses
import io
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile

from anacrusis_training.compose.whole_song import arrange_song
from anacrusis_training.contract import load
from anacrusis_training.corpus.manifest import write_atomically
from anacrusis_training.piece import Beat, Section
from anacrusis_training.render.soundfonts import Soundfont
from anacrusis_training.render.stage import choose_stage, render_song

RATE_HZ = 22_050
PARTS = {"train": 0, "val": 1, "test": 2}
LABELS: tuple[str, ...] = tuple(load()["labels"])
LEAD_IN_SEC = 0.5
TAIL_SEC = 3.0
"""Of silence after the end: the controller is to come to rest."""

NEXT = {
    "intro": {"verse": 0.7, "chorus": 0.24, "inst": 0.06},
    "verse": {"verse": 0.12, "pre-chorus": 0.28, "chorus": 0.54, "inst": 0.06},
    "pre-chorus": {"chorus": 0.94, "verse": 0.06},
    "chorus": {"verse": 0.36, "chorus": 0.22, "bridge": 0.25, "inst": 0.17},
    "bridge": {"chorus": 0.65, "verse": 0.2, "inst": 0.15},
    "inst": {"verse": 0.5, "chorus": 0.3, "bridge": 0.2},
}
LENGTHS_BARS = ((4, 0.4), (8, 0.5), (6, 0.1))
"""Lengths in bars with their shares; half of the usual, so that a short song has boundaries enough."""

N_SECTIONS = (6, 9)


@dataclasses.dataclass(frozen=True, slots=True)
class Truth:
    """What is known of a song.

    Attributes
    ----------
    beats
        float64 ``[n, 2]``: seconds and place in the bar.
    section_start_sec, section_label
        float64 ``[n]``, int64 ``[n]``.
    end_sec
        Where the last section ends.
    """

    beats: np.ndarray
    section_start_sec: np.ndarray
    section_label: np.ndarray
    end_sec: float


def make_plan(rng: np.random.Generator) -> tuple[list[Beat], list[Section], float]:
    """Beats, sections and end of a made-up song: 4/4, 80 to 160 bpm, a slow drift of the tempo."""
    n_sections = int(rng.integers(N_SECTIONS[0], N_SECTIONS[1] + 1))
    labels = ["intro"]
    while len(labels) < n_sections - 1:
        names, shares = zip(*NEXT[labels[-1]].items(), strict=True)
        labels.append(str(rng.choice(names, p=np.array(shares) / sum(shares))))
    labels.append("outro")
    lengths, shares = zip(*LENGTHS_BARS, strict=True)
    bars = [4 if label in ("intro", "outro", "pre-chorus") else int(rng.choice(lengths, p=shares)) for label in labels]
    n_beats = 4 * sum(bars) + 1
    spb = 60.0 / float(np.exp(rng.uniform(np.log(80.0), np.log(160.0))))
    drift = 1.0 + 0.02 * np.sin(2.0 * np.pi * (np.arange(n_beats) / n_beats + rng.random()))
    times = LEAD_IN_SEC + np.concatenate([[0.0], np.cumsum(spb * drift[:-1])])
    beats = [Beat(float(t), k % 4 + 1) for k, t in enumerate(times)]
    starts = np.concatenate([[0], np.cumsum(bars)[:-1]]) * 4
    sections = [Section(float(times[at]), label) for at, label in zip(starts, labels, strict=True)]
    return beats, sections, float(times[-1])


def make_song(seed: int, part: str, index: int, fonts: Sequence[Soundfont]) -> tuple[np.ndarray, Truth]:
    """Sound (mono float32) and truth of a song."""
    rng = np.random.default_rng([seed, PARTS[part], index])
    beats, sections, end_sec = make_plan(rng)
    song = arrange_song(rng, beats, [*sections, Section(end_sec, "silence")], None)
    sound = render_song(song, choose_stage(rng, list(fonts)), RATE_HZ)
    last = int((end_sec + TAIL_SEC) * RATE_HZ)
    sound = np.pad(sound, (0, max(0, last - len(sound))))[:last].astype(np.float32)
    # What rings on fades within a second, so that silence is silence.
    fade = np.clip((end_sec + 1.5 - np.arange(last) / RATE_HZ) / 1.0, 0.0, 1.0)
    truth = Truth(
        beats=np.array([(beat.time_sec, beat.beat_in_bar) for beat in beats]),
        section_start_sec=np.array([section.start_sec for section in sections]),
        section_label=np.array([LABELS.index(section.label) for section in sections]),
        end_sec=end_sec,
    )
    return (sound * fade).astype(np.float32), truth


def write_song(folder: Path, seed: int, part: str, index: int, fonts: Sequence[Soundfont]) -> Path:
    """Make a song's files, ``<part>_<index>.flac`` and ``.json``, where they are not there yet; returns the sound's."""
    path = folder / f"{part}_{index:03}.flac"
    if not path.is_file():
        sound, truth = make_song(seed, part, index, fonts)
        text = json.dumps(
            {
                "beats": truth.beats.round(6).tolist(),
                "section_start_sec": truth.section_start_sec.round(6).tolist(),
                "section_label": truth.section_label.tolist(),
                "end_sec": round(truth.end_sec, 6),
            }
        )
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(path.with_suffix(".json"), text.encode())
        file = io.BytesIO()
        soundfile.write(file, sound, RATE_HZ, format="FLAC")
        write_atomically(path, file.getvalue())
    return path


def read_truth(path: Path) -> Truth:
    """The truth beside a song's sound."""
    value = json.loads(path.with_suffix(".json").read_text())
    return Truth(
        np.array(value["beats"], dtype=np.float64).reshape(-1, 2),
        np.array(value["section_start_sec"], dtype=np.float64),
        np.array(value["section_label"], dtype=np.int64),
        float(value["end_sec"]),
    )
