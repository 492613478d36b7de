"""Where the tensors live."""

import os

import torch

from betrayed.engine.leasing import release_gpus
from betrayed.errors import UserError


def choose_device(name: str = "auto") -> torch.device:
    """``auto`` is the first GPU that is visible, or else the CPU.

    Of several processes that torchrun has started, each gets the GPU of its number.

    Raises:
        UserError: a GPU is asked for by name and none is there.
    """
    there = torch.cuda.is_available()
    if not there:
        release_gpus()  # leased, but this torch or its driver cannot use it: others need not wait
    if name == "auto":
        name = "cuda" if there else "cpu"
    if name.startswith("cuda") and not there:
        raise UserError(f"--device {name}: torch sees no GPU. Use --device cpu.")
    if name == "cuda" and "LOCAL_RANK" in os.environ:
        name = f"cuda:{os.environ['LOCAL_RANK']}"
    device = torch.device(name)
    if device.index is not None:
        torch.cuda.set_device(device)
    return device


def multiplies_bfloat16(device: torch.device) -> bool:
    """Whether products in bfloat16 are faster than in float32: a GPU, or a CPU made for them."""
    if device.type != "cpu":
        return True
    known = torch.cpu.get_capabilities()
    return bool(known.get("avx512_bf16") or known.get("amx_bf16"))
