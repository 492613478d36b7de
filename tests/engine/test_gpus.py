"""What a run says that it computes on, and how many jobs it starts for the GPUs it has."""

import pytest

from betrayed.engine.gpus import early_jobs, what_is_used


@pytest.mark.parametrize(
    ("usable", "granted", "said", "early"),
    [
        (0, None, "No GPU can be used here: everything is computed on the CPU.", 0),
        (0, 8, "No GPU can be used here: everything is computed on the CPU.", 0),
        (8, None, "jobs that find none free wait, and batches are made as for a CPU. Add "
         "--resources gpu=8.", 0),
        (1, 0, "1 GPU can be used here, but everything is computed on the CPU, as gpu=0 asks.", 0),
        (2, 8, "2 GPUs can be used here, not 8: others wait. Give --resources gpu=2.", 1),
        (8, 8, "8 of 8 GPUs used at a time, at most.", 3),
        (1, 1, "1 of 1 GPU used at a time, at most.", 1),
        (8, 4, "4 of 8 GPUs used at a time, at most.", 0),
    ],
)  # fmt: skip
def test_what_is_used_is_said_with_what_to_add(usable, granted, said, early):
    assert what_is_used(usable, granted).endswith(said)
    assert early_jobs(usable, granted) == early
