"""Soundfonts that may voice training data: known by content, each with a permissive licence.

A rendering is not the soundfont, but a model whose data is all permissively licensed is easier to explain than one
whose data is not. Fonts are therefore admitted by the SHA-256 of their content, after a reading of their licence:

- FluidR3_GM: MIT ("I hereby release Fluid under the MIT license", README of the font).
- MuseScore_General: MIT, parts public domain and CC0 (copyright file of Debian's musescore-general-soundfont-lossless).
- MuseScore_General_Lite: the same with compressed samples (musescore-general-soundfont-small); every start of
  fluidsynth unpacks them again, which takes four times as long as rendering a minute of music.

Read and left out: TimGM6mb (GPL-2.0), OPL-3_FM_128M (CC BY-SA 4.0), Black Pearl and Red Zeppelin drums (CC BY-SA 3.0);
FluidR3_GS (MIT) has variation banks only and no General MIDI bank 0, so it is silent by itself.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from collections.abc import Iterable
from pathlib import Path

_HASH_CHUNK_BYTES = 1 << 20


@dataclasses.dataclass(frozen=True, slots=True)
class Soundfont:
    """A usable soundfont.

    `attack_sec` is the silence before the transient of its percussion samples, the mean over closed hi-hat, kick and
    side stick (measured at 10 % of the peak); `kits` are the drum programs it has.
    """

    path: Path
    name: str
    sha256: str
    licence: str
    attack_sec: float
    kits: tuple[int, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class _KnownFont:
    name: str
    licence: str
    attack_sec: float
    kits: tuple[int, ...]


# NB: attacks measured with fluidsynth 2.3.1 at 44.1 kHz: closed hi-hat 0.9, kick 2.8, side stick 3.8 ms in all fonts,
# which share samples.
_KNOWN_FONTS = {
    "74594e8f4250680adf590507a306655a299935343583256f3b722c48a1bc1cb0": _KnownFont(
        "FluidR3_GM", "MIT", 0.0025, (0, 8, 16, 24, 25, 32, 40, 48)
    ),
    "59287cbb0f424ec76d1bc269eee40dfe0b02252588d72eb016b5d2382e710a8f": _KnownFont(
        "MuseScore_General", "MIT", 0.0025, (0, 8, 16, 24, 25, 32, 40, 48)
    ),
    "916aaca6b0eb9f9083eb42399614acb2ff4ec72ce28dffff1814592a9696b479": _KnownFont(
        "MuseScore_General_Lite", "MIT", 0.0025, (0, 8, 16, 24, 25, 32, 40, 48)
    ),
}


class UnknownSoundfontError(ValueError):
    """A soundfont whose content is not on the list of permissively licensed ones."""


def load_soundfont(path: Path) -> Soundfont:
    """Admit one soundfont.

    Raises
    ------
    FileNotFoundError
        If `path` is not a file.
    UnknownSoundfontError
        If its content is not on the list above.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no soundfont at {path}")
    digest = _sha256(path.resolve())
    known = _KNOWN_FONTS.get(digest)
    if known is None:
        names = ", ".join(sorted(font.name for font in _KNOWN_FONTS.values()))
        raise UnknownSoundfontError(f"{path} (sha256 {digest}) has no licence on record here; known fonts: {names}")
    return Soundfont(path, known.name, digest, known.licence, known.attack_sec, known.kits)


def find_soundfonts(paths: Iterable[Path]) -> list[Soundfont]:
    """Admit the known fonts among files and folders, each content once, in order of name.

    Folders are searched for ``*.sf2`` and ``*.sf3``; files in them that are not on the list are passed over,
    since a system folder holds fonts of every licence. A file named outright must be on the list.

    Parameters
    ----------
    paths
        Files or folders; one that does not exist raises `FileNotFoundError`.
    """
    found: dict[str, Soundfont] = {}
    for path in map(Path, paths):
        if path.is_dir():
            for file in sorted([*path.glob("*.sf2"), *path.glob("*.sf3")]):
                try:
                    font = load_soundfont(file)
                except UnknownSoundfontError:
                    continue
                found.setdefault(font.sha256, font)
        else:
            font = load_soundfont(path)
            found.setdefault(font.sha256, font)
    return sorted(found.values(), key=lambda font: font.name)


@functools.lru_cache(maxsize=64)
def _sha256(path: Path) -> str:
    """Digest of a file; remembered, because fonts have hundreds of megabytes."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_HASH_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
