"""Whether a device has :mod:`betrayed.clustering.kernels`, which do in one pass what takes many."""

import subprocess
import sys
from functools import lru_cache
from types import ModuleType

import torch


@lru_cache
def kernels_for(device: torch.device) -> ModuleType | None:
    """The kernels, where they can be built for a device; None: torch's operations must do.

    Triton comes with torch for CUDA on Linux; it builds them with the system's C compiler.
    """
    if device.type != "cuda":
        return None
    try:
        from betrayed.clustering import kernels

        rows = torch.ones(1, 1, device=device)
        kernels.scaled(rows, rows[0], 1.0, tuple(rows.new_zeros(3, 1)))
        return kernels
    except (ImportError, OSError, RuntimeError, subprocess.SubprocessError) as error:
        print(
            f"Triton builds nothing here, so that clustering takes longer: {error}", file=sys.stderr
        )
        return None
