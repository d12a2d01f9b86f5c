"""The command line: help without libraries, errors on stderr, exit statuses."""

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from anacrusis_training import cli

PACKAGE = Path(__file__).parents[1]


def test_the_list_of_commands_needs_no_library():
    # -S: without site-packages.
    arguments = [sys.executable, "-S", "-m", "anacrusis_training", "--help"]
    result = subprocess.run(arguments, env={**os.environ, "PYTHONPATH": str(PACKAGE)}, capture_output=True, text=True, check=True)
    assert all(name in result.stdout for name in cli.COMMANDS)


@pytest.mark.parametrize("module_name", [module_name for module_name, _ in cli.COMMANDS.values()])
def test_every_command_has_its_two_functions(module_name):
    assert callable(importlib.import_module(module_name).add_arguments)


def test_no_command_is_wrong_usage(capsys):
    with pytest.raises(SystemExit) as raised:
        cli.main([])
    assert raised.value.code == 2
    assert "COMMAND" in capsys.readouterr().err


def test_an_error_is_one_line_and_a_status(tmp_path, capsys):
    assert cli.main(["corpus", "verify", str(tmp_path)]) == 1
    assert capsys.readouterr().err == f"error: {tmp_path}: no corpus: corpus.json is missing\n"
