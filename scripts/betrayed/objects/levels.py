"""Levels of the tree in which the tracks of a video merge."""

import numpy as np
from scipy.cluster.hierarchy import cut_tree


def tree_levels(merges: np.ndarray, count: int) -> list[np.ndarray]:
    """Levels of the tree: all K tracks, then half as many groups, a quarter, …, at least two.

    Args:
        merges: (K−1, 4), see :func:`betrayed.clustering.merge_tree.merge_tree`.
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
