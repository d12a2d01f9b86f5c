"""The controller's net in PyTorch, with the shaper behind it: the same sums as `controller/src/net.rs` and `shaper.rs`, differentiable.

Everything that does not depend on the controls of the step before is computed for all steps at once; the rest is a short loop.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from anacrusis_training.contract import load

_CONTRACT = load()
SPEC = _CONTRACT["controller"]
DT_SEC = 1.0 / _CONTRACT["clocks"]["controller_hz"]
NAMES: tuple[str, ...] = tuple(SPEC["control_names"])
N_CONTROLS = len(NAMES)
N_MICRO, HISTORY = SPEC["micro"]["len"], SPEC["micro"]["history"]
REDUCED, HIDDEN = SPEC["reduced"], SPEC["hidden"]
N_OPEN = len(SPEC["beat_names"]) + len(_CONTRACT["labels"]) + len(_CONTRACT["horizons_beats"])
PRESENCE = N_MICRO - 1
FALLS = (False, False, True, False, True, False, False, True, True, True, True, True)
"""Controls that fall to 0 in silence, as in `shaper.rs`."""


def _limits() -> Tensor:
    """Rows: lowest, highest, pull up, pull down, most speed, most change of speed in a step, falls."""
    rows = [SPEC["control_min"], SPEC["control_max"], SPEC["pull_up_per_sec"], SPEC["pull_down_per_sec"], SPEC["max_speed_per_sec"]]
    accel = [value * DT_SEC for value in SPEC["max_accel_per_sec2"]]
    return torch.tensor([*rows, accel, [float(falls) for falls in FALLS]], dtype=torch.float64)


@torch.jit.script
def _shape(target: Tensor, value: Tensor, speed: Tensor, presence: Tensor, limits: Tensor, dt_sec: float) -> tuple[Tensor, Tensor]:
    falls = limits[6]
    target = falls * target * presence + (1.0 - falls) * (value + (target - value) * presence)
    away = target - value
    wanted = torch.clamp(away * torch.where(away > 0, limits[2], limits[3]), -limits[4], limits[4])
    speed = speed + torch.clamp(wanted - speed, -limits[5], limits[5])
    moved = value + speed * dt_sec
    held = torch.clamp(moved, limits[0], limits[1])
    return held, torch.where(held == moved, speed, torch.zeros_like(speed))


@torch.jit.script
def _roll(
    from_open: Tensor, presence: Tensor, w_last: Tensor, w_hh: Tensor, b_hh: Tensor, w_head: Tensor, b_head: Tensor, limits: Tensor,
    value: Tensor, speed: Tensor, hidden: Tensor, dt_sec: float,
) -> tuple[Tensor, Tensor]:
    controls: list[Tensor] = []
    logits: list[Tensor] = []
    # Taken apart at once: a slice a step would make the gradient of the whole at each of them.
    opened = torch.unbind(from_open, 1)
    heard = torch.unbind(presence.unsqueeze(2), 1)
    for t in range(len(opened)):
        gates_in = opened[t] + torch.matmul(value, w_last)
        gates_hidden = torch.matmul(hidden, w_hh) + b_hh
        reset_in, keep_in, fresh_in = torch.chunk(gates_in, 3, dim=1)
        reset_hidden, keep_hidden, fresh_hidden = torch.chunk(gates_hidden, 3, dim=1)
        reset = torch.sigmoid(reset_in + reset_hidden)
        keep = torch.sigmoid(keep_in + keep_hidden)
        fresh = torch.tanh(fresh_in + reset * fresh_hidden)
        hidden = (1.0 - keep) * fresh + keep * hidden
        logit = torch.matmul(hidden, w_head) + b_head
        target = limits[0] + (limits[1] - limits[0]) * torch.sigmoid(logit)
        value, speed = _shape(target, value, speed, heard[t], limits, dt_sec)
        controls.append(value)
        logits.append(logit)
    return torch.stack(controls, 1), torch.stack(logits, 1)


class ControllerNet(nn.Module):
    """Eight frames of micro features to 16, then a GRU of 32 with beat, section, hazard and the last controls, then the controls."""

    def __init__(self) -> None:
        super().__init__()
        self.reduce = nn.Linear(HISTORY * N_MICRO, REDUCED)
        self.gru = nn.GRUCell(REDUCED + N_OPEN + N_CONTROLS, HIDDEN)
        self.head = nn.Linear(HIDDEN, N_CONTROLS)
        self.register_buffer("limits", _limits(), persistent=False)

    def forward(self, history: Tensor, opened: Tensor, presence: Tensor, start: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Controls and the logits behind them.

        Parameters
        ----------
        history
            ``[batch, n, 8 * 24]``, oldest frame first.
        opened
            ``[batch, n, 18]``: beat, section, hazard.
        presence
            ``[batch, n]``.
        start
            ``[batch, 12]``: controls before the first step; at rest by default.
        """
        limits = self.limits.to(history.dtype)
        n_first = REDUCED + N_OPEN
        first = torch.cat([torch.tanh(self.reduce(history)), opened], dim=2)
        from_open = first @ self.gru.weight_ih[:, :n_first].T + self.gru.bias_ih
        rest = torch.tensor(SPEC["control_rest"], dtype=history.dtype).expand(len(history), -1)
        value = rest if start is None else start
        return _roll(
            from_open, presence, self.gru.weight_ih[:, n_first:].T, self.gru.weight_hh.T, self.gru.bias_hh, self.head.weight.T, self.head.bias,
            limits, value, torch.zeros_like(value), history.new_zeros(len(history), HIDDEN), DT_SEC,
        )

    def tensors(self) -> dict[str, Tensor]:
        """Weights by the names and in the order of the runtime."""
        return {
            "reduce.weight": self.reduce.weight, "reduce.bias": self.reduce.bias, "gru.weight_ih": self.gru.weight_ih,
            "gru.weight_hh": self.gru.weight_hh, "gru.bias_ih": self.gru.bias_ih, "gru.bias_hh": self.gru.bias_hh,
            "head.weight": self.head.weight, "head.bias": self.head.bias,
        }


