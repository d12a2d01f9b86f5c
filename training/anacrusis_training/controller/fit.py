"""Trains the controller's net: by imitation of the mapping first, then for the objectives, with true structure, then the anticipator's.

A sequence is six seconds of a song from anywhere in it. Structure is disturbed as it is in use: late, forgotten, noisy.
"""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from torch import Tensor

from anacrusis_training.controller import objectives, spread, traces
from anacrusis_training.controller.net import HISTORY, NAMES, PRESENCE, ControllerNet
from anacrusis_training.controller.songs import Truth, read_truth
from anacrusis_training.controller.traces import N_LABELS, STEPS_PER_SEC, Trace

WEIGHTS_FILE = "weights.safetensors"
LOG_FILE = "log.jsonl"


@dataclasses.dataclass(frozen=True, slots=True)
class FitSettings:
    """How the net is trained. Shares are of `steps`."""

    seed: int = 1
    steps: int = 260
    batch: int = 36
    songs_a_batch: int = 6
    sequence_sec: float = 6.0
    rate: float = 6e-3
    imitation_share: float = 0.25
    true_structure_share: float = 0.5
    weights: dict[str, float] = dataclasses.field(
        default_factory=lambda: {
            "correspondence": 0.25, "section": 0.3, "timing": 1.5, "stillness": 0.02, "jerk": 0.05, "saturation": 0.1, "contrast": 1.5,
            "buildup": 1.0, "band": 0.1, "brightness": 0.5, "imitation": 0.15,
        }
    )


@dataclasses.dataclass(slots=True)
class Lesson:
    """A song as tensors: float32 ``[n, ...]``."""

    history: Tensor
    micro: Tensor
    beat: Tensor
    said: Tensor
    true: Tensor
    mapped: Tensor
    onsets: Tensor
    pulses: Tensor
    ramp: Tensor
    labels: Tensor


def lesson(trace: Trace, truth: Truth, sound: Path) -> Lesson:
    """Make a song's tensors."""
    n = len(trace.inputs)
    floats = lambda values: torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))
    return Lesson(
        history=floats(traces.history(trace.micro, HISTORY)),
        micro=floats(trace.micro),
        beat=floats(traces.beat_columns(trace.inputs)),
        said=floats(trace.inputs[:, 23:36]),
        true=floats(traces.true_structure(truth, n)),
        mapped=floats(trace.controls),
        onsets=floats(traces.onset_strength(sound, n)),
        pulses=floats(pulses(truth, n)),
        ramp=floats(traces.ramp(truth, n)),
        labels=torch.from_numpy(traces.labels_at(truth, n)),
    )


def pulses(truth: Truth, n_steps: int, width_sec: float = 0.02) -> np.ndarray:
    """A bump at each annotated beat, float64 ``[n_steps]``."""
    times = np.arange(n_steps) / STEPS_PER_SEC
    beats = truth.beats[:, 0]
    if len(beats) == 0:
        return np.zeros(n_steps)
    near = beats[np.clip(np.searchsorted(beats, times), 0, len(beats) - 1)]
    before = beats[np.clip(np.searchsorted(beats, times) - 1, 0, len(beats) - 1)]
    away = np.minimum(np.abs(times - near), np.abs(times - before))
    return np.exp(-0.5 * (away / width_sec) ** 2)


def read_lessons(folder: Path, trace_dir: Path, part: str) -> list[Lesson]:
    """The songs of a part whose sound and trace are there."""
    paths = [path for path in sorted(folder.glob(f"{part}_*.flac")) if (trace_dir / f"{path.stem}.npz").is_file()]
    return [lesson(traces.read(trace_dir / f"{path.stem}.npz"), read_truth(path), path) for path in paths]


class Sequences:
    """Draws batches: several stretches of each of a few songs, with disturbed structure."""

    def __init__(self, lessons: list[Lesson], settings: FitSettings) -> None:
        self._lessons, self._settings = lessons, settings
        self._n = int(settings.sequence_sec * STEPS_PER_SEC)
        self._rng = np.random.default_rng(settings.seed)

    def draw(self, anticipated_share: float) -> dict[str, Tensor]:
        """A batch; `anticipated_share` of its sequences are told the anticipator's structure, the others the truth."""
        settings, rng = self._settings, self._rng
        songs = rng.choice(len(self._lessons), size=min(settings.songs_a_batch, len(self._lessons)), replace=False)
        parts: dict[str, list[Tensor]] = {}
        for k in range(settings.batch):
            song = int(songs[k % len(songs)])
            lesson = self._lessons[song]
            at = int(rng.integers(0, max(1, len(lesson.micro) - self._n)))
            cut = slice(at, at + self._n)
            structure = self._structure(lesson, at, rng.random() < anticipated_share)
            beat = lesson.beat[cut]
            if rng.random() < 0.1:
                beat = torch.zeros_like(beat)
            own = {
                "history": lesson.history[cut], "opened": torch.cat([beat, structure], 1), "micro": lesson.micro[cut],
                "mapped": lesson.mapped[cut], "start": lesson.mapped[max(at - 1, 0)], "onsets": lesson.onsets[cut],
                "pulses": lesson.pulses[cut], "ramp": lesson.ramp[cut], "labels": lesson.labels[cut], "song": torch.tensor(song),
            }
            for name, tensor in own.items():
                parts.setdefault(name, []).append(tensor)
        return {name: torch.stack(tensors) for name, tensors in parts.items()}

    def _structure(self, lesson: Lesson, at: int, anticipated: bool) -> Tensor:
        """Section and hazard columns of a stretch: up to two anticipator steps late, noisy, sometimes without hazards."""
        rng = self._rng
        late = int(rng.integers(0, 11))
        source = lesson.said if anticipated else lesson.true
        columns = source[max(at - late, 0) : max(at - late, 0) + self._n].clone()
        if not anticipated:
            sure = float(rng.uniform(0.6, 1.0))
            columns[:, :N_LABELS] = sure * columns[:, :N_LABELS] + (1.0 - sure) / N_LABELS
            columns[:, N_LABELS:] = 0.9 * columns[:, N_LABELS:] * float(rng.uniform(0.7, 1.0)) + 0.05
        if rng.random() < 0.1:
            columns[:, N_LABELS:] = 0.0
        return columns


