"""The pieces of a corpus to be scored, each under six conditions: clean, room, codec, noise, level and band limit.

Strengths are fixed, so that results compare from piece to piece; what is random (reflections, noise) follows from seed and piece.
The condition becomes the ``kind`` of a piece, by which `anacrusis eval` groups.
"""

from __future__ import annotations

import dataclasses
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from anacrusis_training.augment import codec, dynamics, filters, noise, room
from anacrusis_training.corpus.eval_format import EvalPiece, encode, read_entries

ROOM_RT60_SEC, ROOM_WET = 0.9, 0.5
CODEC_NAME, CODEC_KBPS = "mp3", 32
NOISE_KINDS, NOISE_RATIO_DB = ("pink", "crowd"), 9.0
LEVEL_DB = -36.0
BAND_LOW_HZ, BAND_HIGH_HZ = 300.0, 3400.0

Samples = NDArray[np.float32]


def _clean(rng: np.random.Generator, samples: Samples, rate_hz: int) -> Samples:
    return samples


def _room(rng: np.random.Generator, samples: Samples, rate_hz: int) -> Samples:
    return room.reverberate(samples, room.impulse_response(rng, rate_hz, ROOM_RT60_SEC, ROOM_WET))


def _codec(rng: np.random.Generator, samples: Samples, rate_hz: int) -> Samples:
    chosen = next(known for known in codec.CODECS if known.name == CODEC_NAME)
    return codec.through_codec(samples, rate_hz, chosen, CODEC_KBPS)


def _noise(rng: np.random.Generator, samples: Samples, rate_hz: int) -> Samples:
    for kind in NOISE_KINDS:
        samples = noise.add_noise(samples, noise.make_noise(rng, kind, len(samples), rate_hz), NOISE_RATIO_DB)
    return samples


def _level(rng: np.random.Generator, samples: Samples, rate_hz: int) -> Samples:
    return samples * np.float32(10 ** (LEVEL_DB / 20))


def _band_limit(rng: np.random.Generator, samples: Samples, rate_hz: int) -> Samples:
    return filters.band_limit(samples, rate_hz, BAND_LOW_HZ, BAND_HIGH_HZ)


CONDITIONS: dict[str, Callable[[np.random.Generator, Samples, int], Samples]] = {
    "clean": _clean,
    "room": _room,
    "codec": _codec,
    "noise": _noise,
    "level": _level,
    "band-limit": _band_limit,
}


@dataclasses.dataclass(frozen=True, slots=True)
class RobustJob:
    """What a worker needs: the corpus whose pieces are spoilt, and the seed of what is random in that."""

    origin: Path
    seed: int


class RobustBuilder:
    """Makes piece i // 6 of a corpus under condition i % 6."""

    def __init__(self, job: RobustJob) -> None:
        self._job = job
        self._entries = read_entries(job.origin)

    def __call__(self, index: int) -> EvalPiece:
        """The piece, spoilt."""
        entry = self._entries[index // len(CONDITIONS)]
        condition = list(CONDITIONS)[index % len(CONDITIONS)]
        samples, rate_hz = soundfile.read(self._job.origin / entry["audio"], dtype="float32", always_2d=True)
        rng = np.random.default_rng([self._job.seed, zlib.crc32(f"{entry['id']} {condition}".encode())])
        spoilt = CONDITIONS[condition](rng, samples.mean(axis=1), rate_hz)
        if (peak := float(np.max(np.abs(spoilt), initial=0.0))) > dynamics.PEAK:
            spoilt = spoilt * np.float32(dynamics.PEAK / peak)
        kept = {key: value for key, value in entry.items() if key not in ("audio", "beats", "sections", "sha256")}
        kept |= {"id": f"{entry['id']}.{condition}", "kind": condition, "kind_of_origin": entry.get("kind", "")}
        sections = entry.get("sections")
        return EvalPiece(
            entry=kept,
            audio=encode(spoilt, rate_hz),
            beats=(self._job.origin / entry["beats"]).read_text(encoding="utf-8"),
            sections=(self._job.origin / sections).read_text(encoding="utf-8") if sections else "",
        )


def n_pieces(origin: Path) -> int:
    """Pieces that a corpus becomes."""
    return len(read_entries(origin)) * len(CONDITIONS)
