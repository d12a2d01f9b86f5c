"""Builds a corpus: decides what is missing, has it made, and is the only one that writes.

A run may end at any moment, by a signal too: the next one checks what is there by its hash and makes the rest, with the same bytes.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from anacrusis_training.corpus import manifest
from anacrusis_training.corpus.manifest import Row
from anacrusis_training.corpus.pool import Pool
from anacrusis_training.progress import Progress

HEADER_NAME = "corpus.json"
HEADER_FORMAT = 1
ITEM_FOLDER = "items"
SCRATCH_FOLDER = "scratch"


class Plan(Protocol):
    """What a corpus is made of: a `recipe.Recipe`, or the windows of recordings that `pseudo.PseudoPlan` lists."""

    @property
    def n_items(self) -> int:
        """Items of the whole corpus."""
        ...

    @property
    def item_sec(self) -> float:
        """Seconds of an item at most."""
        ...

    def family_of(self, index: int) -> str:
        """Family of an item."""
        ...

    def identity(self) -> str:
        """Hash of everything that an item depends on."""
        ...

    def to_json(self) -> dict[str, Any]:
        """For the header."""
        ...


@dataclasses.dataclass(frozen=True, slots=True)
class Built:
    """What a worker returns for an index: its row, and the bytes of its file (empty where the row says why)."""

    row: Row
    data: bytes


CODE_PATTERNS = ("compose/*.py", "sources/*.py", "render/*.py", "augment/*.py", "corpus/*.py")
"""What items depend on besides their plan, below the package."""


def code_hash() -> str:
    """Hash of the code that makes items."""
    package = Path(__file__).resolve().parents[1]
    digest = hashlib.sha256()
    for path in sorted(path for pattern in CODE_PATTERNS for path in package.glob(pattern)):
        digest.update(f"{path.relative_to(package).as_posix()}\0".encode() + path.read_bytes() + b"\0")
    return f"sha256:{digest.hexdigest()}"


def write_header(folder: Path, plan: Plan, feature_hash: str) -> None:
    """Begin a corpus, or check that the one that is there is the same; it may grow.

    Another state of the code is no error, since most changes touch few items, but the header lists every state that made some.

    Raises
    ------
    ValueError
        The folder holds a corpus of another plan or other features, or something else.
    """
    path = folder / HEADER_NAME
    code = [code_hash()]
    if path.is_file():
        header = read_header(folder)
        code = [*(known for known in header["code"] if known not in code), *code]
        for field, expected in (("identity", plan.identity()), ("feature_hash", feature_hash)):
            if header.get(field) != expected:
                raise ValueError(f"{path}: {field} is {header.get(field)}, expected {expected}: use another folder")
    elif folder.is_dir() and any(folder.iterdir()):
        raise ValueError(f"{folder}: neither empty nor a corpus")
    (folder / ITEM_FOLDER).mkdir(parents=True, exist_ok=True)
    header = {
        "format": HEADER_FORMAT,
        "identity": plan.identity(),
        "feature_hash": feature_hash,
        "code": code,
        "plan": plan.to_json(),
    }
    manifest.write_atomically(path, json.dumps(header, indent=1).encode() + b"\n")


def read_header(folder: Path) -> dict[str, Any]:
    """What is known about a corpus as a whole.

    Raises
    ------
    ValueError
        No corpus, or one of another format.
    """
    path = folder / HEADER_NAME
    if not path.is_file():
        raise ValueError(f"{folder}: no corpus: {HEADER_NAME} is missing")
    header = json.loads(path.read_text(encoding="utf-8"))
    if header.get("format") != HEADER_FORMAT:
        raise ValueError(f"{path}: format {header.get('format')}, expected {HEADER_FORMAT}")
    return header


def missing_indices(folder: Path, n_items: int) -> list[int]:
    """Indices to be made: without a row, failed, or with a file that is not what its row says."""
    rows = manifest.read(folder)

    def is_settled(index: int) -> bool:
        row = rows.get(index)
        return row is not None and (row.status == "skipped" or manifest.is_whole(folder, row))

    return [index for index in range(n_items) if not is_settled(index)]


def build(folder: Path, plan: Plan, pool: Pool[Built], progress: Progress | None = None) -> dict[int, Row]:
    """Make what is missing of a corpus whose header is written.

    Returns
    -------
    dict
        All rows, by index.

    Raises
    ------
    RuntimeError
        Another process builds this corpus.
    """
    with sole_builder(folder):
        return _build(folder, plan, pool, progress)


@contextlib.contextmanager
def sole_builder(folder: Path) -> Iterator[None]:
    """Keep other processes from writing the same corpus; the system lets go of it when this one ends, killed or not.

    Raises
    ------
    RuntimeError
        Another process builds it.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise RuntimeError(f"{folder}: another process builds this corpus") from None
    finally:
        os.close(descriptor)


def _build(folder: Path, plan: Plan, pool: Pool[Built], progress: Progress | None) -> dict[int, Row]:
    indices = missing_indices(folder, plan.n_items)
    progress = progress or Progress(plan.n_items * plan.item_sec, (plan.n_items - len(indices)) * plan.item_sec)
    writer = manifest.Writer(folder)
    try:
        for outcome in pool.run(indices):
            if outcome.value is None:
                row = Row(index=outcome.index, status="failed", family=plan.family_of(outcome.index), reason=outcome.error)
            else:
                row = outcome.value.row
                if outcome.value.data:
                    manifest.write_atomically(folder / row.file, outcome.value.data)
            writer.append(row)
            progress.add(plan.item_sec, failed=row.status != "ok")
    finally:
        writer.close()
        progress.finish()
        shutil.rmtree(folder / SCRATCH_FOLDER, ignore_errors=True)
    manifest.compact(folder)
    return manifest.read(folder)
