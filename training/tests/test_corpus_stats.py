"""The table of a corpus."""

from anacrusis_training.corpus.manifest import Row
from anacrusis_training.corpus.stats import describe


def test_hours_are_summed_by_family_and_licence():
    rows = [
        Row(0, "ok", "folk", seconds=3600, n_versions=2, traits={"meter": "6/8"}),
        Row(1, "ok", "groove", seconds=1800, n_versions=2, licences=["CC-BY-4.0", "MIT"]),
        Row(2, "skipped", "folk", reason="3 beats"),
        Row(3, "skipped", "folk", reason="5 beats"),
    ]
    text = describe(rows)
    assert text.startswith("2 items, 1.50 h composed, 3.00 h stored")
    for line in ("folk      1.00", "groove    0.50", "6/8        1.00", "CC-BY-4.0    0.50", "generated    1.00", "     2  skipped: folk: # beats"):
        assert line in text, f"{line!r} in\n{text}"


def test_an_empty_corpus_has_empty_tables():
    assert describe([]).startswith("0 items, 0.00 h composed")
