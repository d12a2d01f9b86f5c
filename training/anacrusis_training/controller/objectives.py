"""What the net is trained for: analytic objectives of docs/controller.md, all differentiable, none of them a picture.

Each takes controls ``[batch, n, 12]`` and what they should answer to; smaller is better.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from anacrusis_training.controller.net import DT_SEC, N_CONTROLS, SPEC, boundary_distance, julia_c

PATH, OFFSET, SWAY, ZOOM, TURN, PALETTE, SPREAD, LOW, MID, HIGH, TENSION, GLOW = range(N_CONTROLS)
SLOW = (PATH, OFFSET, ZOOM, TURN, PALETTE, SPREAD)
"""Controls by which sections are told apart."""

WINDOW_STEPS = 30
"""Half a second of controls, from which features are to be recovered."""

RECOVERED = (0, 1, 2, 4, 5, 6, 19)
"""Micro features that are: energies, onsets, centroid."""


class Critic(nn.Module):
    """Recovers what was heard from half a second of controls: an embedding of each, and a guess of the section."""

    def __init__(self, n_labels: int, width: int = 32) -> None:
        super().__init__()
        n = N_CONTROLS * (WINDOW_STEPS // 3)
        self.seen = nn.Sequential(nn.Linear(n, 64), nn.ReLU(), nn.Linear(64, width))
        self.heard = nn.Sequential(nn.Linear(len(RECOVERED), 64), nn.ReLU(), nn.Linear(64, width))
        self.section = nn.Linear(n, n_labels)

    def forward(self, windows: Tensor, heard: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """InfoNCE loss against the other windows, and the section's cross-entropy."""
        flat = windows.flatten(1)
        seen = nn.functional.normalize(self.seen(flat), dim=1)
        other = nn.functional.normalize(self.heard(heard), dim=1)
        logits = 10.0 * seen @ other.T
        own = torch.arange(len(logits))
        return 0.5 * (cross_entropy(logits, own) + cross_entropy(logits.T, own)), cross_entropy(self.section(flat), labels)


def draw_windows(controls: Tensor, micro: Tensor, labels: Tensor, each: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Windows of controls at random steps with what was heard then: ``[batch * each, 10, 12]``, ``[.., 7]``, ``[..]``."""
    batch, n, _ = controls.shape
    at = torch.randint(0, n - WINDOW_STEPS, (batch, each), generator=generator)
    rows = torch.arange(batch)[:, None].expand_as(at).flatten()
    at = at.flatten()
    steps = at[:, None] + torch.arange(0, WINDOW_STEPS, 3)
    return controls[rows[:, None], steps], micro[rows, at][:, list(RECOVERED)], labels[rows, at]


def correlation(a: Tensor, b: Tensor) -> Tensor:
    """Pearson's along time, mean over the batch."""
    a, b = a - a.mean(1, keepdim=True), b - b.mean(1, keepdim=True)
    return ((a * b).sum(1) / torch.sqrt((a * a).sum(1) * (b * b).sum(1) + 1e-6)).mean()


def timing(controls: Tensor, onsets: Tensor, pulses: Tensor) -> Tensor:
    """Gains rise when onsets sound, the glow when beats fall: 1 - correlation, at no delay."""
    rises = torch.relu(controls[:, 1:] - controls[:, :-1])
    pairs = [(rises[..., LOW], onsets[:, 1:, 0]), (rises[..., MID], onsets[:, 1:, 1]), (rises[..., HIGH], onsets[:, 1:, 2])]
    pairs += [(rises[..., GLOW], pulses[:, 1:]), (rises[..., LOW], pulses[:, 1:])]
    weights = (1.0, 1.0, 1.0, 1.5, 0.5)
    return sum(weight * (1.0 - correlation(a, b)) for weight, (a, b) in zip(weights, pairs, strict=True)) / sum(weights)


def stillness(controls: Tensor, activity: Tensor) -> Tensor:
    """Movement of the quick controls that nothing heard explains; `activity` is in [0, 1]."""
    speed = (controls[:, 1:, LOW : HIGH + 1] - controls[:, :-1, LOW : HIGH + 1]).abs().mean(2) / DT_SEC
    return (speed * (1.0 - activity[:, 1:])).mean()


def jerk(controls: Tensor) -> Tensor:
    """Change of acceleration, in parts of the most that is allowed."""
    limit = torch.tensor(SPEC["max_speed_per_sec"], dtype=controls.dtype) * DT_SEC
    third = controls[:, 3:] - 3 * controls[:, 2:-1] + 3 * controls[:, 1:-2] - controls[:, :-3]
    return ((third / limit) ** 2).mean()


def saturation(logits: Tensor) -> Tensor:
    """Targets at an end of their range, where nothing moves them any more."""
    return torch.relu(logits.abs() - 4.0).mean()


def contrast(controls: Tensor, labels: Tensor, songs: Tensor, margin: float = 0.35) -> Tensor:
    """Stretches of the same song: near in the slow controls where the label is the same, a margin apart where it is not.

    A stretch is the second half of a sequence, if it stays in one section.
    """
    half = controls.shape[1] // 2
    late = labels[:, half:]
    whole = (late == late[:, :1]).all(1)
    means = controls[:, half:][..., list(SLOW)].mean(1)[whole]
    label, song = late[whole, 0], songs[whole]
    pairs = (song[:, None] == song[None]) & ~torch.eye(len(song), dtype=torch.bool)
    distance = torch.sqrt(((means[:, None] - means[None]) ** 2).mean(2) + 1e-8)
    same = label[:, None] == label[None]
    loss = torch.where(same, torch.relu(distance - 0.05), torch.relu(margin - distance))
    return (loss * pairs).sum() / pairs.sum().clamp(min=1)


def buildup(controls: Tensor, ramps: Tensor) -> Tensor:
    """Tension against the true ramp to the next boundary: its mean square, and its correlation."""
    tension = controls[..., TENSION]
    return ((tension - ramps) ** 2).mean() + 0.3 * (1.0 - correlation(tension, ramps))


def band(controls: Tensor) -> Tensor:
    """Constants outside of the band of rich pictures, on a logarithmic scale; a step in 30 is looked at."""
    distance = boundary_distance(julia_c(controls[:, ::30])).clamp(1e-5, 1.0)
    low, high = 1.25 * SPEC["julia"]["distance_min"], 0.8 * SPEC["julia"]["distance_max"]
    return (torch.relu(torch.log(low / distance)) + torch.relu(torch.log(distance / high))).mean()


def brightness(controls: Tensor) -> Tensor:
    """Modelled luminance that goes up and down: the soft side of the flash limit."""
    weights = torch.tensor(SPEC["luminance"]["weights"], dtype=controls.dtype)
    change = ((controls[:, 1:] - controls[:, :-1]) @ weights).abs() / DT_SEC
    return torch.relu(change - 0.6).mean()
