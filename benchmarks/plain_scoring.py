"""J and F as one writes them down first: each pair of masks of each frame on its own.

What the library's own version is measured against. It does what the official code does for each
pair, in whole-image operations of NumPy and OpenCV.
"""

import math

import cv2
import numpy as np


def plain_scores(
    annotations: np.ndarray, proposals: np.ndarray, n_objects: int, n_proposals: int
) -> np.ndarray:
    """J and F of all pairs, (2, T, n_objects, n_proposals), of ids (T, H, W); 255 is void."""
    scores = np.zeros((2, len(annotations), n_objects, n_proposals))
    for frame, (annotation, found) in enumerate(zip(annotations, proposals, strict=True)):
        void = annotation == 255
        for g, p in np.ndindex(n_objects, n_proposals):
            truth, mask = annotation == g + 1, found == p + 1
            scores[:, frame, g, p] = similarity(truth, mask, void), measure(truth, mask, void)
    return scores


def similarity(truth: np.ndarray, mask: np.ndarray, void: np.ndarray) -> float:
    """Intersection over union of two masks (H, W) outside void; 1 when both are empty."""
    intersection = (truth & mask & ~void).sum()
    union = ((truth | mask) & ~void).sum()
    return 1.0 if union == 0 else intersection / union


def measure(truth: np.ndarray, mask: np.ndarray, void: np.ndarray) -> float:
    """F of two masks (H, W) that are cleared of void."""
    theirs, mine = outline(truth & ~void), outline(mask & ~void)
    radius = math.ceil(0.008 * math.hypot(*truth.shape))
    offsets = np.arange(-radius, radius + 1)
    disk = (offsets[:, None] ** 2 + offsets**2 <= radius**2).astype(np.uint8)
    near_theirs = cv2.dilate(theirs.astype(np.uint8), disk) > 0
    near_mine = cv2.dilate(mine.astype(np.uint8), disk) > 0
    lengths = theirs.sum(), mine.sum()
    if not all(lengths):
        return float(lengths[0] == lengths[1])
    recall = (theirs & near_mine).sum() / lengths[0]
    precision = (mine & near_theirs).sum() / lengths[1]
    total = precision + recall
    return 0.0 if total == 0 else 2 * precision * recall / total


def outline(mask: np.ndarray) -> np.ndarray:
    """Pixels (H, W) that differ from the right, the lower or the lower right neighbour."""
    right, below, diagonal = mask.copy(), mask.copy(), mask.copy()
    right[:, :-1] = mask[:, 1:]
    below[:-1] = mask[1:]
    diagonal[:-1, :-1] = mask[1:, 1:]
    diagonal[-1, :-1], diagonal[:-1, -1] = mask[-1, 1:], mask[1:, -1]
    return (mask != right) | (mask != below) | (mask != diagonal)
