"""How well an anticipator does on songs it never heard: every measure beside the floor and beside itself without ears.

Intervals are 95 % by bootstrap over songs, since moments of one song are no independent evidence. The same numbers come from
`anacrusis eval --structure`, which hears audio; this report reads rows.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from anacrusis_training.structure.answers import Answers, answer, prior_answers
from anacrusis_training.structure.labels import LABEL_INDEX
from anacrusis_training.structure.net import Anticipator, hazard_probs
from anacrusis_training.structure.prior import Prior
from anacrusis_training.structure.rows import Song
from anacrusis_training.structure.scoring import (
    area_under_roc,
    average_precision,
    hazard_scores,
    hits,
    label_scores,
)
from anacrusis_training.structure.steps import HORIZONS_BEATS, LABELS, STEP_HZ

N_RESAMPLES = 500

LATEST_BEATS = 16
"""A section that is not named within so many beats counts as named then."""

NOTE = "synthetic sound on real section plans"


def make_report(net: Anticipator, songs: Sequence[Song], prior: Prior, seed: int = 0) -> dict[str, Any]:
    """All measures over some songs.

    Parameters
    ----------
    net
        Calibrated.
    songs
        None of which it was trained on, or calibrated on.
    prior
        The floor.
    seed
        Of the bootstrap, and of who lends whom its audio in the control.
    """
    rng = np.random.default_rng(seed)
    answers = answer(net, songs)
    truth = [hits(a.moments.left_beats) for a in answers]
    prob = [_hazards(a) for a in answers]
    floor = prior_answers(prior, songs)
    # Everybody lends to the next one in a shuffled round, so nobody keeps their own.
    order = rng.permutation(len(songs))
    lender = np.empty(len(songs), dtype=np.int64)
    lender[order] = np.roll(order, 1)
    shuffled = [_hazards(a) for a in answer(net, songs, [songs[i] for i in lender])] if len(songs) > 1 else prob
    picks = [rng.integers(0, len(songs), len(songs)) for _ in range(N_RESAMPLES)]
    horizons = {}
    for column, horizon in enumerate(HORIZONS_BEATS):
        parts = {"model": prob, "floor": floor, "shuffled": shuffled}
        here = {name: _column(values, column) for name, values in parts.items()}
        hit = _column(truth, column)
        horizons[str(horizon)] = {
            name: hazard_scores(np.concatenate(hit), np.concatenate(values)) for name, values in here.items()
        } | _intervals(hit, here, picks)
    return {
        "note": NOTE,
        "songs": len(songs),
        "moments": int(sum(len(t) for t in truth)),
        "horizons": horizons,
        "labels": _label_report(answers, picks),
        "delay_beats": _delays(answers, songs),
        "flips_per_minute": _flips(answers),
        "by_renderer": _by_renderer(songs, truth, prob, floor, answers),
    }


def _hazards(answers: Answers) -> NDArray[np.float64]:
    return hazard_probs(torch.from_numpy(answers.bin_logits)).numpy().astype(np.float64)


def _column(values: Sequence[NDArray], column: int) -> list[NDArray]:
    return [value[:, column] for value in values]


def _intervals(hit: list[NDArray], prob: dict[str, list[NDArray]], picks: Sequence[NDArray]) -> dict[str, Any]:
    """95 % intervals of the average precision, and of what it has over the floor's on the same songs."""
    model, over = [], []
    for chosen in picks:
        truth = np.concatenate([hit[i] for i in chosen])
        if not truth.any():
            continue
        own = average_precision(truth, np.concatenate([prob["model"][i] for i in chosen]))
        model.append(own)
        over.append(own - average_precision(truth, np.concatenate([prob["floor"][i] for i in chosen])))
    return {"ap_interval": _interval(model), "ap_over_floor_interval": _interval(over)}


def _interval(values: Sequence[float]) -> list[float]:
    return [float(v) for v in np.percentile(values, (2.5, 97.5))] if len(values) else [float("nan")] * 2


def _label_report(answers: Sequence[Answers], picks: Sequence[NDArray]) -> dict[str, Any]:
    said = [np.where(a.moments.weight > 0, a.label_logits.argmax(1), -1) for a in answers]
    truth = [np.where(a.moments.weight > 0, a.moments.label, -1) for a in answers]

    def scores(chosen: Sequence[int]) -> dict[str, float]:
        right, claimed = np.concatenate([truth[i] for i in chosen]), np.concatenate([said[i] for i in chosen])
        return label_scores(right[right >= 0], claimed[right >= 0], len(LABELS))

    everything = list(range(len(answers)))
    resampled = [scores(chosen) for chosen in picks[:200]]
    whole_truth, whole_said = np.concatenate(truth), np.concatenate(said)
    f1 = {}
    for label, index in LABEL_INDEX.items():
        here, claimed = whole_truth == index, whole_said == index
        if here.any():
            f1[label] = {"f1": 2.0 * float((here & claimed).sum()) / float(here.sum() + claimed.sum()), "share": float(here.mean())}
    counts = np.bincount(whole_truth[whole_truth >= 0], minlength=len(LABELS))
    return scores(everything) | {
        "accuracy_interval": _interval([s["accuracy"] for s in resampled]),
        "macro_f1_interval": _interval([s["macro_f1"] for s in resampled]),
        "majority_accuracy": float(counts.max() / counts.sum()),
        "by_label": f1,
    }


