"""Files that appear whole or not at all, so that a killed job never leaves one that looks done."""

import errno
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from betrayed.errors import UserError

#: What systems say of a disk, a quota or a file that can hold no more.
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def whole_file(path: str | Path) -> Iterator[Path]:
    """Yield a temporary name beside ``path``; sync and rename it when the block ends well.

    The temporary name keeps the suffix, since many writers choose their format by it. When the
    block raises, the temporary file is removed and ``path`` stays as it was.

    Raises:
        UserError: there is no room for it.
    """
    path = Path(path)
    with room(path):
        yield from _whole_file(path)


def _whole_file(path: Path) -> Iterator[Path]:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}.", suffix=path.suffix)
    os.close(handle)
    temporary = Path(name)
    # mkstemp makes files private; results are for everybody the umask lets in.
    temporary.chmod(0o666 & ~_umask())
    try:
        yield temporary
        _sync(temporary)
        temporary.replace(path)
        _sync(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def whole_folder(path: str | Path) -> Iterator[Path]:
    """Yield a temporary folder beside ``path`` that takes its place when the block ends well.

    Raises:
        UserError: there is no room for it.
    """
    path = Path(path)
    with room(path):
        yield from _whole_folder(path)


def _whole_folder(path: Path) -> Iterator[Path]:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}."))
    temporary.chmod(0o777 & ~_umask())
    try:
        yield temporary
        for file in temporary.rglob("*"):
            if file.is_file():
                _sync(file)
        if path.exists():
            shutil.rmtree(path)
        temporary.replace(path)
        _sync(path.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def sha256(path: str | Path) -> str:
    """The SHA-256 of a file's content, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def room(path: Path) -> Iterator[None]:
    """Say for people that there was no room for a file."""
    try:
        yield
    except OSError as error:
        # HDF5 has the number in its words alone.
        full = error.errno in _FULL or any(f"errno = {number}," in str(error) for number in _FULL)
        if not full:
            raise
        raise UserError(
            f"There is no room for {path} ({os.strerror(error.errno or errno.ENOSPC)}). Free some "
            f"on its disk and start again: what is finished is kept, and nothing is left half "
            f"written."
        ) from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
