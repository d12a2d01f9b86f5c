"""``structure make | sound | corpus | scored | import | prior | fit | calibrate | report | export``."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from anacrusis_training import features
from anacrusis_training.corpus.command import DEFAULT_SOUNDFONT_FOLDERS, find_fonts
from anacrusis_training.corpus.stats import describe
from anacrusis_training.render.soundfonts import Soundfont
from anacrusis_training.structure import importers, model_recipe
from anacrusis_training.structure.split import PARTS
from anacrusis_training.structure.workshop import Workshop

if TYPE_CHECKING:
    from anacrusis_training.structure.harmonix_plans import HarmonixPlans
    from anacrusis_training.structure.net import Anticipator
    from anacrusis_training.structure.plan import Plan
    from anacrusis_training.structure.settings import FitSettings

PRIOR_PATH = Path(__file__).resolve().parents[3] / "models" / "structure_prior" / "prior.json"
"""The table that the runtime embeds."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The subcommands and their options."""
    commands = parser.add_subparsers(dest="structure_command", required=True, metavar="COMMAND")

    making = commands.add_parser("make", help="all of it: songs, training, calibration, report, export; goes on where it was stopped")
    _add_place(making)
    _add_sources(making)
    making.add_argument("--out", type=Path, required=True, metavar="DIR", help="model folder to write")
    making.set_defaults(run=_make)

    for name, run, help_text in (
        ("sound", _sound, "compose and render songs whose rows are made by a later `corpus`"),
        ("corpus", _corpus, "make what is missing of songs: composition, sound, rows"),
    ):
        building = commands.add_parser(name, help=help_text)
        _add_place(building)
        _add_sources(building)
        building.add_argument("--part", choices=PARTS, action="append", help="only this part (default: all of the recipe)")
        building.add_argument("--songs", type=int, metavar="N", help="only the first N songs of each part")
        building.set_defaults(run=run)

    scoring = commands.add_parser("scored", help="songs of the test part with their sound, for `anacrusis eval --structure`")
    _add_place(scoring)
    _add_sources(scoring)
    scoring.add_argument("--out", type=Path, required=True, metavar="DIR", help="the corpus; an earlier one is replaced")
    scoring.set_defaults(run=_scored)

    importing = commands.add_parser("import", help="songs of your own from recordings with sections by people or detectors")
    _add_place(importing)
    importing.add_argument("audio", type=Path, help="folder of recordings")
    importing.add_argument("--sections", type=Path, required=True, metavar="DIR", help="a file of sections for each recording, of the same stem")
    importing.add_argument("--teacher", default="", metavar="NAME", help="what made the sections, where no person did")
    importing.add_argument("--part", choices=PARTS, default="train", help="which part they join (default: %(default)s)")
    importing.set_defaults(run=_import)

    counting = commands.add_parser("prior", help="the table that is used where there is no model, from the plans of the training part")
    counting.add_argument("--sources", type=Path, required=True, metavar="DIR", help="folder with harmonixset/")
    counting.add_argument("--out", type=Path, default=PRIOR_PATH, metavar="FILE", help="file to write (default: the one that is embedded)")
    counting.set_defaults(run=_prior)

    fitting = commands.add_parser("fit", help="train the network, or a variant of it for the report")
    _add_place(fitting)
    fitting.add_argument("--variant", default="main", metavar="NAME", help="name of its folder (default: %(default)s)")
    fitting.add_argument("--set", action="append", default=[], metavar="NAME=JSON", help="another setting than the recipe's")
    fitting.set_defaults(run=_fit)

    calibrating = commands.add_parser("calibrate", help="fit the vector scaling on the held-out songs")
    _add_place(calibrating)
    calibrating.set_defaults(run=_calibrate)

    reporting = commands.add_parser("report", help="all measures on songs of the test part")
    _add_place(reporting)
    reporting.add_argument("--variant", default="main", metavar="NAME", help="which network (default: %(default)s)")
    reporting.add_argument("--part", choices=PARTS, default="test", help="which songs (default: %(default)s)")
    reporting.add_argument("--renderer", metavar="NAME", help="only songs of this renderer")
    reporting.set_defaults(run=_report)

    exporting = commands.add_parser("export", help="write the model folder and prove that every runtime gives its answers")
    _add_place(exporting)
    exporting.add_argument("--out", type=Path, required=True, metavar="DIR", help="model folder to write")
    exporting.set_defaults(run=_export)


