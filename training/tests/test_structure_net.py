"""The network, its losses, its calibration, its prior and its export."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from anacrusis_training.piece import Beat
from anacrusis_training.structure import prior
from anacrusis_training.structure.calibrate import fit_scaling
from anacrusis_training.structure.dataset import Dataset
from anacrusis_training.structure.export import Step, onnx_answers, torch_answers, write_onnx
from anacrusis_training.structure.fit import LEAST_RATE_SHARE, Trainer
from anacrusis_training.structure.losses import class_weights, survival_nll
from anacrusis_training.structure.net import Anticipator, hazard_probs
from anacrusis_training.structure.noise import add_noise
from anacrusis_training.structure.plan import make_plan
from anacrusis_training.structure.rows import Song
from anacrusis_training.structure.settings import FitSettings
from anacrusis_training.structure.split import songs_of
from anacrusis_training.structure.steps import N_AUDIO, N_ROW

PRIOR_PATH = Path(__file__).resolve().parents[2] / "models" / "structure_prior" / "prior.json"


def small_net(**settings) -> Anticipator:
    torch.manual_seed(3)
    net = Anticipator(FitSettings(**{"hidden": 12, "audio_units": 7, "mix_units": 9, "layers": 2, **settings}))
    rows = torch.randn(200, N_ROW) * 3 + 1
    net.set_statistics(rows)
    return net.eval()


def rows(n: int = 40, seed: int = 0) -> np.ndarray:
    return (np.random.default_rng(seed).standard_normal((n, N_ROW)) * 3 + 1).astype(np.float32)


def test_hazards_never_fall_with_the_horizon() -> None:
    probs = hazard_probs(torch.randn(100, 6) * 10)
    assert (probs.diff(dim=-1) >= 0).all() and (probs >= 0).all() and (probs <= 1 + 1e-6).all()


def test_a_sequence_equals_its_steps_and_the_future_changes_nothing() -> None:
    net, x = small_net(), torch.from_numpy(rows())[None]
    whole = net(x, net.initial_state(1))
    state, parts = net.initial_state(1), []
    for k in range(x.shape[1]):
        label, bins, macro, state = net(x[:, k : k + 1], state)
        parts.append(torch.cat([label, bins, macro], -1))
    assert torch.allclose(torch.cat(parts, 1), torch.cat(whole[:3], -1), atol=1e-5)
    changed = x.clone()
    changed[:, 20:] = 5.0
    assert torch.equal(net(changed, net.initial_state(1))[0][:, :20], whole[0][:, :20])


@pytest.mark.parametrize("without", [(), ("struct",), ("audio",), ("beat",)])
def test_the_shipped_tensors_alone_give_the_same_answers(tmp_path: Path, without: tuple[str, ...]) -> None:
    net = small_net(without=without)
    net.calibrate(torch.rand(8) + 0.5, torch.randn(8), torch.rand(6) + 0.5, torch.randn(6))
    tensors = net.tensors()
    assert tensors["mix.weight"].shape == (9, 7 + 45) and tensors["gru.1.weight_ih"].shape == (36, 12)
    write_onnx(Step(tensors), 2, 12, tmp_path / "model.onnx", {"name": "small"})
    expected, found = torch_answers(net, rows()), onnx_answers(tmp_path / "model.onnx", rows())
    for name, values in expected.items():
        assert np.abs(values - found[name]).max() < 1e-5, name


def test_the_graph_has_the_contracts_inputs_and_outputs(tmp_path: Path) -> None:
    import onnx

    net = small_net()
    write_onnx(Step(net.tensors()), 2, 12, tmp_path / "model.onnx", {})
    graph = onnx.load(tmp_path / "model.onnx").graph
    assert [i.name for i in graph.input] == ["audio", "beat", "struct", "h0"]
    assert [o.name for o in graph.output] == ["section_logits", "hazard_logits", "macro_embedding", "h1"]


def test_survival_likelihood_by_hand() -> None:
    logits = torch.log(torch.tensor([[[0.1, 0.2, 0.3, 0.2, 0.1, 0.1]] * 2]))
    found = survival_nll(logits, torch.tensor([[2, 3]]), torch.tensor([[False, True]]))
    assert found[0].tolist() == pytest.approx([-np.log(0.3), -np.log(0.4)], abs=1e-5)


def test_rare_labels_weigh_more_but_not_endlessly() -> None:
    found = class_weights(torch.tensor([0.0, 1.0, 100.0, 400.0]))
    assert found.tolist() == pytest.approx([1.0, 3.0, 1.0, 0.5])


def test_scaling_takes_back_what_was_blown_up() -> None:
    torch.manual_seed(0)
    logits = torch.randn(4000, 3)
    truth = torch.distributions.Categorical(logits=logits).sample()
    scaling, before, after = fit_scaling(4.0 * logits, truth, torch.ones(4000))
    assert after < before
    assert np.mean(scaling.scale) == pytest.approx(0.25, abs=0.05)


def test_noise_is_finite_seeded_and_nothing_at_strength_0() -> None:
    x = torch.from_numpy(np.abs(rows(30)))[None].repeat(8, 1, 1)
    spread = torch.ones(N_ROW)
    assert torch.equal(add_noise(x, spread, np.random.default_rng(0), 0.0), x)
    one, other = (add_noise(x, spread, np.random.default_rng(1), 1.0) for _ in range(2))
    assert torch.equal(one, other) and torch.isfinite(one).all() and not torch.equal(one, x)


def test_noise_changes_no_song_half_way_and_no_beat() -> None:
    x = torch.from_numpy(np.abs(rows(1)))[None].repeat(16, 400, 1)
    noisy = add_noise(x, torch.zeros(N_ROW), np.random.default_rng(1), 1.0)
    assert not torch.equal(noisy, x)
    assert torch.equal(noisy, noisy[:, :1].expand_as(noisy)), "a step that differs from the first one sounds like a boundary"
    phase = slice(N_AUDIO, N_AUDIO + 3)
    assert torch.equal(noisy[..., phase], x[..., phase]), "targets count the tracker's beats"


def test_the_learning_rate_falls_until_the_end(tmp_path) -> None:
    time_sec = 0.08 * np.arange(400)
    beats = np.stack((0.5 * np.arange(64), np.arange(64) % 4 + 1), 1)
    song = Song(
        rows(400).astype(np.float16), time_sec, 2.0 * time_sec, np.ones(400, np.uint8), beats[:, 0], beats, np.array([0.0, 16.0]),
        np.array([1, 2], np.int8), np.ones(2, np.float32), 32.0, True, {},
    )  # fmt: skip
    settings = FitSettings(epochs=4, batch=2, chunk_steps=32, hidden=8, audio_units=8, mix_units=8)
    songs = Dataset([song] * 5, settings)
    trainer = Trainer(settings, songs, songs, tmp_path)
    trainer.run(quiet=True)
    # A twelfth of the last batch of three of the last epoch of four is left.
    assert 0.98 < trainer.progress < 1.0
    least, last = LEAST_RATE_SHARE * settings.learning_rate, trainer.optimiser.param_groups[0]["lr"]
    assert last == pytest.approx(least, rel=0.2)


def test_settings_are_checked() -> None:
    with pytest.raises(ValueError, match="unknown setting 'depth'"):
        FitSettings.from_json({"depth": 3})
    with pytest.raises(ValueError, match="batch: expected at least 1, got 0"):
        FitSettings.from_json({"batch": 0})
    with pytest.raises(ValueError, match="got 'ears'"):
        FitSettings.from_json({"without": ["ears"]})


def _plan():
    beats = [Beat(0.5 * k, k % 4 + 1) for k in range(64)]
    return make_plan([(0.0, 16.0, "verse"), (16.0, 32.0, "chorus")], "x", beats)


def test_the_prior_counts_boundaries_by_place_and_bar() -> None:
    found = prior.fit([_plan()] * 3, pull=1e-9)
    # Bar 7 ends in the boundary: from its last beat it is one beat away, from its first four.
    assert found.prob[7, 0] == pytest.approx([1, 1, 1, 1, 1])
    assert found.prob[7, 3] == pytest.approx([0, 0, 1, 1, 1])
    assert found.prob[0, 3] == pytest.approx([0, 0, 0, 0, 0], abs=1e-6)
    assert found.n_songs == 3
    looked = found.look_up(np.array([7, 7]), np.array([1, prior.UNKNOWN_PLACE]))
    assert looked[0, 0] == pytest.approx(1.0) and looked[1].tolist() == found.unknown_bar.tolist()


def test_bars_far_from_the_start_go_round() -> None:
    assert prior.bar_index(np.array([0, 31, 32, 40, 41])).tolist() == [0, 31, 32, 32, 33]


def test_the_committed_prior_is_whole() -> None:
    found = prior.read(PRIOR_PATH)
    assert (np.diff(found.prob, axis=-1) >= 0).all() and (found.prob > 0).all() and (found.prob < 1).all()
    assert 600 < found.n_songs <= len(songs_of("train"))
    # The base rates of the frozen baselines.
    assert found.unknown_bar == pytest.approx([0.0244, 0.0487, 0.0974, 0.1948, 0.3857], rel=0.05)


def test_a_prior_of_another_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "prior.json"
    path.write_text(json.dumps({"format": 2}))
    with pytest.raises(ValueError, match="not a prior"):
        prior.read(path)
    with pytest.raises(ValueError, match="got none"):
        prior.fit([])
