"""The list of what training must never see."""

import importlib.util
import json
from pathlib import Path

import pytest

from anacrusis_training.sources.excluded import EXCLUDED_PATH, content_hash, load_excluded, names_in_manifest
from anacrusis_training.sources.harmonix import TRAIN_IDS_PATH
from anacrusis_training.sources.split import check_split, split_of
from anacrusis_training.structure.split import PARTS, SPLIT_PATH, songs_of

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parents[1] / "shared"


def _tool():
    spec = importlib.util.spec_from_file_location("make_excluded", ROOT / "tools" / "make_excluded.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.skipif(not (SHARED / "eval" / "manifest.json").is_file(), reason="the evaluation corpus is not here")
def test_committed_lists_are_fresh() -> None:
    tool = _tool()
    manifest, split = tool.read_shared(SHARED)
    document = json.loads(EXCLUDED_PATH.read_text(encoding="utf-8"))
    assert document["names"] == tool.excluded_names(manifest, split)
    assert json.loads(TRAIN_IDS_PATH.read_text(encoding="utf-8")) == tool.train_ids(split)
    assert json.loads(SPLIT_PATH.read_text(encoding="utf-8")) == tool.whole_split(split)
    assert len(document["contents"]) == len(document["names"]["groove"]) + len(document["names"]["freedoom"])


def test_no_song_is_both_allowed_and_excluded() -> None:
    allowed = json.loads(TRAIN_IDS_PATH.read_text(encoding="utf-8"))["ids"]
    excluded = load_excluded()
    assert len(allowed) > 600
    assert not [song for song in allowed if excluded.has_name("harmonixset", song)]


def test_parts_share_no_song_and_hold_none_of_the_evaluation_corpora() -> None:
    parts = [set(songs_of(part)) for part in PARTS]
    assert not parts[0] & parts[1] and not parts[0] & parts[2] and not parts[1] & parts[2]
    excluded = load_excluded()
    assert not [song for part in parts for song in part if excluded.has_name("harmonixset", song)]
    assert parts[0] == set(json.loads(TRAIN_IDS_PATH.read_text(encoding="utf-8"))["ids"])
    with pytest.raises(ValueError, match="no part 'dev'"):
        songs_of("dev")


def test_names_come_from_the_sources_of_a_manifest() -> None:
    sources = [
        "zharry29/drums-with-llm@476adbc groove/drummer1/session1/1_funk_80_beat_4-4.mid (Groove MIDI Dataset v1.0.0)",
        "freedoom/freedoom@d14dbbee musics/d_bunny.mid",
        "urinieto/harmonixset@e35da7a annotation 0032_boomboompow, audio by tools/x.py seed 106",
        "elsewhere/songs@1 a song",
    ]
    names = names_in_manifest({"pieces": [{"source": source} for source in sources]}, ["0001_a"])
    assert names["groove"] == ["groove/drummer1/session1/1_funk_80_beat_4-4.mid"]
    assert names["freedoom"] == ["musics/d_bunny.mid"]
    assert names["harmonixset"] == ["0001_a", "0032_boomboompow"]
    assert names["other"] == ["elsewhere/songs@1 a song"]


def test_content_ignores_start_and_resolution_but_not_notes() -> None:
    tune = [(0, 36), (240, 42), (480, 38)]
    same = content_hash(tune, 480)
    assert content_hash([(100 + 2 * tick, pitch) for tick, pitch in reversed(tune)], 960) == same
    assert content_hash([*tune[:2], (480, 39)], 480) != same
    assert content_hash([*tune[:2], (500, 38)], 480) != same
    assert content_hash([], 480) != same


def test_a_bad_list_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "excluded.json"
    path.write_text('{"names": []}')
    with pytest.raises(ValueError, match="excluded.json"):
        load_excluded(path)
    with pytest.raises(FileNotFoundError):
        load_excluded(tmp_path / "none.json")


def test_a_tenth_is_development() -> None:
    share = sum(split_of(f"item {number}") == "dev" for number in range(5000)) / 5000
    assert abs(share - 0.1) < 0.015
    assert split_of("item 1") == split_of("item 1")
    with pytest.raises(ValueError, match="'test'"):
        check_split("test")
