"""One mapping from the words of annotators, charts and detectors to the contract's eight section labels.

First substring that matches, in a fixed order: Algorithm 1 of Wang, Hung and Smith 2022 ("To catch a chorus, verse, intro, or anything
else", arXiv 2205.14700), with pre-chorus kept apart, where the paper folds it into verse. What matches nothing is instrumental.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from anacrusis_training.structure.steps import LABELS

LABEL_INDEX = {label: index for index, label in enumerate(LABELS)}

WEAK_WEIGHT = 0.3
"""Share in the label loss of words that say little (``section``, ``build``): the boundary counts fully, the label does not."""

_WEAK = re.compile(r"^section|^build$|^slow|^fast$")

_NO_LABEL = re.compile(r"^nofunction$|^voice$|^[a-z]$")
"""SALAMI's words that name no function: the boundary is kept, the label is ignored."""

_TIME_OUTSIDE = re.compile(r"^(start|end)$")
"""allin1's ``start`` and ``end``, Harmonix' last line: time outside the music."""

_SUBSTRINGS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("silence", ("silence", "silent", "nothing")),
    ("pre-chorus", ("prechorus", "prerefrain", "buildup", "riser")),
    ("chorus", ("refrain", "chorus", "theme", "stutter", "hook", "head", "drop")),
    ("verse", ("verse", "rap", "section", "slow", "build", "dialog")),
    ("intro", ("intro", "fadein", "opening")),
    ("bridge", ("bridge", "trans", "middle8")),
    ("outro", ("outro", "coda", "ending", "fadeout")),
    ("inst", ("break", "inst", "interlude", "impro", "solo")),
)
"""Label, and what a raw word contains, lower case with letters and digits only. In this order; the first match counts."""


class Mapped(NamedTuple):
    """A label of the contract, and its share in the label loss: 1, `WEAK_WEIGHT`, or 0 where the word names no function."""

    label: str
    weight: float


def map_label(raw: str) -> Mapped:
    """Fold a raw word onto `LABELS`.

    A post-chorus counts as chorus, a break as instrumental, an electronic drop as chorus and what rises to it as pre-chorus.

    >>> map_label("Pre-Chorus 2"), map_label("gtr solo").label, map_label("section3")
    (Mapped(label='pre-chorus', weight=1.0), 'inst', Mapped(label='verse', weight=0.3))
    """
    word = re.sub(r"[^a-z0-9]", "", raw.lower())
    if _TIME_OUTSIDE.search(word):
        return Mapped("silence", 1.0)
    if _NO_LABEL.search(word):
        return Mapped("inst", 0.0)
    weight = WEAK_WEIGHT if _WEAK.search(word) else 1.0
    for label, parts in _SUBSTRINGS:
        if any(part in word for part in parts):
            return Mapped(label, weight)
    return Mapped("inst", 1.0)
