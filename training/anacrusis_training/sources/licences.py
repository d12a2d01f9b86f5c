"""Licences under which material may train a model that is shipped."""

from __future__ import annotations

ALLOWED = frozenset(
    ("MIT", "BSD-3-Clause", "CC0-1.0", "CC-BY-3.0", "CC-BY-4.0", "Apache-2.0", "generated"),
)
"""SPDX identifiers, and ``"generated"`` for what this package composed itself."""

_REASONS = (
    ("-NC", "non-commercial"),
    ("-ND", "no derivatives"),
    ("-SA", "share-alike"),
    ("LGPL", "copyleft"),
    ("AGPL", "copyleft"),
    ("GPL", "copyleft"),
)


class LicenceError(ValueError):
    """Material whose licence does not allow training a shipped model."""


def require_allowed(licence: str, what: str) -> None:
    """Refuse everything that is not on the list.

    Parameters
    ----------
    licence
        SPDX identifier, exactly as written there.
    what
        The material, for the message.

    Raises
    ------
    LicenceError
        If `licence` is not in `ALLOWED`; the message says what is wrong with it where that is known.
    """
    if licence in ALLOWED:
        return
    reason = next((words for part, words in _REASONS if part in licence.upper()), "not on the list")
    raise LicenceError(f"{what}: licence {licence!r} is {reason}; allowed are {', '.join(sorted(ALLOWED))}")
