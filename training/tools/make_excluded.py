"""Write excluded.json, harmonix_train_ids.json and harmonix_split.json: what training must never see, and which song plans it may use.

Run in `training/` after the evaluation corpus changed:

    python tools/make_excluded.py --shared ../../shared --sources DIR

`DIR` holds checkouts of the outside sources (groove/, freedoom/); their excluded items are hashed by content.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from anacrusis_training.sources.excluded import EXCLUDED_PATH, names_in_manifest
from anacrusis_training.sources.harmonix import TRAIN_IDS_PATH
from anacrusis_training.sources.midi_file import read_midi
from anacrusis_training.structure.split import SPLIT_PATH


def read_shared(shared: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Manifest of the evaluation corpus, and the split of the Harmonix Set."""
    manifest = json.loads((shared / "eval" / "manifest.json").read_text(encoding="utf-8"))
    split = json.loads((shared / "reference" / "structure" / "harmonix_split_v1.json").read_text(encoding="utf-8"))
    return manifest, split


def excluded_names(manifest: dict[str, Any], split: dict[str, Any]) -> dict[str, list[str]]:
    """Names to exclude, by collection."""
    return names_in_manifest(manifest, split["excluded_from_training"])


def train_ids(split: dict[str, Any]) -> dict[str, Any]:
    """The document of the songs that may train."""
    banned = set(split["excluded_from_training"])
    return {
        "licence": "MIT",
        "source": split["source"],
        "rule": split["rule"] + "; this is the train part without the songs of the evaluation corpora",
        "ids": sorted(song for song in split["split"]["train"] if song not in banned),
    }


def whole_split(split: dict[str, Any]) -> dict[str, Any]:
    """The document of the three parts of the song plans, each without the songs of the evaluation corpora."""
    banned = set(split["excluded_from_training"])
    parts = {name: sorted(song for song in split["split"][name] if song not in banned) for name in ("train", "val", "test")}
    return {"licence": "MIT", "source": split["source"], "rule": split["rule"] + "; without the songs of the evaluation corpora", **parts}


def content_hashes(names: dict[str, list[str]], sources: Path) -> list[str]:
    """Hashes of the excluded MIDI files below `sources`; `FileNotFoundError` where one is missing."""
    paths = [sources / name for name in names["groove"]]
    paths += [sources / "freedoom" / name for name in names["freedoom"]]
    return sorted({read_midi(path).content for path in paths})


def main() -> None:
    """Write the files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, required=True, help="folder with eval/ and reference/")
    parser.add_argument("--sources", type=Path, required=True, help="folder with groove/ and freedoom/")
    options = parser.parse_args()
    manifest, split = read_shared(options.shared)
    names = excluded_names(manifest, split)
    document = {"names": names, "contents": content_hashes(names, options.sources)}
    EXCLUDED_PATH.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    TRAIN_IDS_PATH.write_text(json.dumps(train_ids(split), indent=1) + "\n", encoding="utf-8")
    SPLIT_PATH.write_text(json.dumps(whole_split(split), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
