"""The symmetric KL divergence Σ (p−q)(log p − log q) of attention rows, in nats."""

from collections.abc import Iterator

import torch
from torch import Tensor

EPSILON = 1e-12
TILE_ELEMENTS = 2**20  # 4 MiB of float32: the size of what is made beside rows and distances


def symmetric_kl(rows: Tensor) -> Tensor:
    """Divergences between all pairs of rows (n, M); returns (n, n).

    With c = P·log(P)ᵀ the divergence is c_ii + c_jj − c_ij − c_ji: one product serves both
    directions. Rows sum to 1, so a column's constant may be taken from all logarithms; taking
    the logarithm of the mean row leaves small numbers, and little for float32 to lose.
    """
    n, columns = rows.shape
    reference = log(rows.mean(dim=0))
    distance = rows.new_empty((n, n))
    for tile in tiles(n, columns):
        distance[:, tile] = rows @ (log(rows[tile]) - reference).T
    own = distance.diagonal().clone()
    for tile in tiles(n, n):  # in place: each tile, and its mirror image, right of the diagonal
        rest = slice(tile.start, n)
        both = distance[tile, rest] + distance[rest, tile].T
        pairs = (own[tile, None] + own[None, rest] - both).clamp_(min=0)
        distance[tile, rest] = pairs
        distance[rest, tile] = pairs.T
    return distance


def pairwise(first: Tensor, second: Tensor) -> Tensor:
    """Divergences (c,) of c pairs of rows (c, M), by the formula itself."""
    return torch.linalg.vecdot(first - second, log(first).sub_(log(second)))


def log(rows: Tensor) -> Tensor:
    """Logarithms of max(p, EPSILON), so that a row may hold zeros."""
    return rows.clamp(min=EPSILON).log_()


def tiles(count: int, width: int) -> Iterator[slice]:
    """Slices over ``count`` rows of ``width``, each of about TILE_ELEMENTS numbers."""
    step = max(1, TILE_ELEMENTS // width)
    return (slice(start, min(start + step, count)) for start in range(0, count, step))
