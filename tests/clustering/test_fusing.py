"""Where there are kernels, by what torch and Triton say of a GPU that is not here."""

import pytest
import torch

from betrayed.clustering import fusing
from betrayed.clustering.fusing import kernels_for

kernels = pytest.importorskip(
    "betrayed.clustering.kernels.all", reason="triton comes with torch for CUDA on Linux"
)
GPU = torch.device("cuda", 0)


@pytest.fixture
def gpu(monkeypatch):
    """A function that says what there is: version of CUDA, capability, and what trying raises."""

    def there_is(cuda="13.0", capability=(9, 0), error=None):
        def try_all(device):
            if error:
                raise error

        monkeypatch.setattr(torch.version, "cuda", cuda)
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
        monkeypatch.setattr(kernels, "try_all", try_all)

    fusing._kernels_of.cache_clear()
    yield there_is
    fusing._kernels_of.cache_clear()


def test_a_gpu_with_tensor_cores_has_them(gpu):
    gpu()
    assert kernels_for(GPU) is kernels
    assert kernels_for(torch.device("cpu")) is None


@pytest.mark.parametrize("other", [{"cuda": None}, {"capability": (7, 5)}])
def test_others_have_none(gpu, other, capsys):
    gpu(**other)
    assert kernels_for(GPU) is None
    assert capsys.readouterr().err == ""


def test_one_where_they_cannot_be_built_says_so(gpu, capsys):
    gpu(error=NotImplementedError("no compiler\nhere"))
    assert kernels_for(GPU) is None
    assert capsys.readouterr().err == (
        "Triton's kernels do not run here, so that clustering takes longer: no compiler\n"
    )


def test_want_of_memory_is_no_want_of_kernels(gpu):
    gpu(error=torch.OutOfMemoryError("out of memory"))
    with pytest.raises(torch.OutOfMemoryError):
        kernels_for(GPU)
    gpu()
    assert kernels_for(GPU) is kernels
