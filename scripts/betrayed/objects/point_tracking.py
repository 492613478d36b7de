"""Follow points through a video by optical flow, until they are hidden or leave the frame."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

import cv2
import numpy as np

from betrayed.objects.flow import Flow
from betrayed.objects.resizing import in_frames_of

#: Pixels from one place where points start to the next; half as many keep points apart.
_CELL = 8
#: Forward and backward flow must cancel to this share of their squares, plus pixels² at 240 high
#: (Sundaram, Brox and Keutzer, ECCV 2010: dense point trajectories).
_SHARE, _SLACK = 0.01, 0.5


@dataclass(frozen=True)
class Points:
    """The points that are alive in one frame, those that have lived longest first.

    Attributes:
        ids: (n,) int32; a point keeps its id from frame to frame, and no other ever has it.
        places: (n, 2) float32, row and column in pixels of the flow; 0 is a pixel's centre.
    """

    ids: np.ndarray
    places: np.ndarray


def follow_points(flows: Iterable[Flow], size: tuple[int, int]) -> Iterator[Points]:
    """Follow points that start wherever none is near, so that they cover every frame.

    A point starts in the middle of each cell of 8 pixels that has no living point within 4. It
    moves by the flow, bilinear between pixels, and ends where forward and backward flow disagree
    (it is hidden), where it leaves the frame, and where an older point has come to the same 4
    pixels.

    Args:
        flows: between neighbouring frames, T − 1.
        size: height and width of the frames that flow was computed on.

    Yields:
        The points of each of the T frames.
    """
    points = Points(np.empty(0, np.int32), np.empty((0, 2), np.float32))
    started = 0
    for flow in chain([None], flows):
        if flow is not None:
            points = _moved(points, flow, size)
        new = _starts(points.places, size)
        ids = np.arange(started, started + len(new), dtype=np.int32)
        started += len(new)
        points = Points(np.concatenate([points.ids, ids]), np.concatenate([points.places, new]))
        yield points


def sample(values: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Values (H, W, C) at places (n, 2), row and column: (n, C) float32, bilinear, edges repeated.

    Not by ``cv2.remap``, which reads wrong memory where there are more than a few channels.
    """
    last = np.array(values.shape[:2]) - 1
    places = np.clip(places, 0, last)
    low = np.floor(places).astype(int)
    high = np.minimum(low + 1, last)
    down, right = (places - low).astype(np.float32).T[..., None]
    upper = (1 - right) * values[low[:, 0], low[:, 1]] + right * values[low[:, 0], high[:, 1]]
    lower = (1 - right) * values[high[:, 0], low[:, 1]] + right * values[high[:, 0], high[:, 1]]
    return (1 - down) * upper + down * lower


def _moved(points: Points, flow: Flow, size: tuple[int, int]) -> Points:
    """The points that are still seen in the next frame, where they are then."""
    forward = sample(flow.forward, points.places)[:, ::-1]
    places = points.places + forward
    last = np.array(size) - 1
    inside = ((places >= 0) & (places <= last)).all(axis=1)
    backward = sample(flow.backward, places)[:, ::-1]
    squares = (forward**2).sum(axis=1) + (backward**2).sum(axis=1)
    slack = in_frames_of(size[0], in_frames_of(size[0], _SLACK))  # of squares
    returns = ((forward + backward) ** 2).sum(axis=1) < _SHARE * squares + slack
    kept = np.flatnonzero(inside & returns)
    # Where several meet, the first stays, which is the oldest.
    cells = (places[kept] // (_CELL // 2)).astype(np.int64) @ np.array([size[1] + 1, 1])
    kept = kept[np.sort(np.unique(cells, return_index=True)[1])]
    return Points(points.ids[kept], places[kept].astype(np.float32))


def _starts(places: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Middles of cells (n, 2) float32 that have none of ``places`` within half a cell."""
    middles = [np.arange(min((_CELL - 1) / 2, side - 1), side, _CELL) for side in size]
    grid = np.stack(np.meshgrid(*middles, indexing="ij"), -1).reshape(-1, 2)
    near = np.zeros(size, np.uint8)
    near[tuple(np.round(places).astype(int).T)] = 1
    near = cv2.dilate(near, np.ones((_CELL + 1, _CELL + 1), np.uint8))
    return grid[near[tuple(grid.astype(int).T)] == 0].astype(np.float32)
