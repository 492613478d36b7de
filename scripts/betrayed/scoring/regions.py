"""Region similarity J: overlaps of all objects with all proposals, one pass over a frame."""

import numpy as np


def contingency(truth: np.ndarray, labels: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Count the pixels that carry truth id i and label j.

    Args:
        truth: integer ids 0..rows-1, any shape.
        labels: integer ids 0..columns-1, same shape.
        rows: number of truth ids.
        columns: number of labels.

    Returns:
        (rows, columns) int64, in pixels.
    """
    # One number per pair of ids, so that a single bincount sees all pairs at once.
    pairs = truth.ravel().astype(np.int64)
    pairs *= columns
    # Without a wider copy of the labels: with less memory in flight none goes back to the system.
    np.add(pairs, labels.ravel(), out=pairs, dtype=np.int64, casting="unsafe")
    return np.bincount(pairs, minlength=rows * columns).reshape(rows, columns)


def region_similarity(
    truth: np.ndarray, proposals: np.ndarray, n_objects: int, n_proposals: int, void: np.ndarray
) -> np.ndarray:
    """J, the intersection over union of every object with every proposal in one frame.

    Args:
        truth: (H, W) integer ids, 0 background, objects 1..n_objects.
        proposals: (H, W) integer ids, 0 background, proposals 1..n_proposals.
        n_objects: number of objects.
        n_proposals: number of proposals.
        void: (H, W) bool, pixels that count for nobody.

    Returns:
        (n_objects, n_proposals) float64; 1 where both masks are empty (DAVIS's convention).
    """
    # Row 0 and column 0 are the background: they count in the sizes, not as a mask. Void is
    # background on both sides, where nothing is read off.
    valid = ~void
    counts = contingency(truth * valid, proposals * valid, n_objects + 1, n_proposals + 1)
    intersection = counts[1:, 1:]
    object_size = counts.sum(axis=1)[1:, None]
    proposal_size = counts.sum(axis=0)[None, 1:]
    union = object_size + proposal_size - intersection
    return np.where(union == 0, 1.0, intersection / np.maximum(union, 1))
