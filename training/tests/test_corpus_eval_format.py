"""Corpora to be scored: pieces from a recipe, and their robustness conditions."""

import json

import numpy as np
import pytest
import soundfile

from anacrusis_training.cli import main
from anacrusis_training.corpus import eval_format, robust
from anacrusis_training.corpus.eval_format import EvalPiece, EvalWriter
from anacrusis_training.piece import Section

RATE_HZ = 22_050
PIECE_SEC = 4.0


def click_piece(name="clicks"):
    """Clicks every half second."""
    samples = np.zeros(round(PIECE_SEC * RATE_HZ), np.float32)
    beats = np.array([[0.5 * number, number % 4 + 1] for number in range(1, 8)])
    for time_sec, _ in beats:
        first = round(time_sec * RATE_HZ)
        samples[first : first + 100] = 0.8 * np.hanning(200)[100:]
    entry = {"id": name, "kind": "test", "duration_s": PIECE_SEC, "downbeats_scored": True}
    sections = eval_format.section_text([Section(0.0, "intro")])
    return EvalPiece(entry, eval_format.encode(samples, RATE_HZ), eval_format.beat_text(beats), sections)


@pytest.fixture
def corpus(tmp_path):
    folder = tmp_path / "corpus"
    writer = EvalWriter(folder)
    writer.add(click_piece("b"))
    writer.add(click_piece("a"))
    assert writer.finish("for a test") == 2
    return folder


def test_files_are_where_the_manifest_says(corpus):
    entries = eval_format.read_entries(corpus)
    assert [entry["id"] for entry in entries] == ["a", "b"]
    samples, rate_hz = soundfile.read(corpus / entries[0]["audio"])
    assert (len(samples), rate_hz) == (PIECE_SEC * RATE_HZ, RATE_HZ)
    assert (corpus / entries[0]["beats"]).read_text().startswith("0.500000\t2\n1.000000\t3\n")
    assert (corpus / entries[0]["sections"]).read_text() == "0.000000\tintro\n"


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(ValueError, match="neither empty nor a corpus"):
        EvalWriter(tmp_path)


def test_an_earlier_corpus_is_replaced(corpus):
    EvalWriter(corpus).finish("empty")
    assert eval_format.read_entries(corpus) == []
    assert list((corpus / "audio").iterdir()) == []


@pytest.mark.parametrize(("text", "message"), [(None, "is missing"), ('{"format": 2}', "format 2, expected 1")])
def test_no_manifest_or_another_format_is_told(tmp_path, text, message):
    if text:
        (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(ValueError, match=message):
        eval_format.read_entries(tmp_path)


def test_every_piece_comes_under_every_condition_with_its_beats_unmoved(corpus):
    builder = robust.RobustBuilder(robust.RobustJob(corpus, seed=1))
    pieces = [builder(index) for index in range(robust.n_pieces(corpus))]
    assert len(pieces) == 2 * len(robust.CONDITIONS)
    original, _ = soundfile.read(corpus / "audio" / "a.flac")
    for piece, condition in zip(pieces, robust.CONDITIONS, strict=False):
        assert piece.entry["id"] == f"a.{condition}"
        assert piece.entry["kind"] == condition
        assert piece.beats == (corpus / "ann" / "a.beats").read_text()
        samples, rate_hz = soundfile.read(eval_format.io.BytesIO(piece.audio))
        assert (len(samples), rate_hz) == (len(original), RATE_HZ)
        assert np.max(np.abs(samples)) <= 0.9
        lags = np.correlate(np.abs(samples), np.abs(original[RATE_HZ // 4 : -RATE_HZ // 4]), "valid")
        assert abs(int(np.argmax(lags)) - RATE_HZ // 4) <= 0.005 * RATE_HZ, condition


def test_conditions_are_the_same_every_time_and_differ(corpus):
    first, second = (robust.RobustBuilder(robust.RobustJob(corpus, seed=1)) for _ in range(2))
    audio = [first(index).audio for index in range(6)]
    assert audio == [second(index).audio for index in range(6)]
    assert len(set(audio)) == 6
    other = robust.RobustBuilder(robust.RobustJob(corpus, seed=2))
    assert other(1).audio != audio[1], "another room"


def test_the_command_writes_a_corpus_for_eval(corpus, tmp_path):
    out = tmp_path / "robust"
    assert main(["corpus", "robust", "--from", str(corpus), "--out", str(out), "--workers", "1"]) == 0
    assert len(eval_format.read_entries(out)) == 12
    assert json.loads((out / "manifest.json").read_text())["format"] == 1


def test_a_training_recipe_makes_no_corpus_to_be_scored(tmp_path, capsys):
    path = tmp_path / "recipe.json"
    path.write_text(json.dumps({"name": "t", "seed": 1, "hours": 1, "families": {"pop": 1}}))
    assert main(["corpus", "dev", "--recipe", str(path), "--out", str(tmp_path / "dev")]) == 1
    assert "split train, expected dev" in capsys.readouterr().err
