"""Reading ahead and writing behind in threads, so that what computes waits for neither.

Of what runs here, decoding, copying and file access leave the interpreter to others, so threads
are enough. What computes stays in the caller's thread: its own threads are as many as the cores
it was given, and a second set would only get in their way.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache
from itertools import islice
from typing import ParamSpec, TypeVar

import numpy as np
import torch
from torch import Tensor

from betrayed.errors import UserError

Item = TypeVar("Item")
Batch = TypeVar("Batch")
Given = ParamSpec("Given")
#: Bytes of a video that are held, at most, while the one before it is computed.
MOST_AHEAD = 2**27


def batches(count: int, size: int) -> list[range]:
    """The frames 0 to ``count`` - 1 in runs of ``size``; the last may be shorter.

    Raises:
        UserError: ``size`` is less than 1.
    """
    if size < 1:
        raise UserError(f"The batch size must be 1 or more, not {size}.")
    return [range(start, min(start + size, count)) for start in range(0, count, size)]


@contextmanager
def read_ahead(
    read: Callable[[Item], Batch], items: Iterable[Item], readers: int = 1
) -> Iterator[Iterator[Batch]]:
    """Yield an iterator over ``read(item)``, in order, with later items being read meanwhile.

    The first ones are being read from the beginning of the block on.

    Whatever ``read`` raises is raised where its result would have come. No thread is left when
    the block ends, however it ends.

    Args:
        read: called in ``readers`` threads.
        items: what is read.
        readers: threads; besides the result that is out, ``readers`` + 1 are held or in the making.
    """
    pool = ThreadPoolExecutor(readers, "read-ahead")
    coming: deque[Future[Batch]] = deque()
    waiting = iter(items)

    def results() -> Iterator[Batch]:
        for item in waiting:
            coming.append(pool.submit(read, item))
            yield coming.popleft().result()
        while coming:
            yield coming.popleft().result()

    try:
        for item in islice(waiting, readers + 1):
            coming.append(pool.submit(read, item))
        yield results()
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def write_behind(write: Callable[Given, None], pending: int = 2) -> Iterator[Callable[Given, None]]:
    """Yield a function that calls ``write`` in a thread, in order, without waiting for it.

    It waits only while ``pending`` earlier calls are unfinished. Whatever ``write`` raises is
    raised by a later call, or at the end of the block: a block that ends well has written all. No
    thread is left when the block ends, however it ends.
    """
    pool = ThreadPoolExecutor(1, "write-behind")
    going: deque[Future[None]] = deque()

    def put(*given: Given.args, **named: Given.kwargs) -> None:
        while going and (len(going) >= pending or going[0].done()):
            going.popleft().result()
        going.append(pool.submit(write, *given, **named))

    try:
        yield put
        while going:
            going.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def pinned(array: np.ndarray, device: torch.device) -> Tensor:
    """An array as a tensor in host memory that a GPU can copy from while others work.

    Move it with ``.to(device, non_blocking=True)``. For a CPU it shares the array's memory.
    """
    tensor = torch.from_numpy(array)
    return tensor.pin_memory() if device.type == "cuda" else tensor


def on_device(array: np.ndarray, device: torch.device) -> Tensor:
    """An array as a tensor of a device, without waiting until a GPU has it."""
    return pinned(array, device).to(device, non_blocking=True)


def to_host(tensors: Iterable[Tensor]) -> Callable[[], list[np.ndarray]]:
    """Start copying tensors of one device to the host, beside what the device goes on with.

    Returns:
        A function, for any thread, that waits for the copies and gives them.
    """
    tensors = list(tensors)
    device = tensors[0].device
    if device.type != "cuda":
        return lambda: [one.numpy(force=True) for one in tensors]
    aside = _copying_stream(device)
    aside.wait_stream(torch.cuda.current_stream(device))
    with torch.cuda.stream(aside):
        # A copy from a GPU that need not wait lands in pinned memory.
        copies = [one.to("cpu", non_blocking=True) for one in tensors]
        done = aside.record_event()
    for one in tensors:
        one.record_stream(aside)  # its memory is not given away before it is copied

    def wait() -> list[np.ndarray]:
        done.synchronize()
        return [one.numpy() for one in copies]

    return wait


@lru_cache
def _copying_stream(device: torch.device) -> torch.cuda.Stream:
    """The stream of a GPU for copies to the host."""
    return torch.cuda.Stream(device)
