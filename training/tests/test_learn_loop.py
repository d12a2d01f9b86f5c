"""Training on a synthetic corpus: it learns, it goes on after a stop, it stops early, several processes agree."""

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from anacrusis_training.learn.group import Group
from anacrusis_training.learn.loop import CHECKPOINT_FILE, Trainer
from anacrusis_training.learn.loss import WARM_UP_FRAMES, TempoHead, beat_loss, class_targets
from anacrusis_training.learn.pack import Pack, pack
from anacrusis_training.learn.settings import Settings
from anacrusis_training.learn.weights import load_network, load_weights, save_network
from anacrusis_training.nets import build

SETTINGS = Settings(
    net={"architecture": "tcn", "width": 8, "dilations": [1, 2, 4, 8]},
    steps=30,
    crops=4,
    frames=200,
    learning_rate=1e-2,
    warm_up_steps=3,
    evaluations=3,
    average=0.9,
    precision="float32",
)


def write_corpus(folder: Path) -> tuple[Pack, Pack]:
    """Pieces whose bands flare up at the beats, lower ones at downbeats."""
    rng = np.random.default_rng(0)
    for k in range(6):
        interval_sec = 0.4 + 0.05 * k
        beats = np.array([[0.3 + i * interval_sec, i % 4 + 1] for i in range(20)])
        n_frames = int(beats[-1, 0] * 50) + 20
        bands = rng.random((n_frames, 136)) * 0.1
        for time_sec, position in beats:
            at = round(time_sec * 50)
            bands[at : at + 3, : 40 if position == 1 else None] += 1.0
        meta = json.dumps({"family": "pop", "name": str(k)})
        np.savez(folder / f"{k}.npz", bands_0=bands.astype(np.float16), beats=beats, meta=meta)
    items = sorted(folder.glob("*.npz"))
    pack(items[:5], folder / "train")
    pack(items[5:], folder / "dev")
    return Pack(folder / "train"), Pack(folder / "dev")


def test_loss_falls_and_the_kept_weights_are_the_best(tmp_path) -> None:
    train, dev = write_corpus(tmp_path)
    result = Trainer(SETTINGS, train, dev, tmp_path / "run", Group()).run(quiet=True)
    lines = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [10, 20, 30]
    assert result.best_loss < 0.9 * result.first_loss
    assert result.best_loss == min(line["dev_loss"] for line in lines)
    assert load_network(tmp_path / "run").spec["width"] == 8
    assert list((tmp_path / "run" / "tensorboard").iterdir())


def test_a_stopped_training_goes_on_as_if_it_had_not_stopped(tmp_path) -> None:
    train, dev = write_corpus(tmp_path)
    Trainer(SETTINGS, train, dev, tmp_path / "whole", Group()).run(quiet=True)
    stopped = Trainer(SETTINGS, train, dev, tmp_path / "parts", Group())
    evaluate, n_evaluated = stopped.evaluate, 0

    def stop_at_the_third() -> float:
        nonlocal n_evaluated
        n_evaluated += 1
        if n_evaluated == 3:
            raise KeyboardInterrupt
        return evaluate()

    stopped.evaluate = stop_at_the_third
    with pytest.raises(KeyboardInterrupt):
        stopped.run(quiet=True)
    Trainer(SETTINGS, train, dev, tmp_path / "parts", Group()).run(quiet=True)
    whole, parts = (load_network(tmp_path / name).tensors() for name in ("whole", "parts"))
    assert all(torch.equal(whole[name], parts[name]) for name in whole)


def test_a_checkpoint_of_other_settings_is_refused(tmp_path) -> None:
    train, dev = write_corpus(tmp_path)
    short = dataclasses.replace(SETTINGS, steps=3, evaluations=1)
    Trainer(short, train, dev, tmp_path / "run", Group()).run(quiet=True)
    assert (tmp_path / "run" / CHECKPOINT_FILE).exists()
    with pytest.raises(ValueError, match="learning_rate"):
        Trainer(dataclasses.replace(short, learning_rate=1.0), train, dev, tmp_path / "run", Group()).run(quiet=True)


