"""What a job took, written down by the program itself: it may share its process tree with others.

Programs find out by environment variables, which they take out: what they start is not a job.
"""

import builtins
import os
import resource
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

FILE = "BETRAYED_USAGE"  # the TSV to write; unset: nothing is written
STARTER = "BETRAYED_STARTER"  # the process that the job began with; unset: this one
_facts: dict[str, Any] = {}


def note(**facts: int | float | str) -> None:
    """Add columns to what is written: what the cost of this job depends on, as ``frames=24``."""
    _facts.update(facts)


def note_size(*paths: str | Path) -> None:
    """Add the column ``disk_mb``: what lies at these paths, folders with all in them."""
    files = [file for path in paths for file in (Path(path), *Path(path).rglob("*"))]
    note(disk_mb=round(sum(file.stat().st_size for file in files if file.is_file()) / 1e6, 6))


@contextmanager
def recorded() -> Iterator[None]:
    """Write what the process took until the block's good end: a TSV of one row, with the columns

    - ``seconds`` since the job began, of them ``start_up``: before the block, and imports in it,
    - ``cpu_seconds`` of all threads, and of processes that have ended,
    - ``mb``: the most memory resident at a time, in 10^6 bytes (of several processes the largest).
      What a fork shares with the process it came from is in it, as if it had loaded that itself,
    - ``gpu_mb``: the most that torch had allocated on a GPU; empty: none was used,
    - ``forked``: 1 where another process had loaded the libraries,
    - whatever else :func:`note` was told.
    """
    path, starter = os.environ.pop(FILE, None), os.environ.pop(STARTER, "self")
    if path is None:
        yield
        return
    note(forked=int(starter != "self"))
    began = _began(starter)
    start_up = time.clock_gettime(time.CLOCK_BOOTTIME) - began
    with _imports_timed() as spent:
        yield
    own, ended = (
        resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    row = {
        "seconds": round(time.clock_gettime(time.CLOCK_BOOTTIME) - began, 3),
        "start_up": round(start_up + sum(spent), 3),
        "cpu_seconds": round(sum(one.ru_utime + one.ru_stime for one in (own, ended)), 3),
        "mb": round(max(_peak(), ended.ru_maxrss) * 1024 / 1e6, 1),
        "gpu_mb": _gpu_mb(),
        **_facts,
    }
    _write(Path(path), row)


def _began(process: str) -> float:
    """When a process began, in seconds since the machine did."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return int(fields[19]) / os.sysconf("SC_CLK_TCK")


def _peak() -> int:
    """The most memory resident at a time, in KiB.

    Not ``ru_maxrss``, which has in it the peak of the process that this one was started from. This
    is counted anew from ``exec``, and in a fork from what was resident when it was forked.
    """
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM:")).split()[1])


@contextmanager
def _imports_timed() -> Iterator[list[float]]:
    """The seconds of each import in the block: many programs wait with torch until they need it."""
    plain, this = builtins.__import__, threading.get_ident()
    spent: list[float] = []
    inside = False

    def timed(*arguments: Any, **options: Any) -> Any:
        nonlocal inside
        if inside or threading.get_ident() != this:
            return plain(*arguments, **options)
        inside, began = True, time.perf_counter()
        try:
            return plain(*arguments, **options)
        finally:
            inside = False
            spent.append(time.perf_counter() - began)

    builtins.__import__ = timed
    try:
        yield spent
    finally:
        builtins.__import__ = plain


def _gpu_mb() -> float | str:
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_initialized():
        return ""
    devices = range(torch.cuda.device_count())
    return round(max(torch.cuda.max_memory_allocated(one) for one in devices) / 1e6, 1)


def _write(path: Path, row: dict[str, Any]) -> None:
    # Not above: the starting of programs reads the names in this module, and has to be quick.
    from betrayed.io.files import whole_file

    with whole_file(path) as temporary:
        temporary.write_text("\t".join(row) + "\n" + "\t".join(map(str, row.values())) + "\n")
