"""The search for a calibration, on a made-up score; and reading reports."""

import numpy as np
import pytest

from anacrusis_training.learn import calibrate
from anacrusis_training.learn.score import means, run_raw
from anacrusis_training.nets import build
from anacrusis_training.nets.mixture import Calibration, Mixture


@pytest.fixture
def calibrator(monkeypatch, tmp_path):
    runs = []

    def made_up(_bin, _corpus, _dir):
        c = runs[-1]
        # Best at a scale of 0.25, a ratio of 0.6 and no floor.
        value = -abs(np.log(c.beat_scale / 0.25)) - abs(np.log(c.downbeat_scale / c.beat_scale / 0.6)) - c.floor
        found = {"f70": value, "downbeat_f70": 0.0, "cmlt": 0.0, "amlt": 0.0, "live0": 0.0}
        return {"subsets": [{"name": "all", "tracker": {"means": {k: {"mean": v} for k, v in found.items()}}}]}

    monkeypatch.setattr(calibrate, "write_activations", lambda _raw, _features, c, *_rest: runs.append(c))
    monkeypatch.setattr(calibrate, "evaluate", made_up)
    return calibrate.Calibrator(tmp_path / "bin", tmp_path, {}, {}, tmp_path), runs


def test_the_search_finds_the_best_and_runs_each_once(calibrator, tmp_path) -> None:
    searcher, runs = calibrator
    best = searcher.search()
    assert best.calibration == Calibration(0.25, 0.15, 0.0)
    assert len(runs) == len(set(runs)) == len(searcher.trials)
    searcher.write_journal(tmp_path / "trials.jsonl")
    assert '"beat_scale": 0.25, "downbeat_scale": 0.15' in (tmp_path / "trials.jsonl").read_text().splitlines()[0]


def test_an_unknown_subset_is_named() -> None:
    with pytest.raises(ValueError, match="'real'"):
        means({"subsets": [{"name": "all"}]}, "real")


def test_long_pieces_are_run_in_chunks_with_the_state_carried_on(monkeypatch) -> None:
    mixture = Mixture([build({"architecture": "crnn2", "width": 8, "layers": 1})], [1.0]).eval()
    features = np.random.default_rng(0).random((50, 272)).astype(np.float32)
    whole = run_raw(mixture, features)
    monkeypatch.setattr("anacrusis_training.learn.score.CHUNK_FRAMES", 7)
    assert np.allclose(run_raw(mixture, features), whole, atol=1e-6)
    assert run_raw(mixture, features[:0]).shape == (0, 3)
