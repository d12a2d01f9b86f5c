"""Where what lies in between goes while items are made."""

from __future__ import annotations

import tempfile
from pathlib import Path


def use_scratch(scratch_dir: Path | None) -> None:
    """Make `scratch_dir` this process' folder for temporary files; `None` leaves the system's.

    What the renderer writes goes there too, so that a killed worker's leavings are found and deleted.
    """
    if scratch_dir is None:
        return
    scratch_dir.mkdir(parents=True, exist_ok=True)
    tempfile.tempdir = str(scratch_dir)
