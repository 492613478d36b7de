"""Whether a device has :mod:`betrayed.clustering.kernels`, which do in one pass what takes many."""

import subprocess
import sys
from functools import lru_cache
from types import ModuleType

import torch


@lru_cache
def kernels_for(device: torch.device) -> ModuleType | None:
    """The kernels, where they can be built for a device; None: torch's operations must do.

    Triton comes with torch for CUDA on Linux; it builds them with the system's C compiler. GPUs
    before those of compute capability 8.0 (A100) have no tensor cores for bfloat16 and TF32.
    """
    if device.type != "cuda" or torch.version.cuda is None:  # AMD's are called cuda, too
        return None
    if torch.cuda.get_device_capability(device) < (8, 0):
        return None
    try:
        from betrayed.clustering.kernels import all as kernels

        rows, pair = (torch.zeros(1, 1, device=device, dtype=d) for d in (torch.float, torch.long))
        kernels.add_paired_divergences(rows, pair[0], pair[0], 1.0, rows[0])
        return kernels
    except (ImportError, OSError, RuntimeError, subprocess.SubprocessError) as error:
        print(
            f"Triton builds nothing here, so that clustering takes longer: {error}", file=sys.stderr
        )
        return None
