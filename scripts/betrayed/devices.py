"""Where the tensors live."""

import torch

from betrayed.errors import UserError


def choose_device(name: str = "auto") -> torch.device:
    """``auto`` is the first GPU that is visible, or else the CPU.

    Raises:
        UserError: a GPU is asked for by name and none is there.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise UserError(f"--device {name}: torch sees no GPU. Use --device cpu.")
    return torch.device(name)


def multiplies_bfloat16(device: torch.device) -> bool:
    """Whether products in bfloat16 are faster than in float32: a GPU, or a CPU made for them."""
    if device.type != "cpu":
        return True
    known = torch.cpu.get_capabilities()
    return bool(known.get("avx512_bf16") or known.get("amx_bf16"))
