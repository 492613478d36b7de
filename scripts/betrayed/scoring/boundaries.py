"""Boundary measure F: how well outlines meet within a small disk (Perazzi et al., CVPR 2016)."""

import math

import cv2
import numpy as np

# The disk's radius as a share of the image diagonal, DAVIS's figure.
TOLERANCE = 0.008


def boundary(mask: np.ndarray) -> np.ndarray:
    """The outline of a mask, 1 pixel wide.

    A pixel is on it when its right, lower or lower right neighbour is on the other side; in the
    last row only the right neighbour counts, in the last column only the lower one.

    Args:
        mask: (H, W) bool.

    Returns:
        (H, W) bool.
    """
    outline = np.zeros_like(mask)
    outline[:, :-1] = mask[:, :-1] ^ mask[:, 1:]
    outline[:-1, :] |= mask[:-1, :] ^ mask[1:, :]
    outline[:-1, :-1] |= mask[:-1, :-1] ^ mask[1:, 1:]
    return outline


def matching_radius(height: int, width: int) -> int:
    """Radius in pixels within which two outlines count as met: ceil(0.008 · image diagonal)."""
    return math.ceil(TOLERANCE * math.hypot(height, width))


def boundary_measure(
    truth: np.ndarray, proposals: np.ndarray, n_objects: int, n_proposals: int, void: np.ndarray
) -> np.ndarray:
    """F, the harmonic mean of boundary precision and recall, of every pair in one frame.

    Precision is the share of the proposal's outline within the radius of the object's, recall the
    other way round. Void pixels are cleared from both masks before outlines are drawn.

    Args:
        truth: (H, W) integer ids, 0 background, objects 1..n_objects.
        proposals: (H, W) integer ids, 0 background, proposals 1..n_proposals.
        n_objects: number of objects.
        n_proposals: number of proposals.
        void: (H, W) bool, pixels that count for nobody.

    Returns:
        (n_objects, n_proposals) float64; 1 where neither has an outline, 0 where only one has.
    """
    # Each mask's outline is drawn and widened once, however many pairs it is part of.
    object_lines, object_zones = _outlines(np.where(void, 0, truth), n_objects)
    proposal_lines, proposal_zones = _outlines(np.where(void, 0, proposals), n_proposals)

    # Outlines are sparse: look the other side's zones up at their pixels only.
    recalled = np.zeros((n_objects, n_proposals))
    for i, line in enumerate(object_lines):
        recalled[i] = proposal_zones[:, line].sum(axis=1)
    precise = np.zeros((n_objects, n_proposals))
    for j, line in enumerate(proposal_lines):
        precise[:, j] = object_zones[:, line].sum(axis=1)

    object_length = np.array([line.size for line in object_lines], dtype=float)[:, None]
    proposal_length = np.array([line.size for line in proposal_lines], dtype=float)[None, :]
    precision = precise / np.maximum(proposal_length, 1)
    recall = recalled / np.maximum(object_length, 1)
    total = precision + recall
    scores = 2 * precision * recall / np.where(total == 0, 1, total)
    # With one outline empty nothing met, so the formula gives 0 already.
    return np.where((object_length == 0) & (proposal_length == 0), 1.0, scores)


def _outlines(ids: np.ndarray, count: int) -> tuple[list[np.ndarray], np.ndarray]:
    """Outlines of the masks 1..count of an id map, and the zones within the radius of them.

    Returns:
        flat pixel indices of each outline, and (count, H·W) bool zones.
    """
    height, width = ids.shape
    radius = matching_radius(height, width)
    disk = _disk(radius)
    lines = []
    zones = np.zeros((count, height, width), dtype=bool)
    for index in range(count):
        mask = ids == index + 1
        left, top, across, down = cv2.boundingRect(mask.view(np.uint8))
        if across == 0:
            lines.append(np.zeros(0, dtype=np.int64))
            continue
        # Nothing happens further from the mask than the radius and the one pixel up and left
        # that the outline may lie outside it.
        rows = slice(max(0, top - radius - 1), min(height, top + down + radius + 1))
        columns = slice(max(0, left - radius - 1), min(width, left + across + radius + 1))
        outline = boundary(mask[rows, columns])
        y, x = np.nonzero(outline)
        lines.append((y + rows.start) * width + x + columns.start)
        zones[index, rows, columns] = cv2.dilate(outline.view(np.uint8), disk).view(bool)
    return lines, zones.reshape(count, height * width)


def _disk(radius: int) -> np.ndarray:
    """(2r+1, 2r+1) uint8, 1 at the offsets no longer than ``radius``."""
    offsets = np.arange(-radius, radius + 1)
    return (offsets[:, None] ** 2 + offsets[None, :] ** 2 <= radius**2).astype(np.uint8)
