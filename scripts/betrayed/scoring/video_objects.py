"""Scores of a full partition of a video into tracks: FG-ARI, mIoU and mBO.

Two protocols are in use, and give other figures for the same tracks. SOLV's (Aydemir et al.,
NeurIPS 2023) assigns segments to objects, calls all the others one, and takes FG-ARI frame by
frame; VideoSAUR's (Zadaianchuk et al., NeurIPS 2023) takes tracks as they are over the whole clip.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment

from betrayed.errors import UserError
from betrayed.io.palette import VOID
from betrayed.scoring.regions import contingency


@dataclass(frozen=True)
class PartitionScores:
    """How a partition of a video fits its objects; void pixels count for nobody.

    Attributes:
        objects: (G,) the ids of the objects, in order; all that the video has.
        relabelled_ari: (T,) FG-ARI of each frame, where every segment that is assigned to no object
            is part of one segment more, as SOLV has it: pieces that are left over cost nothing.
            Only pixels of objects count; NaN without an object.
        clip_ari: FG-ARI of all frames together and of the labels as they are, as VideoSAUR has it:
            a track that changes object pays for it. NaN without an object.
        iou: (G,) IoU of each object with the segment assigned to it, averaged over the frames
            where their union is not empty; 0 without a segment. The assignment is one to one and
            maximises the sum (Hungarian).
        best_iou: (G,) for each object the greatest IoU of any one segment, shared by objects or
            not; intersections and unions are counted over all frames, then divided.
    """

    objects: np.ndarray
    relabelled_ari: np.ndarray
    clip_ari: float
    iou: np.ndarray
    best_iou: np.ndarray


def partition_scores(annotations: np.ndarray, labels: np.ndarray) -> PartitionScores:
    """Score a partition by both protocols, from one count of its overlaps.

    Args:
        annotations: (T, H, W) integer ids of the annotated frames, 0 background, 255 void.
        labels: (T, H, W) integer labels of the same frames; every value is a segment.

    Raises:
        UserError: shapes differ.
    """
    if annotations.ndim != 3 or annotations.shape != labels.shape:
        raise UserError(
            "Annotations and labels must both be (frames, height, width) of one size, not "
            f"{annotations.shape} and {labels.shape}."
        )
    ids, segments = _values(annotations), _values(labels)
    is_object = (ids != 0) & (ids != VOID)
    # Pixels of each object in each segment (T, G, K), and of each segment outside void (T, K).
    shared = np.zeros((len(annotations), is_object.sum(), len(segments)), np.int64)
    sizes = np.zeros((len(annotations), len(segments)), np.int64)
    for frame, (annotation, label) in enumerate(zip(annotations, labels, strict=True)):
        places = np.searchsorted(ids, annotation), np.searchsorted(segments, label)
        counts = contingency(*places, len(ids), len(segments))
        shared[frame], sizes[frame] = counts[is_object], counts[ids != VOID].sum(axis=0)

    union = shared.sum(axis=2, keepdims=True) + sizes[:, None] - shared
    frames = (union > 0).sum(axis=0)
    overlap = (shared / np.maximum(union, 1)).sum(axis=0) / np.maximum(frames, 1)  # (G, K)
    # Segments as rows, like SOLV's code: among equal sums the choice depends on it.
    padded = np.zeros((max(overlap.shape[::-1]), len(overlap)))
    padded[: len(segments)] = overlap.T
    chosen, objects = linear_sum_assignment(-padded)
    left = np.setdiff1d(np.arange(len(segments)), chosen)
    relabelled = np.delete(shared, left, axis=2)
    relabelled = np.concatenate([relabelled, shared[:, :, left].sum(2, keepdims=True)], axis=2)
    clip = shared.sum(axis=0)
    best = clip / np.maximum(union.sum(axis=0), 1)
    return PartitionScores(
        objects=ids[is_object],
        relabelled_ari=np.array([adjusted_rand(one) for one in relabelled]),
        clip_ari=adjusted_rand(clip),
        iou=padded[chosen, objects][np.argsort(objects)],
        best_iou=best.max(axis=1, initial=0),
    )


def adjusted_rand(counts: np.ndarray) -> float:
    """Adjusted Rand index of two partitions (Hubert and Arabie, 1985).

    Args:
        counts: (G, K) contingency table.

    Returns:
        1 for equal partitions, 0 on average for chance, at least -1; NaN without a pixel.
    """
    if not counts.any():
        return float("nan")
    # Pairs of pixels that are together in both, in the first, in the second, and all pairs.
    together = _pairs(counts).sum()
    first = _pairs(counts.sum(axis=1)).sum()
    second = _pairs(counts.sum(axis=0)).sum()
    if together == first and together == second:
        return 1.0
    expected = first * second / _pairs(counts.sum())
    return float((together - expected) / ((first + second) / 2 - expected))


def mean(scores: np.ndarray) -> float:
    """The mean of what is a number; NaN when nothing is."""
    known = scores[~np.isnan(scores)]
    return float(known.mean()) if len(known) else float("nan")


def _values(ids: np.ndarray) -> np.ndarray:
    """The different values of (T, H, W) ids, sorted; frame by frame, without sorting pixels."""
    return np.unique(np.concatenate([pd.unique(frame.ravel()) for frame in ids]))


def _pairs(counts: np.ndarray) -> np.ndarray:
    """Pairs of pixels within groups of the given sizes, as floats: squares outgrow integers."""
    counts = np.asarray(counts, dtype=float)
    return counts * (counts - 1) / 2
