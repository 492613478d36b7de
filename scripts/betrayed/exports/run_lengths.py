"""Masks as run lengths of the COCO data set's form, one for each id of a frame."""

from typing import Any

import numpy as np
from pycocotools import mask as coco

from betrayed.exports.videos import numbers_in

#: All objects are of one class: what they are is not known.
CATEGORY = 1


def encode_ids(ids: np.ndarray) -> dict[int, dict[str, Any]]:
    """COCO's run lengths of every id but 0 in a frame.

    Args:
        ids: (H, W) uint8.

    Returns:
        For each id that occurs ``size`` (height, width) and ``counts`` as text.
    """
    numbers = numbers_in(ids)
    masks = np.asfortranarray(ids[..., None] == np.array(numbers, int), np.uint8)  # (H, W, P)
    return {
        number: {"size": list(ids.shape), "counts": mask["counts"].decode("ascii")}
        for number, mask in zip(numbers, coco.encode(masks) if numbers else [], strict=True)
    }
