"""Projections of rows, see :mod:`betrayed.clustering.bounds`, without u and v in memory."""

import torch
import triton
import triton.language as tl
from torch import Tensor

_ROWS, _COLUMNS = 64, 16  # of a tile
_LOW_BITS = 13  # that TF32 lacks of float32


def add_projections(
    rows: Tensor,
    reference: Tensor,
    basis: Tensor,
    least: float,
    into: tuple[Tensor, Tensor],
    sums: tuple[Tensor, Tensor, Tensor],
) -> None:
    """Add what columns give to a = Uᵀu and b = Uᵀv of every row, and to |u|², |v|² and u·v.

    Args:
        rows: (n, c) float32, columns one after the other.
        reference: (c,), the positive w of u = (p − w)/√w and v = √w·(log p − log w).
        basis: (c, k), of U the rows of these columns.
        least: logarithms are of max(p, least).
        into: a and b, (n, k) each.
        sums: three of (n,).
    """
    # Both parts of the basis are what TF32 holds; along a direction columns lie together.
    turned = basis.T.contiguous()
    high = _high(turned)
    low = turned - high
    _projected[triton.cdiv(len(rows), _ROWS), 2](
        rows,
        rows.stride(0),
        reference,
        reference.sqrt(),
        reference.log(),
        high,
        low,
        *into,
        *sums,
        len(rows),
        rows.shape[1],
        least,
        basis.shape[1],
        max(16, triton.next_power_of_2(basis.shape[1])),
        _ROWS,
        _COLUMNS,
        _LOW_BITS,
        num_stages=2,
    )


def _high(values: Tensor) -> Tensor:
    """What TF32 keeps of float32."""
    return (values.view(torch.int32) & -(1 << _LOW_BITS)).view(torch.float32)


@triton.jit
def _projected(
    rows,
    stride,
    reference,
    root,
    log,
    basis_high,
    basis_low,
    to_a,
    to_b,
    size_u,
    size_v,
    products,
    count,
    total,
    least,
    WIDTH: tl.constexpr,
    FILLED: tl.constexpr,
    ROWS: tl.constexpr,
    COLUMNS: tl.constexpr,
    LOW_BITS: tl.constexpr,
):
    of_logs = tl.program_id(1) == 1  # one half of the programs makes a, the other b
    first = tl.program_id(0).to(tl.int64) * ROWS
    rows += first * stride
    row, direction = tl.arange(0, ROWS), tl.arange(0, FILLED)
    known = row < count - first
    found = tl.zeros((ROWS, FILLED), tl.float32)
    size = tl.zeros((ROWS,), tl.float32)
    both = tl.zeros((ROWS,), tl.float32)
    for start in range(0, total, COLUMNS):
        at = start + tl.arange(0, COLUMNS)
        there = at < total
        # Beyond the last column all are 1, so that u and v are 0.
        w = tl.load(reference + at, mask=there, other=1.0)[None, :]
        scale = tl.load(root + at, mask=there, other=1.0)[None, :]
        shift = tl.load(log + at, mask=there, other=0.0)[None, :]
        p = tl.load(
            rows + row[:, None] * stride + at[None, :],
            mask=known[:, None] & there[None, :],
            other=1.0,
        )
        place = direction[None, :] * total + at[:, None]
        inside = there[:, None] & (direction < WIDTH)[None, :]
        onto_high = tl.load(basis_high + place, mask=inside, other=0.0)
        onto_low = tl.load(basis_low + place, mask=inside, other=0.0)
        own = (p - w) / scale
        if of_logs:
            logs = (tl.log2(tl.maximum(p, least)) * 0.6931471805599453 - shift) * scale
            both += tl.sum(own * logs, 1)
            own = logs
        # float32's precision of three products of TF32. Tensor cores cut off what they add to: over
        # thousands of columns that would be 1e-4 of the sum, so that each tile has its own.
        high = (own.to(tl.int32, bitcast=True) & -(1 << LOW_BITS)).to(tl.float32, bitcast=True)
        part = tl.dot(own - high, onto_high, input_precision="tf32")
        part = tl.dot(high, onto_low, part, input_precision="tf32")
        part = tl.dot(high, onto_high, part, input_precision="tf32")
        found += part
        size += tl.sum(own * own, 1)
    to, sizes = to_a, size_u
    if of_logs:
        to, sizes = to_b, size_v
        here = products + first + row
        tl.store(here, tl.load(here, mask=known, other=0.0) + both, mask=known)
    here = sizes + first + row
    tl.store(here, tl.load(here, mask=known, other=0.0) + size, mask=known)
    here = to + first * WIDTH + row[:, None] * WIDTH + direction[None, :]
    inside = known[:, None] & (direction < WIDTH)[None, :]
    tl.store(here, tl.load(here, mask=inside, other=0.0) + found, mask=inside)
