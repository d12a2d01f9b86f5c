"""Licences: what may train a shipped model."""

import pytest

from anacrusis_training.sources import freedoom, groove, harmonix
from anacrusis_training.sources.licences import ALLOWED, LicenceError, require_allowed


@pytest.mark.parametrize("licence", sorted(ALLOWED))
def test_permissive_licences_pass(licence: str) -> None:
    require_allowed(licence, "a tune")


@pytest.mark.parametrize(
    ("licence", "reason"),
    [
        ("CC-BY-NC-4.0", "non-commercial"),
        ("CC-BY-NC-SA-4.0", "non-commercial"),
        ("CC-BY-ND-4.0", "no derivatives"),
        ("CC-BY-SA-3.0", "share-alike"),
        ("GPL-2.0-only", "copyleft"),
        ("LGPL-3.0-or-later", "copyleft"),
        ("", "not on the list"),
        ("MIT OR Apache-2.0", "not on the list"),
        ("mit", "not on the list"),
    ],
)
def test_everything_else_is_refused_by_name(licence: str, reason: str) -> None:
    with pytest.raises(LicenceError, match=f"a tune.*{reason}"):
        require_allowed(licence, "a tune")


@pytest.mark.parametrize("module", [freedoom, groove, harmonix])
def test_every_source_is_allowed(module) -> None:
    require_allowed(module.LICENCE, module.COLLECTION)
