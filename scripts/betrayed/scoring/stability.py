"""Temporal stability T: how much a mask's contour changes its shape from a frame to the next.

Perazzi et al., CVPR 2016: points along both contours are described by shape contexts (Belongie et
al., PAMI 2002) and matched in order by dynamic time warping; T is the mean cost of the matches. It
looks at the mask alone, so that an object that truly changes its shape costs as well: DAVIS gives
it for sequences without strong deformation and occlusion. Contours come from OpenCV here and not
from the code that DAVIS used, so figures agree with published ones only roughly.
"""

from collections.abc import Sequence
from itertools import pairwise

import cv2
import numpy as np

#: Contours are simplified within so many pixels, then get a point at least every so many.
SPACING = 3.0
#: Contours of more points are thinned out: time and memory grow with their square.
MOST_POINTS = 2000
#: Bins of a shape context: directions, and distances up to these, in mean distances of the points.
DIRECTIONS = 12
DISTANCES = np.logspace(np.log10(1 / 8), np.log10(2), 5)
#: DAVIS's factor, which brings T into the range of the other measures.
FACTOR = 5


def stability(masks: np.ndarray, frames: Sequence[int]) -> np.ndarray:
    """T of each frame.

    Args:
        masks: (T, H, W), foreground wherever it is not 0.
        frames: (T,) numbers of the frames in the video.

    Returns:
        (T,) float64, 0 for a contour that keeps its shape, at most 5; each frame against the one
        before it. NaN where the video's frame before is not at hand, or where one of the two has
        no contour.
    """
    contexts = [shape_contexts(contour(mask != 0)) for mask in masks]
    result = np.full(len(masks), np.nan)
    for second, (before, frame) in enumerate(pairwise(frames), start=1):
        pair = contexts[second - 1], contexts[second]
        if frame == before + 1 and all(map(len, pair)):
            result[second] = FACTOR * matching_cost(*pair)
    return result


def contour(mask: np.ndarray) -> np.ndarray:
    """Points along a mask's longest contour.

    Args:
        mask: (H, W) bool.

    Returns:
        (n, 2) x and y in pixels, no two neighbours further apart than :data:`SPACING` as long as
        there are no more than :data:`MOST_POINTS`. Empty where nothing is left of the mask's
        contours when they are simplified.
    """
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    corners = [cv2.approxPolyDP(one, SPACING, True)[:, 0] for one in contours]
    longest = max(corners, key=len, default=np.zeros((0, 2)))
    if len(longest) < 3:
        return np.zeros((0, 2))
    sides = np.roll(longest, -1, axis=0) - longest
    pieces = np.ceil(np.hypot(*sides.T) / SPACING).astype(int)
    part = np.concatenate([np.arange(count) / count for count in pieces])
    points = np.repeat(longest, pieces, axis=0) + part[:, None] * np.repeat(sides, pieces, axis=0)
    if len(points) > MOST_POINTS:
        points = points[np.arange(MOST_POINTS) * len(points) // MOST_POINTS]
    # Points in line should have directions that do not hang on the last bits.
    return points.round(6)


def shape_contexts(points: np.ndarray) -> np.ndarray:
    """For each point of a contour the shares of all its points by distance and direction.

    Args:
        points: (n, 2).

    Returns:
        (n, 60) float64; a point counts itself, at distance and direction 0. Each row sums to 1.
    """
    n = len(points)
    if n == 0:
        return np.zeros((0, DIRECTIONS * len(DISTANCES)))
    across, down = (points[None] - points[:, None]).transpose(2, 0, 1)  # (n, n)
    distance = np.hypot(across, down)
    ring = np.searchsorted(DISTANCES, distance / distance.mean(), side="right")
    turn = np.arctan2(down, across) % (2 * np.pi) / (2 * np.pi / DIRECTIONS)
    places = ring * DIRECTIONS + np.minimum(turn.astype(int), DIRECTIONS - 1)
    places += np.arange(n)[:, None] * DIRECTIONS * len(DISTANCES)
    near = ring < len(DISTANCES)
    counts = np.bincount(places[near], minlength=n * DIRECTIONS * len(DISTANCES)).reshape(n, -1)
    return counts / counts.sum(axis=1, keepdims=True)


def matching_cost(first: np.ndarray, second: np.ndarray) -> float:
    """Mean cost of matching the points of two contours in order, one to one.

    A path from both contours' first points to their last is sought; the best match on it tells
    where the contours should be cut open, and the path is sought again from there. Of the matches
    of a point the cheapest is kept, of the first contour's points and then of the second's.

    Args:
        first: (n, bins) shape contexts.
        second: (m, bins) shape contexts.

    Returns:
        Between 0 and 1: the mean of the matches' chi-squared distances.
    """
    costs = np.zeros((len(first), len(second)))
    for one, other in zip(first.T, second.T, strict=True):
        total = one[:, None] + other
        costs += (one[:, None] - other) ** 2 / np.where(total == 0, 1, total)
    costs /= 2
    path = warping_path(costs)[1:]
    cut = path[::-1][costs[*path[::-1].T].argmin()] + 1
    path = (warping_path(np.roll(costs, -cut, axis=(0, 1))) + cut) % costs.shape
    for side in (0, 1):
        order = np.lexsort((costs[*path.T], path[:, side]))
        path = path[order][np.unique(path[order, side], return_index=True)[1]]
    return float(costs[*path.T].mean())


def warping_path(costs: np.ndarray) -> np.ndarray:
    """The cheapest way from the first to the last entry of (n, m) costs, one step on either side.

    Returns:
        (k, 2) indices from (0, 0) to (n - 1, m - 1); each is one further than the one before, in
        the first, the second or both.
    """
    n, m = costs.shape
    # Sums of the cheapest ways, with a border that no way leads over.
    sums = np.full((n + 1, m + 1), np.inf)
    sums[1, 1] = costs[0, 0]
    flat, row = sums.ravel(), m + 1
    for diagonal in range(1, n + m - 1):  # all entries of one need but the two before it
        i = np.arange(max(0, diagonal - m + 1), min(n - 1, diagonal) + 1)
        place = (i + 1) * row + diagonal - i + 1
        before = np.minimum(np.minimum(flat[place - 1], flat[place - row]), flat[place - row - 1])
        flat[place] = costs[i, diagonal - i] + before
    path = [(n - 1, m - 1)]
    while path[-1] != (0, 0):
        i, j = path[-1]
        steps = [(i - 1, j - 1), (i - 1, j), (i, j - 1)]
        path.append(min(steps, key=lambda step: sums[step[0] + 1, step[1] + 1]))
    return np.array(path[::-1])
