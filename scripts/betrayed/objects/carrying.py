"""Masks carried from the frames that were computed to those between, by optical flow."""

from collections.abc import Iterator, Sequence

import cv2
import numpy as np

from betrayed.objects.flow import dense_search, grey_for_flow

#: Pixels that frames are resized to for the flow, as in settings of motion.
_HEIGHT = 240
#: Levels of grey by which the farther frame has to be the better match, for each step of farness.
_MARGIN = 4.0
_BLUR = 5  # pixels, over which a match is judged


def carry(
    greys: Sequence[np.ndarray], before: np.ndarray, after: np.ndarray | None
) -> Iterator[np.ndarray]:
    """The ids of the frames between two computed ones.

    Each pixel looks along the flow where it was in the frame before and will be in the one after,
    and takes the id from the frame whose grey it matches better there; where both match alike from
    the nearer one.

    Args:
        greys: see :func:`small_grey`: of the computed frame, of those between, and of the next
            computed one; without it where ``after`` is None, as at the end of a shot.
        before: (H', W') whole-number ids of the first frame; of any size.
        after: the same of the last frame; None: there is none.

    Yields:
        (H', W') ids of each frame between, of the same type.
    """
    last = len(greys) - 1
    between = range(1, last if after is not None else last + 1)
    search = dense_search()
    for index in between:
        places, error = _match(search, greys[index], greys[0], before.shape)
        ids = before.take(places)
        if after is not None:
            other_places, other_error = _match(search, greys[index], greys[last], before.shape)
            # Farness counts from -1 to 1: the middle frame has no favourite.
            farness = (2 * index - last) / last
            nearer = other_error - error < _MARGIN * farness
            ids = np.where(nearer, after.take(other_places), ids)
        yield ids


def _match(
    search: cv2.DISOpticalFlow, grey: np.ndarray, other: np.ndarray, size: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Where each pixel lies in the other frame, and how unlike it is there; both (H', W').

    Places are counted row by row.
    """
    flow = search.calc(grey, other, None)  # (h, w, 2)
    rows, columns = grey.shape
    xs, ys = np.meshgrid(np.arange(columns, dtype=np.float32), np.arange(rows, dtype=np.float32))
    xs, ys = xs + flow[..., 0], ys + flow[..., 1]
    warped = cv2.remap(other, xs, ys, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    error = cv2.blur(cv2.absdiff(warped, grey).astype(np.float32), (_BLUR, _BLUR))
    scale = np.array([size[1] / columns, size[0] / rows], np.float32)
    large = cv2.resize(flow * scale, size[::-1], interpolation=cv2.INTER_LINEAR)
    ys = np.rint(np.arange(size[0])[:, None] + large[..., 1]).clip(0, size[0] - 1)
    xs = np.rint(np.arange(size[1]) + large[..., 0]).clip(0, size[1] - 1)
    places = (ys * size[1] + xs).astype(np.intp)
    return places, cv2.resize(error, size[::-1], interpolation=cv2.INTER_LINEAR)


def small_grey(frame: np.ndarray) -> np.ndarray:
    """A frame (H, W, 3) uint8 RGB as :func:`carry` reads it: (h, w) uint8."""
    return grey_for_flow(frame, _HEIGHT)
