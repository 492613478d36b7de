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

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from betrayed.attention import attention_rows
from betrayed.bounds import Directions, Projection, bounds, directions, joined, project
from betrayed.divergence import log, tiles
from betrayed.errors import UserError
from betrayed.neighbours import mean_shift_, neighbours

SAMPLE = 256  # tokens whose rows say in which directions rows differ
MOST_DIRECTIONS = 128
REST = 2e-3  # what the directions may leave of a row, in shares of the smallest tau


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
    queries: ArrayLike | Tensor, keys: ArrayLike | Tensor, *, tau: float, **options: Any
) -> Clustering:
    """Cluster the tokens of a video at one threshold, see :func:`hierarchical_clusterings`."""
    return hierarchical_clusterings(queries, keys, taus=[tau], **options)[0]


def hierarchical_clusterings(
    queries: ArrayLike | Tensor,
    keys: ArrayLike | Tensor,
    *,
    taus: Sequence[float],
    window: int = 3,
    device: torch.device | str | None = None,
    watch: Callable[[Iterable[int], str, str], Iterable[int]] | None = None,
) -> list[Clustering]:
    """Cluster the tokens of a video by their attention over its key frames.

    Rows, their logarithms and what bounds their divergences are made once for all thresholds.

    Args:
        queries: (T, heads, N, d) of all frames, before scaling by d^-1/2; array or tensor.
        keys: (Tk, heads, N, d) of the key frames.
        taus: symmetric KL divergences, in nats, up to which rows are one. More merges more.
        window: frames clustered together in the first step; the last window may be shorter.
        device: where to compute; by default where ``queries`` are, for arrays the CPU.
        watch: wraps the loop over windows, as ``betrayed.programs.progress`` does.

    Returns:
        A clustering for each of ``taus``.

    Raises:
        UserError: shapes that do not fit, no frame or token, values that are not finite, or
            settings out of range.
    """
    queries, keys = torch.as_tensor(queries), torch.as_tensor(keys)
    _check(queries, keys, taus, window)
    device = queries.device if device is None else torch.device(device)
    watch = watch or (lambda items, name, unit: items)
    # Heads first in memory: rows then read the keys as they lie, without a copy.
    keys = keys.to(device).float().transpose(0, 1).contiguous().transpose(0, 1)
    count = queries.shape[0]

    with torch.inference_mode():
        onto = _directions(queries, keys, min(taus), device)
        projections: list[Projection] = []
        centres: list[list[Tensor]] = [[] for _ in taus]
        for start in watch(range(0, count, window), "clustering", "window"):
            tokens = _tokens(queries[start : start + window], device)
            rows, projection = _rows(tokens, keys, onto)
            projections.append(projection)
            near = neighbours(rows, projection, taus)
            for number, tau in enumerate(taus):
                shifted = rows if number == len(taus) - 1 else rows.clone()
                mean_shift_(shifted, near[number], projection)
                centres[number].append(_merge(shifted, tau, onto))
        del rows, shifted, near
        tokens = joined(projections)
        return [
            _assign(tokens, queries, keys, _merge_until_stable(torch.cat(found), tau, onto), onto)
            for tau, found in zip(taus, centres, strict=True)
        ]


def leader_merging(near: np.ndarray) -> np.ndarray:
    """Greedy leader merging: labels (n,) int64, clusters in the order of their leaders.

    In order, a row not yet taken leads a cluster of all untaken rows within tau of it.

    Args:
        near: (n, n) bool, which rows lie within tau of which.
    """
    labels = np.full(len(near), -1, dtype=np.int64)
    clusters = 0
    for row, within in enumerate(near):
        if labels[row] < 0:
            labels[within & (labels < 0)] = clusters
            clusters += 1
    return labels


