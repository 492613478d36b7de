"""Which rows lie within tau of which, and the mean-shift step over these neighbours."""

from collections.abc import Sequence

import torch
from torch import Tensor

from betrayed.bounds import Projection, bounds
from betrayed.divergence import pairwise, symmetric_kl, tiles

# Pairs that bounds leave open are looked at one by one; where they are more than this share of all
# pairs, one product for all of them is faster.
OPEN_SHARE = 0.01
BLOCK = 64  # rows whose sums over neighbours are made together


def neighbours(rows: Tensor, projection: Projection, taus: Sequence[float]) -> list[Tensor]:
    """For each tau the pairs of rows (n, M) with a divergence of at most tau, (n, n) bool.

    Bounds decide nearly all pairs; the others are compared by their rows.
    """
    n = len(rows)
    near = [torch.empty((n, n), dtype=torch.bool, device=rows.device) for _ in taus]
    open_pairs: list[list[Tensor]] = [[] for _ in taus]
    for tile in tiles(n, n):
        rest = slice(tile.start, n)  # what lies left of it mirrors what came before
        lower, upper = bounds(projection[tile], projection[rest])
        for tau, matrix, pairs in zip(taus, near, open_pairs, strict=True):
            certain = upper <= tau
            matrix[tile, rest] = certain
            pairs.append((lower <= tau).logical_xor_(certain).nonzero() + tile.start)
    for number, (tau, pairs) in enumerate(zip(taus, open_pairs, strict=True)):
        first, second = torch.cat(pairs).T
        if len(first) > OPEN_SHARE * n * n / 2:
            near[number] = symmetric_kl(rows) <= tau
            continue
        for tile in tiles(len(first), rows.shape[1]):
            one, other = first[tile], second[tile]
            near[number][one, other] = pairwise(rows[one], rows[other]) <= tau
        for tile in tiles(n, n):
            rest = slice(tile.stop, n)
            near[number][rest, tile] = near[number][tile, rest].T
        near[number].fill_diagonal_(True)
    return near


def mean_shift_(rows: Tensor, near: Tensor, projection: Projection) -> None:
    """Replace every row (n, M) by the mean of its neighbours, in place.

    Args:
        rows: (n, M), each summing to 1.
        near: (n, n) bool, symmetric, see :func:`neighbours`.
        projection: of the rows; rows that lie together in it have most neighbours in common.
    """
    parts = _common_and_own(near, _blocks(projection)) if rows.device.type == "cpu" else None
    for tile in tiles(rows.shape[1], len(rows)):  # columns do not mix
        part = rows[:, tile].contiguous()
        rows[:, tile] = near.float() @ part if parts is None else _sums(part, *parts)
    rows /= rows.sum(dim=1, keepdim=True)  # divides by the number of neighbours as well


def _common_and_own(near: Tensor, blocks: list[Tensor]) -> tuple[Tensor, list[tuple[Tensor, ...]]]:
    """The neighbours of rows, told apart by block: those of all its rows, and the others.

    On a GPU, a plain product is faster than what waits for the host to know sizes.

    Returns:
        (blocks, n) float, 1 for neighbours of all rows of a block; and for each block its rows
        (b,), the other neighbours (m,) of any of them, and which are whose, (b, m) float.
    """
    common, own = [], []
    for block in blocks:
        within = near[block]
        shared = within.all(dim=0)
        others = (within.any(dim=0) & ~shared).nonzero()[:, 0]
        common.append(shared.float())
        own.append((block, others, within[:, others].float()))
    return torch.stack(common), own


def _sums(rows: Tensor, common: Tensor, own: list[tuple[Tensor, ...]]) -> Tensor:
    """Sums of the neighbours of all rows; what a block has in common is summed once."""
    sums = torch.empty_like(rows)
    for shared, (block, others, whose) in zip(common @ rows, own, strict=True):
        sums[block] = torch.addmm(shared, whose, rows[others])
    return sums


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
