"""JAMS, validated against its own schema and read by its own library."""

import jams
import pytest


@pytest.fixture(scope="module")
def jam(exported):
    # `strict` raises where the schema of the file or of a namespace is not met.
    return jams.load(str(exported / "band_112_4.jams"), validate=True, strict=True)


def test_every_annotation_meets_its_namespace(jam):
    assert jam.validate(strict=True)
    assert [annotation.namespace for annotation in jam.annotations] == ["beat", "beat_position", "tempo", "segment_open"]
    for annotation in jam.annotations:
        assert annotation.validate(strict=True)


def test_beats_are_the_beats(jam, document):
    [beats] = jam.search(namespace="^beat$")
    assert [(o.time, o.value or 0, o.confidence) for o in beats] == [
        (beat["time_sec"], beat["beat_in_bar"], beat["confidence"]) for beat in document["beats"]
    ]
    [positions] = jam.search(namespace="beat_position")
    known = [beat for beat in document["beats"] if beat["beat_in_bar"] > 0]
    assert [(o.time, o.value["position"], o.value["num_beats"]) for o in positions] == [
        (beat["time_sec"], beat["beat_in_bar"], beat["beats_per_bar"]) for beat in known
    ]
    measures = [o.value["measure"] for o in positions]
    assert measures == sorted(measures)


def test_sections_and_tempo_are_told(jam, document, sections):
    [segments] = jam.search(namespace="segment_open")
    assert [(o.time, pytest.approx(o.time + o.duration), o.value) for o in segments] == sections
    [tempo] = jam.search(namespace="tempo")
    assert tempo.data[0].value == document["tempo_bpm"]
    assert jam.file_metadata.duration == document["duration_sec"]


def test_jams_evaluates_it_by_mir_eval(jam):
    [beats] = jam.search(namespace="^beat$")
    assert jams.eval.beat(beats, beats)["F-measure"] == 1.0
