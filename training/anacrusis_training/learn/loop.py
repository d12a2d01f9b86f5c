"""The training loop: one network, from its settings to the weights that scored best on the development part."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import math
import time
from pathlib import Path

import torch
from torch import nn

from ..features import FRAMES_PER_SEC
from ..nets import build
from .crops import Batch, Sampler
from .group import Group
from .journal import Journal
from .loss import TempoHead, beat_loss, class_targets
from .pack import Pack
from .settings import Settings
from .weights import load_network, load_weights, save_network

STATISTICS_CROPS = 64
EVALUATION_CROPS = 8
EVALUATION_FRAMES = 3000
MAX_EVALUATED = 80
MAX_GRADIENT_NORM = 1.0
CHECKPOINT_FILE = "checkpoint.pt"


@dataclasses.dataclass(slots=True)
class Result:
    """How training ended."""

    steps: int
    first_loss: float
    best_loss: float
    hours_seen: float


class Trainer:
    """Trains one network on a packed corpus; everything it needs to go on after a stop is in its folder."""

    def __init__(self, settings: Settings, train: Pack, dev: Pack, directory: Path, group: Group) -> None:
        self.settings, self.directory, self.group = settings, directory, group
        torch.manual_seed(settings.seed)
        self.sampler = Sampler(train, settings.family_weights, settings.delay_frames, settings.seed * 1000 + group.rank)
        self.dev = Sampler(dev, {}, settings.delay_frames, 0)
        self.net = build(settings.net)
        if settings.start is not None:
            load_weights(self.net, Path(settings.start))
        elif hasattr(self.net, "front"):
            features = self.sampler.batch(STATISTICS_CROPS, 600, settings.strength).features
            self.net.front.set_statistics(features.mean((0, 1)), features.std((0, 1)))
        self.net.to(group.device)
        self.tempo = TempoHead(self.net.spec["width"]).to(group.device)
        self.teachers = [load_network(Path(t)).to(group.device) for t in settings.teachers]
        group.share_weights(self.net)
        self.averaged = copy.deepcopy(self.net)
        self.parameters = [*self.net.parameters(), *self.tempo.parameters()]
        self.optimiser = torch.optim.AdamW(self.parameters, lr=settings.learning_rate, weight_decay=settings.weight_decay)
        self.class_weights = torch.tensor(settings.class_weights, device=group.device)
        self.step, self.first_loss, self.best_loss, self.stale = 0, math.nan, math.inf, 0

    def run(self, quiet: bool = False) -> Result:
        """Train to the end, or go on from the checkpoint in the folder."""
        journal = Journal(self.directory, quiet) if self.group.is_first() else None
        self._resume()
        if self.step == 0:
            self.first_loss = self.evaluate()
        every = max(1, self.settings.steps // self.settings.evaluations)
        sum_loss, started, started_cpu = 0.0, time.perf_counter(), time.process_time()
        while self.step < self.settings.steps:
            sum_loss += self._update()
            self.step += 1
            if self.step % every and self.step != self.settings.steps:
                continue
            dev_loss = self.evaluate()
            if journal is not None:
                journal.write(
                    self.step,
                    {
                        "train_loss": sum_loss / every,
                        "dev_loss": dev_loss,
                        "learning_rate": self.optimiser.param_groups[0]["lr"],
                        "hours_seen": self.hours_seen(),
                        "wall_sec": time.perf_counter() - started,
                        "cpu_sec": time.process_time() - started_cpu,
                    },
                )
            sum_loss = 0.0
            self._keep_if_better(dev_loss)
            if self.settings.patience and self.stale >= self.settings.patience:
                break
        if journal is not None:
            journal.close()
        return Result(self.step, self.first_loss, self.best_loss, self.hours_seen())

    def hours_seen(self) -> float:
        """Hours of music in all updates so far, every process counted."""
        settings = self.settings
        return self.step * settings.crops * settings.frames * self.group.size / (3600.0 * FRAMES_PER_SEC)

    @torch.no_grad()
    def evaluate(self) -> float:
        """Mean loss of the averaged weights over the beginnings of the development pieces."""
        self.averaged.eval()
        indices = [i for i, e in enumerate(self.dev.pack.entries) if e.version == 0][:MAX_EVALUATED]
        total = 0.0
        for at in range(0, len(indices), EVALUATION_CROPS):
            part = indices[at : at + EVALUATION_CROPS]
            batch = self.dev.beginnings(part, EVALUATION_FRAMES)
            logits, _, batch = self._forward(self.averaged, batch)
            loss = beat_loss(logits, class_targets(batch.targets), batch.known, self.class_weights)
            total += float(loss) * len(part)
        return total / len(indices)

    def _update(self) -> float:
        settings = self.settings
        for group in self.optimiser.param_groups:
            group["lr"] = settings.learning_rate * self._schedule()
        self.net.train()
        batch = self.sampler.batch(settings.crops, settings.frames, settings.strength)
        logits, hidden, batch = self._forward(self.net, batch)
        loss = beat_loss(logits, class_targets(batch.targets), batch.known, self.class_weights)
        if self.teachers:
            taught = beat_loss(logits, self._taught(batch), torch.ones_like(batch.known), torch.ones_like(self.class_weights))
            loss = settings.teacher_weight * taught + (1.0 - settings.teacher_weight) * loss
        plain_loss = float(loss.detach())
        if settings.tempo_weight:
            with self._precision():
                loss = loss + settings.tempo_weight * self.tempo.loss(hidden, batch.bpm)
        self.optimiser.zero_grad()
        loss.backward()
        self.group.mean_gradients(self.parameters)
        nn.utils.clip_grad_norm_(self.parameters, MAX_GRADIENT_NORM)
        self.optimiser.step()
        self._average()
        return plain_loss

    def _forward(self, net: nn.Module, batch: Batch) -> tuple[torch.Tensor, torch.Tensor, Batch]:
        device = self.group.device
        batch = Batch(*(getattr(batch, f.name).to(device) for f in dataclasses.fields(batch)))
        with self._precision():
            hidden, _ = net.hidden(batch.features, net.initial_states(len(batch.features)))
            return net.output(hidden), hidden, batch

    @torch.no_grad()
    def _taught(self, batch: Batch) -> torch.Tensor:
        """The teachers' mean probabilities, ``[batch, frames, 3]``."""
        logits = [self._forward(teacher, batch)[0].float() for teacher in self.teachers]
        return torch.stack([x.softmax(-1) for x in logits]).mean(0)

    def _precision(self) -> contextlib.AbstractContextManager:
        if self.settings.precision == "float32":
            return contextlib.nullcontext()
        return torch.autocast(self.group.device.type, torch.bfloat16)

    def _schedule(self) -> float:
        rise = min(1.0, (self.step + 1) / max(1, self.settings.warm_up_steps))
        fall = 0.5 * (1.0 + math.cos(math.pi * self.step / self.settings.steps))
        return rise * max(0.01, fall)

    @torch.no_grad()
    def _average(self) -> None:
        # Early on the mean must forget the random beginning faster than its decay says.
        decay = min(self.settings.average, (1.0 + self.step) / (10.0 + self.step)) if self.settings.average else 0.0
        for mean, now in zip(self.averaged.parameters(), self.net.parameters()):
            mean.lerp_(now, 1.0 - decay)

    def _keep_if_better(self, dev_loss: float) -> None:
        """Save the averaged weights where they are the best so far, and a checkpoint in any case."""
        better = dev_loss < self.best_loss
        self.stale = 0 if better else self.stale + 1
        if better:
            self.best_loss = dev_loss
        if self.group.is_first():
            if better:
                extra = {"settings": dataclasses.asdict(self.settings), "step": self.step, "dev_loss": dev_loss}
                save_network(self.averaged, self.directory, extra)
            self._checkpoint()

    def _checkpoint(self) -> None:
        state = {
            "net": self.net.state_dict(),
            "averaged": self.averaged.state_dict(),
            "tempo": self.tempo.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "progress": [self.step, self.first_loss, self.best_loss, self.stale],
            "torch_rng": torch.get_rng_state(),
            "sampler_rng": self.sampler.rng.bit_generator.state,
            "settings": dataclasses.asdict(self.settings),
        }
        temporary = self.directory / (CHECKPOINT_FILE + ".part")
        torch.save(state, temporary)
        temporary.replace(self.directory / CHECKPOINT_FILE)

    def _resume(self) -> None:
        path = self.directory / CHECKPOINT_FILE
        if not path.exists():
            return
        # Our own file, and more than tensors: the generators' states.
        state = torch.load(path, weights_only=False, map_location=self.group.device)
        if state["settings"] != dataclasses.asdict(self.settings):
            changed = [k for k, v in dataclasses.asdict(self.settings).items() if state["settings"].get(k) != v]
            raise ValueError(f"{path}: made with other settings ({', '.join(changed)}); use another folder or delete it")
        self.net.load_state_dict(state["net"])
        self.averaged.load_state_dict(state["averaged"])
        self.tempo.load_state_dict(state["tempo"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step, self.first_loss, self.best_loss, self.stale = state["progress"]
        torch.set_rng_state(state["torch_rng"].cpu())
        if self.group.size == 1:
            self.sampler.rng.bit_generator.state = state["sampler_rng"]
