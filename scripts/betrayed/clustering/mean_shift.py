"""The mean-shift step: every row replaced by the mean of its neighbours."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from betrayed.clustering.bounds import Projection
from betrayed.clustering.row_parts import RowParts

BLOCK = 64  # rows, at most, whose sums over neighbours are made together


class ShiftedRows:
    """Distinct rows after one mean-shift step, made when read: the same neighbours, the same row.

    Args:
        rows: n rows.
        near: (n, n) bool, symmetric, see :func:`betrayed.clustering.neighbours.neighbours`.
        blocks: rows that have most neighbours in common, see :func:`blocks_of`. None on a GPU,
            where the plain product is faster than what waits for the host; then all rows count as
            distinct.

    Attributes:
        shape: (u, M), u of them being distinct.
        which: (n,) int64, the shifted row of each row; numbered in order of first appearance.
    """

    def __init__(self, rows: RowParts, near: Tensor, blocks: list[np.ndarray] | None) -> None:
        self._rows, self._near, self._blocked = rows, near, blocks is not None
        self.which = np.arange(len(near))
        if blocks is not None:
            packed = np.packbits(near.numpy(), axis=1)
            first, self.which = _distinct(packed)
            self._near, packed = near[torch.from_numpy(first)], packed[first]
            is_first = np.zeros(len(near), bool)
            is_first[first] = True
            few = [self.which[block[is_first[block]]] for block in blocks]
            self._share([block for block in few if len(block)], packed)
        self._counts = self._near.sum(dim=1, keepdim=True)  # (u, 1)
        self.shape = (len(self._near), rows.shape[1])

    def parts(self) -> Iterator[tuple[slice, Tensor]]:
        """See :class:`betrayed.clustering.row_parts.RowParts`."""
        near = None if self._blocked else self._near.float()
        for part, values in self._rows.parts():
            sums = self._sums(values) if near is None else near @ values
            yield part, sums.div_(self._counts)

    def _share(self, blocks: list[np.ndarray], packed: np.ndarray) -> None:
        """What neighbours all rows of a block have in common, and which others each of them has."""
        common, self._exceptions, n = [], [], self._near.shape[1]
        for block in blocks:
            shared = np.unpackbits(np.bitwise_and.reduce(packed[block]), count=n)
            some = np.unpackbits(np.bitwise_or.reduce(packed[block]), count=n)
            others = torch.from_numpy(np.flatnonzero(some - shared))
            common.append(torch.from_numpy(shared))
            self._exceptions.append((others, self._near[torch.from_numpy(block)][:, others]))
        self._common = torch.stack(common).float()  # (blocks, n)
        self._places = torch.from_numpy(np.argsort(np.concatenate(blocks)))

    def _sums(self, rows: Tensor) -> Tensor:
        """Sums of neighbours; those that all rows of a block have in common are summed once."""
        rows = rows.contiguous()
        common = self._common @ rows  # (blocks, c)
        sums, done = rows.new_empty(len(self._places), rows.shape[1]), 0  # block after block
        for (others, whose), shared in zip(self._exceptions, common, strict=True):
            into = sums[done : done + len(whose)]
            torch.addmm(shared, whose.float(), rows.index_select(0, others), out=into)
            done += len(whose)
        return sums.index_select(0, self._places)


def blocks_of(projection: Projection) -> list[np.ndarray]:
    """Rows in blocks of at most BLOCK that lie together, every row in one of them.

    Rows are halved where they spread most, and so are the halves.
    """
    places = (projection.rows + projection.logs)[:, -8:]  # the directions of most spread are last
    blocks, done = [torch.arange(len(places))], []
    while blocks:
        block = blocks.pop()
        if len(block) <= BLOCK:
            done.append(block.numpy())
            continue
        inside = places[block]
        blocks += block[inside[:, int(inside.var(dim=0).argmax())].argsort()].tensor_split(2)
    return done


def _distinct(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The first of each kind of rows (n, b) uint8, (u,), and the kind of each row, (n,).

    Kinds are numbered in order of first appearance.
    """
    whole = np.ascontiguousarray(rows).view(np.dtype((np.void, rows.shape[1])))[:, 0]
    _, first, kind = np.unique(whole, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    return first[order], rank[kind]
