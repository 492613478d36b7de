"""Progress bars: redrawn on a terminal, lines in a log."""

import io
import sys
from collections.abc import Iterable
from typing import TypeVar

from tqdm import tqdm

Item = TypeVar("Item")
_silent = False


def silence() -> None:
    """Show no progress in this process: one of several that share a terminal."""
    global _silent
    _silent = True


def progress(items: Iterable[Item], name: str, unit: str, total: int | None = None) -> "tqdm[Item]":
    """A progress bar over ``items``: redrawn on a terminal, a line every few seconds in a log."""
    watched = sys.stderr.isatty()
    return tqdm(
        items,
        desc=name,
        unit=unit,
        total=total,
        file=sys.stderr if watched else _Lines(),
        mininterval=0.2 if watched else 5.0,
        ncols=None if watched else 80,
        dynamic_ncols=watched,
        ascii=not watched,
        disable=_silent,
    )


class _Lines(io.TextIOBase):
    """Standard error for bars that nobody watches: each redraw becomes a line of its own."""

    def write(self, text: str) -> int:
        line = text.strip("\r\n ")
        if line:
            sys.stderr.write(line + "\n")
        return len(text)

    def flush(self) -> None:
        sys.stderr.flush()
