"""Bootstrap intervals: how far a mean over videos would move with other videos of their kind."""

from collections.abc import Iterator

import numpy as np

LEVEL = 0.95
#: How often the videos are drawn, and the seed of it: equal figures get equal intervals.
DRAWS = 10_000
SEED = 0
#: Draws that are held at a time.
_BLOCK = 1000


def bootstrap_intervals(totals: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Percentile intervals of Σ totals / Σ counts over videos (Efron, Annals of Statistics, 1979).

    As many videos as there are get drawn with replacement, :data:`DRAWS` times. A video brings all
    that it has: where figures are means over objects, its ``totals`` are sums over its objects and
    its ``counts`` their number, and every draw gives a mean over the objects of the videos drawn.
    All columns share the draws, so that runs over the same videos are compared on the same draws.

    Args:
        totals: (V, M) sum of each of M figures in each of V videos.
        counts: (V, M) of how many, at least 1; all 1 for means over videos.

    Returns:
        The lower and the upper ends, each (M,): the quantiles that :data:`LEVEL` lies between.
        NaN for a single video, which says nothing of others.
    """
    n_videos, n_figures = totals.shape
    if n_videos < 2:
        return np.full(n_figures, np.nan), np.full(n_figures, np.nan)
    figures = [(drawn @ totals) / (drawn @ counts) for drawn in _draws(n_videos)]
    outside = (1 - LEVEL) / 2
    low, high = np.quantile(np.concatenate(figures), [outside, 1 - outside], axis=0)
    return low, high


def _draws(n_videos: int) -> Iterator[np.ndarray]:
    """Blocks of (draws, V): how often each video is in each draw."""
    generator = np.random.default_rng(SEED)
    alike = np.full(n_videos, 1 / n_videos)
    for _ in range(DRAWS // _BLOCK):
        yield generator.multinomial(n_videos, alike, size=_BLOCK).astype(float)
