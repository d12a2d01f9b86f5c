"""The model contract as training sees it: the same file, canonical text and hashes as the runtime's.

The canonical text of a JSON value has sorted keys, no white space and no escapes of non-ASCII characters
(``model_contracts/src/canonical.rs`` is the other side), so equal hashes mean equal contracts.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

CONTRACT_PATH = Path(__file__).resolve().parents[2] / "model_contracts" / "v1.json"
"""The contract in this repository."""

FEATURE_SCOPE = ("/audio/model_rate_hz", "/audio/hop_samples", "/features/logfb", "/beat_model/front_end")
"""What stored features depend on: they stay good while this part of the contract does."""


def canonical_json(value: Any) -> str:
    """One text for one value.

    >>> canonical_json({"b": [1, 2.5], "a": "é"})
    '{"a":"é","b":[1,2.5]}'
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def load(path: Path = CONTRACT_PATH) -> dict[str, Any]:
    """Read a contract.

    Raises
    ------
    ValueError
        The file is not a JSON object with a version.
    """
    contract = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(contract, dict) or "contract_version" not in contract:
        raise ValueError(f"{path}: not a contract: expected a JSON object with `contract_version`")
    return contract


def look_up(contract: Any, pointer: str) -> Any:
    """Value at a JSON pointer such as ``/audio/hop_samples``.

    Raises
    ------
    ValueError
        The pointer names nothing.
    """
    value = contract
    for key in pointer.split("/")[1:]:
        if not isinstance(value, dict) or key not in value:
            raise ValueError(f"the contract has nothing at {pointer}: `{key}` is missing")
        value = value[key]
    return value


def hash_of(contract: Any, pointers: tuple[str, ...] | list[str]) -> str:
    """``sha256:...`` over the canonical text of the object that maps each pointer to its value."""
    picked = {pointer: look_up(contract, pointer) for pointer in pointers}
    return "sha256:" + hashlib.sha256(canonical_json(picked).encode()).hexdigest()


def scope_hash(contract: dict[str, Any], scope: str = "beat_model") -> str:
    """Hash of the part of the contract that a kind of model depends on: what manifests and the runtime compare."""
    return hash_of(contract, look_up(contract, f"/hash_scope/{scope}"))


def feature_hash(contract: dict[str, Any]) -> str:
    """Hash of the part of the contract that stored features depend on."""
    return hash_of(contract, FEATURE_SCOPE)