def _directions(queries: Tensor, keys: Tensor, tau: float, device: torch.device) -> Directions:
    """Directions in which the rows of a video differ, from tokens all over it."""
    frames, _, patches, _ = queries.shape
    chosen = torch.linspace(0, frames * patches - 1, min(SAMPLE, frames * patches)).long()
    sample = queries[chosen // patches, :, chosen % patches].to(device).float()  # (s, heads, d)
    return directions(attention_rows(sample, keys), MOST_DIRECTIONS, REST * tau)


def _rows(tokens: Tensor, keys: Tensor, onto: Directions) -> tuple[Tensor, Projection]:
    """Rows (n, M) of tokens (n, heads, d), and their projection."""
    n, columns = len(tokens), keys.shape[0] * keys.shape[2]
    rows = tokens.new_empty((n, columns))
    parts = []
    for tile in tiles(n, columns):
        rows[tile] = attention_rows(tokens[tile], keys)
        parts.append(project(rows[tile], onto))
    projection = joined(parts)
    if not torch.isfinite(projection.own.sum()):
        raise UserError("Attention overflows: the queries and keys are too large for float32.")
    return rows, projection


def _merge_until_stable(centres: Tensor, tau: float, onto: Directions) -> Tensor:
    """Step 2: leader merging again and again, until nothing merges."""
    while True:
        merged = _merge(centres, tau, onto)
        if len(merged) == len(centres):
            return centres
        centres = merged


def _merge(rows: Tensor, tau: float, onto: Directions) -> Tensor:
    """Leader merging of rows (n, M): the means of the clusters (K, M), each summing to 1."""
    near = neighbours(rows, _project(rows, onto), [tau])[0]
    labels = torch.from_numpy(leader_merging(near.cpu().numpy())).to(rows.device)
    clusters = int(labels.max()) + 1
    # A product with the memberships, and not scattered additions: the same sum on every run.
    members = (labels[None, :] == torch.arange(clusters, device=rows.device)[:, None]).float()
    centres = members @ rows  # (K, n) · (n, M)
    return centres / centres.sum(dim=1, keepdim=True)


def _project(rows: Tensor, onto: Directions) -> Projection:
    return joined([project(rows[tile], onto) for tile in tiles(*rows.shape)])


def _assign(
    tokens: Projection, queries: Tensor, keys: Tensor, centres: Tensor, onto: Directions
) -> Clustering:
    """Step 3: every token goes to the nearest centre."""
    projection = _project(centres, onto)
    patches = queries.shape[2]
    labels, undecided = [], []
    for tile in tiles(len(tokens.own), len(centres)):
        lower, upper = bounds(tokens[tile], projection)  # (tile, K)
        possible = lower <= upper.min(dim=1, keepdim=True).values
        labels.append(possible.byte().argmax(dim=1))
        undecided.append((possible.sum(dim=1) > 1).nonzero()[:, 0] + tile.start)
    labels, undecided = torch.cat(labels), torch.cat(undecided)
    for tile in tiles(len(undecided), centres.shape[1]):
        token = undecided[tile].to(queries.device)
        own = queries[token // patches, :, token % patches].to(centres.device).float()
        labels[undecided[tile]] = _nearest(attention_rows(own, keys), centres)
    labels = labels.reshape(-1, patches).cpu().numpy()
    labels, order = _in_order_of_appearance(labels)
    return Clustering(labels, centres.cpu().numpy()[order])


def _nearest(rows: Tensor, centres: Tensor) -> Tensor:
    """The nearest of K centres to each row (n, M), (n,)."""
    reference = log(centres.mean(dim=0))
    logs = log(centres) - reference  # (K, M)
    own = (centres * logs).sum(dim=1)  # (K,)
    # A row's own Σ p log p is the same for all centres, so it is left out.
    return (own - rows @ logs.T - (log(rows) - reference) @ centres.T).argmin(dim=1)


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


def _check(queries: Tensor, keys: Tensor, taus: Sequence[float], window: int) -> None:
    shapes = f"queries are {tuple(queries.shape)}, keys {tuple(keys.shape)}"
    if queries.ndim != 4 or keys.ndim != 4 or queries.shape[1:] != keys.shape[1:]:
        raise UserError(f"Clustering needs (T, heads, N, d) and (Tk, heads, N, d); {shapes}.")
    if 0 in queries.shape or 0 in keys.shape:
        raise UserError(f"There is nothing to cluster: {shapes}.")
    if not (torch.isfinite(queries).all() and torch.isfinite(keys).all()):
        raise UserError("Queries or keys are not finite. Did the training of the block diverge?")
    for tau in taus:
        if not tau > 0:
            raise UserError(f"tau must be above 0, not {tau}.")
    if window < 1:
        raise UserError(f"window must be at least 1 frame, not {window}.")
