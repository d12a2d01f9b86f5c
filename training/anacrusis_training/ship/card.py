"""The card of a model: what it is, what it learnt from, how, how well it does and where it ends. Written from what was measured."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from ..corpus import manifest
from ..nets.mixture import Mixture
from .export import Statement, n_parameters
from .rounding import ROUNDED_BITS

if TYPE_CHECKING:
    from ..learn.workshop import Workshop

SCORE_COLUMNS = (("f70", "beat F70"), ("downbeat_f70", "downbeat F70"), ("cmlt", "CMLt"), ("amlt", "AMLt"), ("live0", "live0"))


def render_card(workshop: Workshop, mixture: Mixture, statement: Statement) -> str:
    """The card as Markdown."""
    parts = [
        f"# {statement.name}",
        "Beat and downbeat probabilities from audio features, one frame of 20 ms at a time, causally.",
        f"{statement.attribution}\n\n{statement.changes}",
        _facts(mixture, statement, workshop.recipe.weight_bits),
        _data(workshop),
        _training(workshop),
        _calibration(workshop, mixture),
        _results(workshop),
        _notes(workshop),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def _facts(mixture: Mixture, statement: Statement, weight_bits: int) -> str:
    members = [
        f"{weight:g} of {describe(member)}" for member, weight in zip(mixture.members, mixture.weights)
    ]
    rows = [
        ["licence", statement.licence],
        ["network", "; ".join(members)],
        ["parameters", f"{n_parameters(mixture):,}, {weight_bits} bits each" + (" in large matrices" if weight_bits == ROUNDED_BITS else "")],
        ["classes", "beat (that is no downbeat), downbeat, neither"],
        ["delay", f"{statement.delay_frames} frames"],
        ["trained on", statement.trained_on],
    ]
    return _table(["", ""], rows)


def describe(member: object) -> str:
    """One line about a network."""
    spec = member.spec
    if member.architecture == "tcn":
        return f"causal temporal convolutions, {spec['width']} channels, {spec['taps']} taps, dilations {spec['dilations']}"
    if member.architecture == "attention":
        return f"streaming attention, {spec['layers']} layers of {spec['width']}, {spec['heads']} heads, window {spec['window']} frames"
    return f"{spec['layers']} LSTM layers of {spec['width']}"


def _data(workshop: Workshop) -> str:
    hours: dict[str, float] = defaultdict(float)
    pieces: dict[str, int] = defaultdict(int)
    licences: dict[str, set[str]] = defaultdict(set)
    for name in workshop.recipe.corpora:
        for row in manifest.read(workshop.corpus_dir(name)).values():
            if row.status == "ok":
                hours[row.family] += row.seconds / 3600.0
                pieces[row.family] += 1
                licences[row.family] |= set(row.licences)
    rows = [[f, f"{hours[f]:.2f}", str(pieces[f]), ", ".join(sorted(licences[f])) or "generated"] for f in sorted(hours)]
    rows.append(["all", f"{sum(hours.values()):.2f}", str(sum(pieces.values())), ""])
    return "## Data\n\nComposed and rendered; each piece is stored in two versions of sound.\n\n" + _table(
        ["family", "hours", "pieces", "licences of what went in"], rows
    )


def _training(workshop: Workshop) -> str:
    rows = []
    for name, settings in workshop.recipe.networks.items():
        log = workshop.network_dir(name) / "log.jsonl"
        if not log.exists():
            continue
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        curve = " ".join(f"{line['dev_loss']:.3f}" for line in lines)
        seen, cpu_min = lines[-1]["hours_seen"], sum(line["cpu_sec"] for line in _ends_of_runs(lines)) / 60.0
        start = "fine-tuned" if settings.start else "scratch"
        rows.append([name, start, str(settings.seed), f"{seen:.0f}", f"{cpu_min:.0f}", curve])
    head = ["network", "begun from", "seed", "hours seen", "CPU min", "held-out loss"]
    return "## Training\n\n" + _table(head, rows) if rows else ""


def _ends_of_runs(lines: list[dict]) -> list[dict]:
    """The last line of each run: CPU time begins at 0 again where a training went on."""
    return [a for a, b in zip(lines, [*lines[1:], None]) if b is None or b["cpu_sec"] < a["cpu_sec"]]


def _calibration(workshop: Workshop, mixture: Mixture) -> str:
    path = workshop.folder / "calibration" / "trials.jsonl"
    if not path.exists():
        return ""
    c = mixture.calibration
    rows = []
    for line in path.read_text().splitlines():
        t = json.loads(line)
        scores = [f"{t[key]:.3f}" for key, _ in SCORE_COLUMNS]
        rows.append([f"{t['beat_scale']:g}", f"{t['downbeat_scale']:.3g}", f"{t['floor']:g}", *scores])
    text = (
        f"Probabilities of beat and downbeat are multiplied by {c.beat_scale:g} and {c.downbeat_scale:.3g}, and {c.floor:g} of the "
        "result is spread evenly. Chosen on rendered development pieces through the decoder:"
    )
    return f"## Calibration\n\n{text}\n\n" + _table(["beat", "downbeat", "floor", *(label for _, label in SCORE_COLUMNS)], rows)


def _results(workshop: Workshop) -> str:
    parts = []
    for path in sorted((workshop.folder / "results").glob("*.json")):
        report = json.loads(path.read_text())
        rows = []
        for entry in report["subsets"]:
            found = entry["tracker"]["means"]
            rows.append([entry["name"], str(entry["tracker"]["n_pieces"]), *(f"{found[k]['mean']:.3f}" for k, _ in SCORE_COLUMNS)])
        head = ["pieces", "n", *(label for _, label in SCORE_COLUMNS)]
        parts.append(f"### {path.stem.replace('_', ' ')}\n\n" + _table(head, rows))
    return "## Results\n\nCausal, exact decoder, defaults; nothing of these pieces was trained on.\n\n" + "\n\n".join(parts) if parts else ""


def _notes(workshop: Workshop) -> str:
    """What people add: ``card-notes.md`` beside the recipe, or nothing."""
    from ..learn.model_recipe import RECIPE_FOLDER

    path = RECIPE_FOLDER / f"{workshop.recipe.name}.notes.md"
    return Path(path).read_text().strip() if path.exists() else ""