def losses(net: ControllerNet, critic: objectives.Critic, batch: dict[str, Tensor], generator: torch.Generator) -> dict[str, Tensor]:
    """Every objective on a batch."""
    presence = batch["micro"][..., PRESENCE]
    controls, logits = net(batch["history"], batch["opened"], presence, batch["start"])
    windows = objectives.draw_windows(controls, batch["micro"], batch["labels"], 6, generator)
    correspondence, section = critic(*windows)
    activity = batch["micro"][..., 4:8].max(2).values.clamp(0, 1)
    scale = torch.tensor([2.0, 1, 1, 1, 1, 2, 1, 1, 1, 1, 1, 1])
    return {
        "correspondence": correspondence,
        "section": section,
        "timing": objectives.timing(controls, batch["onsets"], batch["pulses"]),
        "stillness": objectives.stillness(controls, activity),
        "jerk": objectives.jerk(controls),
        "saturation": objectives.saturation(logits),
        "contrast": objectives.contrast(controls, batch["labels"], batch["song"]),
        "buildup": objectives.buildup(controls, batch["ramp"]),
        "band": objectives.band(controls),
        "brightness": objectives.brightness(controls),
        "imitation": (scale * (controls - batch["mapped"]) ** 2).mean() * 10.0,
    }


def fit(lessons: list[Lesson], settings: FitSettings, out_dir: Path, say: Callable[[str], None] = print) -> ControllerNet:
    """Train on songs and write weights and log.

    Raises
    ------
    ValueError
        No songs.
    """
    if not lessons:
        raise ValueError("no songs to learn from: run `controller songs` and `controller traces` first")
    torch.manual_seed(settings.seed)
    generator = torch.Generator().manual_seed(settings.seed)
    net, critic = ControllerNet(), objectives.Critic(N_LABELS)
    optimiser = torch.optim.AdamW([*net.parameters(), *critic.parameters()], lr=settings.rate, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, settings.rate, total_steps=settings.steps, pct_start=0.15)
    sequences = Sequences(lessons, settings)
    out_dir.mkdir(parents=True, exist_ok=True)
    begun = time.monotonic()
    with (out_dir / LOG_FILE).open("w") as log:
        for step in range(settings.steps):
            done = step / settings.steps
            anticipated = 0.0 if done < settings.true_structure_share else 0.85
            own = losses(net, critic, sequences.draw(anticipated), generator)
            # By imitation alone at first; then it fades to what keeps the meaning of each control.
            by_hand = max(0.0, 1.0 - done / settings.imitation_share)
            weight = {name: value * (1.0 - by_hand) for name, value in settings.weights.items()}
            weight["imitation"] += by_hand
            total = sum(weight[name] * value for name, value in own.items())
            optimiser.zero_grad()
            total.backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            row = {"step": step, "seconds": round(time.monotonic() - begun, 1), "total": total.item()}
            log.write(json.dumps(row | {name: round(value.item(), 5) for name, value in own.items()}) + "\n")
            log.flush()
            if step % 25 == 0 or step == settings.steps - 1:
                say(f"{step} {row['seconds']} s: " + " ".join(f"{name} {value.item():.3f}" for name, value in own.items()))
                save(net, out_dir)
    factors = spread.calibrate(net, lessons)
    say("stretched: " + ", ".join(f"{NAMES[k]} {factor:.2f}" for k, factor in factors.items()))
    save(net, out_dir)
    return net


def save(net: ControllerNet, out_dir: Path) -> None:
    """Write the weights as the runtime reads them."""
    tensors = {name: tensor.detach().float().contiguous() for name, tensor in net.tensors().items()}
    safetensors.torch.save_file(tensors, out_dir / WEIGHTS_FILE)
