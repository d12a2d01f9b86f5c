"""Section words, plans and importers."""

import json
from pathlib import Path

import mido
import pytest

from anacrusis_training.structure import importers, labels
from anacrusis_training.structure.importers import read_plan
from anacrusis_training.structure.labels import map_label
from anacrusis_training.structure.plan import make_plan, snap
from anacrusis_training.structure.steps import LABELS

CONTRACT = Path(__file__).resolve().parents[2] / "model_contracts" / "v1.json"


@pytest.mark.parametrize(
    ("raw", "label"),
    [
        ("Silence", "silence"),
        ("end", "silence"),
        ("Pre-Chorus 2", "pre-chorus"),
        ("pre_chorus", "pre-chorus"),
        ("postchorus", "chorus"),
        ("instchorus", "chorus"),
        ("main theme", "chorus"),
        ("drop", "chorus"),
        ("riser", "pre-chorus"),
        ("preverse", "verse"),
        ("instrumentalverse", "verse"),
        ("fadein", "intro"),
        ("instintro", "intro"),
        ("transition", "bridge"),
        ("vocaloutro", "outro"),
        ("coda", "outro"),
        ("breakdown", "inst"),
        ("Interlude", "inst"),
        ("gtr solo", "inst"),
        ("mainriff", "inst"),
        ("", "inst"),
    ],
)
def test_words_fold_onto_the_contract_in_the_order_of_the_rule(raw: str, label: str) -> None:
    assert map_label(raw).label == label


def test_weak_words_count_less_and_unnamed_ones_not_at_all() -> None:
    assert map_label("section3") == ("verse", labels.WEAK_WEIGHT)
    assert map_label("build") == ("verse", labels.WEAK_WEIGHT)
    assert map_label("no_function").weight == map_label("B").weight == 0.0
    assert map_label("verse").weight == 1.0


def test_labels_are_the_contracts() -> None:
    assert list(LABELS) == json.loads(CONTRACT.read_text(encoding="utf-8"))["labels"]


def test_a_gap_is_filled_and_said_and_rounding_is_neither() -> None:
    plan = make_plan([(0.0, 9.98, "intro"), (10.0, 20.0, "verse"), (21.5, 30.0, "chorus")], "x")
    assert [(s.start_sec, s.end_sec) for s in plan.segments] == [(0.0, 10.0), (10.0, 21.5), (21.5, 30.0)]
    assert len(plan.warnings) == 1 and "gap" in plan.warnings[0]
    assert plan.boundaries_sec() == [10.0, 21.5, 30.0]


def test_an_overlap_is_refused() -> None:
    make_plan([(0.0, 10.04, "intro"), (10.0, 20.0, "verse")], "x")
    with pytest.raises(ValueError, match="overlap"):
        make_plan([(0.0, 10.2, "intro"), (10.0, 20.0, "verse")], "x")
    with pytest.raises(ValueError, match="no sections"):
        make_plan([], "x")
    with pytest.raises(ValueError, match="nan"):
        make_plan([(0.0, float("nan"), "intro")], "x")


def test_short_ends_are_merged_and_short_middles_are_kept() -> None:
    rows = [(0.0, 0.5, "start"), (0.5, 10.0, "intro"), (10.0, 10.6, "break"), (10.6, 20.0, "verse"), (20.0, 20.4, "outro")]
    plan = make_plan(rows, "x")
    assert [(s.start_sec, s.end_sec, s.label) for s in plan.segments] == [(0.0, 10.0, "intro"), (10.0, 10.6, "inst"), (10.6, 20.4, "verse")]


def test_boundaries_go_to_a_near_beat_and_never_to_the_downbeat() -> None:
    beats_sec = [0.0, 0.5, 1.0, 1.5, 2.0]
    assert snap(1.55, beats_sec) == 1.5
    assert snap(1.75, beats_sec) == 1.75
    assert snap(-0.1, beats_sec) == 0.0
    assert snap(3.0, beats_sec) == 3.0
    assert snap(1.0, []) == 1.0


def test_songformer(tmp_path: Path) -> None:
    path = tmp_path / "song.json"
    path.write_text(json.dumps([{"label": "intro", "start": 0.0, "end": 8.0}, {"label": "pre-chorus", "start": 8.0, "end": 16.0}]))
    plan = read_plan(path)
    assert [s.label for s in plan.segments] == ["intro", "pre-chorus"] and plan.teacher == "SongFormer"
    path.write_text(json.dumps([{"label": "intro", "start": 0.0}]))
    with pytest.raises(ValueError, match="expected an entry with start, end and label"):
        read_plan(path)
    path.write_text("{")
    with pytest.raises(ValueError, match="not JSON"):
        read_plan(path)


