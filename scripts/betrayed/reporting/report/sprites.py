"""Pictures inside the page: the frames of a video side by side in one image, as a data URI."""

import base64
import io
import math
from collections.abc import Sequence

import cv2
import numpy as np
from PIL import Image

#: Of WebP for photographs: at the report's size the eye sees no difference to 80.
QUALITY = 55
#: Cells are as large as a multiple of this, so that no block of WebP's lies in two of them,
_BLOCK = 16
#: and pictures stand so far from their edges, since WebP's filter smooths over those of blocks.
MARGIN = 8
_LONGEST = 16383  # pixels, of a side of a WebP


def grid_columns(count: int) -> int:
    """How many pictures stand in a row of a sprite of so many."""
    return max(1, math.ceil(math.sqrt(count)))


def cell_size(height: int, width: int) -> tuple[int, int]:
    """Height and width of the cell that a photograph of this size stands in."""
    return tuple(-(-(side + 2 * MARGIN) // _BLOCK) * _BLOCK for side in (height, width))


def most_pictures(size: tuple[int, int]) -> int:
    """How many photographs of this height and width a sprite can hold: WebP has a largest side."""
    return (_LONGEST // max(cell_size(*size))) ** 2


def fitted(height: int, width: int, longest: int, aspect: float = 1) -> tuple[int, int]:
    """Height and width with the same ratio and a longer side of at most ``longest``.

    ``aspect`` is the width of a pixel by its height: pictures are shown as films are displayed.
    """
    width = max(1, round(width * aspect))
    scale = min(1.0, longest / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


def photograph_sprite(pictures: Sequence[np.ndarray]) -> str:
    """Pictures (H, W, 3) uint8 of one size as a WebP, each :data:`MARGIN` inside its cell."""
    sprite = _side_by_side([_to_cell(picture) for picture in pictures])
    return webp_uri(sprite)


def ids_sprite(ids: Sequence[np.ndarray]) -> str:
    """Images (H, W) uint8 of one size as a grey PNG that holds them exactly, without margins."""
    stream = io.BytesIO()
    Image.fromarray(_side_by_side(ids)).save(stream, "PNG", optimize=True)
    return _uri("image/png", stream)


def webp_uri(picture: np.ndarray, quality: int = QUALITY) -> str:
    """A picture (H, W, 3) uint8 as a WebP."""
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "WEBP", quality=quality, method=5)
    return _uri("image/webp", stream)


def shrunk(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A picture (H, W, 3) at another height and width, averaged."""
    return cv2.resize(picture, size[::-1], interpolation=cv2.INTER_AREA)


def shrunk_ids(ids: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Ids (H, W) uint8 at another height and width, each taken from the nearest pixel."""
    return cv2.resize(ids, size[::-1], interpolation=cv2.INTER_NEAREST_EXACT)


def _to_cell(picture: np.ndarray) -> np.ndarray:
    height, width = picture.shape[:2]
    rows, columns = cell_size(height, width)
    after = rows - height - MARGIN, columns - width - MARGIN
    return np.pad(picture, [(MARGIN, after[0]), (MARGIN, after[1]), (0, 0)], mode="edge")


def _side_by_side(pictures: Sequence[np.ndarray]) -> np.ndarray:
    columns = grid_columns(len(pictures))
    height, width = pictures[0].shape[:2]
    rows = -(-len(pictures) // columns)
    sprite = np.zeros((rows * height, columns * width, *pictures[0].shape[2:]), np.uint8)
    for place, picture in enumerate(pictures):
        top, left = place // columns * height, place % columns * width
        sprite[top : top + height, left : left + width] = picture
    return sprite


def _uri(kind: str, stream: io.BytesIO) -> str:
    return f"data:{kind};base64,{base64.b64encode(stream.getvalue()).decode('ascii')}"
