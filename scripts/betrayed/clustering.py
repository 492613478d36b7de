"""Hierarchical clustering of attention rows into tracks (Ding et al., "Betrayed by Attention").

In three steps: each window of frames is clustered after one mean-shift step; the centres of all
windows are merged until nothing merges; every token goes to the nearest centre.

Rules that settle ties and rounding:

- "Within tau" means a distance of at most tau; a row is always within tau of itself.
- Tokens come in row-major order: frame by frame, in a frame token by token. Leaders are taken in
  that order, centres in the order of their leaders, windows in the order of time.
- A merged centre is the unweighted mean of the centres that it takes in, made to sum to 1.
- A token as near to two centres goes to the one that comes first.
- Logarithms are of max(p, EPSILON), so that a row may hold zeros.
- All sums are float32; distances are exact to about 1e-6.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from betrayed.attention import attention_rows
from betrayed.errors import UserError

EPSILON = 1e-12
TILE_ELEMENTS = 2**22  # 16 MiB of float32: the size of what is made beside rows and distances
CANDIDATES = 32  # rows whose distances are made at once when leaders are sought; then twice as many


@dataclass(frozen=True)
class Clustering:
    """A partition of a video's tokens.

    Attributes:
        labels: (T, N) int64, 0 … K−1 in order of first appearance; every label occurs.
        centres: (K, Tk·N) float32, the attention row that each cluster was gathered around.
    """

    labels: np.ndarray
    centres: np.ndarray


def key_frames(count: int, ratio: int) -> tuple[int, ...]:
    """Every ``ratio``-th of ``count`` frames, beginning with the first, so at least one.

    Raises:
        UserError: there is no frame, or the ratio is below 1.
    """
    if count < 1:
        raise UserError("A video without frames has no key frames.")
    if ratio < 1:
        raise UserError(f"key_frame_ratio must be at least 1, not {ratio}.")
    return tuple(range(0, count, ratio))


def hierarchical_clustering(
    queries: ArrayLike | Tensor,
    keys: ArrayLike | Tensor,
    *,
    tau: float,
    window: int = 3,
    device: torch.device | str | None = None,
    watch: Callable[[Iterable[int], str, str], Iterable[int]] | None = None,
) -> Clustering:
    """Cluster the tokens of a video by their attention over its key frames.

    Args:
        queries: (T, heads, N, d) of all frames, before scaling by d^-1/2; array or tensor.
        keys: (Tk, heads, N, d) of the key frames.
        tau: the symmetric KL divergence, in nats, up to which rows are one. More merges more.
        window: frames clustered together in the first step; the last window may be shorter.
        device: where to compute; by default where ``queries`` are, for arrays the CPU.
        watch: wraps the loops over windows and frames, as ``betrayed.programs.progress`` does.

    At most one window's rows (window·N × Tk·N), one square matrix of their distances, and the
    centres found so far exist at a time.

    Raises:
        UserError: shapes that do not fit, no frame or token, values that are not finite, or
            settings out of range.
    """
    queries, keys = torch.as_tensor(queries), torch.as_tensor(keys)
    _check(queries, keys, tau, window)
    device = queries.device if device is None else torch.device(device)
    watch = watch or (lambda items, name, unit: items)
    # Heads first in memory: rows then read the keys as they lie, without a copy.
    keys = keys.to(device).float().transpose(0, 1).contiguous().transpose(0, 1)
    count = queries.shape[0]

    with torch.inference_mode():
        centres = torch.cat(
            [
                _window_centres(_tokens(queries[start : start + window], device), keys, tau)
                for start in watch(range(0, count, window), "clustering", "window")
            ]
        )
        centres = _merge_until_stable(centres, tau)
        nearest = [
            _nearest(_tokens(queries[frame : frame + 1], device), keys, centres)
            for frame in watch(range(count), "assigning", "frame")
        ]
        labels = np.stack(nearest)  # (T, N)
        labels, order = _in_order_of_appearance(labels)
        return Clustering(labels, centres.cpu().numpy()[order])


def symmetric_kl(rows: Tensor) -> Tensor:
    """Distances Σ (p−q)(log p − log q) between all pairs of rows (n, M); returns (n, n).

    With c = P·log(P)ᵀ the distance is c_ii + c_jj − c_ij − c_ji: one product serves both
    directions. Rows sum to 1, so a column's constant may be taken from all logarithms; taking
    the logarithm of the mean row leaves small numbers, and little for float32 to lose.
    """
    n, columns = rows.shape
    reference = _log(rows.mean(dim=0))
    distance = rows.new_empty((n, n))
    for tile in _tiles(n, columns):
        distance[:, tile] = rows @ (_log(rows[tile]) - reference).T
    own = distance.diagonal().clone()
    for tile in _tiles(n, n):  # in place: each tile, and its mirror image, right of the diagonal
        rest = slice(tile.start, n)
        both = distance[tile, rest] + distance[rest, tile].T
        pairs = (own[tile, None] + own[None, rest] - both).clamp_(min=0)
        distance[tile, rest] = pairs
        distance[rest, tile] = pairs.T
    return distance


def leader_merging(rows: Tensor, tau: float) -> np.ndarray:
    """Greedy leader merging of rows (n, M): labels (n,) int64, clusters in the order of leaders.

    In order, a row not yet taken leads a cluster of all untaken rows within tau of it. Distances
    are made for a handful of candidates at a time, against what is still untaken: rows that are
    taken before it is their turn need none of their own.
    """
    n, columns = rows.shape
    reference = _log(rows.mean(dim=0))
    own = rows.new_empty(n)  # Σ p log p
    for tile in _tiles(n, columns):
        own[tile] = (rows[tile] * (_log(rows[tile]) - reference)).sum(dim=1)
    labels = np.full(n, -1, dtype=np.int64)
    clusters, count = 0, CANDIDATES
    while (untaken := np.flatnonzero(labels < 0)).size:
        index = torch.from_numpy(untaken).to(rows.device)
        leads = index[:count]
        candidates, logs = rows[leads], _log(rows[leads]) - reference  # (c, M)
        near = []
        for tile in _tiles(len(index), columns):
            others = rows[index[tile]]
            both = candidates @ (_log(others) - reference).T + logs @ others.T  # (c, tile)
            near.append(own[leads, None] + own[None, index[tile]] - both <= tau)
        near = torch.cat(near, dim=1).cpu().numpy()  # (c, untaken)
        for candidate, within in zip(untaken[:count], near, strict=True):
            if labels[candidate] < 0:
                free = untaken[within & (labels[untaken] < 0)]
                labels[free] = labels[candidate] = clusters
                clusters += 1
        count *= 2  # where much stays untaken, few rounds
    return labels


def _window_centres(queries: Tensor, keys: Tensor, tau: float) -> Tensor:
    """Step 1 for the tokens (n, heads, d) of one window: centres (K, Tk·N)."""
    n, columns = len(queries), keys.shape[0] * keys.shape[2]
    rows = queries.new_empty((n, columns))
    for tile in _tiles(n, columns):
        rows[tile] = attention_rows(queries[tile], keys)
    if not torch.isfinite(rows.sum()):
        raise UserError("Attention overflows: the queries and keys are too large for float32.")
    near = symmetric_kl(rows).le_(tau)  # (n, n), 1 where within tau
    for tile in _tiles(columns, n):  # one mean-shift step, in place: columns do not mix
        rows[:, tile] = near @ rows[:, tile]
    rows /= rows.sum(dim=1, keepdim=True)  # divides by the number of neighbours as well
    del near
    return _merge(rows, tau)


def _merge_until_stable(centres: Tensor, tau: float) -> Tensor:
    """Step 2: leader merging again and again, until nothing merges."""
    while True:
        merged = _merge(centres, tau)
        if len(merged) == len(centres):
            return centres
        centres = merged


def _merge(rows: Tensor, tau: float) -> Tensor:
    """Leader merging of rows (n, M): the means of the clusters (K, M), each summing to 1."""
    labels = torch.from_numpy(leader_merging(rows, tau)).to(rows.device)
    clusters = int(labels.max()) + 1
    # A product with the memberships, and not scattered additions: the same sum on every run.
    members = (labels[None, :] == torch.arange(clusters, device=rows.device)[:, None]).float()
    centres = members @ rows  # (K, n) · (n, M)
    return centres / centres.sum(dim=1, keepdim=True)


def _nearest(queries: Tensor, keys: Tensor, centres: Tensor) -> np.ndarray:
    """Step 3 for the tokens (n, heads, d) of one frame: the nearest centre of each, (n,) int64."""
    reference = _log(centres.mean(dim=0))
    logs = _log(centres) - reference  # (K, M)
    own = (centres * logs).sum(dim=1)  # (K,)
    labels = []
    for tile in _tiles(len(queries), centres.shape[1]):
        rows = attention_rows(queries[tile], keys)  # (tile, M)
        # A row's own Σ p log p is the same for all centres, so it is left out.
        distance = own - rows @ logs.T - (_log(rows) - reference) @ centres.T  # (tile, K)
        labels.append(distance.argmin(dim=1))
    return torch.cat(labels).cpu().numpy()


def _in_order_of_appearance(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Labels renumbered by first appearance, and the old label of each new one, empty ones out."""
    old, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty(len(old), dtype=np.int64)
    rank[order] = np.arange(len(old))
    return rank[inverse].reshape(labels.shape), old[order]


