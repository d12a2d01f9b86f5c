"""Model folders: complete, reproducible, and the same answers everywhere."""

import hashlib
import json
import os
from pathlib import Path

import numpy as np
import pytest
import safetensors
import torch

from anacrusis_training import contract
from anacrusis_training.nets import build
from anacrusis_training.nets.mixture import Calibration, Mixture
from anacrusis_training.ship.export import Statement, export, n_parameters
from anacrusis_training.ship.onnx_file import state_names
from anacrusis_training.ship.proof import TOLERANCE, differences, onnx_activations
from anacrusis_training.ship.rounding import FLOAT_BITS, ROUNDED_BITS, round_weights

STATEMENT = Statement("sample", "MIT", "Somebody", "None.", "Nothing", origin={"recipe": "none"})
CALIBRATION = Calibration(0.3, 0.2, 0.02)
TCN = {"architecture": "tcn", "width": 8, "dilations": [1, 2, 4]}
LSTM = {"architecture": "crnn2", "width": 8, "layers": 2}
BEATNET = {"architecture": "crnn", "width": 8, "layers": 1}
MEMBERS = {"tcn": [TCN], "lstm": [LSTM], "beatnet": [BEATNET], "mixture": [TCN, LSTM, BEATNET]}


def make(name: str) -> Mixture:
    torch.manual_seed(0)
    specs = MEMBERS[name]
    return Mixture([build(spec) for spec in specs], [1.0 / len(specs)] * len(specs), CALIBRATION).eval()


@pytest.mark.parametrize("name", MEMBERS)
def test_a_folder_is_complete_and_says_what_it_is(name: str, tmp_path: Path) -> None:
    mixture = make(name)
    export(mixture, STATEMENT, "# card\n", tmp_path)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    for file, entry in manifest["files"].items():
        data = (tmp_path / file).read_bytes()
        assert entry == {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    assert manifest["contract"]["hash"] == contract.scope_hash(contract.load())
    assert manifest["calibration"] == {"beat_scale": 0.3, "downbeat_scale": 0.2, "floor": 0.02}
    assert manifest["parameters"] == n_parameters(mixture)
    with safetensors.safe_open(tmp_path / "model.safetensors", "pt") as file:
        metadata, names = file.metadata(), set(file.keys())
    assert metadata["contract_hash"] == manifest["contract"]["hash"] and metadata["name"] == "sample"
    shaping = json.loads(metadata["network"])
    assert all(manifest[key] == value for key, value in shaping.items())
    assert all(n.startswith("member.") for n in names) == (name == "mixture")


def test_the_same_weights_give_the_same_bytes(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        export(make("mixture"), STATEMENT, "# card\n", tmp_path / folder)
    for file in ("model.safetensors", "model.onnx", "manifest.json"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_the_graph_names_no_folder_of_this_machine(tmp_path: Path) -> None:
    export(make("mixture"), STATEMENT, "# card\n", tmp_path)
    assert str(Path(__file__).resolve().parents[2]).encode() not in (tmp_path / "model.onnx").read_bytes()


@pytest.mark.parametrize("name", [*MEMBERS, "attention"])
def test_onnx_frame_by_frame_equals_pytorch(name: str, tmp_path: Path) -> None:
    if name == "attention":
        spec = {"architecture": "attention", "width": 8, "layers": 2, "heads": 2, "window": 6}
        mixture = Mixture([build(spec)], [1.0], CALIBRATION).eval()
    else:
        mixture = make(name)
    export(mixture, STATEMENT, "# card\n", tmp_path)
    features = np.random.default_rng(0).random((30, 272)).astype(np.float32)
    expected = mixture(torch.from_numpy(features)[None], mixture.initial_states(1))[0][0].detach().numpy()
    assert np.abs(onnx_activations(tmp_path / "model.onnx", mixture, features) - expected).max() < 1e-5
    assert len(state_names(mixture)) == len(mixture.initial_states(1))


@pytest.mark.parametrize("weight_bits", [FLOAT_BITS, ROUNDED_BITS])
@pytest.mark.parametrize("name", MEMBERS)
def test_the_runtime_gives_the_same_answers(name: str, weight_bits: int, tmp_path: Path) -> None:
    binary = os.environ.get("ANACRUSIS_BIN")
    if not binary:
        pytest.skip("ANACRUSIS_BIN is not set: run through `cargo xtask test`")
    mixture = make(name)
    if weight_bits == ROUNDED_BITS:
        for member in mixture.members:
            round_weights(member)
    export(mixture, STATEMENT, "# card\n", tmp_path, weight_bits)
    found = differences(mixture, tmp_path, Path(binary))
    assert max(found.values()) < TOLERANCE
