"""The mean-shift step: every row replaced by the mean of its neighbours.

Rows with the same neighbours become one. Shifted rows are never kept: what bounds their divergences
is gathered while they are in the processor's cache, and little else of them is read.
"""

import copy
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from betrayed.bounds import Directions, Projection, Projector
from betrayed.row_parts import RowParts, SummedRows

BLOCK = 64  # rows whose sums over neighbours are made together


class ShiftedRows:
    """Distinct rows after one mean-shift step, made when read.

    Args:
        rows: n rows.
        near: (n, n) bool, symmetric, see :func:`betrayed.neighbours.neighbours`.
        order: (n,), an order in which rows that have most neighbours in common lie together, as
            :func:`neighbourly_order` gives. None on a GPU, where the plain product is faster than
            what waits for the host.

    Attributes:
        shape: (u, M), u of them being distinct.
        which: (n,) int64, the shifted row of each row; numbered in order of first appearance.
    """

    def __init__(self, rows: SummedRows, near: Tensor, order: np.ndarray | None) -> None:
        self._rows, self._blocks = rows, None
        self.which = np.arange(len(near))
        if order is not None:
            packed = np.packbits(near.numpy(), axis=1)
            first, self.which = _distinct(packed)
            near, packed = near[torch.from_numpy(first)], packed[first]
            is_first = np.zeros(len(order), bool)
            is_first[first] = True
            order = self.which[order[is_first[order]]]  # (u,)
            self._blocks = [
                _Block(order[start : start + BLOCK], packed, near)
                for start in range(0, len(order), BLOCK)
            ]
        self._near = near  # (u, n)
        self._counts = near.sum(dim=1, keepdim=True)  # (u, 1)
        self.shape = (len(near), rows.shape[1])

    def parts(self) -> Iterator[tuple[slice, Tensor]]:
        """See :class:`betrayed.row_parts.RowParts`."""
        return self.chosen(torch.arange(self.shape[0], device=self._near.device)).parts()

    def sums(self, weights: Tensor) -> Tensor:
        """See :class:`betrayed.row_parts.SummedRows`."""
        return self._rows.sums((weights / self._counts.T) @ self._near.float())

    def chosen(self, index: Tensor) -> RowParts:
        """See :class:`betrayed.row_parts.ReadRows`."""
        return _ChosenRows(self, index)

    def project(self, onto: Directions) -> Projection:
        """Project the u rows."""
        projector = Projector(self.shape[0], onto)
        back = torch.cat([place for place, _ in self._places()]).argsort()
        for part, values in self._rows.parts():
            done = 0
            for rows in self._means(values, self._places()):
                projector.add(slice(done, done + len(rows)), part, rows)
                done += len(rows)
        return projector.projection()[back]

    def _places(self, wanted: Tensor | None = None) -> list[tuple[Tensor, "_Block | None"]]:
        """The rows of each block, or those of them that are wanted, (u,) bool; and the block."""
        if self._blocks is None:
            index = torch.arange(self.shape[0], device=self._near.device)
            return [(index if wanted is None else index[wanted], None)]
        if wanted is None:
            return [(block.rows, block) for block in self._blocks]
        some = [(block.rows[wanted[block.rows]], block.of(wanted)) for block in self._blocks]
        return [(rows, block) for rows, block in some if len(rows)]

    def _means(
        self, values: Tensor, places: list[tuple[Tensor, "_Block | None"]]
    ) -> Iterator[Tensor]:
        """Shifted rows at the columns where rows are ``values`` (n, c), block after block."""
        if self._blocks is None:
            for rows, _ in places:
                yield (self._near[rows].float() @ values).div_(self._counts[rows])
            return
        # Neighbours that all rows of a block have in common are summed once.
        common = torch.stack([block.shared for _, block in places]) @ values  # (blocks, c)
        for (rows, block), shared in zip(places, common, strict=True):
            sums = torch.addmm(shared, block.whose, values.index_select(0, block.others))
            yield sums.div_(self._counts[rows])


class _Block:
    """Rows with much the same neighbours.

    Attributes:
        rows: (b,) indices.
        shared: (n,) float, 1 for the neighbours that all of them have.
        others: (o,) indices of the neighbours that some have.
        whose: (b, o) float, who has those.
    """

    def __init__(self, rows: np.ndarray, packed: np.ndarray, near: Tensor) -> None:
        bits, n = packed[rows], near.shape[1]
        shared = np.unpackbits(np.bitwise_and.reduce(bits), count=n)
        others = np.flatnonzero(np.unpackbits(np.bitwise_or.reduce(bits), count=n) - shared)
        self.rows, self.others = torch.from_numpy(rows), torch.from_numpy(others)
        self.shared = torch.from_numpy(shared).float()
        self.whose = near[self.rows][:, self.others].float()

    def of(self, wanted: Tensor) -> "_Block":
        """The block of those of its rows that are wanted, (u,) bool."""
        some = copy.copy(self)
        keep = wanted[self.rows]
        some.rows, some.whose = self.rows[keep], self.whose[keep]
        return some


class _ChosenRows:
    """Some shifted rows, in the order of ``index`` (c,), where a row may come more than once."""

    def __init__(self, shifted: ShiftedRows, index: Tensor) -> None:
        self._shifted = shifted
        wanted = torch.zeros(shifted.shape[0], dtype=torch.bool, device=index.device)
        wanted[index] = True
        self._places = shifted._places(wanted)
        # Where each row comes in the order of blocks.
        made = torch.cat([rows for rows, _ in self._places])
        place = torch.empty(shifted.shape[0], dtype=torch.int64, device=index.device)
        place[made] = torch.arange(len(made), device=index.device)
        self._order = place[index]
        self.shape = (len(index), shifted.shape[1])

    def parts(self) -> Iterator[tuple[slice, Tensor]]:
        for part, values in self._shifted._rows.parts():
            yield part, torch.cat(list(self._shifted._means(values, self._places)))[self._order]


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


def _distinct(packed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The first of each kind of rows (n, b) uint8, (u,), and the kind of each row, (n,).

    Kinds are numbered in order of first appearance.
    """
    whole = np.ascontiguousarray(packed).view(np.dtype((np.void, packed.shape[1])))[:, 0]
    _, first, kind = np.unique(whole, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    return first[order], rank[kind]
