"""Items follow from recipe and index alone, so a corpus that was killed is finished with the same bytes."""

import functools
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from anacrusis_training import contract, features
from anacrusis_training.cli import main
from anacrusis_training.corpus import build, item_file, manifest
from anacrusis_training.corpus.item import ItemBuilder, Job
from anacrusis_training.corpus.pool import ProcessPool
from anacrusis_training.corpus.recipe import Recipe
from anacrusis_training.piece import Beat, Note, Piece, Source

PACKAGE = Path(__file__).parents[1]
RECIPE = Recipe("t", 5, 4 * 12 / 3600, {"texture": 1, "pop": 1}, item_sec=12, version_strengths=(0.0, 1.0), soundfonts=())


@pytest.fixture(scope="module")
def anacrusis_bin():
    if not os.environ.get(features.BINARY_VARIABLE):
        pytest.skip(f"{features.BINARY_VARIABLE} is not set")
    return features.find_binary()


def make_job(anacrusis_bin, recipe=RECIPE):
    return Job(recipe, None, (), anacrusis_bin, contract.scope_hash(contract.load()))


def recipe_file(folder):
    path = folder / "recipe.json"
    path.write_text(json.dumps(RECIPE.to_json()))
    return path


def hashes(folder):
    """Hash of every file of a corpus, by name."""
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def command(recipe, out):
    arguments = ["-m", "anacrusis_training", "corpus", "build", "--recipe", recipe, "--out", out, "--workers", "1"]
    return subprocess.Popen([sys.executable, *arguments], env={**os.environ, "PYTHONPATH": str(PACKAGE)})


def test_a_killed_build_is_finished_with_the_same_bytes(anacrusis_bin, tmp_path):
    recipe = recipe_file(tmp_path)
    assert main(["corpus", "build", "--recipe", str(recipe), "--out", str(tmp_path / "whole"), "--workers", "1"]) == 0

    killed = tmp_path / "killed"
    process = command(recipe, killed)
    while len(list(killed.glob("items/*.npz"))) < 2 and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert len(manifest.read(killed)) < RECIPE.n_items

    # As if the kill had hit a write: a cut line, a cut file, another's leavings.
    with (killed / manifest.MANIFEST_NAME).open("ab") as stream:
        stream.write(b'{"family":"po')
    first = killed / next(iter(manifest.read(killed).values())).file
    first.write_bytes(first.read_bytes()[:-7])

    assert command(recipe, killed).wait() == 0
    assert hashes(killed) == hashes(tmp_path / "whole")


def test_two_processes_do_not_build_one_corpus(tmp_path):
    folder = tmp_path / "corpus"
    build.write_header(folder, RECIPE, "hash")
    seen = []

    class Pool:
        """Tries to build the same corpus while it is being built."""

        def run(self, indices):
            with pytest.raises(RuntimeError, match="another process builds this corpus"):
                build.build(folder, RECIPE, self)
            seen.append(list(indices))
            return iter(())

    build.build(folder, RECIPE, Pool())
    assert len(seen) == 1 and len(seen[0]) == RECIPE.n_items
    build.build(folder, RECIPE, Pool())
    assert len(seen) == 2


def test_an_item_is_the_same_wherever_it_is_made(anacrusis_bin):
    first, second = ItemBuilder(make_job(anacrusis_bin)), ItemBuilder(make_job(anacrusis_bin))
    built = [first(0), first(1)]
    assert second(1) == built[1]
    assert built[0].data != built[1].data


def test_an_item_holds_bands_beats_and_its_origin(anacrusis_bin, tmp_path):
    built = ItemBuilder(make_job(anacrusis_bin))(0)
    path = tmp_path / "item.npz"
    path.write_bytes(built.data)
    item = item_file.load(path)
    n_frames = RECIPE.item_sec * features.FRAMES_PER_SEC
    assert [bands.shape[1] for bands in item.bands] == [features.N_BANDS] * 2
    assert all(bands.dtype == np.float16 and abs(len(bands) - n_frames) <= 3 for bands in item.bands)
    assert np.all(np.diff(item.beats[:, 0]) > 0)
    assert item.beats[0, 0] >= 0
    assert item.beats[-1, 0] < RECIPE.item_sec
    assert item.meta["family"] == built.row.family == RECIPE.family_of(0)
    assert item.meta["seed"] == [5, "train", 0]
    assert item.meta["augmentations"][0] == []


