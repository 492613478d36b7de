"""Maps and images at another size."""

import cv2
import numpy as np

#: Lengths in pixels are told for frames of this height.
LENGTHS_HEIGHT = 240


def resize(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize to (height, width): means where it shrinks, linear where it grows."""
    shrinks = size[0] <= image.shape[0] and size[1] <= image.shape[1]
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return cv2.resize(image, (size[1], size[0]), interpolation=how)


def in_frames_of(height: float, length: float) -> float:
    """A length that is told for frames 240 high, in pixels of frames ``height`` pixels high."""
    return length * height / LENGTHS_HEIGHT
