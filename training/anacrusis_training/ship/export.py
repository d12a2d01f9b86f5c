"""Writes a model folder that the runtime reads: ``model.safetensors``, ``model.onnx``, ``manifest.json`` and ``card.md``.

The safetensors file carries the same statements as the manifest in its metadata, so that an edited manifest is noticed.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

import safetensors.torch
import torch

from .. import contract
from ..nets.mixture import Mixture
from .onnx_file import write_onnx
from .rounding import FLOAT_BITS, ROUNDED_BITS, stored_in_8_bits

FORMAT = 1
FRONT_END_FIELDS = (
    "bands",
    "bands_per_octave",
    "bin_hz_divisor_samples",
    "fft_bins",
    "fft_samples",
    "fmax_hz",
    "fmin_hz",
    "fref_hz",
    "len",
    "window_samples",
)


@dataclasses.dataclass(frozen=True, slots=True)
class Statement:
    """What a manifest says beside what follows from the weights."""

    name: str
    licence: str
    attribution: str
    changes: str
    trained_on: str
    delay_frames: int = 0
    origin: dict[str, Any] = dataclasses.field(default_factory=dict)


def network_entry(spec: dict[str, Any]) -> dict[str, Any]:
    """What a manifest says of a network beyond its tensors' shapes."""
    entry = {}
    if "dilations" in spec:
        entry |= {"dilations": spec["dilations"], "taps": spec["taps"]}
    if "front" in spec:
        entry["pool"] = spec["front"]["pool"]
    if "heads" in spec:
        entry |= {"heads": spec["heads"], "window": spec["window"]}
    return entry


def shape_statement(mixture: Mixture, delay_frames: int) -> dict[str, Any]:
    """What shapes the model besides its tensors: in the manifest, and once more in the weights' metadata."""
    out: dict[str, Any] = {"calibration": dataclasses.asdict(mixture.calibration), "delay_frames": delay_frames}
    if len(mixture.members) > 1:
        out["members"] = [member_entry(member, weight) for member, weight in zip(mixture.members, mixture.weights)]
    elif entry := network_entry(mixture.members[0].spec):
        out["network"] = entry
    return out


def member_entry(member: torch.nn.Module, weight: float) -> dict[str, Any]:
    """A member as the manifest lists it."""
    entry = network_entry(member.spec)
    return {"architecture": member.architecture, "weight": weight} | ({"network": entry} if entry else {})


def mixture_tensors(mixture: Mixture) -> dict[str, torch.Tensor]:
    """All weights, each member's under ``member.<i>.``; those of a single member without."""
    named = {}
    for i, member in enumerate(mixture.members):
        prefix = f"member.{i}." if len(mixture.members) > 1 else ""
        for name, tensor in member.tensors().items():
            named[prefix + name] = tensor.detach().cpu().float().contiguous()
    return named


def n_parameters(mixture: Mixture) -> int:
    """Numbers in all tensors but the normalisation's."""
    return sum(t.numel() for name, t in mixture_tensors(mixture).items() if ".norm." not in f".{name}")


def architecture(mixture: Mixture) -> str:
    """The manifest's ``architecture``."""
    return mixture.members[0].architecture if len(mixture.members) == 1 else "mixture"


def export(mixture: Mixture, statement: Statement, card: str, out_dir: Path, weight_bits: int = FLOAT_BITS) -> None:
    """Write the model folder; the same weights give the same bytes.

    With 8 `weight_bits` the members' weights have to be `rounding.round_weights`'s; ``model.onnx`` has them as float32.
    """
    out_dir.mkdir(parents=True, exist_ok=True)
    current = contract.load()
    pointers = contract.look_up(current, "/hash_scope/beat_model")
    scope = {pointer: contract.look_up(current, pointer) for pointer in pointers}
    contract_hash = contract.scope_hash(current)
    filterbank = contract.look_up(current, "/features/logfb")
    front_end = {field: filterbank[field] for field in FRONT_END_FIELDS}
    metadata = {
        "name": statement.name,
        "architecture": architecture(mixture),
        "front_end": contract.canonical_json(front_end),
        "contract_version": current["contract_version"],
        "contract_hash": contract_hash,
        "contract_scope": contract.canonical_json(scope),
        "licence": statement.licence,
        "attribution": statement.attribution,
        "changes": statement.changes,
    }
    shaping = shape_statement(mixture, statement.delay_frames)
    metadata["network"] = contract.canonical_json(shaping)
    mixture = mixture.eval()
    tensors = mixture_tensors(mixture)
    stored = stored_in_8_bits(tensors) if weight_bits == ROUNDED_BITS else tensors
    weights = safetensors.torch.save(stored, metadata)
    (out_dir / "model.safetensors").write_bytes(with_sorted_header(weights))
    # Inside the graph everything is spelled out but the delay, which whoever runs it must know.
    write_onnx(mixture, out_dir / "model.onnx", metadata | {"delay_frames": str(statement.delay_frames)})
    (out_dir / "card.md").write_text(card)
    manifest: dict[str, Any] = {
        "format": FORMAT,
        "name": statement.name,
        "kind": "beat_model",
        "architecture": architecture(mixture),
        "front_end": front_end,
        **shaping,
        "parameters": n_parameters(mixture),
        "files": {name: _file_entry(out_dir / name) for name in ("card.md", "model.onnx", "model.safetensors")},
        "contract": {"version": current["contract_version"], "hash": contract_hash, "scope": scope},
        "origin": statement.origin,
        "licence": statement.licence,
        "attribution": statement.attribution,
        "changes": statement.changes,
        "trained_on": statement.trained_on,
    }
    (out_dir / "manifest.json").write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n")


def with_sorted_header(data: bytes) -> bytes:
    """A safetensors file with its header in one order: the library writes the metadata in another order each time.

    The format (huggingface/safetensors, README): length of the header as a little-endian 64-bit number, the header as JSON padded with
    spaces to a multiple of 8, then the tensors, whose offsets count from there.
    """
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    text = json.dumps(header, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + data[8 + length :]


def _file_entry(path: Path) -> dict[str, Any]:
    data = path.read_bytes()
    return {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
