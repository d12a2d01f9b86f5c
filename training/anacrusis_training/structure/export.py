"""Writes the anticipator's model folder: ``model.safetensors``, ``model.onnx``, ``manifest.json`` and ``card.md``, and proves them equal."""

from __future__ import annotations

import hashlib
import json
import subprocess
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import safetensors.torch
import soundfile
import torch
from torch import nn

from anacrusis_training import contract
from anacrusis_training.ship.export import with_sorted_header
from anacrusis_training.ship.onnx_file import OPSET, PRODUCER
from anacrusis_training.ship.proof import RATE_HZ, proof_sound
from anacrusis_training.structure.model_recipe import ModelRecipe
from anacrusis_training.structure.net import Anticipator, hazard_probs
from anacrusis_training.structure.steps import LARGEST_Z, N_AUDIO, N_BEAT, N_STRUCT
from anacrusis_training.structure.workshop import SCOPE

FORMAT = 1
KIND, ARCHITECTURE = "anticipator", "gru"

TOLERANCE = 1e-5
"""Largest difference of a probability between PyTorch and any runtime."""

LEAST_PROB = 1e-6
"""Hazards are kept this far from 0 and 1 before their logit is taken."""


class Step(nn.Module):
    """One step from the shipped tensors alone, as a graph has it: what is exported is what the tensors say, and nothing else."""

    def __init__(self, tensors: dict[str, torch.Tensor]) -> None:
        super().__init__()
        hidden = tensors["gru.0.weight_hh"].shape[1]
        layers = sum(name.endswith("weight_hh") for name in tensors)
        self.register_buffer("mean", tensors["audio_mean"])
        self.register_buffer("inv_std", tensors["audio_inv_std"])
        self.audio_in = _linear(tensors, "audio_in")
        self.mix = _linear(tensors, "mix")
        self.gru = nn.GRU(tensors["mix.weight"].shape[0], hidden, layers, batch_first=True)
        with torch.no_grad():
            for layer in range(layers):
                for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
                    getattr(self.gru, f"{kind}_l{layer}").copy_(tensors[f"gru.{layer}.{kind}"])
        self.label, self.hazard, self.macro = (_linear(tensors, head) for head in ("label", "hazard", "macro"))

    def forward(
        self, audio: torch.Tensor, beat: torch.Tensor, struct: torch.Tensor, state: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        z = ((audio - self.mean) * self.inv_std).clamp(-LARGEST_Z, LARGEST_Z)
        mixed = torch.relu(self.mix(torch.cat([torch.relu(self.audio_in(z)), beat, struct], -1)))
        out, state = self.gru(mixed, state)
        prob = hazard_probs(self.hazard(out)).clamp(LEAST_PROB, 1.0 - LEAST_PROB)
        return self.label(out), torch.log(prob) - torch.log1p(-prob), self.macro(out), state


def _linear(tensors: dict[str, torch.Tensor], name: str) -> nn.Linear:
    weight, bias = tensors[f"{name}.weight"], tensors[f"{name}.bias"]
    layer = nn.Linear(weight.shape[1], weight.shape[0])
    with torch.no_grad():
        layer.weight.copy_(weight)
        layer.bias.copy_(bias)
    return layer


def export(net: Anticipator, recipe: ModelRecipe, card: str, out_dir: Path, origin: dict[str, Any]) -> None:
    """Write the model folder; the same weights give the same bytes. `net` is calibrated already."""
    out_dir.mkdir(parents=True, exist_ok=True)
    current = contract.load()
    pointers = contract.look_up(current, f"/hash_scope/{SCOPE}")
    scope = {pointer: contract.look_up(current, pointer) for pointer in pointers}
    contract_hash = contract.scope_hash(current, SCOPE)
    statement = recipe.statement
    settings = net.settings
    sizes = {"audio_units": settings.audio_units, "mix_units": settings.mix_units, "hidden": settings.hidden, "layers": settings.layers}
    metadata = {
        "name": recipe.name,
        "kind": KIND,
        "architecture": ARCHITECTURE,
        "contract_version": current["contract_version"],
        "contract_hash": contract_hash,
        "contract_scope": contract.canonical_json(scope),
        "sizes": contract.canonical_json(sizes),
        "licence": statement["licence"],
        "attribution": statement["attribution"],
        "changes": statement["changes"],
    }
    tensors = {name: tensor.float() for name, tensor in net.eval().tensors().items()}
    (out_dir / "model.safetensors").write_bytes(with_sorted_header(safetensors.torch.save(tensors, metadata)))
    write_onnx(Step(tensors), settings.layers, settings.hidden, out_dir / "model.onnx", metadata)
    (out_dir / "card.md").write_text(card)
    manifest = {
        "format": FORMAT,
        "name": recipe.name,
        "kind": KIND,
        "architecture": ARCHITECTURE,
        "sizes": sizes,
        "parameters": sum(tensor.numel() for name, tensor in tensors.items() if not name.startswith("audio_m") and name != "audio_inv_std"),
        "files": {name: _file_entry(out_dir / name) for name in ("card.md", "model.onnx", "model.safetensors")},
        "contract": {"version": current["contract_version"], "hash": contract_hash, "scope": scope},
        "origin": origin,
        **statement,
    }
    (out_dir / "manifest.json").write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n")


def write_onnx(step: Step, layers: int, hidden: int, path: Path, metadata: dict[str, str]) -> None:
    """Write the graph of one step: calibrated in the graph, state in, state out."""
    example = (torch.zeros(1, 1, N_AUDIO), torch.zeros(1, 1, N_BEAT), torch.zeros(1, 1, N_STRUCT), torch.zeros(layers, 1, hidden))
    with warnings.catch_warnings():
        # It warns of batch sizes other than 1, which the contract excludes.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            step.eval(),
            example,
            str(path),
            opset_version=OPSET,
            dynamo=False,
            input_names=["audio", "beat", "struct", "h0"],
            output_names=["section_logits", "hazard_logits", "macro_embedding", "h1"],
        )
    model = onnx.load(path)
    model.producer_name, model.producer_version = PRODUCER, ""
    onnx.helper.set_model_props(model, dict(sorted(metadata.items())))
    for node in model.graph.node:
        # Where in the exporter's Python a node came from says nothing to a reader, and names this machine's folders.
        node.doc_string = ""
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)


