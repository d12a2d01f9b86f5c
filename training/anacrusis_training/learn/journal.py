"""What happened during training: one JSON line per event, and the same numbers for TensorBoard."""

from __future__ import annotations

import json
from pathlib import Path

from torch.utils.tensorboard import SummaryWriter


class Journal:
    """Appends to ``log.jsonl`` and TensorBoard event files in a folder, and prints a line per event."""

    def __init__(self, directory: Path, quiet: bool = False) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.path, self.quiet = directory / "log.jsonl", quiet
        self.board = SummaryWriter(str(directory / "tensorboard"))

    def write(self, step: int, values: dict[str, float]) -> None:
        """Record numbers at a step."""
        with self.path.open("a") as file:
            file.write(json.dumps({"step": step, **values}) + "\n")
        for name, value in values.items():
            self.board.add_scalar(name, value, step)
        self.board.flush()
        if not self.quiet:
            print(f"step {step:6d}  " + "  ".join(f"{name} {value:.4g}" for name, value in values.items()), flush=True)

    def close(self) -> None:
        """End the event files."""
        self.board.close()
