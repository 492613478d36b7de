"""The masks of a video's foreground, moved to the edges of the image once and read often."""

from collections.abc import Callable

import cv2
import numpy as np

from betrayed.objects.foreground import Foreground
from betrayed.objects.pixels import enlarge_mask, refined_small


class Outlines:
    """Where the foreground of a video is, frame by frame, in pixels."""

    def __init__(
        self,
        foreground: Foreground,
        size: tuple[int, int],
        frame: Callable[[int], np.ndarray] | None,
    ) -> None:
        """Move the outlines of all frames; a bit is kept for each pixel of small frames.

        Args:
            foreground: where it is, by tokens.
            size: height and width of the video's frames.
            frame: gives a frame (H, W, 3) uint8 RGB by its number, to whose edges outlines are
                moved; None leaves them.
        """
        self._foreground, self._size = foreground, size
        self._small: list[tuple[tuple[int, int], np.ndarray] | None] = []
        for index in range(len(foreground.scores)):
            small = refined_small(self._by_tokens(index), frame(index)) if frame else None
            self._small.append(None if small is None else (small.shape, np.packbits(small)))

    def mask(self, index: int) -> np.ndarray:
        """The foreground of a frame at the video's own size, (H, W) bool."""
        stored = self._small[index]
        if stored is None:
            return self._by_tokens(index)
        shape, bits = stored
        small = np.unpackbits(bits, count=shape[0] * shape[1]).reshape(shape)
        return enlarge_mask(small, self._size)

    def _by_tokens(self, index: int) -> np.ndarray:
        scores = enlarged(self._foreground.scores[index], self._size)
        return scores >= self._foreground.threshold


def enlarged(scores: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Scores (h, w) at another size, cubic between places."""
    return cv2.resize(scores, (size[1], size[0]), interpolation=cv2.INTER_CUBIC)
