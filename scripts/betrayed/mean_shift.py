"""The mean-shift step: every row replaced by the mean of its neighbours.

Rows with the same neighbours become one. Shifted rows are never kept: what bounds their divergences
is gathered while they are in the processor's cache, and little else of them is read.
"""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from betrayed.bounds import Directions, Projection, Projector
from betrayed.row_parts import RowParts

BLOCK = 64  # rows whose sums over neighbours are made together


class ShiftedRows:
    """Distinct rows after one mean-shift step, made when read.

    Args:
        rows: n rows.
        near: (n, n) bool, symmetric, see :func:`betrayed.neighbours.neighbours`.

    Attributes:
        shape: (u, M), u of them being distinct.
        which: (n,) int64, the shifted row of each row; numbered in order of first appearance.
    """

    def __init__(self, rows: RowParts, near: Tensor) -> None:
        self._rows = rows
        # On a GPU the product with all of them is faster than what waits for the host.
        self._packed = np.packbits(near.numpy(), axis=1) if near.device.type == "cpu" else None
        first, self.which = _distinct(self._packed, len(near))
        if len(first) < len(near):
            near, self._packed = near[torch.from_numpy(first)], self._packed[first]
        self._first, self._near = first, near  # (u,), (u, n)
        self._counts = near.sum(dim=1, keepdim=True)  # (u, 1)
        self.shape = (len(first), rows.shape[1])

    def parts(self) -> Iterator[tuple[slice, Tensor]]:
        """See :class:`betrayed.row_parts.RowParts`."""
        near = self._near.float()
        for part, values in self._rows.parts():
            yield part, (near @ values).div_(self._counts)

    def sums(self, weights: Tensor) -> Tensor:
        """See :class:`betrayed.row_parts.ReadRows`."""
        return self._rows.sums((weights / self._counts.T) @ self._near.float())

    def chosen(self, index: Tensor) -> RowParts:
        """See :class:`betrayed.row_parts.ReadRows`."""
        return _Means(self._rows, self._near[index])

    def project(self, onto: Directions, order: np.ndarray | None) -> Projection:
        """Project the u rows.

        Args:
            onto: the directions.
            order: (n,), an order in which rows that have most neighbours in common lie together,
                as :func:`neighbourly_order` gives; None on a GPU.
        """
        projector = Projector(self.shape[0], onto)
        if order is None:
            for part, values in self.parts():
                projector.add(slice(None), part, values)
            return projector.projection()
        is_first = np.zeros(len(self.which), bool)
        is_first[self._first] = True
        order = self.which[order[is_first[order]]]  # (u,)
        blocks = [self._block(order[at : at + BLOCK]) for at in range(0, len(order), BLOCK)]
        common = torch.stack([shared for shared, _, _ in blocks])
        counts = self._counts[order]
        for part, values in self._rows.parts():
            summed = common @ values  # (blocks, c)
            for number, ((_, others, whose), shared) in enumerate(zip(blocks, summed, strict=True)):
                place = slice(number * BLOCK, number * BLOCK + len(whose))
                sums = torch.addmm(shared, whose, values.index_select(0, others))
                projector.add(place, part, sums.div_(counts[place]))
        back = torch.from_numpy(np.argsort(order))
        return projector.projection()[back]

    def _block(self, block: np.ndarray) -> tuple[Tensor, Tensor, Tensor]:
        """Of rows ``block`` (b,): the neighbours that all have, the others, and who has those.

        Returns:
            (n,) float, (o,) indices, (b, o) float.
        """
        packed, n = self._packed[block], self._near.shape[1]
        shared = np.unpackbits(np.bitwise_and.reduce(packed), count=n)
        others = np.flatnonzero(np.unpackbits(np.bitwise_or.reduce(packed), count=n) - shared)
        whose = self._near[block][:, others].float()
        return torch.from_numpy(shared).float(), torch.from_numpy(others), whose


class _Means:
    """The means of some neighbours each: (c, n) bool of n rows."""

    def __init__(self, rows: RowParts, near: Tensor) -> None:
        self.shape = (len(near), rows.shape[1])
        self._rows, self._weights = rows, near / near.sum(dim=1, keepdim=True)

    def parts(self) -> Iterator[tuple[slice, Tensor]]:
        for part, values in self._rows.parts():
            yield part, self._weights @ values


def neighbourly_order(projection: Projection) -> np.ndarray:
    """An order (n,) in which rows that lie together follow one another.

    Rows are halved where they spread most, and so are the halves, until they have BLOCK rows.
    """
    places = (projection.rows + projection.logs)[:, -8:].cpu()  # most spread is in the last ones
    blocks, done = [torch.arange(len(places))], []
    while blocks:
        block = blocks.pop()
        if len(block) <= BLOCK:
            done.append(block)
            continue
        own = places[block]
        blocks += block[own[:, int(own.var(dim=0).argmax())].argsort()].tensor_split(2)
    return torch.cat(done).numpy()


def _distinct(packed: np.ndarray | None, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The first of each kind of rows (n, b) uint8, (u,), and the kind of each row, (n,).

    Kinds are numbered in order of first appearance. Without rows all count as distinct.
    """
    if packed is None:
        return np.arange(count), np.arange(count)
    whole = np.ascontiguousarray(packed).view(np.dtype((np.void, packed.shape[1])))[:, 0]
    _, first, kind = np.unique(whole, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    return first[order], rank[kind]
