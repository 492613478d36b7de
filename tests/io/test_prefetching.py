"""Reading ahead and writing behind: order, bounds, and what is left when something fails."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from betrayed.errors import UserError
from betrayed.io import prefetching
from betrayed.io.prefetching import batches, pinned, read_ahead, to_host, write_behind

PATIENCE = 20  # seconds until a test gives up


@pytest.fixture(autouse=True)
def no_thread_is_left():
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) == before


def test_batches_cover_every_frame_once():
    assert batches(5, 2) == [range(0, 2), range(2, 4), range(4, 5)]
    assert batches(4, 9) == [range(0, 4)]
    assert batches(0, 2) == []
    for size in (0, -3):
        with pytest.raises(UserError, match=f"batch size must be 1 or more, not {size}"):
            batches(5, size)


@pytest.mark.parametrize("readers", [1, 3])
def test_what_is_read_comes_in_order(readers):
    with read_ahead(lambda item: item * item, range(50), readers) as results:
        assert list(results) == [item * item for item in range(50)]


def test_later_items_are_read_while_one_is_used():
    read = [threading.Event() for _ in range(4)]

    with read_ahead(lambda item: read[item].set(), range(4)) as results:
        next(results)
        assert read[2].wait(PATIENCE)
        # Of one reader two results are held: the next item is asked for with the next result.
        assert not read[3].is_set()
        next(results)
        assert read[3].wait(PATIENCE)


def test_reading_begins_with_the_block():
    read = [threading.Event() for _ in range(4)]
    with read_ahead(lambda item: read[item].set(), range(4)):
        assert read[1].wait(PATIENCE)
    assert not read[2].is_set()


def test_several_readers_read_at_once():
    meeting = threading.Barrier(3)

    def read(item):
        meeting.wait(PATIENCE)  # breaks unless three are here
        return item

    with read_ahead(read, range(6), readers=3) as results:
        assert list(results) == list(range(6))


def test_a_failure_to_read_comes_in_its_place():
    read = []

    def fail_at_three(item):
        read.append(item)
        if item == 3:
            raise UserError("frame 3 is gone")
        return item

    seen = []
    with (
        pytest.raises(UserError, match="frame 3 is gone"),
        read_ahead(fail_at_three, range(100)) as results,
    ):
        seen.extend(results)
    assert seen == [0, 1, 2] and max(read) <= 5


def test_reading_stops_when_the_block_fails():
    read = []
    with pytest.raises(ZeroDivisionError), read_ahead(read.append, range(100)) as results:
        next(results)
        raise ZeroDivisionError
    assert len(read) <= 3


def test_all_is_written_in_order_when_the_block_ends():
    written = []
    with write_behind(lambda name, value: written.append((name, value))) as put:
        for index in range(20):
            put("a", value=index)
    assert written == [("a", index) for index in range(20)]


def test_writing_does_not_hold_the_caller_until_too_much_is_pending():
    go, written, third = threading.Event(), [], threading.Event()

    def write(item):
        assert go.wait(PATIENCE)
        written.append(item)

    with write_behind(write, pending=2) as put:
        put(0)
        put(1)
        assert written == []

        def one_more():
            put(2)
            third.set()

        caller = threading.Thread(target=one_more)
        caller.start()
        assert not third.wait(0.05)
        go.set()
        caller.join(PATIENCE)
        assert third.is_set() and written[0] == 0
    assert written == [0, 1, 2]


def test_a_failure_to_write_stops_the_caller():
    written, put_so_far = [], []

    def fail_at_two(item):
        written.append(item)
        if item == 2:
            raise UserError("the disk is full")

    with pytest.raises(UserError, match="the disk is full"), write_behind(fail_at_two) as put:
        for item in range(100):
            put(item)
            put_so_far.append(item)
    assert len(put_so_far) <= 4 and written[:3] == [0, 1, 2]


def test_the_last_failure_to_write_is_not_lost():
    def fail(item):
        raise UserError(f"item {item} cannot be written")

    with pytest.raises(UserError, match="item 7"), write_behind(fail) as put:
        put(7)


def test_what_waits_is_not_written_when_the_block_fails(monkeypatch):
    begun, cancelled, written = threading.Event(), threading.Event(), []

    class Watched(ThreadPoolExecutor):
        def shutdown(self, wait=True, *, cancel_futures=False):
            super().shutdown(wait=False, cancel_futures=cancel_futures)
            cancelled.set()
            super().shutdown(wait=wait)

    def write(item):
        begun.set()
        assert cancelled.wait(PATIENCE)
        written.append(item)

    monkeypatch.setattr(prefetching, "ThreadPoolExecutor", Watched)
    with pytest.raises(ZeroDivisionError), write_behind(write, pending=5) as put:
        for item in range(4):
            put(item)
        assert begun.wait(PATIENCE)
        raise ZeroDivisionError
    assert written == [0]


def test_tensors_come_to_the_host_as_they_are():
    tensors = [torch.randn(3, 4).half(), torch.tensor(True)]
    values = to_host(iter(tensors))()
    assert [one.dtype for one in values] == [np.float16, np.bool_]
    np.testing.assert_array_equal(values[0], tensors[0].numpy())


def test_nothing_is_copied_for_a_cpu():
    pixels = np.zeros((2, 3), np.uint8)
    tensor = pinned(pixels, torch.device("cpu"))
    pixels[1, 2] = 7
    assert tensor[1, 2] == 7


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_copies_from_and_to_a_gpu():
    device = torch.device("cuda")
    pixels = np.arange(12, dtype=np.uint8).reshape(3, 4)
    tensor = pinned(pixels, device)
    assert tensor.is_pinned()
    doubled = tensor.to(device, non_blocking=True) * 2
    np.testing.assert_array_equal(to_host([doubled])()[0], pixels * 2)
