"""The mean-shift step: every row replaced by the mean of its neighbours."""

from collections.abc import Iterator

import torch
from torch import Tensor

from betrayed.bounds import Projection
from betrayed.row_parts import RowParts

BLOCK = 64  # rows whose sums over neighbours are made together


class ShiftedRows:
    """Rows after one mean-shift step, made when read.

    Args:
        rows: n rows.
        near: (n, n) bool, symmetric, see :func:`betrayed.neighbours.neighbours`.
        projection: of the rows; rows that lie together in it have most neighbours in common.
    """

    def __init__(self, rows: RowParts, near: Tensor, projection: Projection) -> None:
        self.shape = rows.shape
        self._rows, self._near = rows, near
        self._counts = near.sum(dim=1, keepdim=True)
        # On a GPU a plain product is faster than what waits for the host to know sizes.
        common, self._own = [], []
        for block in _blocks(projection) if near.device.type == "cpu" else []:
            within = near[block].view(torch.uint8)  # bytes are reduced faster than bools
            shared = within.amin(dim=0)
            others = within.amax(dim=0).sub_(shared).nonzero()[:, 0]
            common.append(shared.float())
            self._own.append((block, others, within[:, others]))
        self._common = torch.stack(common) if common else None
        self._places = torch.cat([block for block, _, _ in self._own]).argsort() if common else None

    def parts(self) -> Iterator[tuple[slice, Tensor]]:
        """See :class:`betrayed.row_parts.RowParts`."""
        for part, values in self._rows.parts():
            yield part, self._sums(values).div_(self._counts)

    def _sums(self, rows: Tensor) -> Tensor:
        """Sums of neighbours; those that all rows of a block have in common are summed once."""
        if self._common is None:
            return self._near.float() @ rows
        rows = rows.contiguous()
        common = self._common @ rows  # (blocks, c)
        sums, done = torch.empty_like(rows), 0  # block after block
        for (block, others, whose), shared in zip(self._own, common, strict=True):
            into = sums[done : done + len(block)]
            torch.addmm(shared, whose.float(), rows.index_select(0, others), out=into)
            done += len(block)
        return sums.index_select(0, self._places)


def _blocks(projection: Projection) -> list[Tensor]:
    """Rows in blocks of about BLOCK that lie together: halved where they spread most, and again."""
    places = (projection.rows + projection.logs)[:, -8:]  # the directions of most spread are last
    blocks, done = [torch.arange(len(places), device=places.device)], []
    while blocks:
        block = blocks.pop()
        if len(block) <= BLOCK:
            done.append(block)
            continue
        own = places[block]
        order = block[own[:, int(own.var(dim=0).argmax())].argsort()]
        blocks += order.tensor_split(2)
    return done
