"""The controller's net in PyTorch is the runtime's, and what it is trained for pulls the right way."""

import json
import struct
from pathlib import Path

import numpy as np
import pytest
import torch

from anacrusis_training.controller import objectives, spread, traces
from anacrusis_training.controller.export import ordered, page_text
from anacrusis_training.controller.fit import Lesson
from anacrusis_training.controller.net import (
    HISTORY,
    N_CONTROLS,
    PRESENCE,
    SPEC,
    ControllerNet,
    boundary_distance,
    julia_c,
)

TRACE = json.loads((Path(__file__).parents[2] / "tests" / "golden" / "controller" / "trace.json").read_text())
TOLERANCE = 1e-9
"""Of 64-bit sums in another order, over 300 steps."""


def numbers(text: str) -> np.ndarray:
    """The 64-bit numbers of hexadecimal digits."""
    return np.array([struct.unpack(">d", bytes.fromhex(text[k : k + 16]))[0] for k in range(0, len(text), 16)])


def golden() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Inputs as rows of `Trace.inputs` in 64 bits, micro features, the net's controls, c of the mapping's."""
    rows, micro, controls, c = [], [], [], []
    for given, flags, features, _, by_net, constant in TRACE["steps"]:
        v = np.nan_to_num(numbers(given), nan=0.0, posinf=0.0, neginf=0.0)
        rows.append(np.concatenate([v[:19], [float(int(flags[1:], 16))], v[19:21], [float(flags[0] == "1")], v[21:]]))
        micro.append(numbers(features))
        controls.append(numbers(by_net))
        c.append(numbers(constant))
    return np.array(rows), np.array(micro), np.array(controls), np.array(c)


def sample_net() -> ControllerNet:
    """The net with the golden trace's made-up weights."""
    words = TRACE["weights"]
    flat = np.array([int(words[k : k + 4], 16) for k in range(0, len(words), 4)])
    flat = np.where(flat < 32768, flat, flat - 65536) / 131072.0
    net, at = ControllerNet().double(), 0
    with torch.no_grad():
        for tensor in net.tensors().values():
            tensor.copy_(torch.from_numpy(flat[at : at + tensor.numel()]).reshape(tensor.shape))
            at += tensor.numel()
    assert at == len(flat)
    return net


def test_the_net_gives_the_runtimes_controls() -> None:
    rows, micro, expected, _ = golden()
    opened = np.concatenate([traces.beat_columns(rows), np.clip(rows[:, 23:36], 0.0, 1.0)], axis=1)
    history = traces.history(micro, HISTORY)
    with torch.no_grad():
        controls, _ = sample_net()(
            torch.from_numpy(history)[None], torch.from_numpy(opened)[None], torch.from_numpy(micro[:, PRESENCE].copy())[None]
        )
    assert np.abs(controls[0].numpy() - expected).max() < TOLERANCE


def test_constants_are_the_runtimes_and_lie_in_the_band() -> None:
    controls = np.array([numbers(step[3]) for step in TRACE["steps"]])
    c = julia_c(torch.from_numpy(controls))
    assert np.abs(c.numpy() - golden()[3]).max() < 1e-12
    distance = boundary_distance(c, 400)
    assert (distance > SPEC["julia"]["distance_min"]).all() and (distance < SPEC["julia"]["distance_max"]).all()


def moving(column: int, values: torch.Tensor) -> torch.Tensor:
    """Controls at rest but for one."""
    controls = torch.zeros(1, len(values), N_CONTROLS)
    controls[0, :, column] = values
    return controls


def test_timing_likes_a_gain_that_rises_on_the_onset() -> None:
    onsets, pulses = torch.zeros(1, 120, 4), torch.zeros(1, 120)
    onsets[0, ::30] = 1.0
    pulses[0, ::30] = 1.0
    rise = ((torch.arange(120) % 30) == 0).float()
    on_time, late = (objectives.timing(moving(objectives.GLOW, torch.roll(rise, shift)), onsets, pulses) for shift in (0, 8))
    assert on_time < late


def test_contrast_wants_sections_apart_and_returns_together() -> None:
    labels = torch.tensor([[1] * 20, [2] * 20, [1] * 20])
    songs = torch.zeros(3)
    near, far = torch.zeros(3, 20, N_CONTROLS), torch.zeros(3, 20, N_CONTROLS)
    far[1] = 0.8
    strayed = far.clone()
    strayed[2] = 0.8
    assert objectives.contrast(far, labels, songs) < objectives.contrast(near, labels, songs)
    assert objectives.contrast(far, labels, songs) < objectives.contrast(strayed, labels, songs)


def test_buildup_band_and_jerk_pull_the_right_way() -> None:
    ramp = torch.linspace(0, 1, 100)[None]
    up, flat = moving(objectives.TENSION, ramp[0]), moving(objectives.TENSION, torch.full((100,), 0.5))
    assert objectives.buildup(up, ramp) < objectives.buildup(flat, ramp)
    assert objectives.band(torch.zeros(1, 60, N_CONTROLS)) == 0.0
    still, shaken = torch.zeros(1, 60, N_CONTROLS), torch.rand(1, 60, N_CONTROLS)
    assert objectives.jerk(still) == 0.0 and objectives.jerk(shaken) > 1.0


def test_gradients_reach_every_weight() -> None:
    net = ControllerNet()
    controls, logits = net(torch.rand(2, 40, HISTORY * 24), torch.rand(2, 40, 18), torch.ones(2, 40))
    (controls.sum() + logits.sum()).backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() and p.grad.abs().sum() > 0 for p in net.parameters())


def test_the_page_gets_the_weights_in_order_and_others_are_refused() -> None:
    tensors = {name: tensor.detach().numpy() for name, tensor in ControllerNet().tensors().items()}
    text = page_text(ordered(dict(reversed(tensors.items()))), False)
    assert "IS_DEFAULT = false" in text and text == page_text(ordered(tensors), False)
    with pytest.raises(ValueError, match="head.bias"):
        ordered(tensors | {"head.bias": np.zeros(3, dtype=np.float32)})


def test_quick_controls_are_stretched_to_the_mappings_span() -> None:
    torch.manual_seed(2)
    n = 600
    heard = torch.rand(n, 24)
    heard[:, PRESENCE] = 1.0
    history = torch.from_numpy(traces.history(heard.numpy(), HISTORY))
    mapped = torch.rand(n, N_CONTROLS)
    empty = torch.zeros(n)
    lesson = Lesson(history, heard, torch.rand(n, 5), torch.rand(n, 13), empty, mapped, empty, empty, empty, empty)
    net = ControllerNet()
    wanted, before = spread.spans(mapped.numpy()), spread.spans(spread.run(net, [lesson]))
    factors = spread.calibrate(net, [lesson])
    after = spread.spans(spread.run(net, [lesson]))
    for k in spread.QUICK:
        assert abs(after[k] - wanted[k]) < abs(before[k] - wanted[k]) and factors[k] > 1.0
