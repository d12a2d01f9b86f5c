"""The controller's card: what it is, how it was made, the whole table, the verdict, and where it ends. Written from what was measured."""

from __future__ import annotations

import math
from typing import Any

from anacrusis_training.controller.verdict import BETTER, NEEDED, Verdict

COLUMNS = (
    "beat_score", "beat_lag_ms", "onset_corr", "onset_lag_ms", "onset_auc", "section_auc", "contrast", "hazard_corr", "diversity", "span", "jerk",
    "clip_rate", "outside_band", "near_uniform", "flashes",
)


def table(rows: dict[str, dict[str, float]]) -> str:
    """Rows of measures as Markdown."""
    lines = ["| | " + " | ".join(COLUMNS) + " |", "|---" * (len(COLUMNS) + 1) + "|"]
    for name, row in rows.items():
        lines.append(f"| {name} | " + " | ".join(_text(row[column]) for column in COLUMNS) + " |")
    return "\n".join(lines)


def _text(value: float) -> str:
    if math.isnan(value):
        return "-"
    return f"{value:.0f}" if float(value).is_integer() else f"{value:.4f}" if abs(value) < 0.01 else f"{value:.3f}"


def render(results: dict[str, Any], verdict: Verdict, facts: dict[str, Any]) -> str:
    """The card as Markdown."""
    default = "the net" if verdict.net_is_default else "the hand-written mapping; this net can be chosen"
    flicker = results["adversarial"]["net"]
    parts = [
        "# controller_v1",
        ("Twelve bounded controls for visuals, 60 times a second, from micro features of the sound, the beat foreseen to now, section and "
        "hazard. No human said what looks good: nothing here is a claim of taste."),
        ("| | |\n|---|---|\n"
        f"| network | dense 192 to 16, GRU 32, dense to 12; {facts['parameters']:,} parameters, float32, summed in float64 |\n"
        "| step | 1/60 s, causal, explicit state; the same bits in Rust and JavaScript |\n"
        f"| trained on | {facts['train_songs']} songs ({facts['train_minutes']:.0f} minutes) composed and rendered by the package, no outside "
        "source; analytic objectives (docs/controller.md) |\n"
        f"| training | {facts['steps']} steps of {facts['batch']} sequences of {facts['sequence_sec']:g} s, seed {facts['seed']}: imitation of the "
        "mapping, then the objectives with true structure, then with the anticipator's; the quick controls stretched to the mapping's span |\n"
        "| licence | CC-BY-4.0 |\n"
        f"| default | {default} |"),
        ("## Intended use\n\nDriving the picture of the web view: controls that follow the music and keep the contract's limits on range and "
        "speed. Not meant for lights without the limiter of their own output, and no measure of what people like."),
        "## Results\n\nWhat each column is: docs/controller.md. `cargo xtask train controller report` makes these tables.",
        f"### {facts['test_songs']} held-out songs\n\n" + table(results["test"]),
    ]
    if results.get("pieces"):
        parts.append(
            f"### {facts['pieces']} pieces of another arranger (evaluation corpus, never trained on)\n\n" + table(results["pieces"])
        )
    parts += [
        "### Sounds made to flicker\n\nMost modelled flashes in a second (3 are allowed): "
        + ", ".join(f"{name} {count}" for name, count in flicker.items())
        + f". The same inputs give the same bytes twice: {'yes' if results['deterministic'] else 'NO'}.",
        ("## Verdict\n\n"
        f"The net has to beat the mapping in {NEEDED} of {len(BETTER)} measures on the held-out songs and to keep every limit "
        "(`controller/verdict.py`, written before any net was measured). "
        f"Better: {', '.join(verdict.won) or 'nothing'}. Not better: {', '.join(verdict.not_won) or 'nothing'}. "
        f"Limits broken: {', '.join(verdict.broken) or 'none'}. **Default: {default}.**"),
        ("## Limits\n\n- All training sound is synthetic, sections are half as long as usual, everything is in 4/4.\n"
        "- Flashes are counted on a model of the brightness and on no screen; the page's own limiter stands behind it.\n"
        "- Section and hazard are the anticipator's, with its errors: the figures are of the whole chain.\n"
        "- Human A/B comparisons, the only evidence of taste, were not made."),
    ]
    return "\n\n".join(parts) + "\n"
