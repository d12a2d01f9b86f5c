"""``model make | fit | calibrate | export | score``."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

from .. import features
from ..ship.card import render_card
from ..ship.export import Statement, export
from ..ship.proof import TOLERANCE, differences
from . import model_recipe
from .score import corpus_features, evaluate, means, raw_activations, write_activations
from .workshop import Workshop


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The subcommands and their options."""
    commands = parser.add_subparsers(dest="model_command", required=True, metavar="COMMAND")

    making = commands.add_parser("make", help="all of it: corpora, training, calibration, export; goes on where it was stopped")
    _add_place(making)
    making.add_argument("--out", type=Path, required=True, metavar="DIR", help="model folder to write")
    making.add_argument("--sources", type=Path, metavar="DIR", help="folder of outside sources: groove/, freedoom/, harmonixset/")
    making.add_argument("--workers", type=int, default=os.cpu_count() or 1, metavar="N", help="processes for corpora (default: one a core)")
    making.add_argument("--ray", metavar="ADDRESS", help="make corpora on the Ray cluster at this address")
    making.set_defaults(run=_make)

    fitting = commands.add_parser("fit", help="train one network; start it under torchrun for several processes")
    _add_place(fitting)
    fitting.add_argument("network", help="name of the network in the recipe")
    fitting.set_defaults(run=_fit)

    calibrating = commands.add_parser("calibrate", help="choose the calibration through the decoder, on the development pieces")
    _add_place(calibrating)
    calibrating.set_defaults(run=_calibrate)

    exporting = commands.add_parser("export", help="write the model folder and prove that every runtime gives its answers")
    _add_place(exporting)
    exporting.add_argument("--out", type=Path, required=True, metavar="DIR", help="model folder to write")
    exporting.set_defaults(run=_export)

    scoring = commands.add_parser("score", help="score the trained, calibrated mixture on a corpus of the evaluation format")
    _add_place(scoring)
    scoring.add_argument("--corpus", type=Path, required=True, metavar="DIR", help="corpus with manifest.json")
    scoring.add_argument("--report", type=Path, metavar="FILE", help="keep the whole report")
    scoring.set_defaults(run=_score)


def _add_place(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("recipe", help="recipe file, or the name of one in training/recipes/")
    parser.add_argument("--work", type=Path, required=True, metavar="DIR", help="folder for everything in between")
    parser.add_argument("--threads", type=int, metavar="N", help="threads of the matrix products (default: PyTorch's)")


def _workshop(options: argparse.Namespace) -> Workshop:
    import torch

    if options.threads:
        torch.set_num_threads(options.threads)
    return Workshop(model_recipe.load(options.recipe), options.work.resolve())


def _make(options: argparse.Namespace) -> int:
    workshop = _workshop(options)
    recipe = workshop.recipe
    for name in recipe.corpora:
        _corpus("build", name, workshop.corpus_dir(name), options)
    if not (workshop.dev_dir() / "manifest.json").exists():
        _corpus("dev", recipe.dev_corpus, workshop.dev_dir(), options)
    for name in recipe.needed():
        result = workshop.fit(name)
        print(f"{name}: held-out loss {result.first_loss:.4f} -> {result.best_loss:.4f}")
        if not result.best_loss < result.first_loss:
            raise RuntimeError(f"network {name} learnt nothing: held-out loss {result.first_loss:.4f} -> {result.best_loss:.4f}")
    workshop.calibrate(features.find_binary())
    return _export(options)


def _corpus(command: str, recipe: str, out_dir: Path, options: argparse.Namespace) -> None:
    """In a process of its own, which starts workers that must not inherit PyTorch's threads."""
    arguments = [sys.executable, "-m", "anacrusis_training", "corpus", command, "--recipe", recipe, "--out", str(out_dir)]
    arguments += ["--workers", str(options.workers)]
    arguments += ["--sources", str(options.sources)] if options.sources else []
    arguments += ["--ray", options.ray] if options.ray else []
    result = subprocess.run(arguments, check=False)
    if result.returncode != 0:
        raise RuntimeError(f"`corpus {command} --recipe {recipe}` ended with {result.returncode}; see above")


def _fit(options: argparse.Namespace) -> int:
    workshop = _workshop(options)
    if options.network not in workshop.recipe.networks:
        raise ValueError(f"no network {options.network}: the recipe has {', '.join(workshop.recipe.networks)}")
    result = workshop.fit(options.network)
    print(f"{options.network}: {result.steps} steps, {result.hours_seen:.1f} h, held-out loss {result.first_loss:.4f} -> {result.best_loss:.4f}")
    return 0


def _calibrate(options: argparse.Namespace) -> int:
    best = _workshop(options).calibrate(features.find_binary())
    print(json.dumps({**dataclasses.asdict(best.calibration), **best.means}))
    return 0


def _export(options: argparse.Namespace) -> int:
    workshop = _workshop(options)
    mixture = workshop.mixture(workshop.calibration())
    recipe = workshop.recipe
    origin = {"recipe": recipe.name, "seeds": {name: recipe.networks[name].seed for name in recipe.members}}
    statement = Statement(name=recipe.name, delay_frames=workshop.delay_frames(), origin=origin, **recipe.statement)
    export(mixture, statement, render_card(workshop, mixture, statement), options.out, recipe.weight_bits)
    found = differences(mixture, options.out, features.find_binary())
    print(f"{options.out}: largest difference to PyTorch: " + ", ".join(f"{name} {value:.2g}" for name, value in found.items()))
    for name, value in found.items():
        if value > TOLERANCE:
            raise RuntimeError(f"{name} differs from PyTorch by {value:.2g}, more than {TOLERANCE:.0e}")
    return 0


def _score(options: argparse.Namespace) -> int:
    workshop = _workshop(options)
    anacrusis_bin = features.find_binary()
    folder = workshop.folder / "score" / options.corpus.resolve().name
    paths = corpus_features(anacrusis_bin, options.corpus, folder / "features")
    raw = raw_activations(workshop.mixture(), paths)
    write_activations(raw, paths, workshop.calibration(), folder / "activations", workshop.delay_frames())
    report = evaluate(anacrusis_bin, options.corpus, folder / "activations")
    if options.report:
        options.report.write_text(json.dumps(report, indent=1))
    for entry in report["subsets"]:
        scores = means(report, entry["name"])
        print(f"{entry['name']:32s} " + "  ".join(f"{metric} {value:.3f}" for metric, value in scores.items()))
    return 0
