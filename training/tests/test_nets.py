"""The networks: frame by frame equals at once, and weights survive a file."""

import pytest
import torch

from anacrusis_training.learn.weights import load_network, save_network
from anacrusis_training.nets import build
from anacrusis_training.nets.mixture import Calibration, Mixture

FRONT = {"channels": [3, 4], "taps": [7, 5], "pool": [4, 2]}
SPECS = {
    "crnn": {"architecture": "crnn", "width": 12, "layers": 2},
    "crnn2": {"architecture": "crnn2", "width": 12, "layers": 2, "front": FRONT},
    "tcn": {"architecture": "tcn", "width": 10, "dilations": [1, 2, 4], "taps": 3},
    "tcn with front": {"architecture": "tcn", "width": 10, "dilations": [1, 3], "taps": 2, "front": FRONT},
    "attention": {"architecture": "attention", "width": 8, "layers": 2, "heads": 2, "window": 9},
}


@pytest.mark.parametrize("name", SPECS)
def test_frame_by_frame_equals_at_once(name: str) -> None:
    torch.manual_seed(1)
    net = build(SPECS[name]).eval()
    features = torch.rand(1, 40, 272)
    whole, _ = net(features, net.initial_states(1))
    states, parts = net.initial_states(1), []
    for t in range(40):
        logits, states = net(features[:, t : t + 1], states)
        parts.append(logits)
    assert torch.allclose(whole, torch.cat(parts, 1), atol=1e-5)


@pytest.mark.parametrize("name", SPECS)
def test_the_future_changes_nothing(name: str) -> None:
    net = build(SPECS[name]).eval()
    features = torch.rand(1, 30, 272)
    changed = features.clone()
    changed[:, 20:] += 1.0
    before, _ = net(features, net.initial_states(1))
    after, _ = net(changed, net.initial_states(1))
    assert torch.allclose(before[:, :20], after[:, :20], atol=1e-6)
    assert not torch.allclose(before[:, 20:], after[:, 20:], atol=1e-3)


@pytest.mark.parametrize("name", SPECS)
def test_weights_survive_a_file(name: str, tmp_path) -> None:
    net = build(SPECS[name]).eval()
    save_network(net, tmp_path)
    features = torch.rand(1, 10, 272)
    again = load_network(tmp_path)
    assert torch.equal(net(features, net.initial_states(1))[0], again(features, again.initial_states(1))[0])


def test_attention_forgets_what_left_its_window() -> None:
    net = build({"architecture": "attention", "width": 8, "layers": 1, "heads": 2, "window": 5}).eval()
    features = torch.rand(1, 30, 272)
    changed = features.clone()
    changed[:, :10] += 1.0
    before, _ = net(features, net.initial_states(1))
    after, _ = net(changed, net.initial_states(1))
    assert torch.allclose(before[:, 14:], after[:, 14:], atol=1e-6)
    assert not torch.allclose(before[:, 13:14], after[:, 13:14], atol=1e-6)


def test_unknown_architectures_are_named() -> None:
    with pytest.raises(ValueError, match="'transformer-xl'"):
        build({"architecture": "transformer-xl"})


def test_a_front_that_leaves_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="leave none of 136 bands"):
        build({"architecture": "tcn", "width": 4, "front": {"channels": [2], "taps": [136], "pool": [2]}})


def test_calibration_by_hand() -> None:
    # .5 * .5 = .25, .25 * .2 = .05, .25: sum .55; a tenth of it even.
    probs = Calibration(0.5, 0.2, 0.1).apply(torch.tensor([0.5, 0.25, 0.25]))
    expected = torch.tensor([0.25, 0.05, 0.25]) / 0.55 * 0.9 + 0.1 / 3
    assert torch.allclose(probs, expected, atol=1e-6)
    assert torch.allclose(Calibration().apply(probs), probs, atol=1e-7)


def test_a_mixture_is_the_weighted_mean() -> None:
    members = [build(SPECS["tcn"]).eval(), build(SPECS["crnn2"]).eval()]
    mixture = Mixture(members, [0.25, 0.75]).eval()
    features = torch.rand(1, 6, 272)
    probs, states = mixture(features, mixture.initial_states(1))
    parts = [torch.softmax(m(features, m.initial_states(1))[0], -1) for m in members]
    assert torch.allclose(probs, 0.25 * parts[0] + 0.75 * parts[1], atol=1e-6)
    assert len(states) == len(members[0].initial_states(1)) + 2


@pytest.mark.parametrize("weights", [[0.5], [0.5, 0.6], []])
def test_mixture_weights_are_checked(weights: list[float]) -> None:
    with pytest.raises(ValueError, match="mixture"):
        Mixture([build(SPECS["tcn"]), build(SPECS["crnn2"])], weights)
