"""The mean-shift step: every row replaced by the mean of its neighbours."""

import math
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from betrayed.clustering.bounds import Projection
from betrayed.clustering.fusing import kernels_for
from betrayed.clustering.row_parts import RowParts
from betrayed.io.prefetching import on_device

# Rows, at most, whose sums over neighbours are made together. For a GPU without kernels, which
# small products do not occupy, they are more.
BLOCK_CPU, BLOCK_GPU = 64, 1024
_EXACT = 2**24  # what float32 counts to


class ShiftedRows:
    """Distinct rows after one mean-shift step, made when read: the same neighbours, the same row.

    Args:
        rows: n rows.
        near: (n, n) bool, symmetric, see :func:`betrayed.clustering.neighbours.neighbours`.
        blocks: rows that have most neighbours in common, see :func:`blocks_of`.

    Attributes:
        shape: (u, M), u of them being distinct.
        which: (n,) int64, the shifted row of each row; numbered in order of first appearance.
    """

    def __init__(self, rows: RowParts, near: Tensor, blocks: Sequence[np.ndarray]) -> None:
        self._rows = rows
        first, self.which = distinct(near)
        own = near[on_device(first, near.device)]  # (u, n)
        is_first = np.zeros(len(near), bool)
        is_first[first] = True
        few = [self.which[block[is_first[block]]] for block in blocks]
        few = [block for block in few if len(block)]
        kernels = kernels_for(near.device)
        self._sums = SharedSums(own, few) if kernels is None else kernels.SharedSums(own, few)
        self.shape = (len(own), rows.shape[1])

    def parts(self, whole: bool = False) -> Iterator[tuple[slice, Tensor]]:
        """See :class:`betrayed.clustering.row_parts.RowParts`."""
        for part, values in self._rows.parts():
            yield part, self._sums.means(values)


class SharedSums:
    """Sums over neighbours: what all rows of a block have in common is summed once.

    Args:
        near: (u, n) bool, the neighbours of each of u rows.
        blocks: rows that have most in common; each row is in one.
    """

    def __init__(self, near: Tensor, blocks: Sequence[np.ndarray]) -> None:
        order = torch.from_numpy(np.concatenate(blocks)).to(near.device)
        sorted_by_block = near[order].split([len(block) for block in blocks])
        common = torch.stack([own.all(dim=0) for own in sorted_by_block])  # (blocks, n)
        some = torch.stack([own.any(dim=0) for own in sorted_by_block])
        block, other = (some & ~common).nonzero().T
        others = other.split(torch.bincount(block, minlength=len(blocks)).tolist())
        self._exceptions = [
            (its, own[:, its]) for its, own in zip(others, sorted_by_block, strict=True)
        ]
        self._common = common.float()
        self._places = order.argsort()
        self._counts = near.sum(dim=1, keepdim=True)  # (u, 1)

    def means(self, rows: Tensor) -> Tensor:
        """The mean over neighbours of rows (n, c), (u, c)."""
        rows = rows.contiguous()
        common = self._common @ rows  # (blocks, c)
        sums, done = rows.new_empty(len(self._places), rows.shape[1]), 0  # block after block
        for (others, whose), shared in zip(self._exceptions, common, strict=True):
            into = sums[done : done + len(whose)]
            torch.addmm(shared, whose.float(), rows.index_select(0, others), out=into)
            done += len(whose)
        return sums.index_select(0, self._places).div_(self._counts)


def blocks_of(projection: Projection) -> list[np.ndarray]:
    """Rows in blocks that lie together, of at most as many as are summed together, each in one.

    Rows are halved where they spread most, and so are the halves.
    """
    # The directions of most spread are the last.
    if kernels := kernels_for(projection.rows.device):
        return _parted((projection.rows[:, -16:] + projection.logs[:, -16:]).T, kernels.MOST)
    places = (projection.rows[:, -8:] + projection.logs[:, -8:]).T.contiguous()  # (8, n)
    most = BLOCK_CPU if places.device.type == "cpu" else BLOCK_GPU
    places = places.cpu().numpy()
    blocks, done = [np.arange(places.shape[1])], []
    while blocks:
        block = blocks.pop()
        if len(block) <= most:
            done.append(block)
            continue
        inside = places[:, block]
        along = inside[inside.var(axis=1).argmax()]
        blocks += np.array_split(block[along.argsort(kind="stable")], 2)
    return done


def _parted(places: Tensor, most: int) -> list[np.ndarray]:
    """The same where a GPU quarters, at last halves, all blocks at once; ``places`` (16, n)."""
    count = places.shape[1]
    levels = max(0, math.ceil(math.log2(count / most)))
    # Filled up to blocks of one size with the last row, which is taken out in the end.
    blocks = torch.arange(-(-count // 2**levels) * 2**levels, device=places.device)[None]
    while levels:
        inside = places[:, blocks.clamp(max=count - 1)]  # (16, blocks, rows)
        along = inside.var(dim=2).argmax(dim=0)
        values = inside[along, torch.arange(len(blocks), device=places.device)]
        step = min(2, levels)
        blocks = blocks.gather(1, values.argsort(dim=1)).view(2**step * len(blocks), -1)
        levels -= step
    return [block[block < count] for block in blocks.cpu().numpy()]


def distinct(near: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """The first of each kind of rows (n, m) bool, (u,), and the kind of each row, (n,).

    Kinds are numbered in order of first appearance.
    """
    if near.device.type == "cpu":
        return _kinds(np.packbits(near.numpy(), axis=1))
    first, kind = _kinds(_codes(near))
    like = on_device(first[kind], near.device)
    if not torch.equal(near, near[like]):  # the codes of two kinds are the same
        return _kinds(np.packbits(near.cpu().numpy(), axis=1))
    return first, kind


def _codes(near: Tensor) -> np.ndarray:
    """(n,) int64, a number for each row: equal for equal rows, and hardly for others."""
    most = max(2, _EXACT // near.shape[1])  # so that every sum is exact, in any order
    draw = torch.Generator(near.device).manual_seed(0)
    weights = torch.randint(1, most, (near.shape[1], 2), device=near.device, generator=draw)
    low, high = (near.float() @ weights.float()).long().T
    return (low + high * _EXACT).cpu().numpy()


def _kinds(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """See :func:`distinct`, of rows of bytes (n, b), or of a number each, (n,)."""
    if rows.ndim == 2:
        rows = np.ascontiguousarray(rows).view(np.dtype((np.void, rows.shape[1])))[:, 0]
    _, first, kind = np.unique(rows, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    return first[order], rank[kind]
