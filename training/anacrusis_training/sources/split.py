"""Which part of the outside material trains and which part chooses between models."""

from __future__ import annotations

import hashlib

DEV_SHARE = 0.1
SPLITS = ("train", "dev")


def split_of(item: str) -> str:
    """``"dev"`` for a tenth of all items, ``"train"`` for the rest; decided by the item's name alone, for ever.

    >>> split_of("d_e1m1.mid")
    'train'
    """
    number = int.from_bytes(hashlib.sha256(item.encode()).digest()[:8], "big")
    return "dev" if number < DEV_SHARE * 2**64 else "train"


def check_split(split: str) -> str:
    """The split itself; `ValueError` where there is no such split."""
    if split not in SPLITS:
        raise ValueError(f"split is one of {', '.join(SPLITS)}, not {split!r}")
    return split