class Composed:
    """Composes the same piece for every item."""

    def __init__(self, beats, sources):
        self._piece = Piece("test", "notes", [Note(0.5, 1.0, 0, 60, 90)], [], beats, sources=sources)

    def compose(self, family, rng, duration_sec):
        return self._piece


@pytest.mark.parametrize(
    ("n_beats", "licence", "reason"),
    [(20, "CC-BY-NC-4.0", "a/b: licence 'CC-BY-NC-4.0' is non-commercial"), (3, "MIT", "3 beats, expected 8 or more")],
)
def test_what_may_not_or_cannot_be_trained_on_is_skipped_with_the_reason(tmp_path, n_beats, licence, reason):
    builder = ItemBuilder(make_job(tmp_path / "no runtime"))
    beats = [Beat(0.3 * number, number % 4 + 1) for number in range(n_beats)]
    builder._composers = Composed(beats, [Source("a", "b", licence)])
    built = builder(0)
    assert (built.row.status, built.data) == ("skipped", b"")
    assert built.row.reason.startswith(reason)


def test_a_corpus_may_grow_and_keeps_its_first_items(anacrusis_bin, tmp_path):
    factory = functools.partial(ItemBuilder, make_job(anacrusis_bin))
    build.write_header(tmp_path, RECIPE, "sha256:f")
    small = Recipe(**{**RECIPE.to_json(), "hours": 2 * 12 / 3600, "version_strengths": (0.0, 1.0), "soundfonts": ()})
    build.build(tmp_path, small, ProcessPool(factory, 1))
    before = hashes(tmp_path / "items")
    assert len(before) == 2
    build.build(tmp_path, RECIPE, ProcessPool(factory, 1))
    after = hashes(tmp_path / "items")
    assert len(after) == RECIPE.n_items
    assert before.items() <= after.items()


def test_another_recipe_or_other_features_are_refused(tmp_path):
    build.write_header(tmp_path, RECIPE, "sha256:f")
    build.write_header(tmp_path, RECIPE, "sha256:f")
    other = Recipe("t", 6, 1, {"pop": 1})
    for recipe, feature_hash, field in ((other, "sha256:f", "identity"), (RECIPE, "sha256:g", "feature_hash")):
        with pytest.raises(ValueError, match=f"{field} is .* use another folder"):
            build.write_header(tmp_path, recipe, feature_hash)


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(ValueError, match="neither empty nor a corpus"):
        build.write_header(tmp_path, RECIPE, "sha256:f")


def test_verify_and_stats_tell_what_is_there(anacrusis_bin, tmp_path, capsys):
    recipe = recipe_file(tmp_path)
    out = tmp_path / "corpus"
    assert main(["corpus", "build", "--recipe", str(recipe), "--out", str(out), "--workers", "1", "--hours", str(2 * 12 / 3600)]) == 0
    assert main(["corpus", "verify", str(out)]) == 0
    assert main(["corpus", "stats", str(out)]) == 0
    assert "2 items whole, 0 not" in capsys.readouterr().out
    next(out.glob("items/*.npz")).write_bytes(b"")
    assert main(["corpus", "verify", str(out)]) == 1
    captured = capsys.readouterr()
    assert "1 items whole, 1 not" in captured.out
    assert "not the bytes that were written" in captured.err


@pytest.mark.parametrize(
    ("families", "message"),
    [({"zydeco": 1}, "no family `zydeco`: expected one of"), ({"groove": 1}, "needs a folder `groove` in --sources DIR")],
)
def test_what_cannot_be_composed_is_told_before_any_work(tmp_path, capsys, families, message):
    path = tmp_path / "recipe.json"
    path.write_text(json.dumps(RECIPE.to_json() | {"families": families}))
    assert main(["corpus", "build", "--recipe", str(path), "--out", str(tmp_path / "corpus")]) == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "corpus").exists()


def test_a_runtime_of_another_contract_ends_the_build(anacrusis_bin, tmp_path, capsys):
    changed = contract.load()
    changed["beat_model"]["opset"] += 1
    path = tmp_path / "contract.json"
    path.write_text(json.dumps(changed))
    recipe = recipe_file(tmp_path)
    arguments = ["--recipe", str(recipe), "--out", str(tmp_path / "corpus"), "--contract", str(path), "--workers", "1"]
    assert main(["corpus", "build", *arguments]) == 1
    assert "the runtime follows contract" in capsys.readouterr().err
