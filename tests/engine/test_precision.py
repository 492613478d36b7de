"""Products that keep float32 whatever is switched on, and precisions by what a GPU can do."""

import os
import subprocess
import sys
from typing import get_args

import pytest
import torch

from betrayed.config.features import Precision
from betrayed.engine import precision
from betrayed.engine.precision import choose_precision, exact_float32, multiplies_bfloat16
from betrayed.errors import UserError
from support.paths import SCRIPTS
from support.tf32 import TF32, rounded

MATMUL = ("cuda.matmul", "mkldnn.matmul", "mkldnn.conv")
CPU, CUDA = torch.device("cpu"), torch.device("cuda", 0)


@pytest.fixture(autouse=True)
def as_before():
    before = precision._settings()
    precision._apply("highest", True, dict.fromkeys(MATMUL, "none"))
    yield
    torch.backends.fp32_precision = "none"
    precision._apply("highest", True, {**before, **dict.fromkeys(MATMUL, "none")})


def fine_product():
    left = torch.full((256, 256), 1 + 2.0**-12)
    return (left @ torch.eye(256))[0, 0].item()


@pytest.mark.parametrize("switched_on", ["high", "medium", "new", "everywhere"])
def test_products_are_exact_within_and_settings_as_before_after(switched_on):
    if switched_on == "new":
        torch.backends.cuda.matmul.fp32_precision = "tf32"
        torch.backends.mkldnn.matmul.fp32_precision = "bf16"
    elif switched_on == "everywhere":
        torch.backends.fp32_precision = "tf32"
    else:
        torch.set_float32_matmul_precision(switched_on)
    before = precision._settings()
    assert "tf32" in before.values() and before["cudnn.conv"] == "tf32"
    with TF32():
        assert fine_product() == 1.0
        with exact_float32("cpu"):
            assert set(precision._settings().values()) == {"ieee"}
            assert fine_product() == 1 + 2.0**-12
        assert fine_product() == 1.0
    assert precision._settings() == before


def test_settings_come_back_after_an_error():
    torch.set_float32_matmul_precision("high")
    with pytest.raises(ZeroDivisionError), exact_float32("cpu"):
        raise ZeroDivisionError
    assert torch.get_float32_matmul_precision() == "high"


@pytest.mark.slow
def test_what_containers_switch_on_by_environment_is_off_within():
    code = (
        "import torch; from betrayed.engine.precision import exact_float32\n"
        "print(torch.backends.cuda.matmul.fp32_precision)\n"
        "with exact_float32('cpu'): print(torch.backends.cuda.matmul.fp32_precision)\n"
        "print(torch.backends.cuda.matmul.fp32_precision, torch.get_float32_matmul_precision())\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(SCRIPTS), "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE": "1"},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
    assert told.split() == ["tf32", "ieee", "tf32", "high"]


def test_a_device_that_rounds_nevertheless_is_refused():
    precision.check_products.cache_clear()
    torch.set_float32_matmul_precision("high")
    with TF32(), pytest.raises(UserError, match="Unset the variable NVIDIA_TF32_OVERRIDE"):
        precision.check_products(CPU)
    torch.set_float32_matmul_precision("highest")
    precision.check_products(CPU)


def test_the_emulation_keeps_ten_bits():
    kept = torch.tensor([1 + 2.0**-10, 3.0, -0.5, 0.0])
    assert torch.equal(rounded(kept), kept)
    assert torch.equal(rounded(torch.tensor([1 + 2.0**-12, -1 - 2.0**-11 - 2.0**-20])),
                       torch.tensor([1.0, -1 - 2.0**-10]))  # fmt: skip


@pytest.mark.parametrize(
    ("capability", "expected"),
    [((6, 1), "float32"), ((7, 0), "float16"), ((7, 5), "float16"), ((9, 0), "float16")],
)
def test_auto_is_half_precision_where_a_gpu_has_tensor_cores(monkeypatch, capability, expected):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    assert choose_precision("auto", CUDA) == expected
    assert choose_precision("auto", CPU) == "float32"
    for name in ("float32", "float16", "bfloat16"):
        assert choose_precision(name, CUDA) == choose_precision(name, CPU) == name
    assert get_args(Precision) == precision.PRECISIONS
    with pytest.raises(UserError, match="no precision 'half': choose of auto, float32"):
        choose_precision("half", CPU)


@pytest.mark.parametrize("there", [True, False])
def test_bfloat16_that_a_gpu_emulates_does_not_count(monkeypatch, there):
    def supported(including_emulation=True):
        return there or including_emulation

    class OnDevice:
        def __init__(self, device): ...
        def __enter__(self): ...
        def __exit__(self, *error): ...

    monkeypatch.setattr(torch.cuda, "device", OnDevice)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", supported)
    assert multiplies_bfloat16(CUDA) is there
