"""The list of a corpus' items: one JSON line each, appended as they are made.

A line is written after its file is in place, so a list that breaks off anywhere still tells the truth; the last line may be cut.
Where an index has several lines, the last one counts.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from anacrusis_training.contract import canonical_json

MANIFEST_NAME = "manifest.jsonl"

STATUSES = ("ok", "skipped", "failed")
"""Made; refused by its composer, which will not change; failed, to be tried again."""


@dataclasses.dataclass(frozen=True, slots=True)
class Row:
    """One item of a corpus.

    Attributes
    ----------
    index
        Place in the recipe's order.
    status
        One of `STATUSES`.
    family, name
        As the piece has them.
    seconds
        Of composed audio; 0 where none was made.
    n_versions
        Stored versions of that audio.
    file, sha256
        The item relative to the corpus, and its hash; empty where none was made.
    licences
        SPDX identifiers of all that went in, sorted.
    sources
        ``collection/item`` of all that went in, sorted.
    traits
        What a report may group by.
    reason
        Why there is no file; empty where there is one.
    """

    index: int
    status: str
    family: str
    name: str = ""
    seconds: float = 0.0
    n_versions: int = 0
    file: str = ""
    sha256: str = ""
    licences: list[str] = dataclasses.field(default_factory=list)
    sources: list[str] = dataclasses.field(default_factory=list)
    traits: dict[str, str] = dataclasses.field(default_factory=dict)
    reason: str = ""

    def line(self) -> str:
        """As in the list, without the line's end."""
        return canonical_json(dataclasses.asdict(self))


def parse_line(line: str) -> Row:
    """A row from its line.

    Raises
    ------
    ValueError
        Not JSON, a field missing or unknown, or a status that is none.
    """
    fields: Any = json.loads(line)
    if not isinstance(fields, dict):
        raise ValueError(f"expected a JSON object, got {line[:60]!r}")
    try:
        row = Row(**fields)
    except TypeError as error:
        raise ValueError(str(error)) from error
    if row.status not in STATUSES:
        raise ValueError(f"status {row.status!r}, expected one of {', '.join(STATUSES)}")
    return row


def read(folder: Path) -> dict[int, Row]:
    """Rows by index, the last of each; empty where there is no list. A last line without an end is left out.

    Raises
    ------
    ValueError
        A whole line is no row.
    """
    path = folder / MANIFEST_NAME
    if not path.is_file():
        return {}
    rows: dict[int, Row] = {}
    lines = path.read_bytes().split(b"\n")
    for number, line in enumerate(lines[:-1], start=1):
        try:
            row = parse_line(line.decode())
        except ValueError as error:
            raise ValueError(f"{path}, line {number}: {error}") from error
        rows[row.index] = row
    return rows


class Writer:
    """Appends rows. One writer a corpus."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / MANIFEST_NAME
        _drop_cut_line(self._path)
        self._file = self._path.open("ab")

    def append(self, row: Row) -> None:
        """Write one row and hand it to the system."""
        self._file.write(row.line().encode() + b"\n")
        self._file.flush()

    def close(self) -> None:
        """Close the list."""
        self._file.close()


def compact(folder: Path) -> None:
    """Rewrite the list in the order of the indices, one row each, so that equal corpora have equal bytes."""
    rows = read(folder)
    write_atomically(folder / MANIFEST_NAME, b"".join(rows[index].line().encode() + b"\n" for index in sorted(rows)))


def is_whole(folder: Path, row: Row) -> bool:
    """Whether the row's file is there and has the row's hash."""
    path = folder / row.file
    return row.status == "ok" and path.is_file() and hash_bytes(path.read_bytes()) == row.sha256


def broken(folder: Path, rows: Iterable[Row]) -> list[Row]:
    """Rows of made items whose file is missing or has other bytes."""
    return [row for row in rows if row.status == "ok" and not is_whole(folder, row)]


def hash_bytes(data: bytes) -> str:
    """Hexadecimal SHA-256."""
    return hashlib.sha256(data).hexdigest()


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file that is either whole or not there."""
    partial = path.with_name(f".{path.name}.partial")
    partial.write_bytes(data)
    os.replace(partial, path)


def _drop_cut_line(path: Path) -> None:
    if not path.is_file():
        return
    data = path.read_bytes()
    if data and not data.endswith(b"\n"):
        write_atomically(path, data[: data.rfind(b"\n") + 1])
