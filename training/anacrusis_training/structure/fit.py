"""The training loop: whole songs with the state carried on, from settings to the weights that did best on held-out songs."""

from __future__ import annotations

import copy
import dataclasses
import itertools
import json
import math
import time
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from torch import nn

from anacrusis_training.learn.journal import Journal
from anacrusis_training.structure.dataset import Dataset
from anacrusis_training.structure.losses import Batch, class_weights, plain_loss, training_loss
from anacrusis_training.structure.net import Anticipator
from anacrusis_training.structure.noise import add_noise
from anacrusis_training.structure.settings import FitSettings

CHECKPOINT_FILE, WEIGHTS_FILE, SETTINGS_FILE = "checkpoint.pt", "weights.safetensors", "settings.json"
MAX_GRADIENT_NORM = 1.0
LEAST_RATE_SHARE = 0.01
WARM_UP_SHARE = 0.1


@dataclasses.dataclass(slots=True)
class Result:
    """How training ended: epochs, and the held-out loss (label and hazard together) before the first and at the best."""

    epochs: int
    first_loss: float
    best_loss: float


class Trainer:
    """Trains one network; everything it needs to go on after a stop is in its folder.

    Parameters
    ----------
    settings
        How.
    train, val
        Songs to learn from, and songs to choose the best epoch by.
    directory
        For weights, checkpoint and journal.
    """

    def __init__(self, settings: FitSettings, train: Dataset, val: Dataset, directory: Path) -> None:
        self.settings, self.train, self.val, self.directory = settings, train, val, directory
        torch.manual_seed(settings.seed)
        self.rng = np.random.default_rng(settings.seed)
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.net = Anticipator(settings)
        statistics = train.statistics_rows()
        self.net.set_statistics(statistics)
        self.spread = statistics.std(0)
        self.net.to(self.device)
        self.averaged = copy.deepcopy(self.net)
        self.class_weights = class_weights(train.label_counts()).to(self.device)
        self.optimiser = torch.optim.AdamW(self.net.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay)
        self.progress = 0.0
        """Share of the training that is done, 0 to 1: what the learning rate follows."""
        self.epoch, self.update, self.first_loss, self.best_loss = 0, 0, math.nan, math.inf

    def run(self, quiet: bool = False) -> Result:
        """Train to the end, or go on from the checkpoint in the folder."""
        journal = Journal(self.directory, quiet)
        self._resume()
        if self.epoch == 0:
            label, hazard = self.evaluate()
            self.first_loss = label + hazard
        while self.epoch < self.settings.epochs:
            started = time.perf_counter()
            parts = self._one_epoch()
            self.epoch += 1
            label, hazard = self.evaluate()
            journal.write(
                self.epoch,
                {
                    "train_label": parts["label"],
                    "train_hazard": parts["hazard"],
                    "val_label": label,
                    "val_hazard": hazard,
                    "learning_rate": self.optimiser.param_groups[0]["lr"],
                    "wall_sec": time.perf_counter() - started,
                },
            )
            self._keep_if_better(label + hazard)
        journal.close()
        return Result(self.epoch, self.first_loss, self.best_loss)

    @torch.no_grad()
    def evaluate(self) -> tuple[float, float]:
        """Mean label and hazard loss of the averaged weights on the held-out songs, without noise or class weights."""
        self.averaged.eval()
        sums = torch.zeros(4)
        for batch in self.val.in_order(self.settings.batch):
            state = self.averaged.initial_state(len(batch.rows))
            batch = self._to_device(batch)
            label_logits, bin_logits, _, _ = self.averaged(batch.rows, state)
            sums += torch.stack([value.cpu() for value in plain_loss(batch, label_logits, bin_logits)])
        return float(sums[0] / sums[1].clamp_min(1e-6)), float(sums[2] / sums[3].clamp_min(1e-6))

    def _one_epoch(self) -> dict[str, float]:
        self.net.train()
        sums, n = {"label": 0.0, "hazard": 0.0}, 0
        n_batches = -(-len(self.train.entries) // self.settings.batch)
        for batch_number, batch in enumerate(self.train.batches(self.settings.batch, self.rng)):
            batch.rows = add_noise(batch.rows, self.spread, self.rng, self.settings.strength)
            state = self.net.initial_state(len(batch.rows))
            chunks = self._chunks(batch)
            for chunk_number, (first, last) in enumerate(chunks):
                heard = (batch_number + chunk_number / len(chunks)) / n_batches
                self.progress = (self.epoch + heard) / self.settings.epochs
                parts, state = self._update(self._to_device(batch.chunk(first, last)), state)
                n += 1
                for name, value in parts.items():
                    sums[name] += value
        return {name: value / max(n, 1) for name, value in sums.items()}

    def _chunks(self, batch: Batch) -> list[tuple[int, int]]:
        """Cuts of a batch: a first one of any length, so that no place in a song is always at a cut."""
        n_steps, size = batch.rows.shape[1], self.settings.chunk_steps
        edges = [0, *range(int(self.rng.integers(1, size + 1)), n_steps, size), n_steps]
        return [(a, b) for a, b in itertools.pairwise(edges) if b > a]

    def _update(self, batch: Batch, state: torch.Tensor) -> tuple[dict[str, float], torch.Tensor]:
        for group in self.optimiser.param_groups:
            group["lr"] = self.settings.learning_rate * self._schedule()
        out, state = self.net.hidden(*self.net.normalise(batch.rows), state)
        macro = self.net.macro(out)
        loss, parts = training_loss(
            self.settings,
            self.class_weights,
            batch,
            self.net.label(out),
            self.net.hazard(out),
            self.net.now(macro)[..., 0],
            self.net.next_label(macro),
        )
        self.optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.net.parameters(), MAX_GRADIENT_NORM)
        self.optimiser.step()
        self.update += 1
        self._average()
        return parts, state.detach()

    def _schedule(self) -> float:
        rise = min(1.0, self.progress / WARM_UP_SHARE)
        return rise * max(LEAST_RATE_SHARE, 0.5 * (1.0 + math.cos(math.pi * self.progress)))

    @torch.no_grad()
    def _average(self) -> None:
        # Early on the mean must forget the random beginning faster than its decay says.
        decay = min(self.settings.average, (1.0 + self.update) / (10.0 + self.update))
        for mean, now in zip(self.averaged.parameters(), self.net.parameters(), strict=True):
            mean.lerp_(now, 1.0 - decay)

    def _to_device(self, batch: Batch) -> Batch:
        return Batch(*(getattr(batch, field.name).to(self.device) for field in dataclasses.fields(batch)))

    def _keep_if_better(self, loss: float) -> None:
        """Save the averaged weights where they are the best so far, and a checkpoint in any case."""
        if loss < self.best_loss:
            self.best_loss = loss
            save(self.averaged, self.directory)
        state = {
            "net": self.net.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "progress": [self.epoch, self.update, self.first_loss, self.best_loss],
            "torch_rng": torch.get_rng_state(),
            "rng": self.rng.bit_generator.state,
            "settings": dataclasses.asdict(self.settings),
            "n_train": len(self.train.entries),
        }
        temporary = self.directory / (CHECKPOINT_FILE + ".part")
        torch.save(state, temporary)
        temporary.replace(self.directory / CHECKPOINT_FILE)

    def _resume(self) -> None:
        path = self.directory / CHECKPOINT_FILE
        if not path.exists():
            return
        # Our own file, and more than tensors: the generators' states.
        state = torch.load(path, weights_only=False, map_location=self.device)
        wanted = {**dataclasses.asdict(self.settings), "songs": len(self.train.entries)}
        made = {**state["settings"], "songs": state["n_train"]}
        if changed := [name for name in wanted if made.get(name) != wanted[name]]:
            raise ValueError(f"{path}: made with another {', '.join(changed)}; use another folder or delete it")
        self.net.load_state_dict(state["net"])
        self.averaged.load_state_dict(state["averaged"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.epoch, self.update, self.first_loss, self.best_loss = state["progress"]
        torch.set_rng_state(state["torch_rng"].cpu())
        self.rng.bit_generator.state = state["rng"]


def save(net: Anticipator, directory: Path) -> None:
    """Write weights and settings."""
    directory.mkdir(parents=True, exist_ok=True)
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in net.state_dict().items()}
    safetensors.torch.save_file(tensors, directory / WEIGHTS_FILE)
    (directory / SETTINGS_FILE).write_text(json.dumps(dataclasses.asdict(net.settings), indent=1) + "\n")


def load(directory: Path) -> Anticipator:
    """The network that `save` wrote, ready to run."""
    settings = FitSettings.from_json(json.loads((directory / SETTINGS_FILE).read_text()))
    net = Anticipator(settings)
    net.load_state_dict(safetensors.torch.load_file(directory / WEIGHTS_FILE))
    return net.eval()
