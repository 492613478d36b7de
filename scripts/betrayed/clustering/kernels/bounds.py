"""Which pairs of rows bounds decide, without the bounds in memory."""

import torch
import triton
import triton.language as tl
from torch import Tensor

from betrayed.clustering.bounds import Projection

_SIDE, _DEPTH = 64, 32  # of a tile, and directions at a time
_SURELY, _PERHAPS = 1, 2


def near_and_open(tau: float, projection: Projection) -> tuple[Tensor, Tensor]:
    """Compare bounds of the divergences of all pairs of n rows with a threshold.

    Args:
        tau: the threshold.
        projection: of the rows.

    Returns:
        Which pairs are surely within it, (n, n) bool and symmetric; and those that may be, (m, 2)
        int64, the first row before the second.
    """
    every = torch.arange(len(projection.rows), device=projection.rows.device)
    return _compared_pairs(every, every, tau, projection, mirrored=True)


def near_and_open_of(
    first: Tensor, second: Tensor, tau: float, projection: Projection
) -> tuple[Tensor, Tensor]:
    """The same of rows ``first`` (c,) with rows ``second`` (m,).

    Returns:
        Which pairs are surely within it, (c, m) bool; and those that may be, (p, 2) int64, places
        in ``first`` and in ``second``.
    """
    return _compared_pairs(first, second, tau, projection, mirrored=False)


def _compared_pairs(
    first: Tensor, second: Tensor, tau: float, projection: Projection, mirrored: bool
) -> tuple[Tensor, Tensor]:
    found = torch.empty(len(first), len(second), dtype=torch.int8, device=first.device)
    _compared[triton.cdiv(len(first), _SIDE), triton.cdiv(len(second), _SIDE)](
        first,
        second,
        projection.rows.contiguous(),
        projection.logs.contiguous(),
        projection.products.contiguous(),
        projection.rest_rows.contiguous(),
        projection.rest_logs.contiguous(),
        projection.rounding.contiguous(),
        found,
        len(first),
        len(second),
        tau,
        projection.rows.shape[1],
        mirrored,
        _SIDE,
        _DEPTH,
        num_stages=2,
    )
    return found == _SURELY, (found == _PERHAPS).nonzero()


@triton.jit
def _compared(
    first,
    second,
    rows,
    logs,
    products,
    rest_rows,
    rest_logs,
    rounding,
    found,
    count,
    others,
    tau,
    WIDTH: tl.constexpr,
    MIRRORED: tl.constexpr,
    SIDE: tl.constexpr,
    DEPTH: tl.constexpr,
):
    """1: surely, 2: perhaps, 0: not. Mirrored, 2 is said once for both orders of a pair."""
    above, below = tl.program_id(0), tl.program_id(1)
    if not MIRRORED or above <= below:
        row = above * SIDE + tl.arange(0, SIDE)
        column = below * SIDE + tl.arange(0, SIDE)
        of_rows, of_columns = row < count, column < others
        one = tl.load(first + row, mask=of_rows, other=0).to(tl.int32)
        other = tl.load(second + column, mask=of_columns, other=0).to(tl.int32)
        crossed = tl.zeros((SIDE, SIDE), tl.float32)
        for start in range(0, WIDTH, DEPTH):
            at = start + tl.arange(0, DEPTH)
            left = one[:, None] * WIDTH + at[None, :]
            right = other[None, :] * WIDTH + at[:, None]
            left_mask = of_rows[:, None] & (at < WIDTH)[None, :]
            right_mask = of_columns[None, :] & (at < WIDTH)[:, None]
            a = tl.load(rows + left, mask=left_mask, other=0.0)
            b = tl.load(logs + right, mask=right_mask, other=0.0)
            part = tl.dot(a, b, input_precision="tf32x3")
            b = tl.load(logs + left, mask=left_mask, other=0.0)
            a = tl.load(rows + right, mask=right_mask, other=0.0)
            crossed += tl.dot(b, a, part, input_precision="tf32x3")
        middle = tl.load(products + one)[:, None] + tl.load(products + other)[None, :] - crossed
        off = tl.load(rounding + one)[:, None] + tl.load(rounding + other)[None, :]
        off += tl.load(rest_rows + one)[:, None] * tl.load(rest_logs + other)[None, :]
        off += tl.load(rest_logs + one)[:, None] * tl.load(rest_rows + other)[None, :]
        surely = (middle + off <= tau).to(tl.int8)
        perhaps = (middle - off <= tau).to(tl.int8)
        told = surely + 2 * perhaps * (1 - surely)
        pairs = of_rows[:, None] & of_columns[None, :]
        row, column = row[:, None], column[None, :]
        there = row.to(tl.int64) * others + column
        if MIRRORED:
            pairs = pairs & (row < column)
            tl.store(found + there, told, mask=pairs)
            tl.store(found + column.to(tl.int64) * others + row, surely, mask=pairs)
            if above == below:
                itself = above * SIDE + tl.arange(0, SIDE).to(tl.int64)
                tl.store(found + itself * (others + 1), itself * 0 + 1, mask=itself < count)
        else:
            tl.store(found + there, told, mask=pairs)
