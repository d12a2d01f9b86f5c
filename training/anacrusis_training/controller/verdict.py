"""Which controller is the default: a rule fixed before any net was measured.

The net must be better than the mapping in six or more of nine measures of held-out songs, and keep every limit. The limit on the span
was added after the first net, whose gains answered at the right moment by a third as much: none of the nine sees how far a control goes.
"""

from __future__ import annotations

import dataclasses

NEEDED = 6

BETTER: dict[str, str] = {
    "beat_score": "more",
    "beat_lag_ms": "nearer 0",
    "onset_corr": "more",
    "onset_lag_ms": "nearer 0",
    "onset_auc": "more",
    "section_auc": "more",
    "contrast": "more",
    "hazard_corr": "more",
    "diversity": "more",
}
"""Measures that count, and which way is better."""

LEAST_SPAN_RATIO = 0.8
MOST_JERK_RATIO = 1.25
MOST_CLIP_RATE = 0.1
MOST_OUTSIDE = 0.01
MOST_UNIFORM = 0.01
MOST_FLASHES = 3


@dataclasses.dataclass(frozen=True, slots=True)
class Verdict:
    """Measures won, lost or drawn, limits broken, and whether the net is the default."""

    won: tuple[str, ...]
    not_won: tuple[str, ...]
    broken: tuple[str, ...]

    @property
    def net_is_default(self) -> bool:
        """Enough won, nothing broken."""
        return len(self.won) >= NEEDED and not self.broken


def is_better(measure: str, net: float, mapping: float) -> bool:
    """Whether the net's figure beats the mapping's; equal is not better."""
    return net > mapping if BETTER[measure] == "more" else abs(net) < abs(mapping)


def judge(net: dict[str, float], mapping: dict[str, float], adversarial_flashes: int) -> Verdict:
    """Compare two rows of the table."""
    won = tuple(name for name in BETTER if is_better(name, net[name], mapping[name]))
    limits = {
        "span": net["span"] >= LEAST_SPAN_RATIO * mapping["span"],
        "jerk": net["jerk"] <= MOST_JERK_RATIO * mapping["jerk"],
        "clip_rate": net["clip_rate"] <= MOST_CLIP_RATE,
        "outside_band": net["outside_band"] <= MOST_OUTSIDE,
        "near_uniform": net["near_uniform"] <= MOST_UNIFORM,
        "flashes": max(net["flashes"], adversarial_flashes) <= MOST_FLASHES,
    }
    return Verdict(won, tuple(name for name in BETTER if name not in won), tuple(name for name, holds in limits.items() if not holds))
