"""GPUs for this process alone, since Snakemake starts local jobs without giving them one.

A lease is a lock on a file that stands for a device, held until the process ends, however it ends.
The files lie in one folder of the machine, whoever works there. Whoever wants GPUs draws a ticket,
and those with earlier tickets are served first: a job that wants two is not passed by jobs that
want one for ever. Nothing here imports torch: which devices it sees has to be settled before.
"""

import fcntl
import os
import pwd
import random
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from betrayed.engine.gpus import VISIBLE, usable_gpus
from betrayed.errors import UserError

#: Of the whole machine: neither a user's own nor one that TMPDIR names.
FOLDER = Path("/tmp/betrayed-gpus")
_INHERITED = "BETRAYED_LEASED_DEVICES"  # tells processes started from here what is theirs already
_TORCHRUN = "TORCHELASTIC_RUN_ID"
_DEVICE, _WAITING, _CHOOSING = "device-", "waiting-", "choosing"
_PATIENCE = 2.0  # seconds in which another user may be making the folder
_held: list[int] = []


def lease_gpus(device: str, count: int = 1) -> int:
    """Take up to ``count`` GPUs that no other process has leased, and hide all others from torch.

    Call it before torch is imported. Devices are chosen among those that ``CUDA_VISIBLE_DEVICES``
    lists, as in a SLURM job, or all; first those whose last lease is longest ago. Where too many
    are taken, this waits, after those that have waited longer. Under torchrun nothing is done: its
    launcher has leased. Leases are seen by all processes of the machine that share its /tmp.

    Numbers in ``CUDA_VISIBLE_DEVICES`` are those of nvidia-smi: ``CUDA_DEVICE_ORDER`` is set to
    PCI_BUS_ID unless it is set.

    Args:
        device: what ``--device`` says; only ``auto`` and ``cuda`` lease.
        count: how many at most; all at once or none, so that two that wait never block each other.

    Returns:
        How many GPUs this process may use, 0 where there are none or none is wanted.

    Raises:
        UserError: the folder of the leases cannot be used.
    """
    if device not in ("auto", "cuda") or count < 1:
        return 0
    if _TORCHRUN in os.environ:
        return count
    if (inherited := os.environ.get(_INHERITED, "")) == os.environ.get(VISIBLE):
        return min(count, len([name for name in inherited.split(",") if name]))
    devices = usable_gpus()
    if not devices:
        return 0
    count = min(count, len(devices))
    if count > 1 and any(name.startswith("MIG-") for name in devices):
        print(
            "A process can use one part of a GPU divided by MIG: one is used.",
            file=sys.stderr,
            flush=True,
        )
        count = 1
    taken = _wait(devices, count)
    os.environ[VISIBLE] = os.environ[_INHERITED] = ",".join(devices[name] for name in taken)
    os.environ.setdefault("CUDA_DEVICE_ORDER", "PCI_BUS_ID")
    return count


def release_gpus() -> None:
    """Give the leased devices back early: torch turns out to be unable to use them."""
    while _held:
        os.close(_held.pop())


@dataclass(frozen=True)
class _Ticket:
    """The wish of a process that waits."""

    name: str  # of its file; in the order in which they came
    count: int
    devices: frozenset[str]


def _wait(devices: dict[str, str], count: int) -> list[str]:
    """Lock ``count`` of the devices, as soon as so many are free and nobody's turn is before."""
    folder = _folder()
    # A shared lock on the folder keeps systemd from tidying up in it.
    held = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    fcntl.flock(held, fcntl.LOCK_SH)
    _held.append(held)
    with _turn(folder):
        number = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        own = _Ticket(f"{_WAITING}{number:020d}-{os.getpid()}", count, frozenset(devices))
        ticket = _open(folder / own.name)
        fcntl.flock(ticket, fcntl.LOCK_EX)
        os.write(ticket, " ".join([str(count), *devices]).encode())
    began = None
    try:
        while True:
            with _turn(folder):
                if taken := _try(folder, own, list(devices)):
                    break
            if began is None:
                began = time.monotonic()
                print(
                    f"{count} of {len(devices)} GPUs wanted, but other jobs have them: waiting.",
                    file=sys.stderr,
                    flush=True,
                )
            time.sleep(random.uniform(0.05, 0.15))
    finally:
        with suppress(OSError):
            (folder / own.name).unlink()
        os.close(ticket)
    if began is not None:
        print(f"Waited {time.monotonic() - began:.0f} s for a GPU.", file=sys.stderr, flush=True)
    return taken


