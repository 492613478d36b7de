"""Images of ids: palette PNGs as DAVIS and PASCAL VOC keep them."""

from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from betrayed.errors import UserError

#: The id of pixels that count for nobody.
VOID = 255


@cache
def davis_palette() -> bytes:
    """The colours of the ids 0…255, as 768 bytes (R, G, B of id 0, of id 1, …).

    PASCAL VOC's colour map: the id's bits are dealt out in turn to red, green and blue, and fill
    each of them from its highest bit down.
    """
    ids = np.arange(256)
    colours = np.zeros((256, 3), np.uint8)
    for digit in range(8):
        for channel in range(3):
            colours[:, channel] |= ((ids >> (3 * digit + channel) & 1) << (7 - digit)).astype("u1")
    return colours.tobytes()


def save_palette_png(path: str | Path, ids: np.ndarray) -> None:
    """Write ids (H, W), whole numbers within 0…255, as a palette PNG with the DAVIS colours.

    Raises:
        ValueError: ``ids`` is not two-dimensional, holds no whole numbers, or leaves 0…255.
    """
    ids = np.asarray(ids)
    if ids.ndim != 2 or ids.dtype.kind not in "bui":
        raise ValueError(f"ids must be (H, W) whole numbers, not {ids.shape} {ids.dtype}")
    if ids.size and (ids.min() < 0 or ids.max() > 255):
        raise ValueError(f"ids must lie within 0…255, not {ids.min()}…{ids.max()}")
    image = Image.fromarray(ids.astype(np.uint8))  # kind L; a palette makes it P
    image.putpalette(davis_palette())
    image.save(path, format="PNG")


def ids_in(ids: np.ndarray) -> set[int]:
    """The ids that occur in an array of uint8, background and void among them."""
    return set(np.flatnonzero(np.bincount(ids.ravel(), minlength=256)).tolist())


def read_ids(path: str | Path, highest: int = 255) -> np.ndarray:
    """Read an image of ids as (H, W) uint8: a palette, grey or black-and-white image.

    Args:
        path: the image.
        highest: the highest id allowed. Above 255 the ids of images of 16 bits may be uint16.

    Raises:
        UserError: the file is missing, damaged, or is a picture in colour; an id is too high.
    """
    try:
        with Image.open(path) as image:
            image.load()
            if image.mode == "1":
                return np.asarray(image).astype(np.uint8) * 255
            if image.mode in ("P", "L"):
                return np.array(image)
            if image.mode.startswith("I"):  # 16 or 32 bits a pixel
                wide = np.asarray(image)
                if wide.min() >= 0 and wide.max() <= highest:
                    return wide.astype(np.min_scalar_type(int(wide.max())))
                raise UserError(
                    f"{path} holds ids up to {wide.max()}, but ids must lie within 0…{highest} "
                    f"(255 is void). Number its objects from 1."
                )
            mode = image.mode
    except FileNotFoundError as error:
        raise UserError(f"The image of ids {path} is missing.") from error
    except (OSError, SyntaxError, ValueError, UnidentifiedImageError) as error:
        raise UserError(
            f"The image of ids {path} cannot be read ({error}). Replace it with a whole file."
        ) from error
    raise UserError(
        f"{path} is a picture in colour ({mode}), but it must hold ids: a palette or "
        f"grey PNG, 0 for the background and 1, 2, … for the objects. Convert its colours to ids."
    )
