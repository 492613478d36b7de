"""Whether a device has :mod:`betrayed.clustering.kernels`, which do in one pass what takes many."""

import os
import sys
from functools import lru_cache
from types import ModuleType

import torch

from betrayed.engine.gpu_memory import ran_out


def kernels_for(device: torch.device) -> ModuleType | None:
    """The kernels, where they can be built for a device; None: torch's operations must do.

    Triton comes with torch for CUDA on Linux; it builds them with the system's C compiler. GPUs
    before those of compute capability 8.0 (A100) have no tensor cores for bfloat16 and TF32.
    """
    if device.type != "cuda" or torch.version.cuda is None:  # AMD's are called cuda, too
        return None
    return _kernels_of(torch.cuda.current_device() if device.index is None else device.index)


@lru_cache
def _kernels_of(index: int) -> ModuleType | None:
    if torch.cuda.get_device_capability(index) < (8, 0):
        return None
    # As Triton does by itself, which in some versions says that another will not.
    os.environ.setdefault("TRITON_DEFAULT_FP_FUSION", "1")
    try:
        from betrayed.clustering.kernels import all as kernels

        kernels.try_all(torch.device("cuda", index))
        return kernels
    # Triton raises what it likes, and so do its compiler, the one that this calls, and the device.
    except Exception as error:
        if ran_out(error):
            raise
        reason = str(error).partition("\n")[0]
        print(
            f"Triton's kernels do not run here, so that clustering takes longer: {reason}",
            file=sys.stderr,
        )
        return None
