"""Which precision products are computed in: exact float32 where it is promised, else what pays."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import torch

from betrayed.errors import UserError

#: What ``features.precision`` may say.
PRECISIONS = ("auto", "float32", "float16", "bfloat16")
_TENSOR_CORES = (7, 0)  # compute capability from which products in float16 are several times faster
_PROBE = 256  # side of a product that a GPU would hand to its tensor cores


def choose_precision(name: str, device: torch.device) -> str:
    """The precision that a frozen backbone computes in: ``float32``, ``float16`` or ``bfloat16``.

    ``auto`` is float16 on GPUs with tensor cores (V100 and later), which has eight times finer
    steps than bfloat16 and is what features are kept in; else float32.

    Raises:
        UserError: there is no precision of that name.
    """
    if name not in PRECISIONS:
        raise UserError(f"There is no precision {name!r}: choose of {', '.join(PRECISIONS)}.")
    if name != "auto":
        return name
    fast = device.type == "cuda" and torch.cuda.get_device_capability(device) >= _TENSOR_CORES
    return "float16" if fast else "float32"


def multiplies_bfloat16(device: torch.device) -> bool:
    """Whether products in bfloat16 are faster than in float32.

    Of GPUs those from compute capability 8.0 on; earlier ones (V100, T4) only emulate it. Of CPUs
    those made for it.
    """
    if device.type == "cuda":
        with torch.cuda.device(device):
            return torch.cuda.is_bf16_supported(including_emulation=False)
    known = torch.cpu.get_capabilities()
    return bool(known.get("avx512_bf16") or known.get("amx_bf16"))


@contextmanager
def exact_float32(device: torch.device | str) -> Iterator[None]:
    """Within, products of float32 keep its 24 bits, whatever the environment has switched on.

    TF32 (10 bits) and products in bfloat16 can be switched on for a whole process, by PyTorch's
    settings or, as some containers do, by environment variables. The settings are as before when
    the block ends.

    Raises:
        UserError: the GPU rounds float32 nevertheless.
    """
    device = torch.device(device)
    before = _settings()
    _apply("highest", False, dict.fromkeys(before, "ieee"))
    try:
        if device.type == "cuda":
            check_products(device)
        yield
    finally:
        matmul = before["cuda.matmul"], before["mkldnn.matmul"]
        legacy = "medium" if "bf16" in matmul else "high" if "tf32" in matmul else "highest"
        _apply(legacy, before["cudnn.conv"] == "tf32", before)


@cache
def check_products(device: torch.device) -> None:
    """Raise a UserError when ``device`` rounds what it multiplies to less than float32."""
    fine = 1 + 2.0**-12  # TF32 and bfloat16 make it 1
    left = torch.full((_PROBE, _PROBE), fine, device=device)
    if not torch.equal(left @ torch.eye(_PROBE, device=device), left):
        raise UserError(
            "The GPU multiplies float32 numbers in TF32, although it was told not to, and "
            "distances would not be exact. Unset the variable NVIDIA_TF32_OVERRIDE."
        )


def _settings() -> dict[str, str]:
    """PyTorch's settings of the precision of float32 products, by backend and operation."""
    backends = torch.backends
    return {
        "cuda.matmul": backends.cuda.matmul.fp32_precision,
        "cudnn.conv": backends.cudnn.conv.fp32_precision,
        "cudnn.rnn": backends.cudnn.rnn.fp32_precision,
        "mkldnn.matmul": backends.mkldnn.matmul.fp32_precision,
        "mkldnn.conv": backends.mkldnn.conv.fp32_precision,
    }


def _apply(matmul: str, convolutions: bool, settings: dict[str, str]) -> None:
    """Set them, and first PyTorch's older switches, which raise where they disagree with these."""
    torch.set_float32_matmul_precision(matmul)
    torch.backends.cudnn.allow_tf32 = convolutions
    for name, value in settings.items():
        backend, operation = name.split(".")
        getattr(getattr(torch.backends, backend), operation).fp32_precision = value
