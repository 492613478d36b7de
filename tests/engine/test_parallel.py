"""The same work in several processes."""

import gc
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


class Decoder:
    """What goes only where it was opened, and is part of a cycle: a film's decoder is like that."""

    def __init__(self, log):
        self.log, self.itself, self.opened_by = log, self, os.getpid()

    def __del__(self):
        """Say which process let it go."""
        with self.log.open("a") as file:
            file.write("own\n" if os.getpid() == self.opened_by else "fork\n")


LEFT = []


def let_go(item):
    """Lose the last name of what the parent had, and collect."""
    LEFT.clear()
    gc.collect()
    return item


def test_what_the_parent_opened_is_let_go_there_alone(tmp_path):
    """A decoder that goes in a fork waits for ever for threads that are not there."""
    log = tmp_path / "log"
    gc.disable()
    try:
        Decoder(log)  # garbage already
        LEFT.append(Decoder(log))  # garbage once a process has let it go
        assert list(in_parallel(let_go, [1, 2, 3], 2, "letting go", "thing")) == [1, 2, 3]
        assert log.read_text() == "own\n"
    finally:
        gc.enable()
        LEFT.clear()
        gc.collect()  # now, while its log has a folder
    assert log.read_text() == "own\nown\n"