def test_no_progress_stops_early(tmp_path) -> None:
    train, dev = write_corpus(tmp_path)
    still = dataclasses.replace(SETTINGS, learning_rate=0.0, patience=1, steps=30, average=0.0)
    assert Trainer(still, train, dev, tmp_path / "run", Group()).run(quiet=True).steps == 20


def test_fine_tuning_begins_with_the_weights_given(tmp_path) -> None:
    train, dev = write_corpus(tmp_path)
    start = build(SETTINGS.net)
    save_network(start, tmp_path / "start")
    path = tmp_path / "start" / "weights.safetensors"
    trainer = Trainer(dataclasses.replace(SETTINGS, start=str(path)), train, dev, tmp_path / "run", Group())
    assert torch.equal(trainer.net.output.weight, start.output.weight)
    with pytest.raises(ValueError, match="block.0.conv.weight"):
        load_weights(build({**SETTINGS.net, "taps": 2}), path)


def test_a_pupil_follows_its_teacher(tmp_path) -> None:
    train, dev = write_corpus(tmp_path)
    Trainer(SETTINGS, train, dev, tmp_path / "teacher", Group()).run(quiet=True)
    pupil = dataclasses.replace(SETTINGS, teachers=[str(tmp_path / "teacher")], teacher_weight=1.0, seed=5)
    result = Trainer(pupil, train, dev, tmp_path / "pupil", Group()).run(quiet=True)
    assert result.best_loss < result.first_loss


def test_two_processes_end_with_one_network(tmp_path) -> None:
    write_corpus(tmp_path)
    script = tmp_path / "fit.py"
    script.write_text(
        "import sys\n"
        "from pathlib import Path\n"
        "from anacrusis_training.learn.group import Group\n"
        "from anacrusis_training.learn.loop import Trainer\n"
        "from anacrusis_training.learn.pack import Pack\n"
        "from anacrusis_training.learn.settings import Settings\n"
        "import torch\n"
        "folder = Path(sys.argv[1])\n"
        "group = Group()\n"
        "settings = Settings(net={'architecture': 'tcn', 'width': 8, 'dilations': [1, 2]}, steps=4, crops=2, frames=100,\n"
        "                    evaluations=1, precision='float32')\n"
        "trainer = Trainer(settings, Pack(folder / 'train'), Pack(folder / 'dev'), folder / 'run', group)\n"
        "result = trainer.run(quiet=True)\n"
        "total = sum(float(p.double().sum()) for p in trainer.net.parameters())\n"
        "(folder / f'rank{group.rank}').write_text(repr((total, result.hours_seen)))\n"
        "group.close()\n"
    )
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[1])}
    subprocess.run([*command, str(script), str(tmp_path)], check=True, capture_output=True, timeout=120, env=environment)
    first, second = ((tmp_path / f"rank{rank}").read_text() for rank in range(2))
    assert first == second and eval(first)[1] == pytest.approx(4 * 2 * 100 * 2 / 180_000)


def test_perfect_answers_cost_nothing_and_warm_up_does_not_count() -> None:
    targets = torch.zeros(1, 40, 2)
    targets[0, 30, 1] = 1.0
    classes = class_targets(targets)
    logits = 50.0 * classes
    logits[0, :WARM_UP_FRAMES] = torch.tensor([50.0, 0.0, 0.0])
    known = torch.ones(1, 40)
    assert float(beat_loss(logits, classes, known, torch.tensor([10.0, 30.0, 1.0]))) < 1e-6
    assert float(beat_loss(logits, classes, torch.zeros(1, 40), torch.ones(3))) == 0.0


def test_an_unknown_tempo_costs_nothing() -> None:
    head = TempoHead(4)
    assert float(head.loss(torch.rand(1, 200, 4), torch.zeros(1, 200)).detach()) == 0.0
    assert float(head.loss(torch.rand(1, 200, 4), torch.full((1, 200), 120.0)).detach()) > 1.0


@pytest.mark.parametrize(
    ("value", "message"),
    [({"stepps": 3}, "stepps"), ({"steps": 0}, "steps"), ({"precision": "float8"}, "float8")],
)
def test_bad_settings_are_named(value: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Settings.from_json({"net": {"architecture": "tcn"}, **value})
