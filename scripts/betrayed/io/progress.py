"""Progress bars: redrawn on a terminal, a line now and then in a log; and told to who watches."""

import io
import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

from betrayed.io.status import report

Item = TypeVar("Item")
_silent = False
#: In a log: seconds from one line to the next, and before the first one. What is done earlier has
#: none.
_BETWEEN, _BEFORE = 30.0, 10.0


def silence() -> None:
    """Show no progress in this process: one of several that share a terminal."""
    global _silent
    _silent = True


def progress(items: Iterable[Item], name: str, unit: str, total: int | None = None) -> "tqdm[Item]":
    """A progress bar over ``items``: redrawn on a terminal, a line each half minute in a log."""
    watched = sys.stderr.isatty()
    if total is None and hasattr(items, "__len__"):
        total = len(items)
    return tqdm(
        items if _silent else _told(items, unit, total),
        desc=name,
        unit=unit,
        total=total,
        file=sys.stderr if watched else _Lines(),
        mininterval=0.2 if watched else _BETWEEN,
        maxinterval=10.0 if watched else _BETWEEN,
        delay=0 if watched else _BEFORE,
        ncols=None if watched else 80,
        dynamic_ncols=watched,
        ascii=not watched,
        disable=_silent,
    )


def _told(items: Iterable[Item], unit: str, total: int | None) -> Iterator[Item]:
    """The same items; what is done of them is reported."""
    done = 0
    report(unit, done, total)
    for item in items:
        yield item
        done += 1
        report(unit, done, total)


class _Lines(io.TextIOBase):
    """Standard error for bars that nobody watches: each redraw becomes a line of its own."""

    def write(self, text: str) -> int:
        line = text.strip("\r\n ")
        if line:
            sys.stderr.write(line + "\n")
        return len(text)

    def flush(self) -> None:
        sys.stderr.flush()
