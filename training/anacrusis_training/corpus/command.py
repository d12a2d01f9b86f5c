"""``corpus build | verify | stats | dev | robust | stress | pseudo``."""

from __future__ import annotations

import argparse
import dataclasses
import functools
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from anacrusis_training import contract, features
from anacrusis_training.corpus import build, composers, manifest, pseudo, recipe, stress
from anacrusis_training.corpus.eval_format import DevBuilder, EvalPiece, EvalWriter, read_entries
from anacrusis_training.corpus.item import ItemBuilder, Job
from anacrusis_training.corpus.pool import Factory, Pool, ProcessPool
from anacrusis_training.corpus.robust import CONDITIONS, RobustBuilder, RobustJob, n_pieces
from anacrusis_training.corpus.stats import describe
from anacrusis_training.progress import Progress
from anacrusis_training.render.soundfonts import Soundfont, find_soundfonts

RECIPE_FOLDER = Path(__file__).resolve().parents[2] / "recipes"

DEFAULT_SOUNDFONT_FOLDERS = [Path("/usr/share/sounds/sf2"), Path("/usr/share/sounds/sf3")]
"""Where Debian's packages put soundfonts."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The subcommands and their options."""
    commands = parser.add_subparsers(dest="corpus_command", required=True, metavar="COMMAND")

    making = commands.add_parser("build", help="compose, render and extract what is missing of a corpus")
    making.add_argument("--recipe", required=True, help="recipe file, or the name of one in training/recipes/")
    making.add_argument("--out", type=Path, required=True, metavar="DIR", help="the corpus; a started one is continued")
    making.add_argument("--hours", type=float, help="hours of composed audio, in place of the recipe's")
    _add_job_arguments(making)
    _add_pool_arguments(making)
    making.set_defaults(run=_build)

    checking = commands.add_parser("verify", help="check every file of a corpus against its hash")
    checking.add_argument("corpus", type=Path)
    checking.set_defaults(run=_verify)

    describing = commands.add_parser("stats", help="hours by family and licence")
    describing.add_argument("corpus", type=Path, nargs="+")
    describing.set_defaults(run=_stats)

    scoring = commands.add_parser("dev", help="make pieces with audio for `anacrusis eval`, of other seeds and sources than training")
    scoring.add_argument("--recipe", default="corpus_dev", help="recipe with the split `dev` (default: %(default)s)")
    scoring.add_argument("--out", type=Path, required=True, metavar="DIR", help="the corpus; an earlier one is replaced")
    _add_job_arguments(scoring)
    _add_pool_arguments(scoring)
    scoring.set_defaults(run=_dev)

    spoiling = commands.add_parser("robust", help=f"a corpus for `anacrusis eval` under each condition: {', '.join(CONDITIONS)}")
    spoiling.add_argument("--from", type=Path, required=True, metavar="DIR", dest="origin", help="the corpus to spoil")
    spoiling.add_argument("--out", type=Path, required=True, metavar="DIR", help="the corpus; an earlier one is replaced")
    spoiling.add_argument("--seed", type=int, default=0, help="of reflections and noise (default: %(default)s)")
    _add_pool_arguments(spoiling)
    spoiling.set_defaults(run=_robust)

    straining = commands.add_parser("stress", help=f"a small corpus for `anacrusis eval`: {', '.join(stress.CONDITIONS)}")
    straining.add_argument("--out", type=Path, required=True, metavar="DIR", help="the corpus; an earlier one is replaced")
    straining.add_argument("--seed", type=int, default=0, help="of compositions and noise (default: %(default)s)")
    _add_pool_arguments(straining)
    straining.set_defaults(run=_stress)

    labelling = commands.add_parser("pseudo", help="items from recordings where two trackers agree about the beats")
    labelling.add_argument("audio", type=Path, help="folder of recordings")
    labelling.add_argument("--licences", type=Path, required=True, metavar="CSV", help="table with the columns file and licence")
    labelling.add_argument("--out", type=Path, required=True, metavar="DIR", help="the corpus; a started one is continued")
    labelling.add_argument("--seed", type=int, default=0, help="of the augmentations (default: %(default)s)")
    labelling.add_argument("--contract", type=Path, default=contract.CONTRACT_PATH, help="contract that the runtime was built with")
    labelling.add_argument("--workers", type=int, default=os.cpu_count() or 1, metavar="N", help="processes (default: one a core)")
    labelling.set_defaults(run=_pseudo, ray=None)


def _add_job_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--sources", type=Path, metavar="DIR", help="folder of outside sources: groove/, freedoom/, harmonixset/")
    parser.add_argument(
        "--soundfonts", type=Path, action="append", metavar="DIR",
        help=f"folder of soundfonts (default: {', '.join(map(str, DEFAULT_SOUNDFONT_FOLDERS))})",
    )
    parser.add_argument("--contract", type=Path, default=contract.CONTRACT_PATH, help="contract that the runtime was built with")


def _add_pool_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, metavar="N", help="processes (default: one a core)")
    parser.add_argument("--ray", metavar="ADDRESS", help="use the Ray cluster at this address instead (`auto`: the one of this machine)")


def make_job(options: argparse.Namespace, chosen: recipe.Recipe, scratch_dir: Path | None) -> Job:
    """What workers need, checked as far as it can be before they start."""
    sources_dir = options.sources.resolve() if options.sources else None
    composers.check_families(chosen.families, sources_dir)
    return Job(
        recipe=chosen,
        sources_dir=sources_dir,
        soundfonts=find_fonts(chosen.soundfonts, options.soundfonts or DEFAULT_SOUNDFONT_FOLDERS),
        anacrusis_bin=features.find_binary(),
        contract_hash=contract.scope_hash(contract.load(options.contract)),
        scratch_dir=scratch_dir,
    )


