#!/usr/bin/env python3
"""Run small networks of every architecture in PyTorch and store weights, inputs and outputs: make_net_golden.py

Writes `tests/golden/nets/`: model files as the runtime reads them, the features of one run and the activations that
PyTorch gives for them, and a graph with free states for ONNX Runtime. The networks are defined here on whole recordings,
by the text of `docs/models.md` alone, so that neither the runtime's step kernels nor the training package can agree by
sharing a mistake.
Needs numpy, torch and onnx; the same versions give the same bytes.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from onnx import TensorProto, helper

SEED = 20261121
N_FRAMES = 200
CHANNELS = 8
# Largest difference of a probability that the test accepts.
TOLERANCE = 1e-5
ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "tests/golden/nets"
# Fewer bands than the standard, to keep the files small.
FRONT_END = {
    "window_samples": 1411, "fft_samples": 1411, "fft_bins": 705, "bin_hz_divisor_samples": 1410,
    "bands_per_octave": 6, "fmin_hz": 30, "fmax_hz": 17000, "fref_hz": 440, "bands": 44, "len": 88,
}  # fmt: skip
N_FEATURES = FRONT_END["len"]
N_BANDS = FRONT_END["bands"]
TCN = {"architecture": "tcn", "network": {"dilations": [1, 2, 5, 16], "taps": 3, "pool": []}}
TCN_FRONT = {"architecture": "tcn", "network": {"dilations": [1, 4], "taps": 2, "pool": [3, 1]}}
CRNN2 = {"architecture": "crnn2", "network": {"pool": [2]}}
CRNN = {"architecture": "crnn"}


def random(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Weights of a size that keeps sums of `shape[-1]` of them near 1, float32, of the given shape."""
    fan_in = int(np.prod(shape[1:])) if len(shape) > 1 else 4
    return rng.normal(0.0, 1.4 / np.sqrt(fan_in), shape).astype(np.float32)


def front_tensors(rng: np.random.Generator, pool: list[int], taps: int = 4) -> tuple[dict[str, np.ndarray], int]:
    """Tensors of a front with normalisation and one convolution for each of `pool`, and how many values come out."""
    tensors = {"norm.mean": rng.uniform(0.0, 1.0, N_FEATURES), "norm.scale": rng.uniform(0.5, 2.0, N_FEATURES)}
    channels, bands = 2, N_BANDS
    for i, width in enumerate(pool):
        out = 5 + i
        tensors |= {f"front.{i}.weight": random(rng, out, channels, taps), f"front.{i}.bias": random(rng, out)}
        channels, bands = out, (bands + 1 - taps) // width
    return {name: values.astype(np.float32) for name, values in tensors.items()}, channels * bands


def lstm_tensors(rng: np.random.Generator, n_layers: int) -> dict[str, np.ndarray]:
    """Tensors of LSTM layers of `CHANNELS` units."""
    shapes = {"weight_ih": (4 * CHANNELS, CHANNELS), "weight_hh": (4 * CHANNELS, CHANNELS)}
    shapes |= {"bias_ih": (4 * CHANNELS,), "bias_hh": (4 * CHANNELS,)}
    return {f"lstm.{k}.{part}": random(rng, *shape) for k in range(n_layers) for part, shape in shapes.items()}


