"""What a run says that it computes on."""

import pytest

from betrayed.engine.gpus import what_is_used


@pytest.mark.parametrize(
    ("usable", "granted", "said"),
    [
        (0, None, "No GPU can be used here: everything is computed on the CPU."),
        (0, 8, "No GPU can be used here: everything is computed on the CPU."),
        (8, None, "jobs that find none free wait, and batches are made as for a CPU. Add "
         "--resources gpu=8."),
        (1, 0, "1 GPU can be used here, but everything is computed on the CPU, as gpu=0 asks."),
        (2, 8, "2 GPUs can be used here, not 8: others wait. Give --resources gpu=2."),
        (8, 8, "8 of 8 GPUs used at a time, at most."),
        (1, 1, "1 of 1 GPU used at a time, at most."),
        (8, 4, "4 of 8 GPUs used at a time, at most."),
    ],
)  # fmt: skip
def test_what_is_used_is_said_with_what_to_add(usable, granted, said):
    assert what_is_used(usable, granted, cores=32, threads=4).endswith(said)


@pytest.mark.parametrize(
    ("cores", "said"),
    [
        (32, "8 of 8 GPUs used at a time, at most."),
        (31, "of which the run has 31: 7 at a time. Give --cores 32, or all, if there are more."),
        (8, "of which the run has 8: 2 at a time. Give --cores 32, or all, if there are more."),
        (2, "of which the run has 2: 1 at a time. Give --cores 32, or all, if there are more."),
    ],
)
def test_cores_that_are_too_few_for_the_gpus_are_said(cores, said):
    assert what_is_used(8, 8, cores, threads=4).endswith(said)
