"""The pool on a local Ray cluster of two workers: a killed worker loses nothing. Skipped where Ray is not installed."""

import functools
import os
import signal
import time
from pathlib import Path

import pytest

from anacrusis_training.corpus.pool import FatalError
from anacrusis_training.corpus.ray_pool import RayPool

ray = pytest.importorskip("ray")


@pytest.fixture(scope="module")
def cluster():
    tests, package = str(Path(__file__).parent), str(Path(__file__).parents[1])
    environment = {"env_vars": {"PYTHONPATH": f"{tests}:{package}"}}
    os.environ["RAY_AUTH_MODE"] = "disabled"  # A cluster of this test alone needs no token in the user's folder.
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, runtime_env=environment)
    yield
    ray.shutdown()


def leaves_marks(folder, index):
    """Slow enough to be killed at work; says who began what, and what was ended."""
    (Path(folder) / f"{index}-{os.getpid()}").touch()
    time.sleep(0.5)
    (Path(folder) / f"{index}.ended").touch()
    return index * index


def make_slow(folder):
    return functools.partial(leaves_marks, folder)


def at_work(folder):
    """Index and process of what was begun and is not ended."""
    begun = [path.name.split("-") for path in folder.glob("*-*")]
    return [(int(index), int(process)) for index, process in begun if not (folder / f"{index}.ended").exists()]


def fails_at_two(index):
    if index == 2:
        raise ValueError("two is odd enough")
    if index == 5:
        raise FatalError("no disk")
    return index


def make_failing():
    return fails_at_two


@pytest.mark.slow
def test_a_worker_killed_at_work_loses_nothing(cluster, tmp_path):
    outcomes = RayPool(functools.partial(make_slow, str(tmp_path)), "local").run(range(16))
    first = next(outcomes)
    while not (busy := at_work(tmp_path)):
        time.sleep(0.01)
    index, process = busy[-1]
    os.kill(process, signal.SIGKILL)
    values = {outcome.index: outcome.value for outcome in [first, *outcomes]}
    assert values == {number: number * number for number in range(16)}
    assert len(list(tmp_path.glob(f"{index}-*"))) == 2, "what it was at was begun again"


@pytest.mark.slow
def test_failures_are_told_and_fatal_ones_end_the_run(cluster):
    outcomes = {outcome.index: outcome for outcome in RayPool(make_failing, "local").run([0, 1, 2, 3])}
    assert outcomes[2].error.startswith("ValueError: two is odd enough")
    assert outcomes[3].value == 3
    with pytest.raises(FatalError, match="no disk"):
        list(RayPool(make_failing, "local").run([5, 0, 1]))
