"""What a GPU does with attention rows in one pass each, in Triton.

Written with torch's operations each of these reads and writes as many numbers ten times over, and
that, not the arithmetic, is what a GPU takes its time for. Rows come as parts of columns, which
need not lie together: a row begins ``stride`` numbers after the one before it.
"""

import triton
import triton.language as tl
from torch import Tensor

_BLOCK = 1024  # columns at a time


def add_paired_divergences(
    rows: Tensor, first: Tensor, second: Tensor, least: float, into: Tensor
) -> None:
    """Add what columns give to the divergences Σ (p − q)(log p − log q) of pairs of rows.

    Args:
        rows: (n, c) float32, columns one after the other.
        first, second: (m,) int64, the pairs.
        least: logarithms are of max(p, least).
        into: (m,) float32, added to.
    """
    first, second = first.contiguous(), second.contiguous()
    if len(first):
        _paired[len(first),](
            rows, rows.stride(0), first, second, into, rows.shape[1], least, _BLOCK
        )


def scaled(
    rows: Tensor, reference: Tensor, least: float, sums: tuple[Tensor, Tensor, Tensor]
) -> tuple[Tensor, Tensor]:
    """u = (p − w)/√w and v = √w·(log p − log w) of rows p; see :mod:`betrayed.clustering.bounds`.

    Args:
        rows: (n, c) float32, columns one after the other.
        reference: (c,), the positive w.
        least: logarithms are of max(p, least).
        sums: three of (n,), to which |u|², |v|² and u·v are added.

    Returns:
        u and v, (n, c).
    """
    root, log = reference.sqrt(), reference.log()
    u, v = rows.new_empty((2, *rows.shape))
    _scaled[len(rows),](
        rows, rows.stride(0), reference, root, log, u, v, *sums, rows.shape[1], least, _BLOCK
    )
    return u, v


@triton.jit
def _paired(rows, stride, first, second, into, columns, least, BLOCK: tl.constexpr):
    pair = tl.program_id(0)
    one = rows + tl.load(first + pair) * stride
    other = rows + tl.load(second + pair) * stride
    total = tl.zeros((BLOCK,), tl.float32)
    for start in range(0, columns, BLOCK):
        at = start + tl.arange(0, BLOCK)
        here = at < columns
        p = tl.load(one + at, mask=here, other=1.0)
        q = tl.load(other + at, mask=here, other=1.0)
        total += (p - q) * (tl.log(tl.maximum(p, least)) - tl.log(tl.maximum(q, least)))
    tl.store(into + pair, tl.load(into + pair) + tl.sum(total))


@triton.jit
def _scaled(
    rows,
    stride,
    reference,
    root,
    log,
    to_u,
    to_v,
    size_u,
    size_v,
    products,
    columns,
    least,
    BLOCK: tl.constexpr,
):
    row = tl.program_id(0).to(tl.int64)
    sum_u = tl.zeros((BLOCK,), tl.float32)
    sum_v = tl.zeros((BLOCK,), tl.float32)
    both = tl.zeros((BLOCK,), tl.float32)
    for start in range(0, columns, BLOCK):
        at = start + tl.arange(0, BLOCK)
        here = at < columns
        w = tl.load(reference + at, mask=here, other=1.0)
        scale = tl.load(root + at, mask=here, other=1.0)
        p = tl.load(rows + row * stride + at, mask=here, other=1.0)
        u = (p - w) / scale
        v = (tl.log(tl.maximum(p, least)) - tl.load(log + at, mask=here, other=0.0)) * scale
        tl.store(to_u + row * columns + at, u, mask=here)
        tl.store(to_v + row * columns + at, v, mask=here)
        sum_u += u * u
        sum_v += v * v
        both += u * v
    tl.store(size_u + row, tl.load(size_u + row) + tl.sum(sum_u))
    tl.store(size_v + row, tl.load(size_v + row) + tl.sum(sum_v))
    tl.store(products + row, tl.load(products + row) + tl.sum(both))
