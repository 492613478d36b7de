"""What Triton's kernels compute, by its interpreter on a CPU; GPUs are compared in tests/gpu."""

import subprocess
import sys

import pytest

from support.paths import SCRIPTS

pytest.importorskip("triton", reason="triton comes with torch for CUDA on Linux")

# In a process of its own: Triton asks once whether to interpret.
CHECK = """
import torch
from betrayed.clustering import kernels

draw = torch.Generator().manual_seed(0)
wide = torch.rand(9, 5000, generator=draw)
rows = wide[:, 500:3500] / wide[:, 500:3500].sum(dim=1, keepdim=True)
wide[:, 500:3500] = rows
wide[0, 500:505] = 0
part = wide[:, 500:3500]
exact = part.double()
logs = exact.clamp(min=1e-12).log()

# As nonzero gives pairs: the numbers of either side do not lie together.
first, second = torch.tensor([[0, 3], [1, 3], [2, 2]]).T
found = torch.tensor([0.0, 1.0, 0.0])
kernels.add_paired_divergences(part, first, second, 1e-12, found)
kernels.add_paired_divergences(part, first[:0], second[:0], 1e-12, found[:0])
expected = ((exact[first] - exact[second]) * (logs[first] - logs[second])).sum(dim=1)
expected[1] += 1
torch.testing.assert_close(found.double(), expected, rtol=1e-5, atol=1e-7)

reference = part.mean(dim=0)
sums = torch.zeros(9), torch.ones(9), torch.zeros(9)
u, v = kernels.scaled(part, reference, 1e-12, sums)
root = reference.double().sqrt()
exact_u, exact_v = (exact - reference) / root, root * (logs - reference.double().log())
torch.testing.assert_close(u.double(), exact_u, rtol=1e-5, atol=1e-7)
torch.testing.assert_close(v.double(), exact_v, rtol=1e-5, atol=1e-7)
for one, other in zip(sums, ((exact_u**2), 1 / 3000 + exact_v**2, exact_u * exact_v)):
    torch.testing.assert_close(one.double(), other.sum(dim=1), rtol=1e-5, atol=1e-7)
"""


@pytest.mark.slow
def test_kernels_agree_with_the_formulas():
    environment = {"PYTHONPATH": str(SCRIPTS), "TRITON_INTERPRET": "1", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-c", CHECK], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
