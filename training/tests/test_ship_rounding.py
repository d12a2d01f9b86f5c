"""Weights in 8 bits: as near as the scale says, exact in float32, and the same in the file as in the network."""

import json
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from anacrusis_training.nets import build
from anacrusis_training.nets.mixture import Calibration, Mixture
from anacrusis_training.ship import rounding
from anacrusis_training.ship.export import Statement, export, n_parameters
from anacrusis_training.ship.onnx_file import state_names
from anacrusis_training.ship.proof import onnx_activations

STATEMENT = Statement("sample", "MIT", "Somebody", "None.", "Nothing")
SPECS = [{"architecture": "tcn", "width": 32, "dilations": [1, 2]}, {"architecture": "crnn", "width": 24, "layers": 1}]


def make() -> Mixture:
    torch.manual_seed(0)
    return Mixture([build(spec) for spec in SPECS], [0.5, 0.5], Calibration(0.3, 0.2, 0.02)).eval()


def rounded() -> Mixture:
    mixture = make()
    for member in mixture.members:
        rounding.round_weights(member)
    return mixture


def test_a_small_matrix_is_as_computed_by_hand() -> None:
    weight = torch.tensor([[127.0, -1.0, 0.6], [0.0, 0.0, 0.0], [-0.25, 0.125, 0.0]])
    units, scales = rounding.to_units(weight)
    assert units.tolist() == [[127, -1, 1], [0, 0, 0], [-127, 63, 0]]
    assert scales[:2].tolist() == [1.0, 0.0]
    assert 0.25 / 127 <= scales[2].item() <= 0.25 / 127 * (1 + 2.0**-16)


@pytest.mark.parametrize("magnitude", [1e-30, 1e-3, 1.0, 1e6])
@pytest.mark.parametrize("shape", [(7, 30), (5, 4, 9), (1, 1)])
def test_the_error_is_half_a_unit_and_products_are_exact(shape: tuple[int, ...], magnitude: float) -> None:
    rng = np.random.default_rng(len(shape))
    weight = torch.from_numpy((rng.standard_normal(shape) * magnitude).astype(np.float32))
    units, scales = rounding.to_units(weight)
    by_row = scales.reshape(-1, *[1] * (len(shape) - 1))
    again = rounding.from_units(units, scales)
    assert units.dtype == torch.int8 and units.abs().max() == rounding.LARGEST_UNIT
    assert ((again - weight).abs() <= by_row * 0.5001).all()
    assert torch.equal(again.double(), units.double() * by_row.double())
    assert torch.equal(rounding.from_units(*rounding.to_units(again)), again)


def test_only_large_matrices_are_rounded() -> None:
    before = {name: t.detach().clone() for name, t in make().members[0].tensors().items()}
    after = rounded().members[0].tensors()
    changed = {name for name, tensor in after.items() if not torch.equal(tensor, before[name])}
    assert changed == {name for name, t in before.items() if t.ndim >= 2 and t.numel() >= rounding.SMALLEST_WEIGHTS}
    assert "input.weight" in changed and "output.weight" not in changed


def test_a_network_that_is_not_rounded_is_not_shipped_as_such(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="weights are not rounded to 8 bits yet"):
        export(make(), STATEMENT, "# card\n", tmp_path, rounding.ROUNDED_BITS)


def test_file_graph_and_network_hold_the_same_weights(tmp_path: Path) -> None:
    mixture = rounded()
    export(mixture, STATEMENT, "# card\n", tmp_path, rounding.ROUNDED_BITS)
    stored = safetensors.torch.load_file(tmp_path / "model.safetensors")
    for i, member in enumerate(mixture.members):
        for name, tensor in member.tensors().items():
            full = f"member.{i}.{name}"
            if rounding.is_rounded(tensor):
                assert stored[full].dtype == torch.int8
                assert torch.equal(rounding.from_units(stored.pop(full), stored.pop(f"{full}.scale")), tensor)
            else:
                assert torch.equal(stored.pop(full), tensor)
    assert not stored
    assert json.loads((tmp_path / "manifest.json").read_text())["parameters"] == n_parameters(mixture)
    features = np.random.default_rng(0).random((20, 272)).astype(np.float32)
    expected = mixture(torch.from_numpy(features)[None], mixture.initial_states(1))[0][0].detach().numpy()
    assert np.abs(onnx_activations(tmp_path / "model.onnx", mixture, features) - expected).max() < 1e-5
    assert len(state_names(mixture)) == len(mixture.initial_states(1))