def _add_place(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("recipe", help="recipe file, or the name of one in training/recipes/")
    parser.add_argument("--work", type=Path, required=True, metavar="DIR", help="folder for everything in between")
    parser.add_argument("--threads", type=int, metavar="N", help="threads of the matrix products (default: PyTorch's)")


def _add_sources(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--sources", type=Path, required=True, metavar="DIR", help="folder with harmonixset/ and groove/")
    parser.add_argument(
        "--soundfonts", type=Path, action="append", metavar="DIR",
        help=f"folder of soundfonts (default: {', '.join(map(str, DEFAULT_SOUNDFONT_FOLDERS))})",
    )
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, metavar="N", help="processes (default: one a core)")


def _workshop(options: argparse.Namespace) -> Workshop:
    recipe = model_recipe.load(options.recipe)
    if getattr(options, "songs", None):
        corpora = {part: dataclasses.replace(entry, songs=min(entry.songs, options.songs)) for part, entry in recipe.corpora.items()}
        recipe = dataclasses.replace(recipe, corpora=corpora)
    return Workshop(recipe, options.work.resolve())


def _fonts(options: argparse.Namespace, workshop: Workshop) -> tuple[Soundfont, ...]:
    # Each worker is one process of one thread.
    os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))
    names = dict.fromkeys(name for recipe in workshop.recipe.corpora.values() for name in recipe.soundfonts)
    return find_fonts(tuple(names), options.soundfonts or DEFAULT_SOUNDFONT_FOLDERS)


def _parts(options: argparse.Namespace, workshop: Workshop) -> list[str]:
    chosen = getattr(options, "part", None) or list(PARTS)
    return [part for part in ("test", "val", "train") if part in chosen and part in workshop.recipe.corpora]


def _sound(options: argparse.Namespace) -> int:
    workshop = _workshop(options)
    fonts = _fonts(options, workshop)
    for part in _parts(options, workshop):
        print(f"{part}: {workshop.make_sound(part, options.sources, fonts, options.workers)} songs rendered")
    return 0


def _corpus(options: argparse.Namespace) -> int:
    workshop = _workshop(options)
    fonts = _fonts(options, workshop)
    n_failed = 0
    for part in _parts(options, workshop):
        rows = workshop.make_corpus(part, options.sources, fonts, options.workers)
        print(describe(rows.values()))
        n_failed += sum(row.status == "failed" for row in rows.values())
    if n_failed:
        print(f"{n_failed} songs failed; the same command tries them again", file=sys.stderr)
    return 1 if n_failed else 0


def _scored(options: argparse.Namespace) -> int:
    workshop = _workshop(options)
    print(f"{workshop.make_scored(options.out.resolve(), options.sources, _fonts(options, workshop), options.workers)} songs in {options.out}")
    return 0


def _import(options: argparse.Namespace) -> int:
    from anacrusis_training.structure.imported import import_songs

    workshop = _workshop(options)
    sections = {path.stem: path for path in sorted(options.sections.iterdir()) if path.suffix.lower() in importers.SUFFIXES}
    result = import_songs(workshop, options.part, options.audio, sections, options.teacher, features.find_binary())
    for text in result.warnings:
        print(text, file=sys.stderr)
    print(f"{result.n_songs} songs joined the part {options.part}")
    return 1 if result.n_failed else 0


def _prior(options: argparse.Namespace) -> int:
    from anacrusis_training.structure import prior
    from anacrusis_training.structure.harmonix_plans import HarmonixPlans

    found = prior.fit(_usable_plans(HarmonixPlans(options.sources / "harmonixset", "train")))
    prior.write(found, options.out)
    print(f"{options.out}: {found.n_songs} songs")
    return 0


def _usable_plans(plans: HarmonixPlans) -> Iterable[Plan]:
    for song in plans.songs:
        try:
            yield plans.load(song)
        except ValueError as error:
            print(f"left out: {error}", file=sys.stderr)


def _fit(options: argparse.Namespace) -> int:
    from anacrusis_training.structure.settings import FitSettings

    workshop = _workshop(options)
    changed = {}
    for entry in options.set:
        name, found, text = entry.partition("=")
        if not found:
            raise ValueError(f"--set {entry}: expected NAME=JSON")
        changed[name] = json.loads(text)
    settings = FitSettings.from_json({**dataclasses.asdict(workshop.recipe.fit), **changed})
    _train(options, workshop, settings, options.variant)
    return 0


