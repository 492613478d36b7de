"""Divergences of pairs of rows."""

import triton
import triton.language as tl
from torch import Tensor
from triton.language.extra import libdevice

# Pairs of a program: those of one row follow one another, and find it in the cache.
_PAIRS, _COLUMNS = 4, 256
# Columns of a program: so few that of all rows they fit in the GPU's cache together.
_CHUNK = 1024
_MOST = 2**24  # numbers that are held at once
# The GPU's own logarithm, to 2^-22 of its value: of rows a few tenths apart, divergences are off by
# some 1e-7. Another takes as long as all the rest. Triton's interpreter has it not.
_OWN_LOGARITHM = True


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
    chunks = triton.cdiv(rows.shape[1], _CHUNK)
    first, second = first.contiguous(), second.contiguous()
    most = max(1, _MOST // chunks)
    for start in range(0, len(first), most):
        some = slice(start, start + most)
        count = len(first[some])
        found = rows.new_empty(chunks, count)
        _paired[triton.cdiv(count, _PAIRS), chunks](
            rows,
            rows.stride(0),
            first[some],
            second[some],
            found,
            count,
            rows.shape[1],
            least,
            _CHUNK,
            _PAIRS,
            _COLUMNS,
            _OWN_LOGARITHM,
        )
        into[some] += found.sum(dim=0)


@triton.jit
def _paired(
    rows,
    stride,
    first,
    second,
    found,
    count,
    columns,
    least,
    CHUNK: tl.constexpr,
    PAIRS: tl.constexpr,
    COLUMNS: tl.constexpr,
    OWN_LOGARITHM: tl.constexpr,
):
    begin = tl.program_id(1) * CHUNK
    pair = tl.program_id(0) * PAIRS + tl.arange(0, PAIRS)
    there = pair < count
    one = rows + begin + tl.load(first + pair, mask=there, other=0)[:, None] * stride
    other = rows + begin + tl.load(second + pair, mask=there, other=0)[:, None] * stride
    total = tl.zeros((PAIRS, COLUMNS), tl.float32)
    for start in range(0, CHUNK, COLUMNS):
        at = start + tl.arange(0, COLUMNS)[None, :]
        here = at < columns - begin
        p = tl.load(one + at, mask=here, other=1.0)
        q = tl.load(other + at, mask=here, other=1.0)
        difference = p - q
        p, q = tl.maximum(p, least), tl.maximum(q, least)
        if OWN_LOGARITHM:
            total += difference * (libdevice.fast_log2f(p) - libdevice.fast_log2f(q))
        else:
            total += difference * (tl.log2(p) - tl.log2(q))
    tl.store(
        found + tl.program_id(1).to(tl.int64) * count + pair,
        tl.sum(total, 1) * 0.6931471805599453,
        mask=there,
    )
