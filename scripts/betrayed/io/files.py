"""Files that appear whole or not at all, so that a killed job never leaves one that looks done."""

import errno
import hashlib
import os
import re
import shutil
import tempfile
import threading
import time
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from betrayed.errors import ShortageError, UserError

#: What systems say of a disk, a quota or a file that can hold no more.
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

#: The names of temporaries: of what, on which machine and by which process, at random, the suffix.
_TEMPORARY = re.compile(r"\.(.+)\.([0-9a-f]{8})-(\d+)\.[a-z0-9_]{8}(\.[^.]*)?")
_DAY = 86_400  # seconds
_ASKING = threading.Lock()


@contextmanager
def whole_file(path: str | Path) -> Iterator[Path]:
    """Yield a temporary name beside ``path``; sync and rename it when the block ends well.

    The temporary name keeps the suffix, since many writers choose their format by it. When the
    block raises, the temporary file is removed and ``path`` stays as it was.

    Raises:
        ShortageError: there is no room for it.
    """
    path = Path(path)
    with room(path):
        yield from _whole_file(path)


def _whole_file(path: Path) -> Iterator[Path]:
    path.parent.mkdir(parents=True, exist_ok=True)
    prefix = f".{path.stem}.{_process()}."
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=prefix, suffix=path.suffix)
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
def synced_meanwhile(path: str | Path, every: int = 2**26) -> Iterator[Callable[[int], None]]:
    """Have a file that grows reach the disk while it is written, so that a last sync is short.

    Yields:
        A function to be told, by one thread, how many more bytes have been written; after each
        ``every`` of them another thread syncs the file.

    Raises:
        OSError: the disk did not take it.
    """
    handle = os.open(path, os.O_RDONLY)
    pool = ThreadPoolExecutor(1, "sync")
    waiting, going = 0, None

    def told(more: int) -> None:
        nonlocal waiting, going
        waiting += more
        if waiting >= every and (going is None or going.done()):
            if going is not None:
                going.result()
            waiting, going = 0, pool.submit(os.fdatasync, handle)

    try:
        yield told
        if going is not None:
            going.result()
    finally:
        pool.shutdown()
        os.close(handle)


@contextmanager
def whole_folder(path: str | Path) -> Iterator[Path]:
    """Yield a temporary folder beside ``path`` that takes its place when the block ends well.

    Raises:
        ShortageError: there is no room for it.
    """
    path = Path(path)
    with room(path):
        yield from _whole_folder(path)


def _whole_folder(path: Path) -> Iterator[Path]:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}.{_process()}."))
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


@contextmanager
def scratch_folder(path: str | Path, disk: str | Path | None = None) -> Iterator[Path]:
    """Yield a folder for what serves to make ``path``; it goes with all that is in it.

    Args:
        path: what is made.
        disk: a folder in which to make it; default beside ``path``, where :func:`remove_abandoned`
            removes it if the process is killed.

    Raises:
        UserError: there is no room for it.
    """
    path = Path(path)
    parent = Path(disk) if disk else path.parent
    with room(parent / path.name if disk else path):
        parent.mkdir(parents=True, exist_ok=True)
        prefix = f".{path.name}.{_process()}."
        with tempfile.TemporaryDirectory(dir=parent, prefix=prefix) as name:
            yield Path(name)


def remove_abandoned(paths: Iterable[str | Path]) -> list[Path]:
    """Remove what killed processes left of their writing of ``paths``.

    Of other machines' processes nobody can tell here whether they live: what they left goes once it
    has not changed for a day.

    Returns:
        What was removed.
    """
    folders: dict[Path, set[str]] = {}
    for path in map(Path, paths):
        folders.setdefault(path.parent, set()).update((f"{path.stem}|{path.suffix}", path.name))
    removed = []
    for folder, names in folders.items():
        for found in sorted(folder.iterdir()) if folder.is_dir() else ():
            parts = _TEMPORARY.fullmatch(found.name)
            if parts is None or not {f"{parts[1]}|{parts[4] or ''}", parts[1]} & names:
                continue
            if _may_live(found, parts[2], int(parts[3])):
                continue
            if found.is_dir():
                shutil.rmtree(found, ignore_errors=True)
            else:
                found.unlink(missing_ok=True)
            removed.append(found)
    return removed


def _process() -> str:
    """What the names of temporaries say of their process: its machine, and its number there."""
    return f"{_machine()}-{os.getpid()}"


@cache
def _machine() -> str:
    return hashlib.sha256(os.uname().nodename.encode()).hexdigest()[:8]


def _may_live(temporary: Path, machine: str, process: int) -> bool:
    """Whether a process that writes this may be at work."""
    if machine != _machine():
        try:
            return time.time() - temporary.stat().st_mtime < _DAY
        except FileNotFoundError:
            return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it lives, and is another user's
        return True
    return True


def sha256(path: str | Path) -> str:
    """The SHA-256 of a file's content, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_archive(path: str | Path) -> None:
    """Check the checksums that a zip file has of its parts, as torch's files are; others pass.

    Raises:
        UserError: a part is damaged.
    """
    if not zipfile.is_zipfile(path):
        return
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
    except (zipfile.BadZipFile, zlib.error, RuntimeError, EOFError, OSError, ValueError) as error:
        damaged = str(error)
    if damaged is not None:
        raise UserError(
            f"{path} is damaged: its part {damaged} has another checksum than when it was "
            "written. Delete it and make it anew, or copy it again."
        )


@contextmanager
def room(path: Path) -> Iterator[None]:
    """Say for people that there was no room for a file."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        if (reason := _out_of_room(error)) is None:
            raise
        raise ShortageError(
            f"There is no room for {path} ({reason}). Free some "
            f"on its disk and start again: what is finished is kept, and nothing is left half "
            f"written."
        ) from error


def _out_of_room(error: BaseException | None) -> str | None:
    """What the system says where there was no room; None: that was not it.

    Of an error that torch raises it is in the one before; HDF5 and safetensors have the number in
    their words alone.
    """
    while error is not None:
        for number in _FULL:
            said = getattr(error, "errno", None) == number
            if said or f"errno = {number}," in str(error) or f"os error {number})" in str(error):
                return os.strerror(number)
        error = error.__cause__ or error.__context__
    return None


def _umask() -> int:
    """The process's own; not touched where the system tells it, as other threads make files."""
    with suppress(OSError, StopIteration):
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
        return int(next(line.split()[1] for line in lines if line.startswith("Umask:")), 8)
    with _ASKING:  # two threads that ask at once could leave 0 behind
        mask = os.umask(0)
        os.umask(mask)
    return mask


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
