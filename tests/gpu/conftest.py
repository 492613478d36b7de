"""The device that these tests run on: a GPU, and, so that they cannot rot, the CPU."""

import os

import pytest
import torch

from betrayed.engine.gpu_memory import release

# Read once, at the first product on a GPU; what is deterministic needs it.
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def device(request):
    """Where to compute; what comes out is compared with a CPU's."""
    if request.param == "cuda" and not torch.cuda.is_available():
        pytest.skip("torch sees no CUDA device")
    return torch.device(request.param)


@pytest.fixture
def gpu():
    """A GPU, for what has no meaning on a CPU."""
    if not torch.cuda.is_available():
        pytest.skip("torch sees no CUDA device")
    return torch.device("cuda", torch.cuda.current_device())


@pytest.fixture
def memory_cap(gpu):
    """A function that lets torch take so many bytes of the GPU; after the test all of it."""
    total = torch.cuda.get_device_properties(gpu).total_memory

    def cap(size):
        release()  # what earlier tests recorded, too
        torch.cuda.set_per_process_memory_fraction(min(1.0, size / total), gpu)

    yield cap
    cap(total)
