"""Which rows lie within tau of which, by bounds, and by the rows where bounds leave it open."""

from collections.abc import Sequence

import torch
from torch import Tensor

from betrayed.clustering.bounds import Projection, bounds
from betrayed.clustering.divergence import cross_divergences, paired_divergences, symmetric_kl
from betrayed.clustering.fusing import kernels_for
from betrayed.clustering.row_parts import RowParts, tiles

# Pairs that bounds leave open are looked at one by one; where they are more than this share of all
# pairs, one product for all of them is faster.
OPEN_SHARE = 0.01


def neighbours(rows: RowParts, projection: Projection, taus: Sequence[float]) -> list[Tensor]:
    """For each tau the pairs of n rows with a divergence of at most tau, (n, n) bool, symmetric.

    Bounds decide nearly all pairs; the others are compared by their rows.
    """
    near, open_pairs = _decided(projection, taus)
    for number, (tau, pairs) in enumerate(zip(taus, open_pairs, strict=True)):
        first, second = pairs.T
        if len(first) > OPEN_SHARE * rows.shape[0] ** 2 / 2:
            near[number] = symmetric_kl(rows) <= tau
        elif len(first):
            found = paired_divergences(rows, first, second) <= tau
            near[number][first, second] = near[number][second, first] = found
        near[number].fill_diagonal_(True)
    return near


def _decided(projection: Projection, taus: Sequence[float]) -> tuple[list[Tensor], list[Tensor]]:
    """For each tau the pairs that are surely within it, (n, n), and those left open, (m, 2).

    Of an open pair one order is given, unless both rows lie in one tile.
    """
    n, device = len(projection.products), projection.products.device
    if kernels := kernels_for(device):
        decided = [kernels.near_and_open(tau, projection) for tau in taus]
        near, open_pairs = zip(*decided, strict=True)
        return list(near), list(open_pairs)
    near = [torch.empty((n, n), dtype=torch.bool, device=device) for _ in taus]
    open_pairs: list[list[Tensor]] = [[] for _ in taus]
    for tile in tiles(n, n, device):
        rest = slice(tile.start, n)  # what lies left of it mirrors what came before
        lower, upper = bounds(projection[tile], projection[rest])
        for tau, matrix, pairs in zip(taus, near, open_pairs, strict=True):
            certain = upper <= tau
            matrix[tile, rest] = certain
            matrix[tile.stop :, tile] = certain[:, tile.stop - tile.start :].T
            pairs.append((lower <= tau).logical_xor_(certain).nonzero() + tile.start)
    return near, [torch.cat(pairs) for pairs in open_pairs]


def pairs_within(
    rows: RowParts, projection: Projection, first: Tensor, second: Tensor, tau: float
) -> Tensor:
    """Which of rows ``first`` (c,) and ``second`` (m,) have a divergence of at most tau, (c, m)."""
    if kernels := kernels_for(first.device):
        near, pairs = kernels.near_and_open_of(first, second, tau, projection)
        count = len(pairs)
    else:
        lower, upper = bounds(projection[first], projection[second])
        near = upper <= tau
        undecided = (lower <= tau).logical_xor_(near)
        del lower, upper  # before as many numbers are made
        # Counted first: a list of most pairs would be larger than all that is held of them.
        count = int(undecided.count_nonzero())
        pairs = undecided.nonzero() if count <= OPEN_SHARE * near.numel() else None
    if count > OPEN_SHARE * near.numel():
        near = cross_divergences(rows, first, second) <= tau
    elif count:
        one, other = pairs.T
        near[one, other] = paired_divergences(rows, first[one], second[other]) <= tau
    return near.logical_or_(first[:, None] == second)