def make_tensors(rng: np.random.Generator, net: dict) -> dict[str, np.ndarray]:
    """Random tensors of an architecture."""
    sizes = net.get("network", {})
    # What the output layer sees is in [-1, 1] behind an LSTM and larger behind blocks.
    scale = np.float32(0.3 if net["architecture"] == "tcn" else 2.0)
    tensors = {"output.weight": random(rng, 3, CHANNELS) * scale, "output.bias": random(rng, 3)}
    if net["architecture"] == "crnn":
        taps = 5
        tensors |= {"conv.weight": random(rng, 2, 1, taps), "conv.bias": random(rng, 2)}
        tensors |= lstm_tensors(rng, 2)
        n_inputs = 2 * ((N_FEATURES + 1 - taps) // 2)
    else:
        front, n_inputs = front_tensors(rng, sizes["pool"])
        tensors |= front
    if net["architecture"] == "crnn2":
        tensors |= lstm_tensors(rng, 2)
    for b in range(len(sizes.get("dilations", []))):
        tensors |= {f"block.{b}.conv.weight": random(rng, CHANNELS, sizes["taps"] * CHANNELS)}
        tensors |= {f"block.{b}.conv.bias": random(rng, CHANNELS), f"block.{b}.out.bias": random(rng, CHANNELS)}
        tensors |= {f"block.{b}.out.weight": random(rng, CHANNELS, CHANNELS)}
    return tensors | {"input.weight": random(rng, CHANNELS, n_inputs), "input.bias": random(rng, CHANNELS)}


def run_front(tensors: dict[str, torch.Tensor], pool: list[int], x: torch.Tensor) -> torch.Tensor:
    """Features [n_frames, 88] normalised, convolved over the bands and flattened."""
    x = ((x - tensors["norm.mean"]) * tensors["norm.scale"]).reshape(-1, 2, N_BANDS)
    for i, width in enumerate(pool):
        x = F.elu(F.conv1d(x, tensors[f"front.{i}.weight"], tensors[f"front.{i}.bias"]))
        x = F.max_pool1d(x, width)
    return x.flatten(1)


def run_lstm(tensors: dict[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    """Two LSTM layers over [n_frames, CHANNELS], from zeros."""
    lstm = torch.nn.LSTM(CHANNELS, CHANNELS, num_layers=2)
    parts = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    lstm.load_state_dict({f"{part}_l{k}": tensors[f"lstm.{k}.{part}"] for k in range(2) for part in parts})
    return lstm(x)[0]


def run_blocks(tensors: dict[str, torch.Tensor], sizes: dict, y: torch.Tensor) -> torch.Tensor:
    """Residual blocks over [n_frames, CHANNELS]; returns what the output layer sees."""
    skip = torch.zeros_like(y)
    for b, dilation in enumerate(sizes["dilations"]):
        z = F.layer_norm(y, (CHANNELS,))
        taps = sizes["taps"]
        # The same convolution as conv1d has it: [out, in, tap] from [out, tap, in], zeros before the start.
        weight = tensors[f"block.{b}.conv.weight"].reshape(CHANNELS, taps, CHANNELS).permute(0, 2, 1)
        padded = F.pad(z.T[None], ((taps - 1) * dilation, 0))
        a = F.elu(F.conv1d(padded, weight, tensors[f"block.{b}.conv.bias"], dilation=dilation)[0].T)
        r = F.linear(a, tensors[f"block.{b}.out.weight"], tensors[f"block.{b}.out.bias"])
        y, skip = y + r, skip + r
    return F.elu(skip)


def run(net: dict, arrays: dict[str, np.ndarray], features: np.ndarray) -> np.ndarray:
    """Probabilities [n_frames, 3] for features [n_frames, 88]."""
    tensors = {name: torch.from_numpy(values) for name, values in arrays.items()}
    x, sizes = torch.from_numpy(features), net.get("network", {})
    if net["architecture"] == "crnn":
        x = F.max_pool1d(F.relu(F.conv1d(x[:, None], tensors["conv.weight"], tensors["conv.bias"])), 2).flatten(1)
        hidden = run_lstm(tensors, F.linear(x, tensors["input.weight"], tensors["input.bias"]))
    else:
        x = F.linear(run_front(tensors, sizes["pool"], x), tensors["input.weight"], tensors["input.bias"])
        x = F.layer_norm(x, (CHANNELS,))
        hidden = run_lstm(tensors, x) if net["architecture"] == "crnn2" else run_blocks(tensors, sizes, F.elu(x))
    logits = F.linear(hidden, tensors["output.weight"], tensors["output.bias"])
    return torch.softmax(logits, -1).numpy()


def calibrate(probs: np.ndarray, calibration: dict[str, float]) -> np.ndarray:
    """Class scales and a floor on probabilities [n_frames, 3]."""
    scaled = probs * np.array([calibration["beat_scale"], calibration["downbeat_scale"], 1.0])
    floor = calibration["floor"]
    return (floor / 3 + (1 - floor) * scaled / scaled.sum(1, keepdims=True)).astype(np.float32)


def canonical(value: object) -> str:
    """Canonical JSON, as `model_contracts` has it."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def contract_entry() -> dict:
    """Version, hash and scope of the contract in this checkout."""
    contract = json.loads((ROOT / "model_contracts/v1.json").read_text())
    scope = {}
    for pointer in contract["hash_scope"]["beat_model"]:
        value = contract
        for key in pointer.strip("/").split("/"):
            value = value[key]
        scope[pointer] = value
    digest = hashlib.sha256(canonical(scope).encode()).hexdigest()
    return {"version": contract["contract_version"], "hash": f"sha256:{digest}", "scope": scope}


def rounded(tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Matrices as int8 with the scales of their rows beside them, but for the output's, so that both forms meet."""
    stored = {}
    for name, values in tensors.items():
        if values.ndim < 2 or name.endswith("output.weight"):
            stored[name] = values
            continue
        by_row = values.reshape(len(values), -1)
        scale = (np.abs(by_row).max(1) / 127).astype(np.float32)
        stored[name] = np.round(by_row / scale[:, None]).astype(np.int8).reshape(values.shape)
        stored[f"{name}.scale"] = scale
    return stored


def unrounded(stored: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The tensors that `rounded` ones stand for, float32."""
    tensors = {name: values for name, values in stored.items() if not name.endswith("weight.scale")}
    for name, values in tensors.items():
        if values.dtype == np.int8:
            scale = stored[f"{name}.scale"].reshape(-1, *[1] * (values.ndim - 1))
            tensors[name] = values.astype(np.float32) * scale
    return tensors


def safetensors_bytes(tensors: dict[str, np.ndarray], metadata: dict[str, str]) -> bytes:
    """A safetensors file, the same for the same content (the usual writer shuffles the metadata)."""
    header, data = {"__metadata__": metadata}, b""
    for name, values in sorted(tensors.items()):
        dtype, raw = ("I8", values.tobytes()) if values.dtype == np.int8 else ("F32", values.astype("<f4").tobytes())
        header[name] = {"dtype": dtype, "shape": values.shape, "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + data


def write_model(name: str, net: dict, tensors: dict[str, np.ndarray]) -> None:
    """Writes `<name>.manifest.json` and `<name>.safetensors`."""
    contract = contract_entry()
    shaping = {key: net[key] for key in ("network", "members", "calibration", "delay_frames") if key in net}
    metadata = {"name": name, "architecture": net["architecture"], "contract_hash": contract["hash"]}
    metadata |= {"front_end": canonical(FRONT_END), "network": canonical(shaping)}
    weights = safetensors_bytes(tensors, metadata)
    entry = {"sha256": hashlib.sha256(weights).hexdigest(), "bytes": len(weights)}
    manifest = {"format": 1, "name": name, "kind": "beat_model", **net, "front_end": FRONT_END}
    manifest |= {"files": {"model.safetensors": entry}, "contract": contract}
    manifest |= {"licence": "MIT OR Apache-2.0", "attribution": "Random weights, for tests."}
    (FOLDER / f"{name}.safetensors").write_bytes(weights)
    (FOLDER / f"{name}.manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")


def write_single(rng: np.random.Generator, name: str, net: dict, features: np.ndarray) -> None:
    """A model of one network, with what PyTorch makes of `features`."""
    tensors = make_tensors(rng, net)
    write_model(name, net, tensors)
    np.save(FOLDER / f"{name}.activations.npy", run(net, tensors, features))


def write_mixture(rng: np.random.Generator, name: str, features: np.ndarray, in_8_bits: bool = False) -> None:
    """All architectures in one model, calibrated and late."""
    members = [TCN_FRONT | {"weight": 0.5}, CRNN2 | {"weight": 0.3}, CRNN | {"weight": 0.2}]
    calibration = {"beat_scale": 0.5, "downbeat_scale": 0.25, "floor": 0.01}
    tensors, mean = {}, np.zeros((N_FRAMES, 3), np.float64)
    for i, member in enumerate(members):
        stored = make_tensors(rng, member)
        stored = rounded(stored) if in_8_bits else stored
        mean += member["weight"] * run(member, unrounded(stored), features)
        tensors |= {f"member.{i}.{name}": values for name, values in stored.items()}
    net = {"architecture": "mixture", "members": members, "calibration": calibration, "delay_frames": 2}
    write_model(name, net, tensors)
    np.save(FOLDER / f"{name}.activations.npy", calibrate(mean, calibration))


def write_onnx(rng: np.random.Generator, features: np.ndarray) -> None:
    """A graph with two states: the running mean of the features, through a linear layer and softmax.

    It is meant for one frame a run.
    """
    weight = rng.normal(0.0, 0.1, (N_FEATURES, 3)).astype(np.float32)
    tensor = helper.make_tensor_value_info
    names = {"sum": [1, N_FEATURES], "count": [1]}
    inputs = [tensor("features", TensorProto.FLOAT, [1, "frames", N_FEATURES])]
    inputs += [tensor(f"state_{name}", TensorProto.FLOAT, shape) for name, shape in names.items()]
    outputs = [tensor("activations", TensorProto.FLOAT, [1, "frames", 3])]
    outputs += [tensor(f"state_{name}_next", TensorProto.FLOAT, shape) for name, shape in names.items()]
    nodes = [
        helper.make_node("Squeeze", ["features", "axis"], ["frame"]),
        helper.make_node("Add", ["state_sum", "frame"], ["state_sum_next"]),
        helper.make_node("Add", ["state_count", "one"], ["state_count_next"]),
        helper.make_node("Div", ["state_sum_next", "state_count_next"], ["mean"]),
        helper.make_node("MatMul", ["mean", "weight"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probs"], axis=-1),
        helper.make_node("Unsqueeze", ["probs", "axis"], ["activations"]),
    ]
    constants = [
        helper.make_tensor("axis", TensorProto.INT64, [1], [1]),
        helper.make_tensor("one", TensorProto.FLOAT, [1], [1.0]),
        helper.make_tensor("weight", TensorProto.FLOAT, weight.shape, weight.ravel().tolist()),
    ]
    graph = helper.make_graph(nodes, "running_mean", inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    contract = contract_entry()
    metadata = {"name": "running_mean", "contract_version": contract["version"], "contract_hash": contract["hash"]}
    metadata |= {"contract_scope": canonical(contract["scope"]), "front_end": canonical(FRONT_END), "delay_frames": "3"}
    helper.set_model_props(model, metadata)
    onnx.checker.check_model(model)
    (FOLDER / "running_mean.onnx").write_bytes(model.SerializeToString())
    mean = np.cumsum(features, axis=0, dtype=np.float64) / np.arange(1, N_FRAMES + 1)[:, None]
    probs = torch.softmax(torch.from_numpy(mean @ weight.astype(np.float64)), -1).numpy()
    np.save(FOLDER / "running_mean.activations.npy", probs.astype(np.float32))


def write_index() -> None:
    """Writes `MANIFEST.json` over all other files of the folder."""
    paths = sorted(path for path in FOLDER.iterdir() if path.name != "MANIFEST.json")

    def entry(path: Path) -> dict[str, object]:
        data = path.read_bytes()
        return {"path": path.name, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}

    versions = f"torch {torch.__version__}, numpy {np.__version__}, onnx {onnx.__version__}"
    index = {
        "format": 1,
        "content": "Small random networks of every architecture as model files, features float32 [200, 88] of one run, "
        "and the activations that PyTorch gives, float32 [200, 3], columns beat, downbeat, none.",
        "generator": f"training/tools/make_net_golden.py, {versions}",
        "tolerance": {"every probability": TOLERANCE},
        "files": [entry(path) for path in paths],
    }
    (FOLDER / "MANIFEST.json").write_text(json.dumps(index, indent=2) + "\n")


def main() -> None:
    """Writes everything anew."""
    torch.set_grad_enabled(False)
    FOLDER.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(SEED)
    # Slow and fast changes, so that long memories have something to remember.
    slow = np.sin(np.arange(N_FRAMES)[:, None] * rng.uniform(0.02, 0.5, N_FEATURES) + rng.uniform(0.0, 6.0, N_FEATURES))
    features = (0.5 + 0.5 * slow + rng.uniform(0.0, 1.0, (N_FRAMES, N_FEATURES))).astype(np.float32)
    np.save(FOLDER / "features.npy", features)
    for name, net in {"tcn": TCN, "tcn_front": TCN_FRONT, "crnn2": CRNN2, "crnn": CRNN}.items():
        write_single(rng, name, net, features)
    write_mixture(rng, "mixture", features)
    write_onnx(rng, features)
    write_mixture(rng, "mixture_int8", features, in_8_bits=True)
    write_index()


if __name__ == "__main__":
    main()
