"""The pool on a Ray cluster: same interface and same guarantee as `pool.ProcessPool`.

Nodes need this package, the sources, the soundfonts and the runtime at the same paths; items come back as bytes, so they need no
shared folder.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from typing import Any, Generic, TypeVar

from anacrusis_training.corpus.pool import Factory, FatalError, Outcome, attempt_one

T = TypeVar("T")

MAX_RETRIES = 5
"""How often Ray starts an index again whose worker or node was lost."""

IN_FLIGHT_PER_CPU = 2
"""Indices handed to Ray ahead, for each core of the cluster."""


class RayPool(Generic[T]):
    """Workers of a Ray cluster.

    Parameters
    ----------
    factory
        Makes each worker's function; made once in each worker process.
    address
        Of the cluster, as `ray.init` takes it.
    """

    def __init__(self, factory: Factory[T], address: str) -> None:
        try:
            import ray
        except ImportError as error:
            raise RuntimeError("--ray needs Ray: install training/requirements-ray.txt") from error
        self._ray = ray
        if not ray.is_initialized():
            ray.init(address=address, log_to_driver=False)
        self._factory = ray.put(factory)
        self._id = uuid.uuid4().hex
        self._task = ray.remote(max_retries=MAX_RETRIES, num_cpus=1)(_attempt)

    def run(self, indices: Iterable[int]) -> Iterator[Outcome[T]]:
        """Outcomes in the order in which they come; each index has exactly one.

        Raises
        ------
        FatalError
            The work said that no other index can go better.
        """
        ray = self._ray
        waiting = iter(indices)
        n_ahead = max(1, IN_FLIGHT_PER_CPU * int(ray.cluster_resources().get("CPU", 1)))
        in_flight: dict[Any, int] = {}
        try:
            while True:
                while len(in_flight) < n_ahead and (index := next(waiting, None)) is not None:
                    in_flight[self._task.remote(self._factory, self._id, index)] = index
                if not in_flight:
                    return
                done, _ = ray.wait(list(in_flight), num_returns=1)
                for reference in done:
                    yield self._take(reference, in_flight.pop(reference))
        finally:
            for reference in in_flight:
                ray.cancel(reference, force=True)

    def _take(self, reference: Any, index: int) -> Outcome[T]:
        try:
            outcome, is_fatal = self._ray.get(reference)
        except self._ray.exceptions.RayError as error:
            return Outcome(index, None, f"its worker was lost {MAX_RETRIES + 1} times: {type(error).__name__}")
        if is_fatal:
            raise FatalError(outcome.error)
        return outcome


_made: dict[str, Any] = {}
"""This worker process's function, by the pool that it belongs to."""


def _attempt(factory: Factory[Any], pool_id: str, index: int) -> tuple[Outcome[Any], bool]:
    def work_of() -> Any:
        if pool_id not in _made:
            _made.clear()
            _made[pool_id] = factory()
        return _made[pool_id]

    return attempt_one(work_of, index)
