"""What Triton's kernels compute, by its interpreter on a CPU; GPUs are compared in tests/gpu."""

import subprocess
import sys

import pytest

from support.paths import ROOT, SCRIPTS

pytest.importorskip("triton", reason="triton comes with torch for CUDA on Linux")
pytestmark = pytest.mark.slow

START = """
import numpy as np
import torch
from betrayed.clustering.kernels import all as kernels
from betrayed.clustering.kernels import divergences

divergences._OWN_LOGARITHM = False
draw = torch.Generator().manual_seed(0)
"""

DIVERGENCES = """
wide = torch.rand(9, 5000, generator=draw)
rows = wide[:, 500:3500] / wide[:, 500:3500].sum(dim=1, keepdim=True)
wide[:, 500:3500] = rows
wide[0, 500:505] = 0
part = wide[:, 500:3500]
exact = part.double()
logs = exact.clamp(min=1e-12).log()

# As nonzero gives pairs: the numbers of either side do not lie together.
first, second = torch.tensor([[0, 3], [1, 3], [2, 2]]).T
divergences._MOST = 7  # two pairs at a time
found = torch.tensor([0.0, 1.0, 0.0])
kernels.add_paired_divergences(part, first, second, 1e-12, found)
kernels.add_paired_divergences(part, first[:0], second[:0], 1e-12, found[:0])
expected = ((exact[first] - exact[second]) * (logs[first] - logs[second])).sum(dim=1)
expected[1] += 1
torch.testing.assert_close(found.double(), expected, rtol=1e-5, atol=1e-7)
"""

# Two parts, neither of whole tiles; more rows than a tile; a basis that lies either way.
PROJECTION = """
rows = torch.rand(70, 180, generator=draw) ** 4
rows /= rows.sum(dim=1, keepdim=True)
rows[0, :5] = 0
reference, basis = rows.mean(dim=0), torch.randn(180, 5, generator=draw)
a, b = torch.ones(2, 70, 5)
sums = torch.zeros(70), torch.ones(70), torch.zeros(70)
lying = {70: basis, 180: basis.T.contiguous().T}  # row by row, and column by column
for part in (slice(0, 70), slice(70, 180)):
    basis = lying[part.stop]
    kernels.add_projections(rows[:, part], reference[part], basis[part], 1e-12, (a, b), sums)
w = reference.double()
u = (rows.double() - w) / w.sqrt()
v = (rows.double().clamp(min=1e-12).log() - w.log()) * w.sqrt()
close = dict(rtol=1e-5, atol=1e-5)
torch.testing.assert_close(a.double(), 1 + u @ basis.double(), **close)
torch.testing.assert_close(b.double(), 1 + v @ basis.double(), **close)
for one, other in zip(sums, (u**2, 1 / 180 + v**2, u * v)):
    torch.testing.assert_close(one.double(), other.sum(dim=1), **close)
"""

# Widths with and without filling, more than a step; no whole tile of rows or columns.
ATTENTION = """
from betrayed.block.rows import attention_rows

for kind in (torch.float16, torch.float32):
    for width in (5, 16, 100):
        queries = torch.randn(3, 70, width, generator=draw).to(kind).transpose(0, 1)
        keys = torch.randn(2, 3, 90, width, generator=draw).to(kind)
        expected = attention_rows(queries, keys)
        by_head = keys.transpose(0, 1).contiguous().flatten(1, 2)
        sums = kernels.log_sums(queries, by_head)
        found = torch.full((70, 200), 7.0)
        kernels.mean_rows(queries, by_head, sums, found[:, 10:190])
        torch.testing.assert_close(found[:, 10:190], expected, rtol=1e-5, atol=0)
        assert (found[:, :10] == 7).all() and (found[:, 190:] == 7).all()
        part = torch.empty(70, 50)
        kernels.mean_rows(queries, by_head[:, 100:150], sums, part)
        torch.testing.assert_close(part, expected[:, 100:150], rtol=1e-5, atol=0)
"""

