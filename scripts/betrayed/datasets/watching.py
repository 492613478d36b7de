"""Whether anything in a data set may have changed, told from names, sizes and times alone."""

import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from betrayed.io.file_kinds import is_litter


def signature(paths: Iterable[str | Path], deepest: int | None = None) -> str:
    """What stands for the names, sizes and times of the files under ``paths``.

    Cheap enough for every plan: no file is opened. When it differs the contents are looked at; a
    data set that was moved as a whole has the same.

    Args:
        paths: files and folders.
        deepest: how many levels down files are counted, 1 being those that lie in a folder itself;
            None: all.
    """
    digest = hashlib.sha256()
    for path in paths:
        for entry in sorted(_files(Path(path), deepest)):
            digest.update(repr(entry).encode())
        digest.update(b"\0")
    return digest.hexdigest()


def total_bytes(paths: Iterable[str | Path], deepest: int | None = None) -> int:
    """The sizes of the files under ``paths``, see :func:`signature`."""
    return sum(size for path in paths for _, size, _ in _files(Path(path), deepest))


def _files(path: Path, deepest: int | None) -> Iterator[tuple[str, int, int]]:
    """The files at and under a path, litter left out: relative name, bytes, nanoseconds."""
    if path.is_file():
        yield _entry("", path.stat())
    waiting = [(path, "", 1)] if path.is_dir() else []
    seen = set()  # a link may lead to a folder above it
    while waiting:
        folder, prefix, level = waiting.pop()
        if (real := os.path.realpath(folder)) in seen or not os.access(folder, os.R_OK | os.X_OK):
            continue
        seen.add(real)
        with os.scandir(folder) as entries:
            for entry in entries:
                name = prefix + entry.name
                if is_litter(entry.name) or _is_nothing(entry):
                    continue
                if entry.is_dir():
                    if deepest is None or level < deepest:
                        waiting.append((Path(entry.path), f"{name}/", level + 1))
                elif entry.is_file():
                    yield _entry(name, entry.stat())


def _is_nothing(entry: os.DirEntry) -> bool:
    """Whether an entry is a link that leads nowhere or round in a circle."""
    try:
        entry.stat()
    except OSError:
        return True
    return False


def _entry(name: str, found: os.stat_result) -> tuple[str, int, int]:
    return name, found.st_size, found.st_mtime_ns