def _tokens(queries: Tensor, device: torch.device) -> Tensor:
    """Frames (t, heads, N, d) as tokens in row-major order, (t·N, heads, d) float32."""
    return queries.to(device).float().transpose(1, 2).flatten(0, 1)


def _log(rows: Tensor) -> Tensor:
    return rows.clamp(min=EPSILON).log_()


def _tiles(count: int, width: int) -> Iterator[slice]:
    """Slices over ``count`` rows of ``width``, each of about TILE_ELEMENTS numbers."""
    step = max(1, TILE_ELEMENTS // width)
    return (slice(start, min(start + step, count)) for start in range(0, count, step))


def _check(queries: Tensor, keys: Tensor, tau: float, window: int) -> None:
    shapes = f"queries are {tuple(queries.shape)}, keys {tuple(keys.shape)}"
    if queries.ndim != 4 or keys.ndim != 4 or queries.shape[1:] != keys.shape[1:]:
        raise UserError(f"Clustering needs (T, heads, N, d) and (Tk, heads, N, d); {shapes}.")
    if 0 in queries.shape or 0 in keys.shape:
        raise UserError(f"There is nothing to cluster: {shapes}.")
    if not (torch.isfinite(queries).all() and torch.isfinite(keys).all()):
        raise UserError("Queries or keys are not finite. Did the training of the block diverge?")
    if not tau > 0:
        raise UserError(f"tau must be above 0, not {tau}.")
    if window < 1:
        raise UserError(f"window must be at least 1 frame, not {window}.")
