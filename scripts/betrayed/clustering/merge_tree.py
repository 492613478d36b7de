"""The tree in which the tracks of a video merge, from parts to objects to the whole scene."""

import numpy as np
from scipy.cluster.hierarchy import linkage
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
