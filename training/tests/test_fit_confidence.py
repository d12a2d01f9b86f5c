"""`tools/fit_confidence.py`: what is right, what is fitted, and what is refused."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

SCRIPT = Path(__file__).resolve().parents[1] / "tools/fit_confidence.py"
CONSTANTS = Path(__file__).resolve().parents[2] / "runtime-core/src/analysis/confidence.rs"


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("fit_confidence", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules["fit_confidence"] = module
    spec.loader.exec_module(module)
    return module


def pieces(tool, rng, weights, n_pieces=40, n_beats=300):
    values = [rng.normal(size=(n_beats, 3)) for _ in range(n_pieces)]
    return [tool.Beats(v, (rng.uniform(size=n_beats) < tool.probabilities(weights, v)).astype(float)) for v in values]


def test_a_beat_is_right_within_the_window(tool):
    truth = np.array([1.0, 2.0, 3.0])
    assert tool.are_right(truth, np.array([0.9, 0.94, 1.06, 1.5, 2.0, 3.06, 3.08])).tolist() == [0, 1, 1, 0, 1, 1, 0]
    assert tool.are_right(np.array([1.0]), np.array([1.05, 1.5])).tolist() == [1, 0]
    assert tool.are_right(np.array([]), np.array([1.0])).tolist() == [0]


def test_known_weights_are_found_and_are_calibrated(tool):
    rng = np.random.default_rng(3)
    truth = np.array([0.4, 1.5, 0.0, 0.7])
    weights = tool.fit(pieces(tool, rng, truth))
    assert np.allclose(weights, truth, atol=0.1)
    unseen = pieces(tool, rng, truth)
    confidence = tool.probabilities(weights, np.concatenate([piece.features for piece in unseen]))
    error, bins = tool.calibration(confidence, np.concatenate([piece.is_right for piece in unseen]))
    assert error < 0.02
    assert sum(n for _, _, n in bins) == 12_000


def test_no_weight_is_negative(tool):
    weights = tool.fit(pieces(tool, np.random.default_rng(4), np.array([0.0, 1.0, -1.0, 0.5])))
    assert weights[2] == 0
    assert (weights[1:] >= 0).all()


def test_a_corpus_is_read_and_halved(tool, tmp_path, capsys):
    (tmp_path / "ann").mkdir()
    saved = tmp_path / "beats"
    saved.mkdir()
    header = "time_sec,announce_sec,beat_in_bar,bpm,confidence,lock,mode_prob,heard_prob,n_unheard\n"
    rng = np.random.default_rng(5)
    for name in "abcd":
        times = 5.25 + 0.5 * np.arange(100)
        (tmp_path / f"ann/{name}.beats").write_text("".join(f"{t:.3f}\t1\n" for t in times))
        off = np.where(rng.uniform(size=100) < 0.3, 0.2, 0.0)
        lines = [
            f"{t + o:.3f},{t:.3f},1,120,0.5,locked,0.9,{0.1 if o else 0.8},0\n" for t, o in zip(times, off, strict=True)
        ]
        (saved / f"{name}.csv").write_text(header + "".join(lines))
    tool.main(["--halves", str(tmp_path), str(saved)])
    said = capsys.readouterr().out
    assert "const BIAS: f64 = " in said
    assert "fitted: 2 pieces, 200 beats" in said
    assert "held out: 2 pieces, 200 beats" in said
    (saved / "c.csv").unlink()
    with pytest.raises(FileNotFoundError, match=r"c\.csv is missing"):
        tool.main(["--halves", str(tmp_path), str(saved)])
    (saved / "c.csv").write_text("time_sec,mode_prob\n1,2\n")
    with pytest.raises(ValueError, match="has no column heard_prob"):
        tool.main(["--halves", str(tmp_path), str(saved)])


def test_the_features_are_those_of_the_engine(tool):
    source = CONSTANTS.read_text()
    assert f"const MIN_MODE_PROB: f64 = {tool.MIN_MODE_PROB};" in source
    assert f"const MIN_HEARD_PROB: f64 = {tool.MIN_HEARD_PROB};" in source
    assert f"const MAX_UNHEARD: f64 = {tool.MAX_UNHEARD};" in source
    assert 'FEATURE_NAMES: [&str; N_FEATURES] = ["mode_prob", "heard_prob", "n_unheard"]' in source
    values = tool.features(np.array([0.5, 1.0]), np.array([0.25, 2.0]), np.array([0.0, 40.0]))
    assert np.allclose(values, [[0, -np.log(3), 0], [np.log(99), np.log(49), -np.log(33)]])
