"""Scores of a full partition of a video into tracks: FG-ARI and mIoU."""

import numpy as np
from scipy.optimize import linear_sum_assignment

from betrayed.errors import UserError
from betrayed.scoring.davis import VOID
from betrayed.scoring.regions import contingency


def fg_ari(annotations: np.ndarray, labels: np.ndarray) -> float:
    """Adjusted Rand index on the pixels of annotated objects, per frame, averaged over frames.

    Background and void pixels do not count, nor do frames without an object. A frame whose
    objects and labels group the pixels alike gives 1, even when that is trivial (a single pixel,
    or one object under one label); one object under several labels gives 0.

    Args:
        annotations: (T, H, W) integer ids of the annotated frames, 0 background, 255 void.
        labels: (T, H, W) integer labels of the same frames; every value is a segment.

    Returns:
        The average, at most 1; NaN when no frame has an object.

    Raises:
        UserError: shapes differ.
    """
    scores = frame_ari(annotations, labels)
    known = scores[~np.isnan(scores)]
    return float(known.mean()) if len(known) else float("nan")


def frame_ari(annotations: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The FG-ARI of each frame, (T,) float64; NaN where there is no object. See :func:`fg_ari`."""
    _check(annotations, labels)
    object_ids, segment_ids = np.unique(annotations), np.unique(labels)
    scores = np.full(len(annotations), np.nan)
    for frame, (annotation, segments) in enumerate(zip(annotations, labels, strict=True)):
        inside = (annotation != 0) & (annotation != VOID)
        if inside.any():
            counts = _count(annotation[inside], segments[inside], object_ids, segment_ids)
            scores[frame] = adjusted_rand(counts)
    return scores


def adjusted_rand(counts: np.ndarray) -> float:
    """Adjusted Rand index of two partitions (Hubert and Arabie, 1985).

    Args:
        counts: (G, K) contingency table, at least one pixel in all.

    Returns:
        1 for equal partitions, 0 on average for chance, at least -1.
    """
    # Pairs of pixels that are together in both, in the first, in the second, and all pairs.
    together = _pairs(counts).sum()
    first = _pairs(counts.sum(axis=1)).sum()
    second = _pairs(counts.sum(axis=0)).sum()
    if together == first and together == second:
        return 1.0
    expected = first * second / _pairs(counts.sum())
    return float((together - expected) / ((first + second) / 2 - expected))


def mean_iou(annotations: np.ndarray, labels: np.ndarray) -> float:
    """Mean over objects of the IoU with the segments that are assigned to them one to one.

    The IoU of object and segment is averaged over the frames where their union is not empty; the
    assignment (Hungarian) maximises its sum over the video. An object left without a segment
    scores 0. Void pixels do not count. Objects are all ids of the video.

    Args:
        annotations: (T, H, W) integer ids of the annotated frames, 0 background, 255 void.
        labels: (T, H, W) integer labels of the same frames; every value is a segment.

    Returns:
        Between 0 and 1; NaN when there is no object.

    Raises:
        UserError: shapes differ.
    """
    _check(annotations, labels)
    all_ids, segment_ids = np.unique(annotations), np.unique(labels)
    objects = (all_ids != 0) & (all_ids != VOID)
    if not objects.any():
        return float("nan")
    total = np.zeros((objects.sum(), len(segment_ids)))
    frames = np.zeros_like(total)
    for annotation, segments in zip(annotations, labels, strict=True):
        valid = annotation != VOID
        counts = _count(annotation[valid], segments[valid], all_ids, segment_ids)  # (G, K)
        intersection = counts[objects]
        union = intersection.sum(axis=1, keepdims=True) + counts.sum(axis=0) - intersection
        total += intersection / np.maximum(union, 1)
        frames += union > 0
    overlap = total / np.maximum(frames, 1)
    rows, columns = linear_sum_assignment(-overlap)
    return float(overlap[rows, columns].sum() / len(overlap))


def _count(
    annotation: np.ndarray, segments: np.ndarray, object_ids: np.ndarray, segment_ids: np.ndarray
) -> np.ndarray:
    """Contingency table (G, K) of ids that may have gaps; the id arrays are sorted."""
    truth = np.searchsorted(object_ids, annotation)
    labels = np.searchsorted(segment_ids, segments)
    return contingency(truth, labels, len(object_ids), len(segment_ids))


def _pairs(counts: np.ndarray) -> np.ndarray:
    """Pairs of pixels within groups of the given sizes, as floats: squares outgrow integers."""
    counts = np.asarray(counts, dtype=float)
    return counts * (counts - 1) / 2


def _check(annotations: np.ndarray, labels: np.ndarray) -> None:
    if annotations.ndim != 3 or annotations.shape != labels.shape:
        raise UserError(
            "Annotations and labels must both be (frames, height, width) of one size, not "
            f"{annotations.shape} and {labels.shape}."
        )
