"""Processes that train one block together, a GPU each, started by torchrun."""

import ctypes
import os
import signal
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed import run as torchrun
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError, get_error_handler

from betrayed.engine.devices import choose_device
from betrayed.engine.gpu_usage import hand_on, take_over
from betrayed.engine.programs import started_by_torchrun
from betrayed.errors import UserError

_DIE_WITH_PARENT = 1  # Linux, prctl: PR_SET_PDEATHSIG
_USAGE = "BETRAYED_GPU_USAGE"  # the folder where processes leave what they took of their GPUs
_USER_ERROR = f"{UserError.__name__}: "


@dataclass(frozen=True)
class Processes:
    """This process's place among those that train together; by default it is alone."""

    rank: int = 0
    size: int = 1

    def share(self, count: int) -> range:
        """Which of ``count`` clips this process computes; all processes have equally many.

        Raises:
            UserError: they cannot be shared evenly.
        """
        if count % self.size:
            raise UserError(
                f"clips_per_step is {count}, but {self.size} processes train and cannot share the "
                f"clips evenly. Start {even_share(count, self.size)}, or change clips_per_step."
            )
        return range(self.rank, count, self.size)

    def all_reduce_sum(self, tensors: Sequence[Tensor]) -> None:
        """Replace each tensor by its sum over all processes, the same bits in each of them."""
        if self.size == 1:
            return
        flat = torch.cat([tensor.flatten() for tensor in tensors])
        dist.all_reduce(flat)
        parts = flat.split([tensor.numel() for tensor in tensors])
        for tensor, part in zip(tensors, parts, strict=True):
            tensor.copy_(part.view_as(tensor))

    def from_first(self, value: Any) -> Any:
        """What the first process was given here, in all of them; tensors in it on the CPU."""
        if self.size == 1:
            return value
        values = [value if self.rank == 0 else None]
        dist.broadcast_object_list(values)
        return values[0]

    def broadcast(self, tensors: Iterable[Tensor]) -> None:
        """Replace each tensor by that of the first process."""
        if self.size == 1:
            return
        with torch.no_grad():
            for tensor in tensors:
                dist.broadcast(tensor, src=0)


def even_share(clips: int, most: int) -> int:
    """The largest number of processes up to ``most`` that can share the clips of a step evenly."""
    return max(size for size in range(1, max(1, most) + 1) if clips % size == 0)


def run_with_torchrun(count: int, program: Sequence[str]) -> None:
    """Run a Python program in ``count`` processes on this machine, with torchrun.

    The memory that they took of their GPUs counts as taken by this process, see
    :mod:`betrayed.engine.gpu_usage`.

    Args:
        count: how many.
        program: its path and arguments; it works inside :func:`process_group`.

    Raises:
        UserError: one of them raised it, or was killed.
    """
    with tempfile.TemporaryDirectory(prefix="betrayed-torchrun-") as folder:
        options = ["--standalone", "--local-addr", "localhost", "--log-dir", folder]
        options += ["--nproc-per-node", str(count)]
        usage = Path(folder, "usage")
        usage.mkdir()
        os.environ[_USAGE] = str(usage)
        try:
            torchrun.run(torchrun.parse_args([*options, *program]))
        except ChildFailedError as error:
            _explain(error)
        finally:
            del os.environ[_USAGE]
        take_over([usage / f"{rank}.json" for rank in range(count)])


@contextmanager
def process_group(device: str) -> Iterator[tuple[Processes, torch.device]]:
    """The place of this process among all that torchrun started, and its device.

    Where torchrun did not start it, it is alone. Else only the process of rank 0 prints, and what
    is raised is left to the launcher to tell, once.

    Args:
        device: see :func:`betrayed.engine.devices.choose_device`.
    """
    if not started_by_torchrun():
        yield Processes(), choose_device(device)
        return
    # The launcher keeps the GPUs leased; when it is killed nothing may go on using them.
    ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
    try:
        chosen = choose_device(device)
        # NCCL wants a GPU for each process.
        nccl = chosen.type == "cuda" and (
            torch.cuda.device_count() >= int(os.environ["LOCAL_WORLD_SIZE"])
        )
        dist.init_process_group("nccl" if nccl else "gloo", device_id=chosen if nccl else None)
        processes = Processes(dist.get_rank(), dist.get_world_size())
        with _quiet(processes.rank > 0):
            yield processes, chosen
        dist.destroy_process_group()
        if folder := os.environ.get(_USAGE):
            hand_on(Path(folder, f"{processes.rank}.json"))
    except Exception as error:
        get_error_handler().record_exception(error)
        sys.exit(1)


@contextmanager
def _quiet(quiet: bool) -> Iterator[None]:
    if not quiet:
        yield
        return
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        yield


def _explain(error: ChildFailedError) -> None:
    """Say why processes failed, and end this one."""
    failures = error.failures.values()
    recorded = [one.message for one in failures if isinstance(one.message, dict)]
    for record in recorded:
        if record["message"].startswith(_USER_ERROR):
            raise UserError(record["message"].removeprefix(_USER_ERROR)) from None
    signals = [one.signal_name() for one in failures if one.exitcode < 0]
    # Where one fails, the launcher ends the others by SIGTERM: that is no cause.
    killed = [one for one in signals if one != "SIGTERM"] or (signals if not recorded else [])
    if killed:
        raise UserError(
            f"A training process was ended by {killed[0]}, perhaps for want of memory. Started "
            "again, training goes on from its last checkpoint."
        ) from None
    for record in recorded:
        print(record["extraInfo"]["py_callstack"], file=sys.stderr)
    sys.exit(1)
