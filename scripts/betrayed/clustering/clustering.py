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
- All sums are float32, on every device; distances are exact to about 1e-6. Where bounds decide,
  none is computed: they keep clear of what float32 may have lost (``betrayed.clustering.bounds``).
  TF32 would lose more, so it is switched off (``betrayed.engine.precision``).
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from betrayed.clustering.bounds import Projection, bounds, concatenated
from betrayed.clustering.divergence import safe_log
from betrayed.clustering.mean_shift import ShiftedRows, blocks_of
from betrayed.clustering.memory import COMPARED, Budget, allowed_memory
from betrayed.clustering.neighbours import neighbours, pairs_within
from betrayed.clustering.row_parts import RowParts, StoredRows, store, tiles
from betrayed.clustering.video_rows import VideoRows
from betrayed.engine.precision import exact_float32
from betrayed.errors import UserError
from betrayed.io import artefacts, chunks
from betrayed.io.prefetching import on_device

# Rows compared at once when leaders are sought; then twice as many. A GPU takes as long for few.
CANDIDATES, CANDIDATES_GPU = 32, 256


@dataclass(frozen=True)
class Clustering:
    """A partition of a video's tokens.

    Attributes:
        labels: (T, N) int64, 0 … K−1 in order of first appearance; every label occurs.
        centres: (K, Tk·N') float32, the attention row that each cluster was gathered around.
        fragments: (T, N) int64, the cluster of every token within its window, numbered through.
        rounds: how fragments merge, round by round: (K_r,) int64 arrays, the cluster of the next
            round that each is merged into; the last one gives the label, -1 where no token is
            nearest to it.
    """

    labels: np.ndarray
    centres: np.ndarray
    fragments: np.ndarray
    rounds: tuple[np.ndarray, ...]


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
    window: int,
    memory: float | None = None,
    device: torch.device | str | None = None,
    watch: Callable[[Iterable[int], str, str], Iterable[int]] | None = None,
) -> list[Clustering]:
    """Cluster the tokens of a video by their attention over its key frames.

    Rows, their logarithms and what bounds their divergences are made once for all thresholds.

    Args:
        queries: (T, heads, N, d) of all frames, before scaling by d^-1/2; array or tensor.
        keys: (Tk, heads, N', d) of the key frames; the tokens that are the columns of the rows.
        taus: symmetric KL divergences, in nats, up to which rows are one. More merges more.
        window: frames clustered together in the first step; the last window may be shorter.
        memory: bytes that may be taken, inputs included, beside what Python and torch take; with
            less, rows are made again wherever they are read. None: a share of what is free on the
            device, see :func:`betrayed.clustering.memory.allowed_memory`.
        device: where to compute; by default where ``queries`` are, for arrays the CPU.
        watch: wraps the loop over windows, as ``betrayed.io.progress.progress`` does.

    Returns:
        A clustering for each of ``taus``.

    Raises:
        UserError: shapes that do not fit, no frame or token, values that are not finite, or
            settings out of range, or the memory does not do.
    """
    queries, keys = torch.as_tensor(queries), torch.as_tensor(keys)
    _check(queries, keys, taus, window)
    device = queries.device if device is None else torch.device(device)
    watch = watch or (lambda items, name, unit: items)
    memory = allowed_memory(memory, device)

    # Triton starts kernels on the current GPU, wherever their data are.
    current = torch.cuda.device(device) if device.type == "cuda" else nullcontext()
    with torch.inference_mode(), exact_float32(device), current:
        video = VideoRows(queries, keys, min(taus), device)
        budget = Budget(
            queries, video.keys, window, len(taus), video.directions.basis.shape[1], memory
        )
        projections: list[Projection] = []
        merged: list[list[_Level]] = [[] for _ in taus]
        # Made once: memory that is given anew costs more time than what is written there.
        shape = min(window, video.frames) * video.patches, video.columns
        places = [torch.empty(shape, device=device) for _ in range(budget.copies)]
        for start in watch(range(0, video.frames, window), "clustering", "window"):
            rows = video.of_frames(slice(start, start + window), places[0] if places else None)
            projections.append(video.project(rows))
            near = neighbours(rows, projections[-1], taus)
            blocks = blocks_of(projections[-1])
            for number, tau in enumerate(taus):
                shifted = ShiftedRows(rows, near.pop(0), blocks)
                read: RowParts = shifted
                if number == len(taus) - 1 and places:
                    read = store(shifted, places[0])
                elif len(places) > 1:
                    read = store(shifted, places[1])
                merged[number].append(_merge(video, read, tau, budget.pairs, shifted.which))
                del shifted, read  # before the next ones are made
            centre_count = sum(len(level.centres) for levels in merged for level in levels)
            budget.check_centres(centre_count, video.columns)
        del rows, places
        tokens = concatenated(projections)
        del projections
        return [_clustering(video, tokens, merged.pop(0), tau, budget.pairs) for tau in taus]


