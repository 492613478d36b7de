"""The tree in which the tracks of a video merge, from parts to objects to the whole scene."""

import numpy as np
from scipy.cluster.hierarchy import cut_tree, linkage
from scipy.spatial.distance import squareform


def merge_tree(distances: np.ndarray) -> np.ndarray:
    """Merge the two nearest groups of tracks, again and again, until one is left.

    The distance of two groups is the mean over their pairs of tracks (average linkage).

    Args:
        distances: (K, K), symmetric KL divergence between the centres of the tracks, in nats.

    Returns:
        (K−1, 4) float64, the merges in order of their distance, as scipy's ``linkage`` has them:
        two groups (numbers from K on are earlier merges), their distance, tracks in the result.
    """
    if len(distances) < 2:
        return np.empty((0, 4))
    both = (distances.astype(np.float64) + distances.T) / 2
    np.fill_diagonal(both, 0)
    return linkage(squareform(both, checks=False), "average")


def tree_levels(merges: np.ndarray, count: int) -> list[np.ndarray]:
    """Levels of the tree: all K tracks, then half as many groups, a quarter, …, at least two.

    Args:
        merges: (K−1, 4), see :func:`merge_tree`.
        count: levels wanted; a small tree has fewer.

    Returns:
        For each level (K,) int64, the group of every track, 0, 1, ….
    """
    tracks = len(merges) + 1
    sizes = [max(min(2, tracks), -(-tracks // 2**level)) for level in range(count)]
    return [_cut(merges, size) for size in dict.fromkeys(sizes)]


def _cut(merges: np.ndarray, groups: int) -> np.ndarray:
    if not len(merges):
        return np.zeros(1, np.int64)
    return cut_tree(merges, n_clusters=groups)[:, 0].astype(np.int64)
