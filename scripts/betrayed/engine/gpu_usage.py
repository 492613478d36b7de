"""How much memory of a GPU a job took, in its own process or in those that it started."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

_started: list[float] = []  # of processes that were started from here, in 10^6 bytes


def most_gpu_mb() -> float | None:
    """The most that torch had allocated on one GPU, in 10^6 bytes; None: none was used."""
    taken = [*_started]
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        devices = range(torch.cuda.device_count())
        taken += [torch.cuda.max_memory_allocated(one) / 1e6 for one in devices]
    return round(max(taken), 1) if taken else None


def hand_on(path: Path) -> None:
    """Write it for the process that has started this one."""
    path.write_text(json.dumps(most_gpu_mb()))


def take_over(paths: Sequence[Path]) -> None:
    """Count what processes that were started from here handed on."""
    handed = [json.loads(path.read_text()) for path in paths]
    _started.extend(one for one in handed if one is not None)
