"""Where another shot of a film begins: by a cut, or in the middle of a dissolve or a fade.

A cut is a frame that looks quite unlike the one before, in a film that is else calm. The rule is
that of PySceneDetect's adaptive detector: the difference of two neighbouring frames is the mean
difference of hue, saturation and value; it is a cut where it is large, and several times as large
as the differences around it, so that a fast camera or a flickering light is none. Changes that take
longer are found by :mod:`betrayed.video.dissolves`, since PySceneDetect has no detector for
dissolves; and its packages bring an OpenCV of the same files as ours.
"""

from collections import deque

import cv2
import numpy as np

from betrayed.video.dissolves import DissolveFinder

#: Of a difference, in levels of 256; and how many times those around it, so many on each side.
_LEAST, _TIMES, _AROUND = 15.0, 3.0, 2
#: Frames that a shot has at least: what flashes up for a moment is none.
SHORTEST = 15
#: The longer side at which frames are compared, in pixels.
_SIDE = 160


class CutFinder:
    """Is shown a film frame by frame, and remembers a few numbers of it."""

    def __init__(self) -> None:
        self._cuts: list[int] = []
        self._dissolves = DissolveFinder()
        self._before: np.ndarray | None = None
        self._differences: deque[float] = deque(maxlen=2 * _AROUND + 1)
        self._count = 0

    @property
    def cuts(self) -> list[int]:
        """Numbers of the frames at which another shot begins, rising; known once all were shown."""
        cuts = list(self._cuts)
        for change in self._dissolves.changes:
            if all(abs(cut - change) >= SHORTEST for cut in [0, *cuts]):
                cuts.append(change)
        return sorted(cuts)

    def show(self, picture: np.ndarray) -> None:
        """The next frame, (H, W, 3) uint8 RGB."""
        scale = min(1.0, _SIDE / max(picture.shape[:2]))
        size = [max(1, round(side * scale)) for side in picture.shape[1::-1]]
        small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        self._dissolves.show(small)
        colours = cv2.cvtColor(small, cv2.COLOR_RGB2HSV)
        if self._before is not None:
            self._differences.append(float(cv2.absdiff(colours, self._before).mean()))
            if len(self._differences) == self._differences.maxlen:
                self._judge(self._count - _AROUND)
        self._before = colours
        self._count += 1

    def _judge(self, frame: int) -> None:
        """Whether a shot begins at the frame whose difference lies in the middle."""
        own = self._differences[_AROUND]
        around = (sum(self._differences) - own) / (2 * _AROUND)
        before = self._cuts[-1] if self._cuts else 0
        if own >= _LEAST and own >= _TIMES * around and frame - before >= SHORTEST:
            self._cuts.append(frame)
