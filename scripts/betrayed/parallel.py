"""The same work for many videos, in several processes."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from typing import TypeVar

from betrayed.programs import progress

Item = TypeVar("Item")
Result = TypeVar("Result")


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0))


def in_parallel(
    work: Callable[[Item], Result], items: Sequence[Item], workers: int, name: str, unit: str
) -> Iterator[Result]:
    """Yield ``work(item)`` of all items, in their order, with a progress bar.

    Whatever ``work`` raises is raised here, and what has not begun is left.

    Args:
        work: a function of a module, so that another process finds it.
        items: what it is given.
        workers: processes; 1 works in this one.
        name: what the progress bar says.
        unit: what it counts.
    """
    workers = min(workers, len(items))
    if workers <= 1:
        yield from map(work, progress(items, name, unit))
        return
    # Forked before the bar starts a thread: the libraries are loaded already.
    pool = ProcessPoolExecutor(workers, get_context("fork"))
    try:
        going = [pool.submit(work, item) for item in items]
        for done in progress(as_completed(going), name, unit, len(going)):
            done.result()  # at once, so that one that fails ends all
        for done in going:
            yield done.result()
    finally:
        pool.shutdown(cancel_futures=True)