def _train(options: argparse.Namespace, workshop: Workshop, settings: FitSettings, variant: str) -> None:
    import torch

    from anacrusis_training.structure.dataset import Dataset
    from anacrusis_training.structure.fit import Trainer

    if options.threads:
        torch.set_num_threads(options.threads)
    val_settings = dataclasses.replace(settings, leave_out=())
    train, val = Dataset(workshop.songs("train"), settings), Dataset(workshop.songs("val"), val_settings)
    result = Trainer(settings, train, val, workshop.network_dir(variant)).run()
    print(f"{variant}: {result.epochs} epochs, held-out loss {result.first_loss:.4f} -> {result.best_loss:.4f}")
    if not result.best_loss < result.first_loss:
        raise RuntimeError(f"{variant} learnt nothing: held-out loss {result.first_loss:.4f} -> {result.best_loss:.4f}")


def _calibrated(workshop: Workshop, variant: str = "main") -> Anticipator:
    """A trained network with the scaling that fits it; the main one's is kept in a file, a variant's is fitted anew."""
    from anacrusis_training.structure import answers, calibrate, fit

    net = fit.load(workshop.network_dir(variant))
    path = workshop.folder / ("calibration.json" if variant == "main" else f"calibration_{variant}.json")
    found = calibrate.calibrate(answers.answer(net, workshop.songs("val")))
    path.write_text(json.dumps(dataclasses.asdict(found), indent=1) + "\n")
    net.calibrate(*found.label.tensors(), *found.hazard.tensors())
    return net


def _calibrate(options: argparse.Namespace) -> int:
    workshop = _workshop(options)
    _calibrated(workshop)
    found = json.loads((workshop.folder / "calibration.json").read_text())
    print(f"label loss {found['label_before']:.4f} -> {found['label_after']:.4f}, hazard loss {found['hazard_before']:.4f} -> {found['hazard_after']:.4f}")
    return 0


def _report(options: argparse.Namespace) -> int:
    from anacrusis_training.structure import prior, report

    workshop = _workshop(options)
    songs = [song for song in workshop.songs(options.part) if options.renderer in (None, song.meta.get("renderer"))]
    if not songs:
        raise ValueError(f"no songs in the part {options.part}")
    found = report.make_report(_calibrated(workshop, options.variant), songs, prior.read(PRIOR_PATH))
    name = "_".join(filter(None, (options.variant, options.part, options.renderer)))
    report.write_report(found, workshop.results_dir() / f"{name}.json")
    print(report.as_table(found))
    return 0


def _export(options: argparse.Namespace) -> int:
    from anacrusis_training.structure import export
    from anacrusis_training.structure.card import render_card

    workshop = _workshop(options)
    net = _calibrated(workshop)
    origin = {"recipe": workshop.recipe.name, "seed": workshop.recipe.fit.seed}
    export.export(net, workshop.recipe, render_card(workshop, net), options.out, origin)
    found = export.differences(net, options.out, features.find_binary())
    print(f"{options.out}: largest difference to PyTorch: " + ", ".join(f"{name} {value:.2g}" for name, value in found.items()))
    for name, value in found.items():
        if value > export.TOLERANCE:
            raise RuntimeError(f"{name} differs from PyTorch by {value:.2g}, more than {export.TOLERANCE:.0e}")
    return 0


def _make(options: argparse.Namespace) -> int:
    # Songs are made in a process of its own, which starts workers that must not inherit PyTorch's threads.
    arguments = [sys.executable, "-m", "anacrusis_training", "structure", "corpus", options.recipe, "--work", str(options.work)]
    arguments += ["--sources", str(options.sources), "--workers", str(options.workers)]
    for folder in options.soundfonts or []:
        arguments += ["--soundfonts", str(folder)]
    if (status := subprocess.run(arguments, check=False).returncode) != 0:
        raise RuntimeError(f"`structure corpus` ended with {status}; see above")
    workshop = _workshop(options)
    _train(options, workshop, workshop.recipe.fit, "main")
    if "test" in workshop.recipe.corpora:
        options.variant, options.part, options.renderer = "main", "test", None
        _report(options)
    return _export(options)