@torch.no_grad()
def torch_answers(net: Anticipator, rows: np.ndarray) -> dict[str, np.ndarray]:
    """Probabilities and embedding of rows ``[n, 335]`` by PyTorch, the whole sequence at once."""
    label, bins, macro, _ = net.eval()(torch.from_numpy(rows.astype(np.float32))[None], net.initial_state(1))
    return {
        "section_probs": label[0].softmax(-1).numpy(),
        "hazard_probs": hazard_probs(bins[0]).numpy(),
        "macro": macro[0].numpy(),
    }


def onnx_answers(path: Path, rows: np.ndarray) -> dict[str, np.ndarray]:
    """The same by ONNX Runtime, step by step."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    state = np.zeros([d for d in session.get_inputs()[3].shape], np.float32)
    out: dict[str, list[np.ndarray]] = {"section_probs": [], "hazard_probs": [], "macro": []}
    for row in rows.astype(np.float32):
        parts = np.split(row, (N_AUDIO, N_AUDIO + N_BEAT))
        inputs = {name: part[None, None] for name, part in zip(("audio", "beat", "struct"), parts, strict=True)}
        label, hazard, macro, state = session.run(None, {**inputs, "h0": state})
        raised = np.exp(label[0, 0] - label[0, 0].max())
        out["section_probs"].append(raised / raised.sum())
        out["hazard_probs"].append(1.0 / (1.0 + np.exp(-hazard[0, 0])))
        out["macro"].append(macro[0, 0])
    return {name: np.array(values) for name, values in out.items()}


def differences(net: Anticipator, model_dir: Path, anacrusis_bin: Path) -> dict[str, float]:
    """Largest differences of any probability between PyTorch, ONNX Runtime and the native kernels on clicks over noise.

    Raises
    ------
    RuntimeError
        Where the runtime refuses the model.
    """
    with tempfile.TemporaryDirectory(prefix="anacrusis_proof_") as name:
        folder = Path(name)
        soundfile.write(folder / "proof.wav", proof_sound(), RATE_HZ, subtype="FLOAT")
        command = [anacrusis_bin, "features", folder / "proof.wav", "--structure", "--anticipator", model_dir, "--out", folder, "--quiet"]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode != 0:
            raise RuntimeError(f"`anacrusis features --structure` ended with {result.returncode}: {result.stderr.strip()[-500:]}")
        with np.load(folder / "proof.npz") as arrays:
            rows, native = arrays["rows"], {key: arrays[key] for key in ("section_probs", "hazard_probs")}
    expected = torch_answers(net, rows)
    by_onnx = onnx_answers(model_dir / "model.onnx", rows)
    return {
        "onnxruntime": max(float(np.abs(by_onnx[key] - expected[key]).max()) for key in native),
        "native": max(float(np.abs(native[key] - expected[key]).max()) for key in native),
    }


def _file_entry(path: Path) -> dict[str, Any]:
    data = path.read_bytes()
    return {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
