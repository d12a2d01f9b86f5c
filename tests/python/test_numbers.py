"""Arrays, sound, tables and pictures, read by NumPy, soundfile and the standard library."""

import csv
import json
import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import soundfile

from conftest import CLIP


def test_numpy_reads_the_array(exported, document):
    beats = np.load(exported / "band_112_4.beats.npy", allow_pickle=False)
    assert (beats.dtype, beats.shape) == (np.dtype("float64"), (len(document["beats"]), 2))
    assert np.allclose(beats[:, 0], [beat["time_sec"] for beat in document["beats"]], atol=1e-6)
    assert np.array_equal(beats[:, 1], [beat["beat_in_bar"] for beat in document["beats"]])


def test_the_sonified_file_is_the_clip_with_a_click_on_each_beat(exported, document):
    clicked, rate_hz = soundfile.read(exported / "band_112_4.clicks.wav")
    clip, clip_rate_hz = soundfile.read(CLIP)
    assert (rate_hz, clicked.shape) == (clip_rate_hz, clip.shape[:1])
    clip = clip if clip.ndim == 1 else clip.mean(axis=1)
    # What is left when the music is taken away: silence, but for the clicks.
    clicks = clicked - 0.6 * clip
    expected = np.zeros(len(clicks), dtype=bool)
    for beat in document["beats"]:
        start = round(beat["time_sec"] * rate_hz)
        expected[start : start + round(0.05 * rate_hz) + 2] = True
        # Where both are loud together the sum is cut off at full scale, so the click is at least there.
        assert np.abs(clicks[start : start + round(0.004 * rate_hz)]).max() > 0.2
    # A unit of 16 bits, and the rounding of the clip's own.
    assert np.abs(clicks[~expected]).max() < 3 / 32768


def test_reaper_gets_a_marker_a_downbeat_and_a_region_a_section(exported, document, sections):
    with open(exported / "band_112_4.reaper.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["#", "Name", "Start", "End", "Length", "Color"]

    def seconds(text):
        hours, minutes, rest = re.fullmatch(r"(\d+):(\d\d):(\d\d\.\d{3})", text).groups()
        return 3600 * int(hours) + 60 * int(minutes) + float(rest)

    regions = [row for row in rows if row["#"].startswith("R")]
    assert [row["Name"] for row in regions] == [label for _, _, label in sections]
    for row, (start_sec, end_sec, _) in zip(regions, sections):
        assert np.allclose([seconds(row["Start"]), seconds(row["End"])], [start_sec, end_sec], atol=6e-4)
        assert re.fullmatch(r"[0-9A-F]{6}", row["Color"])
    markers = [row for row in rows if row["#"].startswith("M")]
    downbeats = [beat["time_sec"] for beat in document["beats"] if beat["beat_in_bar"] == 1]
    assert np.allclose([seconds(row["Start"]) for row in markers], downbeats, atol=6e-4)
    assert len({row["#"] for row in rows}) == len(rows)


def test_the_table_has_every_field(exported, document):
    with open(exported / "band_112_4.beats.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["beat_in_bar"]) for row in rows] == [beat["beat_in_bar"] for beat in document["beats"]]
    for field, tolerance in [("time_sec", 1e-6), ("bpm", 1e-3), ("confidence", 1e-4)]:
        assert np.allclose([float(row[field]) for row in rows], [beat[field] for beat in document["beats"]], atol=tolerance)


def test_the_picture_is_xml_without_anything_from_elsewhere(exported):
    text = (exported / "band_112_4.beats.svg").read_text(encoding="utf-8")
    root = ElementTree.fromstring(text)
    assert root.tag.endswith("}svg")
    assert not re.search(r"(href|src|url\()", text)
    assert not [node for node in root.iter() if node.tag.endswith(("}script", "}image", "}foreignObject"))]


def test_the_report_holds_the_document(exported, document):
    page = (exported / "band_112_4.report.html").read_text(encoding="utf-8")
    data = json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL).group(1))
    assert data["document"] == document
