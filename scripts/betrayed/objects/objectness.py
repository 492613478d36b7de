"""How object-like each place of a video is, from cues gathered over its tracks, without labels."""

from collections.abc import Mapping, Sequence

import cv2
import numpy as np

#: Share of a video's tokens that may lie above a relative score of 1: specks do not set the scale.
_TOP = 0.005


def objectness(
    labels: np.ndarray,
    levels: Sequence[np.ndarray],
    cues: Mapping[str, np.ndarray],
    weights: Mapping[str, float],
) -> np.ndarray:
    """Score each token by the mean cues of what it is part of, at several levels of the merge tree.

    A single level either cuts objects into parts of which some have no cue of their own, or joins
    them with their surroundings; the mean over levels needs none to be right.

    Args:
        labels: (T, h, w), the track of every token, 0 … K−1.
        levels: for each level (K,), the group of every track, see
            :func:`betrayed.objects.levels.tree_levels`.
        cues: maps (T, h, w), see :mod:`betrayed.objects.cues`.
        weights: how much each cue counts, by its name; all cues have mean 0 and deviation 1.

    Returns:
        (T, h, w) float64 with mean 0 and deviation 1; zeros where no cue tells anything apart.
    """
    total = np.zeros(labels.shape)
    for name, weight in weights.items():
        if weight > 0:
            means = [group_means(groups[labels], cues[name]) for groups in levels]
            total += weight * standardised(np.mean(means, axis=0))
    return standardised(total)


def group_means(labels: np.ndarray, values: np.ndarray) -> np.ndarray:
    """For each place the mean value over all places with its label; shapes are equal."""
    sums = np.bincount(labels.ravel(), values.ravel())
    return (sums / np.maximum(np.bincount(labels.ravel()), 1))[labels]


def standardised(values: np.ndarray) -> np.ndarray:
    """Values brought to mean 0 and deviation 1; zeros when they are all the same."""
    deviation = values.std()
    return (values - values.mean()) / deviation if deviation > 1e-9 else np.zeros_like(values)


def relative_to_median(scores: np.ndarray) -> np.ndarray:
    """Scores moved and scaled so that the video's median place has 0 and its best places 1.

    Where nearly all places have one score, the highest is 1.
    """
    median, top = np.quantile(scores, [0.5, 1 - _TOP])
    if top - median < 1e-6:
        top = max(float(scores.max()), median + 1e-6)
    return (scores - median) / (top - median)


def on_grid(maps: np.ndarray, grid: tuple[int, int]) -> np.ndarray:
    """Maps (T, h, w) at another number of rows and columns, linear between places, float32."""
    size = (grid[1], grid[0])
    return np.stack([cv2.resize(one.astype(np.float32), size) for one in maps])