BOUNDS = """
from betrayed.clustering.bounds import bounds, directions, project
from betrayed.clustering.row_parts import StoredRows

rows = torch.rand(150, 80, generator=draw) ** 4
rows /= rows.sum(dim=1, keepdim=True)
projection = project(StoredRows(rows), directions(rows[::3], 40, 0.3))
lower, upper = bounds(projection, projection)
several = set()
for tau in (0.1, 2.0, 4.0, 8.0, 100.0):
    near, pairs = kernels.near_and_open(tau, projection)
    expected = (upper <= tau).clone().fill_diagonal_(True)
    assert near.dtype == torch.bool and torch.equal(near, near.T)
    assert torch.equal(near, expected)
    left_open = ((lower <= tau) & ~expected).triu(1).nonzero()
    assert torch.equal(pairs, left_open)
    first, second = torch.arange(3, 73), torch.arange(140, 0, -2)
    some, pairs = kernels.near_and_open_of(first, second, tau, projection)
    assert torch.equal(some, (upper <= tau)[first][:, second])
    assert torch.equal(pairs, ((lower <= tau) & (upper > tau))[first][:, second].nonzero())
    several.add((int(near.sum()) > 150, len(pairs) > 0))
assert several == {(False, True), (True, True), (True, False)}, several
"""

# Parts of float16, since the interpreter multiplies no bfloat16: three of them are as much.
SUMS = """
import triton.language
from betrayed.clustering.kernels import sums

sums._PART, sums._TORCH_PART = triton.language.float16, torch.float16
near = torch.rand(70, 200, generator=draw) < 0.2
near[:35, :60] = True
near[40:42] = near[39]
blocks = [np.arange(33), np.array([69, *range(33, 39), *range(42, 69)]), np.arange(39, 42)]
wide = torch.rand(200, 400, generator=draw) + 0.1
for part in (slice(0, 130), slice(100, 250)):
    found = kernels.SharedSums(near, blocks).means(wide[:, part])
    expected = near.double() @ wide[:, part].double() / near.sum(dim=1, keepdim=True)
    torch.testing.assert_close(found.double(), expected, rtol=1e-6, atol=0)

"""

# The whole of clustering, as where a GPU has the kernels; and with rows that are not kept.
CLUSTERING = """
import triton.language
from betrayed.clustering import bounds, divergence, mean_shift, neighbours, row_parts, video_rows
from betrayed.clustering import clustering
from betrayed.clustering.kernels import sums
from support.made_attention import made_attention
from support.naive_clustering import naive_clustering

sums._PART, sums._TORCH_PART = triton.language.float32, torch.float32
queries = made_attention(7, (4, 6))
keys = queries[::4]
cases = [(queries.float(), keys.float()), (queries.half(), keys.half())]
plain = [[naive_clustering(*case, tau) for tau in (0.05, 0.3, 1.0)] for case in cases]
for module in (bounds, divergence, mean_shift, neighbours, row_parts, video_rows):
    module.kernels_for = lambda device: kernels


class NothingKept(clustering.Budget):
    def __init__(self, *given):
        super().__init__(*given)
        self.copies = 0


kernels.try_all(torch.device("cpu"))
# One token and one key: what is 1 is a constant to Triton.
few = torch.ones(1, 1, 1, 1)
assert clustering.hierarchical_clustering(few, few, tau=0.1, window=3).labels.tolist() == [[0]]
for budget in (clustering.Budget, NothingKept):
    clustering.Budget = budget
    for case, expected in zip(cases, plain):
        found = clustering.hierarchical_clusterings(*case, taus=(0.05, 0.3, 1.0), window=3)
        counts = [len(one.centres) for one in found]
        assert len(set(counts)) == 3 and min(counts) > 1, counts
        for one, (labels, centres) in zip(found, expected):
            np.testing.assert_array_equal(one.labels, labels)
            np.testing.assert_allclose(one.centres, centres, atol=1e-6)
"""


@pytest.mark.parametrize(
    "check", [DIVERGENCES, PROJECTION, ATTENTION, BOUNDS, SUMS, CLUSTERING],
    ids=["divergences", "projection", "attention", "bounds", "sums", "clustering"],
)  # fmt: skip
def test_kernels_agree_with_the_formulas(check):
    """In a process of its own: Triton asks once whether to interpret."""
    environment = {"PYTHONPATH": f"{SCRIPTS}:{ROOT / 'tests'}", "TRITON_INTERPRET": "1"}
    environment["PATH"] = "/usr/bin:/bin"
    done = subprocess.run(
        [sys.executable, "-c", START + check], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
