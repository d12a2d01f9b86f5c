"""``controller songs | traces | fit | report | export | make``."""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path

from anacrusis_training import features
from anacrusis_training.controller.workshop import (
    MAPPING,
    NET,
    RESULTS_FILE,
    Workshop,
    evaluation_pieces,
    held_out,
    save_results,
)
from anacrusis_training.corpus.command import DEFAULT_SOUNDFONT_FOLDERS, find_fonts

ROOT = Path(__file__).resolve().parents[3]
MODEL_FOLDER = ROOT / "models" / "controller_v1"
PAGE_FILE = ROOT / "visualizer" / "controller" / "weights.js"
FONTS = ("FluidR3_GM",)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The subcommands and their options."""
    commands = parser.add_subparsers(dest="controller_command", required=True, metavar="COMMAND")
    steps = {
        "songs": (_songs, "compose and render songs"),
        "traces": (_traces, "run the engine and the mapping over them"),
        "fit": (_fit, "train the net"),
        "report": (_report, "measure net, mapping, chance and ablations, and print the table"),
        "export": (_export, "write models/controller_v1 and the page's weights from the last report"),
        "make": (_make, "all of it; songs and traces that are there stay"),
    }
    for name, (run, help_text) in steps.items():
        step = commands.add_parser(name, help=help_text)
        step.add_argument("--work", type=Path, required=True, metavar="DIR", help="folder for everything in between")
        step.add_argument("--seed", type=int, default=1, metavar="N", help="of songs and training (default: %(default)s)")
        if name in ("songs", "make"):
            step.add_argument("--train", type=int, default=24, metavar="N", help="songs to train on (default: %(default)s)")
            step.add_argument("--test", type=int, default=10, metavar="N", help="songs held out (default: %(default)s)")
        if name in ("fit", "make"):
            step.add_argument("--steps", type=int, default=None, metavar="N", help="steps of training")
        if name in ("report", "make"):
            step.add_argument("--corpus", type=Path, metavar="DIR", help="also pieces with sections of this evaluation corpus")
        step.set_defaults(run=run)


def _workshop(options: argparse.Namespace) -> Workshop:
    return Workshop(options.work.resolve(), features.find_binary())


def _songs(options: argparse.Namespace) -> int:
    fonts = find_fonts(FONTS, DEFAULT_SOUNDFONT_FOLDERS)
    _workshop(options).make_songs(options.seed, {"train": options.train, "test": options.test}, fonts)
    return 0


def _traces(options: argparse.Namespace) -> int:
    _workshop(options).make_traces(("train", "test"))
    return 0


def _fit(options: argparse.Namespace) -> int:
    import torch

    from anacrusis_training.controller import fit

    # Small products: a second thread costs more than it brings.
    torch.set_num_threads(1)
    workshop = _workshop(options)
    settings = fit.FitSettings(seed=options.seed)
    if options.steps is not None:
        settings = dataclasses.replace(settings, steps=options.steps)
    lessons = fit.read_lessons(workshop.song_dir, workshop.trace_dir, "train")
    fit.fit(lessons, settings, workshop.net_dir)
    minutes = sum(len(lesson.micro) for lesson in lessons) / 3600.0
    facts = {"train_songs": len(lessons), "train_minutes": minutes, "steps": settings.steps, "batch": settings.batch}
    facts |= {"sequence_sec": settings.sequence_sec, "seed": settings.seed}
    (workshop.net_dir / "facts.json").write_text(json.dumps(facts))
    return 0


def _report(options: argparse.Namespace) -> int:
    from anacrusis_training.controller import card, fit

    workshop = _workshop(options)
    weights = workshop.net_dir / fit.WEIGHTS_FILE
    songs = held_out(workshop)
    pieces = evaluation_pieces(options.corpus) if options.corpus else []
    results = {
        "test": workshop.compare(songs, weights),
        "pieces": workshop.compare(pieces, weights) if pieces else {},
        "adversarial": workshop.adversarial(weights),
        "deterministic": workshop.is_deterministic(songs[0][0], weights),
        "facts": json.loads((workshop.net_dir / "facts.json").read_text()) | {"test_songs": len(songs), "pieces": len(pieces)},
    }
    save_results(workshop.work, results)
    print(card.table(results["test"]))
    verdict = _verdict(results)
    print(f"better: {', '.join(verdict.won)}; not: {', '.join(verdict.not_won)}; limits broken: {', '.join(verdict.broken) or 'none'}")
    print(f"default: {NET if verdict.net_is_default else MAPPING}")
    return 0


def _verdict(results: dict):
    from anacrusis_training.controller import verdict

    return verdict.judge(results["test"][NET], results["test"][MAPPING], max(results["adversarial"][NET].values()))


def _export(options: argparse.Namespace) -> int:
    import safetensors.numpy

    from anacrusis_training.controller import card, export, fit

    workshop = _workshop(options)
    results = json.loads((workshop.work / RESULTS_FILE).read_text())
    weights = workshop.net_dir / fit.WEIGHTS_FILE
    parameters = sum(tensor.size for tensor in safetensors.numpy.load_file(weights).values())
    verdict = _verdict(results)
    text = card.render(results, verdict, results["facts"] | {"parameters": int(parameters)})
    export.export(weights, text, verdict.net_is_default, MODEL_FOLDER, PAGE_FILE)
    print(f"{MODEL_FOLDER}: default {NET if verdict.net_is_default else MAPPING}")
    return 0


def _make(options: argparse.Namespace) -> int:
    return _songs(options) or _traces(options) or _fit(options) or _report(options) or _export(options)
