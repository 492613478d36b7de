"""Videos that show nothing: where all is alike, nothing is an object."""

from collections.abc import Callable

import cv2
import numpy as np

#: Values of 0…255 that pixels of one colour may differ by, and means of places: what coding does.
_PIXELS, _PLACES = 16, 6
_SIDE = 64  # of the places, in each direction
#: What is said of a video in which no object is found.
NOTHING = "Nothing stands out in {video}: it has no object."


def is_blank(frame: Callable[[int], np.ndarray], count: int) -> bool:
    """Whether every frame of a video is of one colour, be it another from frame to frame.

    Args:
        frame: gives a frame (H, W, 3) uint8 RGB by its number.
        count: how many there are; the first that shows something ends the search.
    """
    return all(_is_plain(frame(index)) for index in range(count))


def _is_plain(picture: np.ndarray) -> bool:
    if _range(picture) > _PIXELS:
        return False
    size = tuple(min(side, _SIDE) for side in picture.shape[1::-1])
    return _range(cv2.resize(picture, size, interpolation=cv2.INTER_AREA)) <= _PLACES


def _range(picture: np.ndarray) -> int:
    """The widest range of the three colours."""
    return int(np.ptp(picture.reshape(-1, 3), axis=0).max())
