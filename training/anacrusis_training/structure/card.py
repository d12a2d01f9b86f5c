"""The anticipator's card: what it is, what it learnt from, how well it does and where it ends. Written from what was measured."""

from __future__ import annotations

import json
from collections import Counter

from anacrusis_training.corpus import manifest
from anacrusis_training.structure.model_recipe import RECIPE_FOLDER
from anacrusis_training.structure.net import Anticipator
from anacrusis_training.structure.report import NOTE
from anacrusis_training.structure.workshop import Workshop


def render_card(workshop: Workshop, net: Anticipator) -> str:
    """The card as Markdown."""
    recipe, settings = workshop.recipe, net.settings
    n_parameters = sum(tensor.numel() for name, tensor in net.tensors().items() if name not in ("audio_mean", "audio_inv_std"))
    rows = [
        ["licence", recipe.statement["licence"]],
        ["network", f"{settings.audio_units} + {settings.mix_units} ReLU units, {settings.layers} GRU layers of {settings.hidden}"],
        ["parameters", f"{n_parameters:,}, float32"],
        ["step", "80 ms, causal, explicit state"],
        ["answers", "8 section probabilities; P(a boundary within 1, 2, 4, 8, 16 beats), which never falls with the horizon; 16 free values"],
        ["trained on", recipe.statement["trained_on"]],
    ]
    parts = [
        f"# {recipe.name}",
        "Which section of a song plays, and when the next one comes, from audio features, the tracked beat and a memory of bars.",
        f"{recipe.statement['attribution']}\n\n{recipe.statement['changes']}",
        "| | |\n|---|---|\n" + "\n".join(f"| {name} | {value} |" for name, value in rows),
        _data(workshop),
        _training(workshop),
        _calibration(workshop),
        _results(workshop),
        _notes(workshop),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _data(workshop: Workshop) -> str:
    lines = ["| part | songs | hours | plans | without any cue but return | loud and quiet exchanged |", "|---|---|---|---|---|---|"]
    for part in workshop.recipe.corpora:
        rows = [row for row in manifest.read(workshop.corpus_dir(part)).values() if row.status == "ok"]
        if not rows:
            continue
        plans = {source for row in rows for source in row.sources if source.startswith("harmonixset/")}
        modes, flipped = Counter(row.traits.get("mode") for row in rows), Counter(row.traits.get("flipped") for row in rows)
        hours = sum(row.seconds for row in rows) / 3600.0
        lines.append(f"| {part} | {len(rows)} | {hours:.1f} | {len(plans)} | {modes['repetition only']} | {flipped['yes']} |")
    text = (
        f"{NOTE.capitalize()}: beats and sections of the Harmonix Set (split by artist, frozen), music composed over them, "
        "rendered by two soundfonts and our own synthesiser, with a formant singer, fills of people, announcements that are true and "
        "false. Beats in the inputs are the tracker's, with its errors."
    )
    return f"## Data\n\n{text}\n\n" + "\n".join(lines)


def _training(workshop: Workshop) -> str:
    log = workshop.network_dir() / "log.jsonl"
    if not log.exists():
        return ""
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    best = min(lines, key=lambda line: line["val_label"] + line["val_hazard"])
    settings = workshop.recipe.fit
    return (
        f"## Training\n\nSeed {settings.seed}, {len(lines)} epochs of whole songs, {settings.batch} side by side, gradients through "
        f"{settings.chunk_steps} steps. Held-out losses (nats): label {lines[0]['val_label']:.3f} after the first epoch, "
        f"{best['val_label']:.3f} at the best ({best['step']}); hazard {lines[0]['val_hazard']:.3f} and {best['val_hazard']:.3f}."
    )


def _calibration(workshop: Workshop) -> str:
    path = workshop.folder / "calibration.json"
    if not path.exists():
        return ""
    found = json.loads(path.read_text())
    return (
        "## Calibration\n\nA factor and a shift for each class of both softmaxes, fitted on the held-out songs and folded into the "
        f"weights: label loss {found['label_before']:.3f} to {found['label_after']:.3f}, hazard loss {found['hazard_before']:.3f} to "
        f"{found['hazard_after']:.3f}."
    )


def _results(workshop: Workshop) -> str:
    parts = []
    for path in sorted(workshop.results_dir().glob("*.md")):
        parts.append(f"### {path.stem.replace('_', ' ')}\n\n{path.read_text().strip()}")
    return "## Results\n\nSongs of the test part, never trained on or tuned to.\n\n" + "\n\n".join(parts) if parts else ""


def _notes(workshop: Workshop) -> str:
    """What people add: a file of notes beside the recipe, or nothing."""
    path = RECIPE_FOLDER / f"{workshop.recipe.name}.notes.md"
    return path.read_text().strip() if path.exists() else ""
