"""The package's command line: one table of commands, each a module with `add_arguments` and `run`.

`cargo xtask train` is the usual way in; it makes the environment and names the runtime.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence

COMMANDS = {
    "corpus": ("anacrusis_training.corpus.command", "build, check and describe corpora of features with known beats"),
    "model": ("anacrusis_training.learn.command", "train, calibrate, export and score networks"),
    "structure": ("anacrusis_training.structure.command", "the anticipator: sections and when the next one comes"),
    "controller": ("anacrusis_training.controller.command", "the fast controller: music to controls for visuals"),
}
"""Command to its module and its line of help. Modules are imported when they are asked for: some need PyTorch."""

DESCRIPTION = "Make Anacrusis' own networks: corpus, training, calibration, export."

EXIT_FAILED = 1
EXIT_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return the exit status: 0, or 1 with the cause on stderr."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    parser = argparse.ArgumentParser(prog="cargo xtask train", description=DESCRIPTION)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    chosen = next((argument for argument in arguments if not argument.startswith("-")), None)
    for name, (module_name, help_text) in COMMANDS.items():
        subparser = commands.add_parser(name, help=help_text, description=help_text)
        if name == chosen:
            importlib.import_module(module_name).add_arguments(subparser)
    options = parser.parse_args(arguments)
    try:
        return options.run(options) or 0
    except KeyboardInterrupt:
        print("interrupted; run the same command to go on", file=sys.stderr)
        return EXIT_INTERRUPTED
    except (ValueError, OSError, RuntimeError) as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_FAILED