def make_pool(options: argparse.Namespace, factory: Factory) -> Pool:
    """The pool that the options ask for."""
    if options.ray:
        from anacrusis_training.corpus.ray_pool import RayPool

        return RayPool(factory, options.ray)
    # Each worker is one process of one thread.
    os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))
    return ProcessPool(factory, options.workers)


def find_fonts(names: Sequence[str], folders: Sequence[Path]) -> tuple[Soundfont, ...]:
    """The soundfonts of these names, in this order.

    Raises
    ------
    ValueError
        One is in none of the folders: a corpus made without it would be another one.
    """
    found = {font.name: font for font in find_soundfonts(folder for folder in folders if folder.is_dir())}
    if missing := [name for name in names if name not in found]:
        places = ", ".join(map(str, folders))
        raise ValueError(f"no soundfont {missing[0]} in {places}: install it, or name its folder with --soundfonts")
    return tuple(found[name] for name in names)


def load_recipe(text: str) -> recipe.Recipe:
    """A recipe by its file, or by its name in training/recipes/."""
    path = Path(text)
    named = RECIPE_FOLDER / f"{text}.json"
    return recipe.load(named if not path.is_file() and named.is_file() else path)


def _build(options: argparse.Namespace) -> int:
    chosen = load_recipe(options.recipe)
    if options.hours is not None:
        chosen = dataclasses.replace(chosen, hours=options.hours)
    folder = options.out.resolve()
    job = make_job(options, chosen, None if options.ray else folder / build.SCRATCH_FOLDER)
    return _make(options, folder, chosen, functools.partial(ItemBuilder, job))


def _pseudo(options: argparse.Namespace) -> int:
    folder, audio_dir = options.out.resolve(), options.audio.resolve()
    plan = pseudo.make_plan(audio_dir, options.licences, options.seed, pseudo.ITEM_SEC)
    job = pseudo.PseudoJob(
        plan=plan,
        audio_dir=audio_dir,
        anacrusis_bin=features.find_binary(),
        contract_hash=contract.scope_hash(contract.load(options.contract)),
        scratch_dir=folder / build.SCRATCH_FOLDER,
    )
    return _make(options, folder, plan, functools.partial(pseudo.PseudoBuilder, job))


def _make(options: argparse.Namespace, folder: Path, plan: build.Plan, factory: Factory[build.Built]) -> int:
    build.write_header(folder, plan, contract.feature_hash(contract.load(options.contract)))
    rows = build.build(folder, plan, make_pool(options, factory))
    print(describe(rows.values()))
    n_failed = sum(row.status == "failed" for row in rows.values())
    if n_failed:
        print(f"{n_failed} items failed; the same command tries them again", file=sys.stderr)
    return 1 if n_failed else 0


def _dev(options: argparse.Namespace) -> int:
    chosen = load_recipe(options.recipe)
    if chosen.split != "dev":
        raise ValueError(f"recipe {chosen.name}: split {chosen.split}, expected dev: what is scored must not be trained on")
    factory = functools.partial(DevBuilder, make_job(options, chosen, None))
    note = f"Rendered from recipe {chosen.name}, seed {chosen.seed}; truth by construction. Not for training."
    return _write_eval(options, factory, chosen.n_items, chosen.item_sec, note)


def _robust(options: argparse.Namespace) -> int:
    origin = options.origin.resolve()
    note = f"Pieces of another corpus under {len(CONDITIONS)} conditions, which are their kinds."
    factory = functools.partial(RobustBuilder, RobustJob(origin, options.seed))
    mean_sec = float(np.mean([entry.get("duration_s", 0.0) for entry in read_entries(origin)]))
    return _write_eval(options, factory, n_pieces(origin), mean_sec, note)


def _stress(options: argparse.Namespace) -> int:
    note = f"The same pieces under {len(stress.CONDITIONS)} conditions, which are their kinds; seed {options.seed}. Truth by construction."
    factory = functools.partial(stress.StressBuilder, options.seed)
    return _write_eval(options, factory, stress.n_pieces(), stress.PLAYED_SEC, note)


def _write_eval(
    options: argparse.Namespace, factory: Factory[EvalPiece], n_items: int, item_sec: float, note: str
) -> int:
    writer, progress, failures = EvalWriter(options.out.resolve()), Progress(n_items * item_sec), []
    for outcome in make_pool(options, factory).run(range(n_items)):
        if outcome.value is None:
            failures.append(f"piece {outcome.index}: {outcome.error}")
        else:
            writer.add(outcome.value)
        progress.add(item_sec, failed=outcome.value is None)
    progress.finish()
    for text in sorted(failures):
        print(text, file=sys.stderr)
    print(f"{writer.finish(note)} pieces in {options.out}")
    return 1 if failures else 0


def _verify(options: argparse.Namespace) -> int:
    build.read_header(options.corpus)
    rows = manifest.read(options.corpus)
    bad = manifest.broken(options.corpus, rows.values())
    for row in bad:
        print(f"{options.corpus / row.file}: missing, or not the bytes that were written", file=sys.stderr)
    print(f"{sum(row.status == 'ok' for row in rows.values()) - len(bad)} items whole, {len(bad)} not")
    return 1 if bad else 0


def _stats(options: argparse.Namespace) -> int:
    rows = [row for folder in options.corpus for row in _rows_of(folder)]
    print(describe(rows))
    return 0


def _rows_of(folder: Path) -> list[manifest.Row]:
    build.read_header(folder)
    return list(manifest.read(folder).values())


