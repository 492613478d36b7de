"""What memory is free, and what is done when that of a GPU runs out."""

import gc
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from betrayed.errors import ShortageError

# What is said by errors that are no torch.OutOfMemoryError: of CUDA itself, cuBLAS and cuDNN, which
# allocate beside torch, and of torch on a CPU.
_SAID = ("out of memory", "ALLOC_FAILED", "can't allocate memory", "not enough memory")


def ran_out(error: BaseException) -> bool:
    """Whether an error says that memory, of a GPU or of the host, ran out."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _SAID)


def free_memory(device: torch.device) -> float:
    """Bytes that this process may still take on a device.

    On a GPU what is free, and what torch holds unused. On a CPU what the system calls available,
    within what a scheduler or container allows (cgroup), in proportion to the cores that torch
    uses of all that this process may use: where jobs run side by side, each has its share.
    """
    if device.type == "cuda":
        unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return torch.cuda.mem_get_info(device)[0] + unused
    share = min(1.0, torch.get_num_threads() / len(os.sched_getaffinity(0)))
    return share * min(_available(Path("/proc/meminfo")), _allowed(Path("/sys/fs/cgroup")))


class Batches:
    """Works through frames in batches, smaller ones from when memory runs out.

    Args:
        size: frames in a batch.
        name: of the work, as a log should call it.
        remedy: what to set when not even one frame fits.

    Attributes:
        size: frames in a batch, as far as is known now.
    """

    def __init__(self, size: int, name: str, remedy: str) -> None:
        self.size, self._name, self._remedy = size, name, remedy

    def over(self, frames: range, work: Callable[[range], None]) -> None:
        """Call ``work`` on batches of ``frames``, in order.

        A batch whose memory runs out is done again from its start in halves; ``work`` has to bear
        that.

        Raises:
            ShortageError: memory does not do for one frame.
        """
        while frames:
            batch = frames[: self.size]
            if self._done(batch, work):
                frames = frames[len(batch) :]
                continue
            # Not in the handler: its traceback holds on to what has been allocated.
            self.size = (len(batch) + 1) // 2
            release()
            print(
                f"Memory ran out at {len(batch)} frames at a time ({self._name}): going on with "
                f"{self.size}.",
                file=sys.stderr,
                flush=True,
            )

    def _done(self, batch: range, work: Callable[[range], None]) -> bool:
        try:
            work(batch)
        except Exception as error:
            if not ran_out(error):
                raise
            if len(batch) == 1:
                raise ShortageError(
                    f"Memory does not do for one frame ({self._name}). {self._remedy}"
                ) from error
            return False
        return True


@contextmanager
def out_of_memory(name: str, remedy: str) -> Iterator[None]:
    """Raise a ShortageError that says what to set where the block runs out of memory."""
    try:
        yield
    except Exception as error:
        if not ran_out(error):
            raise
        raise ShortageError(f"Memory ran out ({name}). {remedy}") from error


def release() -> None:
    """Give back what is no longer used."""
    gc.collect()
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        torch.cuda.empty_cache()


def _available(meminfo: Path) -> float:
    """What Linux calls available, in bytes."""
    lines = meminfo.read_text().splitlines()
    kib = next(line.split()[1] for line in lines if line.startswith("MemAvailable:"))
    return 1024.0 * int(kib)


def _allowed(root: Path, own: Path = Path("/proc/self/cgroup")) -> float:
    """What control groups leave to this process, in bytes; without a limit infinity."""
    left = float("inf")
    for line in own.read_text().splitlines() if own.is_file() else []:
        number, kinds, name = line.split(":", 2)
        if number == "0":  # version 2: a group, and all that it is in
            place, most, used = root, "memory.max", "memory.current"
        elif "memory" in kinds.split(","):
            place, most, used = root / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes"
        else:
            continue
        # In a container the group of this process may be the root of what is seen.
        for folder in (place, *(place / part for part in _steps(name))):
            limit, taken = _number(folder / most), _number(folder / used)
            if limit is not None and taken is not None:
                left = min(left, max(0.0, limit - taken + _reclaimable(folder)))
    return left


def _steps(name: str) -> Iterator[Path]:
    """a, a/b, a/b/c of /a/b/c."""
    parts = [part for part in name.split("/") if part not in ("", "..")]
    return (Path(*parts[: count + 1]) for count in range(len(parts)))


def _number(path: Path) -> float | None:
    try:
        text = path.read_text().strip()
    except OSError:
        return None
    return float(text) if text.isdecimal() else None  # "max": no limit


def _reclaimable(folder: Path) -> float:
    """Bytes of files that the system keeps and gives back when memory is wanted."""
    try:
        lines = (folder / "memory.stat").read_text().splitlines()
    except OSError:
        return 0.0
    known = dict(line.split() for line in lines if len(line.split()) == 2)
    return float(known.get("inactive_file", 0)) + float(known.get("active_file", 0))
