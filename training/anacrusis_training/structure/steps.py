"""The shapes and numbers of a step and of what is said of it, as the contract has them."""

from __future__ import annotations

from typing import Any

from anacrusis_training import contract

_CONTRACT = contract.load()


def _of(pointer: str) -> Any:
    return contract.look_up(_CONTRACT, pointer)


N_AUDIO, N_BEAT, N_STRUCT = (int(_of(f"/features/{part}/len")) for part in ("audio_pooled", "beat", "struct"))
"""Features of a step: pooled audio, beat, structure memory."""

N_ROW = N_AUDIO + N_BEAT + N_STRUCT

STEP_HZ = float(_of("/clocks/anticipator_hz"))
"""Steps a second."""

LABELS: tuple[str, ...] = tuple(_of("/labels"))
"""Section labels, in their order."""

HORIZONS_BEATS: tuple[int, ...] = tuple(_of("/horizons_beats"))
"""Beats within which a boundary may come."""

BIN_EDGES_BEATS: tuple[float, ...] = tuple(float(edge) for edge in _of("/anticipator/hazard_bins_from_beats")[1:])
"""Upper ends, included, of all hazard bins but the last."""

N_MACRO = int({name: shape for name, shape, _ in _of("/anticipator/outputs")}["macro_embedding"][-1])
"""Numbers of the embedding."""

LARGEST_Z = float(_of("/anticipator/audio_clip"))
"""Normalised audio is cut off here: what no song of the corpus ever was must not drive the network."""
