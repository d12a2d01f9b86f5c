"""Beats and sections, loaded and scored by mir_eval."""

import mir_eval
import numpy as np


def test_beats_load_and_score_1_against_themselves(exported, document):
    times, positions = mir_eval.io.load_delimited(str(exported / "band_112_4.beats"), [float, int])
    beats = mir_eval.beat.trim_beats(np.array(times))
    scores = mir_eval.beat.evaluate(beats, beats)
    assert scores["F-measure"] == scores["Cemgil"] == scores["Correct Metric Level Total"] == 1.0
    assert np.allclose(times, [beat["time_sec"] for beat in document["beats"]], atol=1e-4)
    assert positions == [beat["beat_in_bar"] for beat in document["beats"]]


def test_the_first_column_of_events_and_csv_are_events(exported, document):
    events = mir_eval.io.load_delimited(str(exported / "band_112_4.events.tsv"), [float, float, int, float, float])
    mir_eval.util.validate_events(np.array(events[0]))
    assert len(events[0]) == len(document["beats"])


def test_sections_load_as_labelled_intervals(exported, sections):
    intervals, labels = mir_eval.io.load_labeled_intervals(str(exported / "band_112_4.sections.txt"), delimiter="\t")
    mir_eval.util.validate_intervals(intervals)
    assert labels == [label for _, _, label in sections]
    assert np.allclose(intervals, [(start, end) for start, end, _ in sections], atol=1e-6)
    precision, recall, score = mir_eval.segment.detection(intervals, intervals)
    assert (precision, recall, score) == (1.0, 1.0, 1.0)


def test_audacity_labels_are_points(exported, document):
    intervals, labels = mir_eval.io.load_labeled_intervals(str(exported / "band_112_4.labels.txt"), delimiter="\t")
    assert np.array_equal(intervals[:, 0], intervals[:, 1])
    assert labels == [str(beat["beat_in_bar"] or "beat") for beat in document["beats"]]
