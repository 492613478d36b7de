"""The same work in several processes."""

import os
import signal

import pytest

from betrayed.engine.parallel import in_parallel
from betrayed.errors import UserError


def work(item):
    """Square a number; 0 is refused, and a process that gets a negative one is killed."""
    if item == 0:
        raise UserError("0 is refused")
    if item < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return item**2


@pytest.mark.parametrize("workers", [1, 2, 8])
def test_results_keep_the_order_of_the_items(workers):
    assert list(in_parallel(work, [3, 1, 2], workers, "squaring", "number")) == [9, 1, 4]


def test_nothing_to_do():
    assert list(in_parallel(work, [], 2, "squaring", "number")) == []


def test_errors_come_out_as_they_were_raised():
    with pytest.raises(UserError, match=r"^0 is refused$"):
        list(in_parallel(work, [1, 0, 2], 2, "squaring", "number"))


def test_a_killed_process_is_an_error_for_people():
    with pytest.raises(UserError, match=r"killed while squaring.*Use fewer processes \(.* 2\)"):
        list(in_parallel(work, [1, -1], 2, "squaring", "number"))
