"""Boundary measure F: how well outlines meet within a small disk (Perazzi et al., CVPR 2016).

Nothing here is done by mask or by pair of masks: an id map is searched for the outlines of all its
masks at once, and the pixels near an object's outline are looked up once for all proposals. The
cost is that of the outlines, however many masks share them.
"""

import math

import numpy as np

# The disk's radius as a share of the image diagonal, DAVIS's figure.
TOLERANCE = 0.008
#: How many pixels of disks are looked up at once; keeps memory to some tens of megabytes.
AT_ONCE = 2**20


def outlines(ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The outlines of all masks of an id map, 1 pixel wide.

    A pixel is on a mask's outline when its right, lower or lower right neighbour is on the other
    side; in the last row only the right neighbour counts, in the last column only the lower one.
    So it is on the outlines of all ids that it and these neighbours have, when they have several.

    Args:
        ids: (H, W) integer ids, 0 background, which has no outline.

    Returns:
        Flat indices of pixels, ascending, a pixel once for each mask on whose outline it is; and
        the masks' ids. Both (n,) int64.
    """
    height, width = ids.shape
    # Beyond the last row and column the image goes on as it is, so that nothing differs there.
    wider = np.empty((height + 1, width + 1), ids.dtype)
    wider[:-1, :-1], wider[-1, :-1] = ids, ids[-1]
    wider[:, -1] = wider[:, -2]
    across, down = wider[:, :-1] != wider[:, 1:], wider[:-1] != wider[1:]
    # Where the lower right neighbour alone differs, the lower one differs from it.
    differs = across[:-1] | down[:, :-1] | across[1:]
    pixels = np.flatnonzero(differs)
    corners = pixels + pixels // width  # the same pixels in the wider image
    here, right, below, diagonal = wider.ravel()[
        corners + np.array([[0], [1], [width + 1], [width + 2]])
    ]
    first = [  # whether an id is met for the first time
        here > 0,
        (right > 0) & (right != here),
        (below > 0) & (below != here) & (below != right),
        (diagonal > 0) & (diagonal != here) & (diagonal != right) & (diagonal != below),
    ]
    kept = np.flatnonzero(np.stack(first, axis=1))  # by pixel, then by neighbour
    ids_met = np.stack([here, right, below, diagonal], axis=1).ravel()[kept]
    return pixels[kept // 4], ids_met.astype(np.int64)


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
    height, width = truth.shape
    radius = matching_radius(height, width)
    valid = ~void
    object_pixels, object_ids = outlines(truth * valid)
    pixels, ids = outlines(proposals * valid)
    # From here on the image has a margin as wide as the radius: disks need not be cut to it.
    row = width + 2 * radius
    object_pixels = (object_pixels // width + radius) * row + object_pixels % width + radius
    pixels = (pixels // width + radius) * row + pixels % width + radius
    # How many entries of ``pixels`` come before each pixel: one more after each of them.
    bounds = np.concatenate([[-1], pixels, [(height + 2 * radius) * row]])
    before = np.repeat(np.arange(len(pixels) + 1, dtype=np.int32), np.diff(bounds))

    recalled, precise = np.zeros((2, n_objects, n_proposals))
    step = max(1, AT_ONCE // (2 * radius + 1) ** 2)
    for index in range(n_objects):
        line = object_pixels[object_ids == index + 1]
        met = np.zeros(len(ids), bool)
        for start in range(0, len(line), step):
            places, near = _within(line[start : start + step], before, radius, row)
            met[near] = True
            reached = np.zeros((min(step, len(line) - start), n_proposals + 1), bool)
            reached[places, ids[near]] = True
            recalled[index] += np.count_nonzero(reached[:, 1:], axis=0)
        precise[index] = np.bincount(ids[met], minlength=n_proposals + 1)[1:]

    object_length = np.bincount(object_ids, minlength=n_objects + 1)[1:, None]
    proposal_length = np.bincount(ids, minlength=n_proposals + 1)[None, 1:]
    precision = precise / np.maximum(proposal_length, 1)
    recall = recalled / np.maximum(object_length, 1)
    total = precision + recall
    scores = 2 * precision * recall / np.where(total == 0, 1, total)
    # With one outline empty nothing met, so the formula gives 0 already.
    return np.where((object_length == 0) & (proposal_length == 0), 1.0, scores)


def _within(
    line: np.ndarray, before: np.ndarray, radius: int, row: int
) -> tuple[np.ndarray, np.ndarray]:
    """The entries of a sorted list of pixels that lie within the radius of each pixel of a line.

    Args:
        line: (n,) flat indices of pixels, none nearer to the border of the image than the radius.
        before: how many entries of the list come before each pixel, and at last how many there are.
        radius: in pixels.
        row: pixels in a row of the image.

    Returns:
        Positions in ``line`` and positions in the list, both (m,), a pair for each meeting.
    """
    # A disk is a run of pixels in each of its rows, and so a run of entries.
    down = np.arange(-radius, radius + 1)
    half = np.array([math.isqrt(radius**2 - int(y) ** 2) for y in down])
    first = before[line[:, None] + (down * row - half)]
    lengths = before[line[:, None] + (down * row + half + 1)] - first  # (n, rows of the disk)
    skipped = np.cumsum(lengths) - lengths.ravel()
    entries = np.repeat(first.ravel() - skipped, lengths.ravel())
    entries += np.arange(len(entries))
    return np.repeat(np.arange(len(line)), lengths.sum(axis=1)), entries
