"""Sums of rows over neighbours, those that many rows have in common made once."""

from collections.abc import Sequence

import numpy as np
import torch
import triton
import triton.language as tl
from torch import Tensor

from betrayed.io.prefetching import on_device

MOST = 64  # rows of a block
_COLUMNS, _DEPTH = 128, 32  # of a tile, and neighbours at a time
_WIDE = 1024  # columns that are parted at a time
# Three parts of 8 bits each are float32's 24.
_PART, _TORCH_PART = tl.bfloat16, torch.bfloat16


class SharedSums:
    """See :class:`betrayed.clustering.mean_shift.SharedSums`; blocks are of at most MOST rows."""

    def __init__(self, near: Tensor, blocks: Sequence[np.ndarray]) -> None:
        filled = np.full((len(blocks), MOST), -1)
        for place, block in zip(filled, blocks, strict=True):
            place[: len(block)] = block
        self._blocks = on_device(filled, near.device)
        there = (self._blocks >= 0)[:, :, None]
        own = near[self._blocks.clamp(min=0)]  # (blocks, MOST, n)
        common = (own | ~there).all(dim=1)
        self._common = common.float()
        block, self._others = ((own & there).any(dim=1) & ~common).nonzero().T.contiguous()
        self._whose = own[block, :, self._others].to(_TORCH_PART)  # (others of all blocks, MOST)
        # Of sorted blocks; counting them would wait for the GPU to say how many there are.
        numbers = torch.arange(len(blocks) + 1, device=near.device)
        self._ends = torch.searchsorted(block.contiguous(), numbers)
        self._counts = near.sum(dim=1).float()

    def means(self, rows: Tensor) -> Tensor:
        """The mean over neighbours of rows (n, c) float32, (u, c); columns lie together."""
        common = self._common @ rows
        # Padded, so that all of them begin where a GPU reads best.
        width = triton.cdiv(rows.shape[1], _COLUMNS) * _COLUMNS
        parts = torch.empty(3, len(rows), width, dtype=_TORCH_PART, device=rows.device)
        _parted[len(rows), triton.cdiv(width, _WIDE)](
            rows, rows.stride(0), parts, len(rows), rows.shape[1], width, _WIDE, _PART
        )
        means = rows.new_empty(len(self._counts), rows.shape[1])
        _means[len(self._blocks), triton.cdiv(rows.shape[1], _COLUMNS)](
            parts,
            len(rows) * width,
            width,
            common,
            self._others,
            self._ends,
            self._whose,
            self._blocks,
            self._counts,
            means,
            rows.shape[1],
            MOST,
            _COLUMNS,
            _DEPTH,
        )
        return means


@triton.jit
def _parted(rows, stride, parts, count, total, width, COLUMNS: tl.constexpr, PART: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    column = tl.program_id(1) * COLUMNS + tl.arange(0, COLUMNS)
    values = tl.load(rows + row * stride + column, mask=column < total, other=0.0)
    high = values.to(PART)
    rest = values - high.to(tl.float32)
    middle = rest.to(PART)
    low = (rest - middle.to(tl.float32)).to(PART)
    size = tl.cast(count, tl.int64) * width
    place = parts + row * width + column
    tl.store(place, high, mask=column < width)
    tl.store(place + size, middle, mask=column < width)
    tl.store(place + 2 * size, low, mask=column < width)


@triton.jit
def _means(
    parts,
    size,
    stride,
    common,
    others,
    ends,
    whose,
    blocks,
    counts,
    means,
    total,
    ROWS: tl.constexpr,
    COLUMNS: tl.constexpr,
    DEPTH: tl.constexpr,
):
    # Blocks are numbered first, so that those of the same columns find them in the GPU's cache.
    block = tl.program_id(0).to(tl.int64)
    column = tl.program_id(1) * COLUMNS + tl.arange(0, COLUMNS)
    here = column < total
    place = tl.arange(0, ROWS)
    begin, end = tl.load(ends + block), tl.load(ends + block + 1)
    others += begin
    whose += begin * ROWS
    several = (end - begin).to(tl.int32)
    found = tl.zeros((ROWS, COLUMNS), tl.float32)
    for start in range(0, several, DEPTH):
        other = start + tl.arange(0, DEPTH)
        there = other < several
        row = tl.load(others + other, mask=there, other=0)
        is_near = tl.load(
            whose + other[None, :] * ROWS + place[:, None], mask=there[None, :], other=0.0
        )
        values = parts + row[:, None] * stride + column[None, :]
        high = tl.load(values)
        middle = tl.load(values + size)
        low = tl.load(values + 2 * size)
        part = tl.dot(is_near, low)
        part = tl.dot(is_near, middle, part)
        part = tl.dot(is_near, high, part)
        found += part
    found += tl.load(common + block * total + column, mask=here, other=0.0)[None, :]
    row = tl.load(blocks + block * ROWS + place)
    known = row >= 0
    found /= tl.load(counts + row, mask=known, other=1.0)[:, None]
    tl.store(
        means + row[:, None] * total + column[None, :],
        found,
        mask=known[:, None] & here[None, :],
    )