def _try(folder: Path, own: _Ticket, devices: list[str]) -> list[str]:
    """Lock as many of the devices as wanted and name them, or lock none."""
    locked: dict[str, int] = {}  # what is free
    for name in devices:
        file = _open(folder / (_DEVICE + name.replace("/", "_")))
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            locked[name] = file
        except BlockingIOError:
            os.close(file)
    free = sorted(locked, key=lambda name: _last_leased(locked[name]))
    for earlier in _tickets(folder, own.name):
        theirs = [name for name in free if name in earlier.devices][: earlier.count]
        free = [name for name in free if name not in theirs]
    taken = free[: own.count] if len(free) >= own.count else []
    for name in taken:
        os.pwrite(locked[name], f"{time.time_ns():020d} process {os.getpid()}\n".encode(), 0)
        _held.append(locked.pop(name))
    for file in locked.values():
        os.close(file)
    return taken


def _last_leased(file: int) -> int:
    """When a device was leased last, as its file says; 0: never."""
    text = os.pread(file, 20, 0)
    return int(text) if text.isdigit() else 0


def _tickets(folder: Path, before: str) -> Iterator[_Ticket]:
    """The tickets that came before one of this name, whose processes still live."""
    for path in sorted(folder.glob(f"{_WAITING}*")):
        if path.name >= before:
            return
        try:
            file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:  # its process holds it
            count, *devices = os.pread(file, 2**16, 0).decode().split()
            yield _Ticket(path.name, int(count), frozenset(devices))
        else:  # and has died without removing it
            with suppress(OSError):
                path.unlink()
        finally:
            os.close(file)


@contextmanager
def _turn(folder: Path) -> Iterator[None]:
    """One process at a time looks, so that two never each take half of what both want."""
    file = _open(folder / _CHOOSING)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)


def _open(path: Path) -> int:
    """Open a file of the folder that all users may lock and write; made where there is none."""
    flags = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        # Not with O_CREAT at once: systems refuse that for others' files in a folder for all.
        with suppress(FileNotFoundError):
            return os.open(path, flags)
        with suppress(FileExistsError):
            file = os.open(path, flags | os.O_CREAT | os.O_EXCL)
            os.fchmod(file, 0o666)
            return file
        return os.open(path, flags)
    except OSError as error:
        raise UserError(_unusable(path, error.strerror)) from error


def _folder() -> Path:
    """The folder of the leases, which whoever comes first makes for all users."""
    try:
        FOLDER.mkdir()
        FOLDER.chmod(0o1777)
    except FileExistsError:
        pass
    except OSError as error:
        raise UserError(_unusable(FOLDER, error.strerror)) from error
    until = time.monotonic() + _PATIENCE
    while not os.access(FOLDER, os.R_OK | os.W_OK | os.X_OK):
        if time.monotonic() > until:
            raise UserError(_unusable(FOLDER, "it is closed to others"))
        time.sleep(0.05)
    if not stat.S_ISDIR(FOLDER.lstat().st_mode):
        raise UserError(_unusable(FOLDER, "it is no folder"))
    return FOLDER


def _unusable(path: Path, reason: str | None) -> str:
    owner = ""
    with suppress(OSError, KeyError):
        owner = f" of user {pwd.getpwuid(path.lstat().st_uid).pw_name}"
    return (
        f"{path}{owner} cannot be used ({reason}). All users of this machine lease its GPUs in "
        f"{FOLDER}: it must be a folder that all may write to (chmod 1777), with files that all "
        "may write to (chmod 666). Remove it while no job runs, or let its owner do so; or set "
        "device: cpu."
    )
