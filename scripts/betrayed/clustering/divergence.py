"""The symmetric KL divergence Σ (p−q)(log p − log q) of attention rows, in nats."""

import torch
from torch import Tensor

from betrayed.clustering.fusing import kernels_for
from betrayed.clustering.row_parts import RowParts, tiles

EPSILON = 1e-12


def symmetric_kl(rows: RowParts) -> Tensor:
    """Divergences between all pairs of n rows, (n, n).

    With c = P·log(P)ᵀ the divergence is c_ii + c_jj − c_ij − c_ji: one product serves both
    directions. Rows sum to 1, so a column's constant may be taken from all logarithms; taking
    the logarithm of the mean row leaves small numbers, and little for float32 to lose.
    """
    n = rows.shape[0]
    crossed: Tensor | None = None
    for _, part in rows.parts():
        logs = safe_log(part).sub_(safe_log(part.mean(dim=0)))
        crossed = part @ logs.T if crossed is None else crossed.addmm_(part, logs.T)
    diagonal = crossed.diagonal().clone()
    # In place: each tile, and its mirror image, right of the diagonal.
    for tile in tiles(n, n, diagonal.device):
        rest = slice(tile.start, n)
        both = crossed[tile, rest] + crossed[rest, tile].T
        pairs = (diagonal[tile, None] + diagonal[None, rest] - both).clamp_(min=0)
        crossed[tile, rest] = pairs
        crossed[rest, tile] = pairs.T
    return crossed


def cross_divergences(rows: RowParts, first: Tensor, second: Tensor) -> Tensor:
    """Divergences of rows ``first`` (c,) from rows ``second`` (m,), (c, m)."""
    divergences = torch.zeros(len(first), len(second), device=first.device)
    for _, part in rows.parts():
        logs = safe_log(part).sub_(safe_log(part.mean(dim=0)))
        row_products = torch.linalg.vecdot(part, logs)
        divergences += row_products[first, None] + row_products[None, second]
        divergences -= part[first] @ logs[second].T
        divergences -= logs[first] @ part[second].T
    return divergences


def paired_divergences(rows: RowParts, first: Tensor, second: Tensor) -> Tensor:
    """Divergences (c,) of rows ``first`` (c,) from rows ``second`` (c,), by the formula itself."""
    divergences = torch.zeros(len(first), device=first.device)
    kernels = kernels_for(first.device)
    for _, part in rows.parts(whole=kernels is not None):
        if kernels is not None:
            kernels.add_paired_divergences(part, first, second, EPSILON, divergences)
            continue
        for some in tiles(len(first), part.shape[1], part.device):
            one, other = part[first[some]], part[second[some]]
            logs = safe_log(one).sub_(safe_log(other))
            divergences[some] += torch.linalg.vecdot(one - other, logs)
    return divergences


def safe_log(rows: Tensor) -> Tensor:
    """Logarithms of max(p, EPSILON), so that a row may hold zeros."""
    return rows.clamp(min=EPSILON).log_()
