"""Masks that follow the edges of the image instead of the grid of tokens."""

import cv2
import numpy as np

#: Frames are worked on at this height: patches are far coarser, and time grows with the pixels.
_HEIGHT = 240
#: Where the mask may change: this share of the frame's height on both sides of its outline.
_BAND = 1 / 60
#: With fewer pixels on one side there are no colours to learn.
_FEWEST = 20


def enlarge_mask(small: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A mask (h, w) bool at another height and width, its outline smooth."""
    soft = cv2.resize(small.astype(np.float32), size[::-1], interpolation=cv2.INTER_LINEAR)
    return soft > 0.5


def refined_small(mask: np.ndarray, frame: np.ndarray) -> np.ndarray | None:
    """Move the outline of a mask to the edges of the image near it, by GrabCut.

    The colours on both sides are learnt from this mask and frame (Rother et al., 2004: "GrabCut");
    only a band along the outline may change sides.

    Args:
        mask: (H, W) bool.
        frame: (H, W, 3) uint8, RGB.

    Returns:
        (h, w) bool, at most 240 pixels high; the same for the same input. None without enough
        foreground or background to learn from.
    """
    height, width = mask.shape
    scale = min(1.0, _HEIGHT / height)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
    inside = (cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0.5).astype(
        np.uint8
    )
    if min(inside.sum(), inside.size - inside.sum()) < _FEWEST:
        return None
    band = 2 * max(1, round(_BAND * size[1])) + 1
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (band, band))
    known = np.where(inside, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    known[cv2.dilate(inside, disk) == 0] = cv2.GC_BGD
    known[cv2.erode(inside, disk) == 1] = cv2.GC_FGD
    cv2.setRNGSeed(0)  # GrabCut draws where its colour models start
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(small, known, None, *models, 1, cv2.GC_INIT_WITH_MASK)
    return (known == cv2.GC_FGD) | (known == cv2.GC_PR_FGD)
