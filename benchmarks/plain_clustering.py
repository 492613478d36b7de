"""The clustering as one writes it down first: whole maps, five products a window, loops in Python.

What the library's own version is measured against; float32 like it, so that both use the same
units of the processor.
"""

import numpy as np
import torch
from torch import Tensor

EPSILON = 1e-12


def plain_clustering(queries: Tensor, keys: Tensor, tau: float, window: int = 3) -> np.ndarray:
    """Labels (T, N), in order of first appearance, of queries (T, heads, N, d) over the keys."""
    frames, _, patches, _ = queries.shape
    centres = []
    for start in range(0, frames, window):
        rows = plain_rows(queries[start : start + window], keys)
        near = (distances(rows, rows) <= tau).to(rows.dtype)
        rows = near @ rows
        rows /= rows.sum(dim=1, keepdim=True)
        centres.append(merge(rows, tau))
    centres = torch.cat(centres)
    while True:
        merged = merge(centres, tau)
        if len(merged) == len(centres):
            break
        centres = merged
    nearest = [
        distances(plain_rows(queries[frame : frame + 1], keys), merged).argmin(dim=1)
        for frame in range(frames)
    ]
    labels = torch.stack(nearest).cpu().numpy()
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse].reshape(frames, patches)


def plain_rows(queries: Tensor, keys: Tensor) -> Tensor:
    """Attention rows (t·N, Tk·N), by way of the whole map of every head."""
    queries = queries.transpose(0, 1).flatten(1, 2)  # (heads, t·N, d)
    keys = keys.transpose(0, 1).flatten(1, 2)  # (heads, Tk·N, d)
    scores = queries @ keys.transpose(1, 2) / queries.shape[-1] ** 0.5
    rows = scores.softmax(dim=-1).mean(dim=0)
    return rows / rows.sum(dim=-1, keepdim=True)


def distances(first: Tensor, second: Tensor) -> Tensor:
    """Symmetric KL divergences (n, m), a product for each direction."""
    logs, others = (rows.clamp(min=EPSILON).log() for rows in (first, second))
    forward = (first * logs).sum(dim=1)[:, None] - first @ others.T
    backward = (second * others).sum(dim=1)[None] - logs @ second.T
    return forward + backward


def merge(rows: Tensor, tau: float) -> Tensor:
    """Greedy leader merging of rows (n, M): the clusters' means."""
    near = (distances(rows, rows) <= tau).cpu()  # a GPU would wait for every row of it
    free = torch.ones(len(rows), dtype=torch.bool)
    centres = []
    for leader in range(len(rows)):
        if free[leader]:
            members = free & near[leader]
            members[leader] = True
            free &= ~members
            centres.append(rows[members.to(rows.device)].mean(dim=0))
    centres = torch.stack(centres)
    return centres / centres.sum(dim=1, keepdim=True)


def neighbour_pairs(queries: Tensor, keys: Tensor, tau: float, window: int = 3) -> int:
    """How many rows lie within tau of one of their window, summed over all rows."""
    count = 0
    for start in range(0, len(queries), window):
        rows = plain_rows(queries[start : start + window], keys)
        count += int((distances(rows, rows) <= tau).sum())
    return count
