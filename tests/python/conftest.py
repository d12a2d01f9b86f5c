"""The clip of the demo in every format, written once by the binary in ANACRUSIS_BIN."""

import os
import subprocess
from pathlib import Path

import pytest

CLIP = Path(__file__).parents[1] / "golden" / "demo" / "band_112_4.wav"
FORMATS = "beats,json,events,labels,sections,mid,csv,reaper,jams,npy,svg,wav,report"


@pytest.fixture(scope="session")
def binary():
    """Path of the binary under test."""
    path = os.environ.get("ANACRUSIS_BIN")
    if not path:
        pytest.fail("ANACRUSIS_BIN names no binary: run `cargo xtask foreign`")
    return path


@pytest.fixture(scope="session")
def exported(binary, tmp_path_factory):
    """Folder with all formats of the clip, named `band_112_4.SUFFIX`."""
    folder = tmp_path_factory.mktemp("exported")
    subprocess.run([binary, "analyze", "--quiet", "-f", FORMATS, "-o", folder, CLIP], check=True)
    return folder


@pytest.fixture(scope="session")
def document(exported):
    """The JSON document of the clip."""
    import json

    return json.loads((exported / "band_112_4.beats.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def sections(document):
    """Start, end and label of each section."""
    found = document["sections"]
    ends = [section["time_sec"] for section in found[1:]] + [document["duration_sec"]]
    return [(section["time_sec"], end, section["label"]) for section, end in zip(found, ends)]