def test_lines_with_spaces_in_labels(tmp_path: Path) -> None:
    path = tmp_path / "song.txt"
    path.write_text("0.000000 intro\n8.0\tguitar solo\n\n20.5 end\n")
    plan = read_plan(path)
    assert [(s.start_sec, s.end_sec, s.raw) for s in plan.segments] == [(0.0, 8.0, "intro"), (8.0, 20.5, "guitar solo")]
    path.write_text("0.0 intro\n8.0 verse\n")
    with pytest.raises(ValueError, match="last line"):
        read_plan(path)
    path.write_text("0.0 intro\nnonsense\n")
    with pytest.raises(ValueError, match="song.txt:2"):
        read_plan(path)


def test_allin1_brings_its_beats(tmp_path: Path) -> None:
    path = tmp_path / "song.json"
    segments = [{"start": 0.0, "end": 1.5, "label": "start"}, {"start": 1.5, "end": 20.0, "label": "verse"}]
    path.write_text(json.dumps({"path": "a", "bpm": 120, "beats": [0.5, 1.0], "beat_positions": [4, 1], "segments": segments}))
    plan = read_plan(path)
    assert [s.label for s in plan.segments] == ["silence", "verse"]
    assert [(b.time_sec, b.beat_in_bar) for b in plan.beats] == [(0.5, 4), (1.0, 1)]
    path.write_text(json.dumps({"beats": [0.5], "beat_positions": [], "segments": segments}))
    with pytest.raises(ValueError, match="1 beats, but 0 beat positions"):
        read_plan(path)


@pytest.mark.parametrize("by_field", [False, True])
def test_jams(tmp_path: Path, by_field: bool) -> None:
    data: object = [{"time": 0.0, "duration": 8.0, "value": "verse", "confidence": 1.0}, {"time": 8.0, "duration": 4.0, "value": "end", "confidence": 1.0}]
    if by_field:
        data = {"time": [0.0, 8.0], "duration": [8.0, 4.0], "value": ["verse", "end"], "confidence": [1.0, 1.0]}
    path = tmp_path / "song.jams"
    path.write_text(json.dumps({"annotations": [{"namespace": "beat", "data": []}, {"namespace": "segment_open", "data": data}]}))
    assert [(s.start_sec, s.end_sec, s.label) for s in read_plan(path).segments] == [(0.0, 8.0, "verse")]
    path.write_text(json.dumps({"annotations": []}))
    with pytest.raises(ValueError, match="segment_open"):
        read_plan(path)


def test_rock_band_sections_follow_the_tempo_map(tmp_path: Path) -> None:
    file = mido.MidiFile(ticks_per_beat=480)
    tempo, events, beat = mido.MidiTrack(), mido.MidiTrack(), mido.MidiTrack()
    tempo.append(mido.MetaMessage("set_tempo", tempo=500_000))
    tempo.append(mido.MetaMessage("set_tempo", tempo=1_000_000, time=1920))
    events.append(mido.MetaMessage("track_name", name="EVENTS"))
    for text, time in (("[section intro_a]", 0), ("[prc_gtr_solo_1]", 1920), ("[end]", 1920)):
        events.append(mido.MetaMessage("text", text=text, time=time))
    beat.append(mido.MetaMessage("track_name", name="BEAT"))
    for note, time in ((13, 0), (12, 480), (13, 480)):
        beat.append(mido.Message("note_on", note=note, velocity=100, time=time))
    file.tracks += [tempo, events, beat]
    path = tmp_path / "notes.mid"
    file.save(path)
    plan = read_plan(path)
    assert [(s.start_sec, s.end_sec, s.raw, s.label) for s in plan.segments] == [(0.0, 2.0, "intro a", "intro"), (2.0, 6.0, "gtr solo 1", "inst")]
    assert [(b.time_sec, b.beat_in_bar) for b in plan.beats] == [(0.0, 0), (0.5, 1), (1.0, 2)]
    path.write_bytes(b"nothing")
    with pytest.raises(ValueError, match="not a MIDI file"):
        read_plan(path)


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="unknown kind"):
        read_plan(tmp_path / "song.csv")
    assert ".jams" in importers.SUFFIXES