def _delays(answers: Sequence[Answers], songs: Sequence[Song]) -> dict[str, float]:
    """Beats from a section's start until its label is said, where the label changes there; the median, and the share never said in time."""
    delays = []
    for a, song in zip(answers, songs, strict=True):
        label, said = a.moments.label, a.label_logits.argmax(1)
        changes = np.flatnonzero(np.diff(label) != 0) + 1
        for at in changes:
            right = np.flatnonzero(said[at : at + LATEST_BEATS] == label[at])
            same = np.flatnonzero(label[at:] != label[at])
            length = int(same[0]) if len(same) else len(label) - at
            if label[at] != LABEL_INDEX["silence"]:
                delays.append(int(right[0]) if len(right) and right[0] < length else LATEST_BEATS)
    if not delays:
        return {"median": float("nan"), "late_share": float("nan")}
    return {"median": float(np.median(delays)), "late_share": float(np.mean(np.array(delays) >= LATEST_BEATS))}


def _flips(answers: Sequence[Answers]) -> float:
    """Changes of the said label a minute, over all steps."""
    flips = sum(int((np.diff(a.steps_label) != 0).sum()) for a in answers)
    steps = sum(len(a.steps_label) for a in answers)
    return flips / (steps / STEP_HZ / 60.0)


def _by_renderer(songs: Sequence[Song], truth: Sequence, prob: Sequence, floor: Sequence, answers: Sequence[Answers]) -> dict[str, Any]:
    out = {}
    for renderer in sorted({str(song.meta.get("renderer")) for song in songs}):
        chosen = [i for i, song in enumerate(songs) if str(song.meta.get("renderer")) == renderer]
        hit, own = np.concatenate([truth[i] for i in chosen]), np.concatenate([prob[i] for i in chosen])
        base = np.concatenate([floor[i] for i in chosen])
        label = np.concatenate([a.moments.label[a.moments.weight > 0] for a in (answers[i] for i in chosen)])
        said = np.concatenate([a.label_logits.argmax(1)[a.moments.weight > 0] for a in (answers[i] for i in chosen)])
        out[renderer] = {
            "songs": len(chosen),
            "ap": [average_precision(hit[:, h], own[:, h]) for h in range(len(HORIZONS_BEATS))],
            "floor_ap": [average_precision(hit[:, h], base[:, h]) for h in range(len(HORIZONS_BEATS))],
            "auc": [area_under_roc(hit[:, h], own[:, h]) for h in range(len(HORIZONS_BEATS))],
            **label_scores(label, said, len(LABELS)),
        }
    return out


def as_table(report: dict[str, Any]) -> str:
    """The report as Markdown."""
    lines = [
        f"{report['songs']} songs, {report['moments']} beats; {report['note']}. AUC / AP / Brier / log-loss / ECE.",
        "",
        "| within | base rate | model | 95 % of AP | floor (prior only) | shuffled audio | AP over floor, 95 % |",
        "|---|---|---|---|---|---|---|",
    ]
    for horizon, entry in report["horizons"].items():
        low, high = entry["ap_interval"]
        over_low, over_high = entry["ap_over_floor_interval"]
        cells = [" / ".join(f"{entry[name][key]:.3f}" for key in ("auc", "ap", "brier", "log_loss", "ece")) for name in ("model", "floor", "shuffled")]
        lines.append(
            f"| {horizon} | {entry['model']['positive_share']:.3f} | {cells[0]} | {low:.3f} to {high:.3f} | {cells[1]} | {cells[2]} "
            f"| {over_low:+.3f} to {over_high:+.3f} |"
        )
    labels = report["labels"]
    (a_low, a_high), (f_low, f_high) = labels["accuracy_interval"], labels["macro_f1_interval"]
    lines += [
        "",
        (f"Labels: accuracy {labels['accuracy']:.3f} ({a_low:.3f} to {a_high:.3f}; always the most common one {labels['majority_accuracy']:.3f}), "
         f"macro-F1 {labels['macro_f1']:.3f} ({f_low:.3f} to {f_high:.3f}). Said after {report['delay_beats']['median']:.0f} beats (median), "
         f"not within {LATEST_BEATS} in {100 * report['delay_beats']['late_share']:.0f} %; {report['flips_per_minute']:.1f} changes a minute."),
        "",
        "| label | share | F1 |",
        "|---|---|---|",
        *(f"| {label} | {entry['share']:.3f} | {entry['f1']:.3f} |" for label, entry in labels["by_label"].items()),
        "",
        "| renderer | songs | AP at 1 / 2 / 4 / 8 / 16 | floor | label accuracy |",
        "|---|---|---|---|---|",
    ]
    for renderer, entry in report["by_renderer"].items():
        ap, floor = (" / ".join(f"{value:.3f}" for value in entry[key]) for key in ("ap", "floor_ap"))
        lines.append(f"| {renderer} | {entry['songs']} | {ap} | {floor} | {entry['accuracy']:.3f} |")
    return "\n".join(lines) + "\n"


def write_report(report: dict[str, Any], path: Path) -> None:
    """Write the report as JSON, and beside it as Markdown."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report, indent=1) + "\n")
    path.with_suffix(".md").write_text(as_table(report))
