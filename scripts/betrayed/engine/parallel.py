"""The same work for many videos: in several processes, or begun and ended beside one another."""

import ctypes
import gc
import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from multiprocessing import get_context
from typing import TypeVar

from betrayed.errors import ShortageError
from betrayed.io.progress import progress, silence

Item = TypeVar("Item")
Read = TypeVar("Read")
Result = TypeVar("Result")
_ENDING = 2  # items whose ends may be under way while another is begun
_DIE_WITH_PARENT = 1  # Linux, prctl: PR_SET_PDEATHSIG


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0))


def in_parallel(
    work: Callable[[Item], Result], items: Sequence[Item], workers: int, name: str, unit: str
) -> Iterator[Result]:
    """Yield ``work(item)`` of all items, in their order, with one progress bar for all.

    Whatever ``work`` raises is raised here, and what has not begun is left.

    Args:
        work: a function of a module, so that another process finds it.
        items: what it is given.
        workers: processes.
        name: what the progress bar says.
        unit: what it counts.

    Raises:
        ShortageError: a process was killed, as systems do that run out of memory.
    """
    # What is garbage goes here: a decoder that goes in a fork waits for threads that are not there.
    gc.collect()
    # Forked before the bar starts a thread; the libraries are loaded already.
    pool = ProcessPoolExecutor(max(1, min(workers, len(items))), get_context("fork"), _begin)
    try:
        going = [pool.submit(work, item) for item in items]
        for done in progress(as_completed(going), name, unit, len(going)):
            done.result()  # at once, so that one that fails ends all
        for done in going:
            yield done.result()
    except BrokenProcessPool as error:
        raise ShortageError(
            f"A process was killed while {name}, most likely because memory ran out. Use fewer "
            f"processes (there were {workers}), or more memory."
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def overlapped(
    read: Callable[[Item], Read],
    compute: Callable[[Item, Callable[[], Read]], Result | Callable[[], Result]],
    items: Iterable[Item],
) -> Iterator[Result]:
    """Yield the results of all items, in their order, whose work has three parts.

    While an item is computed in the caller's thread, which alone hears Ctrl-C, the next one, and no
    more, is read in another, and the ends of earlier ones are under way in others. Whatever is
    raised, by an end too, is raised here: no item is begun after it, and what is under way is
    waited for.

    Args:
        read: should give nothing that has to be closed, since it may never be asked for.
        compute: given an item, and a function that gives what was read of it or raises what reading
            it has raised. It gives the result, or the end of the work: a function that gives the
            result and does what the next item need not wait for, such as files that have to reach
            the disk.
        items: what they are given.
    """
    reading = ThreadPoolExecutor(1, "reading")
    with ThreadPoolExecutor(_ENDING, "ending") as ending:
        try:
            waiting, going = iter(items), deque[Future[Result]]()
            coming = [(item, reading.submit(read, item)) for item in islice(waiting, 1)]
            while coming:
                item, found = coming.pop()
                # Behind the one at hand, of which nothing may have been read yet: in one thread.
                coming += [(later, reading.submit(read, later)) for later in islice(waiting, 1)]
                begun = compute(item, found.result)
                del found  # and what was read with it, before one more is
                if callable(begun):
                    going.append(ending.submit(begun))
                else:
                    going.append(Future())
                    going[-1].set_result(begun)
                while going and (going[0].done() or len(going) > _ENDING):
                    yield going.popleft().result()
                for one in going:
                    if one.done():
                        one.result()  # raises what it has raised
            while going:
                yield going.popleft().result()
        finally:
            reading.shutdown(cancel_futures=True)


def _begin() -> None:
    """Of a process of the pool: it goes when its parent does, which alone heeds Ctrl-C."""
    ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.freeze()  # what was the parent's is not collected here, see above
    silence()
