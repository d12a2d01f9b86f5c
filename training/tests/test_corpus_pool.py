"""Workers that die, hang or fail lose nothing but what they were asked for in vain."""

import functools
import os
import signal
import time
from pathlib import Path

import pytest

from anacrusis_training.corpus.pool import FatalError, ProcessPool


def square(index):
    return index * index


def make_square():
    return square


def dies_once(folder, index):
    """Killed without a word at the first try of index 3."""
    mark = Path(folder) / str(index)
    if index == 3 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return index


def make_dies_once(folder):
    return functools.partial(dies_once, folder)


def always_dies(index):
    if index == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return index


def make_always_dies():
    return always_dies


def hangs(index):
    if index == 0:
        time.sleep(60)
    return index


def make_hangs():
    return hangs


def fails(index):
    if index == 2:
        raise ValueError("two is odd enough")
    return index


def make_fails():
    return fails


def ends_all(index):
    raise FatalError(f"no disk for {index}")


def make_ends_all():
    return ends_all


def cannot_be_made():
    raise OSError("no soundfont")


def by_index(pool, indices):
    outcomes = list(pool.run(indices))
    assert len({outcome.index for outcome in outcomes}) == len(outcomes)
    return {outcome.index: outcome for outcome in outcomes}


def test_every_index_has_one_outcome():
    outcomes = by_index(ProcessPool(make_square, 2), range(20))
    assert {index: outcome.value for index, outcome in outcomes.items()} == {index: index * index for index in range(20)}


def test_nothing_to_do_starts_nothing():
    assert list(ProcessPool(cannot_be_made, 2).run([])) == []


def test_an_index_of_a_killed_worker_is_given_to_another(tmp_path):
    outcomes = by_index(ProcessPool(functools.partial(make_dies_once, str(tmp_path)), 2), range(8))
    assert [outcomes[index].value for index in range(8)] == list(range(8))


def test_an_index_that_always_kills_is_named_and_the_others_are_made():
    outcomes = by_index(ProcessPool(make_always_dies, 1), range(4))
    assert [index for index, outcome in outcomes.items() if outcome.value is None] == [1]
    assert outcomes[1].error == "its worker died 2 times, last with exit code -9"


def test_a_hanging_worker_is_ended():
    outcomes = by_index(ProcessPool(make_hangs, 2, timeout_sec=8.0), range(3))
    assert outcomes[0].value is None
    assert "died" in outcomes[0].error
    assert outcomes[1].value == 1


def test_an_exception_is_told_with_its_place():
    outcomes = by_index(ProcessPool(make_fails, 1), range(4))
    assert outcomes[2].error.startswith("ValueError: two is odd enough (test_corpus_pool.py:")
    assert outcomes[3].value == 3


@pytest.mark.parametrize(("factory", "message"), [(make_ends_all, "no disk for 0"), (cannot_be_made, "no soundfont")])
def test_what_no_other_index_can_mend_ends_the_run(factory, message):
    with pytest.raises(FatalError, match=message):
        list(ProcessPool(factory, 1).run(range(4)))


def test_no_worker_is_refused():
    with pytest.raises(ValueError, match="0 workers"):
        ProcessPool(make_square, 0)
