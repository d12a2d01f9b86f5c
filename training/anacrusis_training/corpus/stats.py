"""What a corpus holds, as a table for people: hours by family, meter and licence, and why items are missing."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable

from anacrusis_training.corpus.manifest import Row

GENERATED_LICENCE = "generated"
"""What an item with nothing of anybody else's in it counts as."""


_NUMBER = re.compile(r"\d+(\.\d+)?")


def describe(rows: Iterable[Row]) -> str:
    """Tables of hours by family, meter, drums and licence, then reasons of items that were not made."""
    rows = list(rows)
    made = [row for row in rows if row.status == "ok"]
    hours = sum(row.seconds for row in made) / 3600
    stored = sum(row.seconds * row.n_versions for row in made) / 3600
    parts = [f"{len(made)} items, {hours:.2f} h composed, {stored:.2f} h stored"]
    parts.append(_table("family", made, lambda row: [row.family]))
    parts.append(_table("meter", made, lambda row: [row.traits.get("meter", "unknown")]))
    parts.append(_table("drums", made, lambda row: [row.traits.get("drums", "unknown")]))
    parts.append(_table("tempo curve", made, lambda row: [row.traits.get("tempo_curve", "unknown")]))
    parts.append(_table("licence", made, lambda row: row.licences or [GENERATED_LICENCE]))
    # Numbers differ from item to item, and the reasons are the same.
    missing = Counter(f"{row.status}: {row.family}: {_NUMBER.sub('#', row.reason)}" for row in rows if row.status != "ok")
    if missing:
        ordered = sorted(missing.items(), key=lambda pair: (-pair[1], pair[0]))
        parts.append("\n".join(["not made", *(f"{count:6}  {text}" for text, count in ordered)]))
    return "\n\n".join(parts)


def _table(title: str, rows: list[Row], keys_of: Callable[[Row], list[str]]) -> str:
    seconds: Counter[str] = Counter()
    for row in rows:
        for key in keys_of(row):
            seconds[key] += row.seconds
    width = max(len(title), *(len(key) for key in seconds)) if seconds else len(title)
    ordered = sorted(seconds.items(), key=lambda pair: (-pair[1], pair[0]))
    return "\n".join([f"{title:<{width}}   hours", *(f"{key:<{width}}  {value / 3600:6.2f}" for key, value in ordered)])
