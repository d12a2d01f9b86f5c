"""Runs a function over indices in processes of this machine, and loses nothing where one of them dies.

Each worker holds one index at a time, so the parent knows what a dead worker owed and gives it to another one.
`ray_pool.RayPool` does the same on a cluster.
"""

from __future__ import annotations

import dataclasses
import multiprocessing
import multiprocessing.connection
import os
import signal
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, Protocol, TypeVar

T = TypeVar("T")

Work = Callable[[int], T]
Factory = Callable[[], Work[T]]
"""Makes a worker's function, once a worker; must survive pickling (a function of a module, `functools.partial`)."""

ATTEMPTS = 2
"""How often an index is tried whose worker dies or hangs: a second time, since the machine may have been short of memory."""

ITEM_TIMEOUT_SEC = 900.0
"""A worker that takes longer over one index is ended."""

POLL_SEC = 1.0


@dataclasses.dataclass(frozen=True, slots=True)
class Outcome(Generic[T]):
    """What became of an index: a value, or the text of what went wrong."""

    index: int
    value: T | None
    error: str = ""


class Pool(Protocol[T]):
    """What can run work over indices."""

    def run(self, indices: Iterable[int]) -> Iterator[Outcome[T]]:
        """Outcomes in the order in which they come; each index has exactly one."""
        ...


class FatalError(RuntimeError):
    """Raised by work where no other index can go better; ends the whole run."""


class ProcessPool(Generic[T]):
    """Worker processes of this machine.

    Parameters
    ----------
    factory
        Makes each worker's function.
    n_workers
        1 or more.
    timeout_sec
        A worker that takes longer over one index is ended.
    """

    def __init__(self, factory: Factory[T], n_workers: int, timeout_sec: float = ITEM_TIMEOUT_SEC) -> None:
        if n_workers < 1:
            raise ValueError(f"{n_workers} workers, expected 1 or more")
        self._factory = factory
        self._n_workers = n_workers
        self._timeout_sec = timeout_sec

    def run(self, indices: Iterable[int]) -> Iterator[Outcome[T]]:
        """Outcomes in the order in which they come; each index has exactly one.

        Raises
        ------
        FatalError
            The work said that no other index can go better.
        """
        waiting = deque((index, 1) for index in indices)
        workers: list[_Worker] = []
        try:
            while waiting or any(worker.task for worker in workers):
                while waiting and len(workers) < self._n_workers:
                    workers.append(_Worker(self._factory))
                for worker in workers:
                    if waiting and worker.task is None:
                        worker.give(*waiting.popleft())
                for worker in _ready(workers):
                    outcome = worker.take()
                    if outcome is not None:
                        yield outcome
                        continue
                    workers.remove(worker)
                    if (lost := worker.bury(waiting)) is not None:
                        yield lost
                for worker in [w for w in workers if w.is_late(self._timeout_sec)]:
                    worker.kill()
        finally:
            for worker in workers:
                worker.stop()


class _Worker:
    """The parent's end of one process, and what that process is busy with."""

    def __init__(self, factory: Factory[Any]) -> None:
        # Not forked: a copy of another worker's pipe would keep that worker from seeing its parent die.
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(factory, theirs), daemon=True)
        self.process.start()
        theirs.close()
        self.task: tuple[int, int] | None = None
        self._started_sec = 0.0

    def give(self, index: int, attempt: int) -> None:
        self.task = (index, attempt)
        self._started_sec = time.monotonic()
        try:
            self.connection.send(index)
        except OSError:
            # The process is dead; its connection reads as ended, where it is buried.
            return

    def take(self) -> Outcome[Any] | None:
        """The outcome that has arrived, or nothing where the process is dead."""
        try:
            outcome, is_fatal = self.connection.recv()
        except (EOFError, OSError):
            return None
        if is_fatal:
            raise FatalError(outcome.error)
        self.task = None
        return outcome

    def bury(self, waiting: deque[tuple[int, int]]) -> Outcome[Any] | None:
        """Give a dead worker's index back, or say what happened where it has been tried often enough."""
        self.process.join()
        self.connection.close()
        if self.task is None:
            return None
        index, attempt = self.task
        if attempt < ATTEMPTS:
            waiting.appendleft((index, attempt + 1))
            return None
        return Outcome(index, None, f"its worker died {attempt} times, last with exit code {self.process.exitcode}")

    def is_late(self, timeout_sec: float) -> bool:
        return self.task is not None and time.monotonic() - self._started_sec > timeout_sec

    def kill(self) -> None:
        self.process.kill()

    def stop(self) -> None:
        self.connection.close()
        if self.task is not None:
            self.process.kill()
        self.process.join()


def _ready(workers: list[_Worker]) -> list[_Worker]:
    """Workers with something to read: an outcome, or the end of their process."""
    busy = {worker.connection: worker for worker in workers if worker.task is not None}
    return [busy[connection] for connection in multiprocessing.connection.wait(list(busy), timeout=POLL_SEC)]


def _serve(factory: Factory[Any], connection: multiprocessing.connection.Connection) -> None:
    """A worker's life: indices in, outcomes out, until the parent's end closes."""
    # The parent alone answers to Ctrl-C.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    made: list[Work[Any]] = []

    def work_of() -> Work[Any]:
        if not made:
            made.append(factory())
        return made[0]

    try:
        while True:
            connection.send(attempt_one(work_of, connection.recv()))
    except (EOFError, OSError):
        os._exit(0)


def attempt_one(work_of: Factory[T], index: int) -> tuple[Outcome[T], bool]:
    """One index's outcome, and whether it ends the whole run. `work_of` gives the worker's function, made on first use."""
    try:
        work = work_of()
    except Exception as error:  # noqa: BLE001 - No worker can make anything then.
        return Outcome(index, None, describe(error)), True
    try:
        return Outcome(index, work(index)), False
    except FatalError as error:
        return Outcome(index, None, str(error)), True
    except Exception as error:  # noqa: BLE001 - Whatever went wrong with one index, the others go on; its row tells.
        return Outcome(index, None, describe(error)), False


def describe(error: BaseException) -> str:
    """An exception with the place that raised it."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({os.path.basename(frames[-1].filename)}:{frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {error}{place}"
