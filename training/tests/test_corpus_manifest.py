"""The list of items survives being cut off, and catches files that are not what it says."""

import pytest

from anacrusis_training.corpus import manifest
from anacrusis_training.corpus.manifest import Row


def made(folder, index, data=b"bytes"):
    (folder / f"{index}.npz").write_bytes(data)
    return Row(index, "ok", "folk", seconds=72.0, n_versions=2, file=f"{index}.npz", sha256=manifest.hash_bytes(data))


def write(folder, rows):
    writer = manifest.Writer(folder)
    for row in rows:
        writer.append(row)
    writer.close()


def test_rows_come_back_as_written(tmp_path):
    row = Row(3, "ok", "folk", "jig é", 72.5, 2, "items/3.npz", "ab", ["MIT"], ["groove/1.mid"], {"meter": "6/8"})
    write(tmp_path, [row])
    assert manifest.read(tmp_path) == {3: row}


def test_no_list_is_an_empty_one(tmp_path):
    assert manifest.read(tmp_path) == {}


def test_a_cut_last_line_is_left_out_and_overwritten(tmp_path):
    write(tmp_path, [made(tmp_path, 0), made(tmp_path, 1)])
    path = tmp_path / manifest.MANIFEST_NAME
    path.write_bytes(path.read_bytes()[:-20])
    assert sorted(manifest.read(tmp_path)) == [0]
    write(tmp_path, [made(tmp_path, 2)])
    assert sorted(manifest.read(tmp_path)) == [0, 2]


def test_the_last_row_of_an_index_counts_and_compacting_orders(tmp_path):
    write(tmp_path, [made(tmp_path, 1), Row(0, "failed", "folk", reason="worker died"), made(tmp_path, 0)])
    assert manifest.read(tmp_path)[0].status == "ok"
    manifest.compact(tmp_path)
    assert (tmp_path / manifest.MANIFEST_NAME).read_text().count("\n") == 2
    assert list(manifest.read(tmp_path)) == [0, 1]


def test_missing_and_changed_files_are_broken(tmp_path):
    rows = [made(tmp_path, index) for index in range(3)]
    (tmp_path / "1.npz").unlink()
    (tmp_path / "2.npz").write_bytes(b"other")
    assert [row.index for row in manifest.broken(tmp_path, rows)] == [1, 2]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("not JSON", "line 1"),
        ("[1]", "expected a JSON object"),
        ('{"index":1}', "missing"),
        ('{"family":"a","index":1,"status":"lost"}', "'lost', expected one of ok"),
    ],
)
def test_a_whole_line_that_is_no_row_is_named(tmp_path, line, message):
    (tmp_path / manifest.MANIFEST_NAME).write_text(line + "\n")
    with pytest.raises(ValueError, match=message):
        manifest.read(tmp_path)