def julia_c(controls: Tensor) -> Tensor:
    """Constants of Julia sets, ``[..., 2]`` of ``[..., 12]``: `controller/src/julia.rs`, differentiable."""
    julia = SPEC["julia"]
    path = torch.tensor([julia["path_re"], julia["path_im"]], dtype=controls.dtype).T
    last = len(path) - 1
    step = torch.cat([path[1:2] - path[:1], path[2:] - path[:-2], path[-1:] - path[-2:-1]])
    at = controls[..., 0] * last
    k = at.detach().floor().clamp(0, last - 1).long()
    u = (at - k).unsqueeze(-1)
    place = path[k] + (path[k + 1] - path[k]) * u
    tangent = step[k] + (step[k + 1] - step[k]) * u
    tangent = tangent / tangent.norm(dim=-1, keepdim=True)
    normal = torch.stack([tangent[..., 1], -tangent[..., 0]], dim=-1)
    offset = controls[..., 1:2]
    out = torch.where(offset < 0, offset * julia["inwards"], offset * julia["outwards"])
    return place + normal * out + tangent * (controls[..., 2:3] * julia["along"])


def boundary_distance(c: Tensor, n_max: int = 120) -> Tensor:
    """|z| ln|z| / |z'| of the critical orbit at its escape, ``[...]`` of ``[..., 2]``; 1e-4 where it does not escape in `n_max` steps."""
    re, im = c[..., 0], c[..., 1]
    z_re, z_im, s_re, s_im = (torch.zeros_like(re) for _ in range(4))
    distance = torch.full_like(re, 1e-4)
    gone = torch.zeros_like(re, dtype=torch.bool)
    for _ in range(n_max):
        s_re, s_im = 2 * (z_re * s_re - z_im * s_im) + 1, 2 * (z_re * s_im + z_im * s_re)
        z_re, z_im = z_re * z_re - z_im * z_im + re, 2 * z_re * z_im + im
        radius = torch.sqrt(z_re * z_re + z_im * z_im + 1e-30)
        escapes = (radius > 30.0) & ~gone
        distance = torch.where(escapes, radius * torch.log(radius) / torch.sqrt(s_re * s_re + s_im * s_im + 1e-30), distance)
        gone = gone | escapes
        # Those that are gone stand still: neither they nor their gradients overflow.
        z_re, z_im, s_re, s_im = (torch.where(gone, torch.zeros_like(x), x) for x in (z_re, z_im, s_re, s_im))
    return distance
