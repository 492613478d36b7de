"""Where the tensors live."""

import os

import torch

from betrayed.engine.leasing import release_gpus
from betrayed.errors import UserError


def choose_device(name: str) -> torch.device:
    """``auto`` is the first GPU that is visible, or else the CPU.

    Of several processes that torchrun has started, each gets the GPU of its number; more than there
    are GPUs share them.

    Raises:
        UserError: a GPU is asked for by name and none is there.
    """
    there = torch.cuda.is_available()
    if not there:
        release_gpus()  # leased, but this torch or its driver cannot use it: others need not wait
    if name == "auto":
        name = "cuda" if there else "cpu"
    if name.startswith("cuda") and not there:
        raise UserError(
            f"A GPU is asked for (device: {name}), but torch sees none. Set device: auto or "
            "cpu, or install a build of torch for this driver (docs/machines.md)."
        )
    if name == "cuda" and "LOCAL_RANK" in os.environ:
        name = f"cuda:{int(os.environ['LOCAL_RANK']) % torch.cuda.device_count()}"
    device = torch.device(name)
    if device.index is not None:
        torch.cuda.set_device(device)
    return device