def leader_merging(rows: RowParts, projection: Projection, tau: float, pairs: int) -> np.ndarray:
    """Greedy leader merging of n rows: labels (n,) int64, clusters in the order of leaders.

    In order, a row not yet taken leads a cluster of all untaken rows within tau of it. A handful
    of candidates at a time are compared with what is still untaken: rows that are taken before it
    is their turn need no neighbours of their own. A number may be held for each of so many
    ``pairs`` of rows.
    """
    device = projection.products.device
    labels = np.full(rows.shape[0], -1, dtype=np.int64)
    clusters, count = 0, CANDIDATES if device.type == "cpu" else CANDIDATES_GPU
    while (untaken := np.flatnonzero(labels < 0)).size:
        index = on_device(untaken, device)
        some = min(count, max(1, pairs // (COMPARED * len(untaken))))
        near = pairs_within(rows, projection, index[:some], index, tau)  # (c, untaken)
        for candidate, its in zip(untaken[:some], near.cpu().numpy(), strict=False):
            if labels[candidate] < 0:
                labels[untaken[its & (labels[untaken] < 0)]] = labels[candidate] = clusters
                clusters += 1
        count *= 2  # where much stays untaken, few rounds
    return labels


@dataclass(frozen=True)
class _Level:
    """A level of the merge: centres (K, M), and which of them each thing below is in, (n,)."""

    centres: Tensor
    labels: np.ndarray


def _merge(
    video: VideoRows, rows: RowParts, tau: float, pairs: int, which: np.ndarray | None = None
) -> _Level:
    """Leader merging: the means of the clusters, each summing to 1.

    Where rows stand for several things, ``which`` (n,) says what row stands for each thing. A
    number may be held for each of so many ``pairs`` of rows.
    """
    which = np.arange(rows.shape[0]) if which is None else which
    projection = video.project(rows)
    labels = leader_merging(rows, projection, tau, pairs)
    # A product with the memberships, and not scattered additions: the same sum on every run.
    device, clusters = projection.products.device, int(labels.max()) + 1
    its, counts = on_device(labels, device), on_device(np.bincount(which), device)
    centres = projection.products.new_empty((clusters, rows.shape[1]))
    on_cpu = device.type == "cpu"
    step = max(1, pairs // len(labels))  # all clusters of a window; of many centres some
    for start in range(0, clusters, step):
        into = centres[start : start + step]
        members = its == torch.arange(start, start + len(into), device=device)[:, None]
        weights = members * counts.to(projection.products)  # (K, rows)
        for part, values in rows.parts(whole=not on_cpu):
            if on_cpu:
                into[:, part] = weights @ values
            else:  # in place: there may be no room for as many once more
                torch.mm(weights, values, out=into[:, part])
        del members, weights  # before the next ones are made
    return _Level(centres.div_(centres.sum(dim=1, keepdim=True)), labels[which])


def _clustering(
    video: VideoRows, tokens: Projection, windows: list[_Level], tau: float, pairs: int
) -> Clustering:
    """Steps 2 and 3: from the clusters of all windows to tracks; ``tokens`` are all the video's."""
    counts = [len(level.centres) for level in windows]
    firsts = np.cumsum([0, *counts[:-1]])
    fragments = [level.labels + first for level, first in zip(windows, firsts, strict=True)]
    centres = torch.cat([level.centres for level in windows])
    windows.clear()
    rounds = []
    while True:  # until nothing merges
        level = _merge(video, StoredRows(centres), tau, pairs)
        if len(level.centres) == len(centres):
            break
        centres = level.centres
        rounds.append(level.labels)
    labels = _assign(video, tokens, centres)
    labels, order = _in_order_of_appearance(labels)
    return Clustering(
        labels,
        centres.cpu().numpy()[order],
        np.concatenate(fragments).reshape(labels.shape),
        (*rounds, _places(order, len(centres))),
    )


def _assign(video: VideoRows, tokens: Projection, centres: Tensor) -> np.ndarray:
    """Step 3: the nearest centre of every token, (T, N) int64."""
    projection = video.project(StoredRows(centres))
    labels, undecided = [], []
    for tile in tiles(len(tokens.products), len(centres), centres.device):
        lower, upper = bounds(tokens[tile], projection)  # (tile, K)
        possible = lower <= upper.min(dim=1, keepdim=True).values
        labels.append(possible.byte().argmax(dim=1))
        undecided.append((possible.sum(dim=1) > 1).nonzero()[:, 0] + tile.start)
    labels, undecided = torch.cat(labels), torch.cat(undecided)
    for tile in tiles(len(undecided), centres.shape[1], centres.device):
        labels[undecided[tile]] = _nearest(video.of_tokens(undecided[tile]), centres)
    return labels.reshape(-1, video.patches).cpu().numpy()


def _nearest(rows: Tensor, centres: Tensor) -> Tensor:
    """The nearest of K centres to each row (n, M), (n,)."""
    reference = safe_log(centres.mean(dim=0))
    logs = safe_log(centres).sub_(reference)  # (K, M): in place, since there is room for one
    parts = tiles(*centres.shape, centres.device)
    of_centres = torch.cat([(centres[part] * logs[part]).sum(dim=1) for part in parts])  # (K,)
    # A row's own Σ p log p is the same for all centres, so it is left out.
    return (of_centres - rows @ logs.T - (safe_log(rows) - reference) @ centres.T).argmin(dim=1)


def _in_order_of_appearance(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Labels renumbered by first appearance, and the old label of each new one, empty ones out."""
    old, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty(len(old), dtype=np.int64)
    rank[order] = np.arange(len(old))
    return rank[inverse].reshape(labels.shape), old[order]


def _places(order: np.ndarray, count: int) -> np.ndarray:
    """Where each of ``count`` centres stands in ``order``, (count,); -1 for those left out."""
    places = np.full(count, -1)
    places[order] = np.arange(len(order))
    return places


def _finite(values: Tensor) -> bool:
    if values.dtype != torch.float16:
        return bool(torch.isfinite(values).all())
    if values.device.type == "cpu":  # NumPy makes no copy
        return artefacts.all_finite(values.numpy(force=True))
    return bool(chunks.all_finite(values))


def _check(queries: Tensor, keys: Tensor, taus: Sequence[float], window: int) -> None:
    shapes = f"queries are {tuple(queries.shape)}, keys {tuple(keys.shape)}"
    fits = queries.ndim == keys.ndim == 4 and queries.shape[1::2] == keys.shape[1::2]
    if not fits:
        raise UserError(f"Clustering needs (T, heads, N, d) and (Tk, heads, N', d); {shapes}.")
    if 0 in queries.shape or 0 in keys.shape:
        raise UserError(f"There is nothing to cluster: {shapes}.")
    if not all(_finite(one) for one in (queries, keys)):
        raise UserError("Queries or keys are not finite. Did the training of the block diverge?")
    if not taus:
        raise UserError("Clustering needs a threshold: taus is empty.")
    for tau in taus:
        if not tau > 0:
            raise UserError(f"tau must be above 0, not {tau}.")
    if window < 1:
        raise UserError(f"window must be at least 1 frame, not {window}.")
