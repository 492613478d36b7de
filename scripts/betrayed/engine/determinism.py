"""The same bits on every run, where a GPU would not give them by itself."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def deterministic_algorithms(wanted: bool = True) -> Iterator[None]:
    """Within, and if ``wanted``, torch takes algorithms whose sums have one order, or raises.

    Slower on GPUs: there the backward pass of fused attention, among others, adds in any order
    otherwise. To be entered before the process multiplies on a GPU: cuBLAS reads once how much
    room it has.
    """
    if not wanted:
        yield
        return
    before = torch.are_deterministic_algorithms_enabled()
    filled = torch.utils.deterministic.fill_uninitialized_memory
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # nothing reads what is not written
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)
        torch.utils.deterministic.fill_uninitialized_memory = filled
