"""Optical flow between neighbouring frames, both ways: computed once, read by motion and points."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from betrayed.objects.resizing import resize

#: Flow on fewer pixels than this a side is of no use; smaller frames are enlarged.
_SMALLEST_SIDE = 64
#: A side that is enlarged ends at so many times the height wanted: narrow frames lose their aspect.
_LONGEST_SIDE = 4


@dataclass(frozen=True)
class Flow:
    """Where every pixel goes between two frames; both (H, W, 2) float32, x and y in pixels.

    Attributes:
        forward: from the earlier frame to the later one.
        backward: from the later frame to the earlier one.
    """

    forward: np.ndarray
    backward: np.ndarray


def flow_size(frame_size: tuple[int, int], height: int) -> tuple[int, int]:
    """Height and width that frames of (height, width) have when flow is computed.

    Their aspect is kept, but where the longer side would be enlarged beyond four times ``height``:
    it ends there, so that the cost is bounded whatever the frames are.
    """
    bounds = (max(side, _LONGEST_SIDE * height, _SMALLEST_SIDE) for side in frame_size)
    rows, columns = map(min, _enlarged(frame_size, height), bounds)
    return rows, columns


def keeps_aspect(frame_size: tuple[int, int], height: int) -> bool:
    """Whether frames of (height, width) keep their aspect when flow is computed."""
    return flow_size(frame_size, height) == _enlarged(frame_size, height)


def _enlarged(frame_size: tuple[int, int], height: int) -> tuple[int, int]:
    scale = max(height / frame_size[0], _SMALLEST_SIDE / min(frame_size))
    return round(frame_size[0] * scale), round(frame_size[1] * scale)


def neighbour_flows(frames: Iterable[np.ndarray], height: int) -> Iterator[Flow]:
    """Flow between each frame and the next.

    Args:
        frames: (H, W, 3) uint8 RGB, all of one size; two are held at a time.
        height: pixels that frames are resized to, see :func:`flow_size`.

    Yields:
        One :class:`Flow` for each pair of neighbours: T − 1 for T frames.
    """
    search = dense_search()
    before = None
    for frame in frames:
        grey = grey_for_flow(frame, height)
        if before is not None:
            yield Flow(search.calc(before, grey, None), search.calc(grey, before, None))
        before = grey


def dense_search() -> cv2.DISOpticalFlow:
    """What computes flow from a grey frame to another (Kroeger et al., ECCV 2016)."""
    return cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)


def grey_for_flow(frame: np.ndarray, height: int) -> np.ndarray:
    """A frame (H, W, 3) uint8 RGB as flow is computed of it, (h, w): see :func:`flow_size`."""
    grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
    return resize(grey, flow_size(grey.shape, height))
