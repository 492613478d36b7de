"""Objects of a video in the colours of reports and figures."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import cv2
import numpy as np

from betrayed.io.mask_levels import mask_ids
from betrayed.io.palette import VOID
from betrayed.io.style import colour_table

OTHER = VOID  # the colour of foreground that is no proposal, and of void
BLEND = 0.55  # how much of an object's colour covers it


def coloured(picture: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """A picture (H, W, 3) uint8 with the ids (H, W) above 0 in the report's colours."""
    mixed = (1 - BLEND) * picture + BLEND * colour_table()[ids]
    return np.where((ids > 0)[..., None], mixed.round(), picture).astype(np.uint8)


def object_ids(folder: str | Path, index: int) -> np.ndarray:
    """Ids of the objects in a frame, (H, W) uint8; foreground that is no proposal is 255.

    Args:
        folder: the video's folder of masks.
        index: the frame.
    """
    return mask_ids(folder, index, "objects", rest=OTHER)


def grid_ids(folder: str | Path, frames: Iterable[int], grid: Sequence[int]) -> np.ndarray:
    """The object at each token of some frames, (frames, h, w) uint8, 0 for none."""
    size = grid[1], grid[0]
    ids = [
        cv2.resize(object_ids(folder, index), size, interpolation=cv2.INTER_NEAREST_EXACT)
        for index in frames
    ]
    return np.where(np.stack(ids) == OTHER, 0, ids).astype(np.uint8)
