"""Which rows lie within tau of which, by bounds, and by the rows where bounds leave it open."""

from collections.abc import Sequence

import torch
from torch import Tensor

from betrayed.clustering.bounds import Projection, bounds
from betrayed.clustering.divergence import cross_divergences, paired_divergences, symmetric_kl
from betrayed.clustering.row_parts import RowParts, tiles

# Pairs that bounds leave open are looked at one by one; where they are more than this share of all
# pairs, one product for all of them is faster.
OPEN_SHARE = 0.01


def neighbours(rows: RowParts, projection: Projection, taus: Sequence[float]) -> list[Tensor]:
    """For each tau the pairs of n rows with a divergence of at most tau, (n, n) bool, symmetric.

    Bounds decide nearly all pairs; the others are compared by their rows.
    """
    n = rows.shape[0]
    device = projection.products.device
    near = [torch.empty((n, n), dtype=torch.bool, device=device) for _ in taus]
    open_pairs: list[list[Tensor]] = [[] for _ in taus]
    for tile in tiles(n, n, device):
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
        if len(first):
            near[number][first, second] = paired_divergences(rows, first, second) <= tau
        for tile in tiles(n, n, device):
            rest = slice(tile.stop, n)
            near[number][rest, tile] = near[number][tile, rest].T
        near[number].fill_diagonal_(True)
    return near


def pairs_within(
    rows: RowParts, projection: Projection, first: Tensor, second: Tensor, tau: float
) -> Tensor:
    """Which of rows ``first`` (c,) and ``second`` (m,) have a divergence of at most tau, (c, m)."""
    lower, upper = bounds(projection[first], projection[second])
    near = upper <= tau
    one, other = (lower <= tau).logical_xor_(near).nonzero().T
    if len(one) > OPEN_SHARE * near.numel():
        near = cross_divergences(rows, first, second) <= tau
    elif len(one):
        near[one, other] = paired_divergences(rows, first[one], second[other]) <= tau
    return near.logical_or_(first[:, None] == second)
