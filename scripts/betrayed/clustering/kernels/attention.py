"""Attention rows without the map of each head."""

import torch
import triton
import triton.language as tl
from torch import Tensor

_LOG2_E = 1.4426950408889634
_ROWS, _COLUMNS = 64, 64  # of a tile


def log_sums(queries: Tensor, keys: Tensor) -> Tensor:
    """log2 Σ exp(q·k / √d) over all keys, of every query and head, (heads, n) float32.

    Args:
        queries: (n, heads, d), float16 or float32.
        keys: (heads, M, d) of the same type; in memory a head's keys follow one another.
    """
    count, heads, _ = queries.shape
    sums = torch.empty(heads, count, device=queries.device)
    _log_sums[triton.cdiv(count, _ROWS), heads](
        *_given(queries, keys), sums, count, keys.shape[1], *_facts(queries)
    )
    return sums


def mean_rows(queries: Tensor, keys: Tensor, sums: Tensor, into: Tensor) -> None:
    """The mean over heads of exp(q·k / √d) over its sum, for some of the keys.

    Args:
        queries: (n, heads, d), float16 or float32.
        keys: (heads, c, d), some of those that ``sums`` are of.
        sums: see :func:`log_sums`.
        into: (n, c) float32, columns one after the other.
    """
    count = len(queries)
    grid = triton.cdiv(count, _ROWS), triton.cdiv(keys.shape[1], _COLUMNS)
    _mean_rows[grid](
        *_given(queries, keys),
        sums,
        into,
        into.stride(0),
        count,
        keys.shape[1],
        *_facts(queries),
    )


def _given(queries: Tensor, keys: Tensor) -> tuple[Tensor | int, ...]:
    if not keys[0].is_contiguous():
        raise ValueError("the keys of a head do not lie together")
    return queries.contiguous(), keys, keys.stride(0)


def _facts(queries: Tensor) -> tuple[float | int | str, ...]:
    """What a score is multiplied with, and what the kernels are built for."""
    _, heads, width = queries.shape
    precision = "ieee" if queries.dtype == torch.float16 else "tf32x3"
    depth = min(64, max(16, triton.next_power_of_2(width)))
    return _LOG2_E * width**-0.5, heads, width, depth, _ROWS, _COLUMNS, precision


@triton.jit
def _scores(
    queries,
    rows_left,
    keys,
    keys_left,
    scale,
    HEADS: tl.constexpr,
    WIDTH: tl.constexpr,
    DEPTH: tl.constexpr,
    ROWS: tl.constexpr,
    COLUMNS: tl.constexpr,
    PRECISION: tl.constexpr,
):
    """Of a tile of queries with one of keys of a head, in powers of 2; -inf beyond the last key."""
    row, column = tl.arange(0, ROWS), tl.arange(0, COLUMNS)
    scores = tl.zeros((ROWS, COLUMNS), tl.float32)
    for start in range(0, WIDTH, DEPTH):
        inside = start + tl.arange(0, DEPTH)
        q = tl.load(
            queries + row[:, None] * (HEADS * WIDTH) + inside[None, :],
            mask=(row < rows_left)[:, None] & (inside < WIDTH)[None, :],
            other=0.0,
        )
        k = tl.load(
            keys + column[None, :] * WIDTH + inside[:, None],
            mask=(column < keys_left)[None, :] & (inside < WIDTH)[:, None],
            other=0.0,
        )
        scores = tl.dot(q, k, scores, input_precision=PRECISION)
    scores *= scale
    return tl.where((column < keys_left)[None, :], scores, float("-inf"))


@triton.jit
def _log_sums(
    queries,
    keys,
    key_stride,
    sums,
    count,
    total,
    scale,
    HEADS: tl.constexpr,
    WIDTH: tl.constexpr,
    DEPTH: tl.constexpr,
    ROWS: tl.constexpr,
    COLUMNS: tl.constexpr,
    PRECISION: tl.constexpr,
):
    first, head = tl.program_id(0).to(tl.int64) * ROWS, tl.program_id(1).to(tl.int64)
    queries += (first * HEADS + head) * WIDTH
    keys += head * key_stride
    most = tl.full((ROWS,), float("-inf"), tl.float32)
    found = tl.zeros((ROWS,), tl.float32)
    for start in range(0, total, COLUMNS):
        scores = _scores(
            queries,
            count - first,
            keys + start * WIDTH,
            total - start,
            scale,
            HEADS,
            WIDTH,
            DEPTH,
            ROWS,
            COLUMNS,
            PRECISION,
        )
        larger = tl.maximum(most, tl.max(scores, 1))
        found = found * tl.exp2(most - larger) + tl.sum(tl.exp2(scores - larger[:, None]), 1)
        most = larger
    row = tl.arange(0, ROWS)
    tl.store(sums + head * count + first + row, most + tl.log2(found), mask=row < count - first)


@triton.jit
def _mean_rows(
    queries,
    keys,
    key_stride,
    sums,
    into,
    into_stride,
    count,
    total,
    scale,
    HEADS: tl.constexpr,
    WIDTH: tl.constexpr,
    DEPTH: tl.constexpr,
    ROWS: tl.constexpr,
    COLUMNS: tl.constexpr,
    PRECISION: tl.constexpr,
):
    first, start = tl.program_id(0).to(tl.int64) * ROWS, tl.program_id(1).to(tl.int64) * COLUMNS
    row, column = tl.arange(0, ROWS), tl.arange(0, COLUMNS)
    known = row < count - first
    queries += first * HEADS * WIDTH
    keys += start * WIDTH
    sums += first
    found = tl.zeros((ROWS, COLUMNS), tl.float32)
    for _ in range(HEADS):
        scores = _scores(
            queries,
            count - first,
            keys,
            total - start,
            scale,
            HEADS,
            WIDTH,
            DEPTH,
            ROWS,
            COLUMNS,
            PRECISION,
        )
        own = tl.load(sums + row, mask=known, other=0.0)
        found += tl.exp2(scores - own[:, None])
        queries += WIDTH
        keys += key_stride
        sums += count
    tl.store(
        into + first * into_stride + start + row[:, None] * into_stride + column[None, :],
        found / HEADS,
        mask=known[:, None] & (column < total - start)[None, :],
    )
