"""Images of ids: palette PNGs as DAVIS and PASCAL VOC keep them."""

from functools import cache
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from betrayed.errors import UserError
from betrayed.io.images import ORIENTATION, TURNS, channel_bits, opened

Colour = tuple[int, int, int]
#: The id of pixels that count for nobody.
VOID = 255
#: Pixels counted at a time: OpenCV gives its counts as float32, which is exact up to here.
_COUNTED = 2**24
#: Formats of images that do not give back what was saved.
_LOSSY = ("JPEG", "MPO", "JPEG2000", "AVIF", "WEBP")
#: Modes of images that may be grey all the same, by how many channels are of colour.
_COLOURS = {"LA": 1, "RGB": 3, "RGBA": 3}


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
    if ids.dtype != np.uint8 and ids.size and (ids.min() < 0 or ids.max() > 255):
        raise ValueError(f"ids must lie within 0…255, not {ids.min()}…{ids.max()}")
    image = Image.fromarray(ids.astype(np.uint8, copy=False))  # kind L; a palette makes it P
    image.putpalette(davis_palette())
    image.save(path, format="PNG")


def ids_in(ids: np.ndarray) -> set[int]:
    """The ids that occur in an array of uint8, background and void among them."""
    return set(values_in(ids).tolist())


def values_in(ids: np.ndarray) -> np.ndarray:
    """The values that occur in an array of whole numbers from 0 on, in rising order."""
    return np.flatnonzero(count_ids(ids) if ids.dtype == np.uint8 else np.bincount(ids.ravel()))


def count_ids(ids: np.ndarray) -> np.ndarray:
    """How often each of 0…255 occurs in an array of uint8, (256,) whole numbers."""
    flat, counts = np.ascontiguousarray(ids).reshape(1, -1), np.zeros(256, int)
    for begin in range(0, flat.shape[1], _COUNTED):
        part = flat[:, begin : begin + _COUNTED]
        counts += cv2.calcHist([part], [0], None, [256], [0, 256]).ravel().astype(int)
    return counts


def read_ids(path: str | Path, highest: int = 255) -> np.ndarray:
    """Read an image of ids as (H, W) uint8: a palette, grey or black-and-white image.

    A grey image may have been saved in colour, or with alpha, which is left out: bear/00077.png of
    DAVIS-2016 is said to be so.

    Whether the ids of a video can be meant says :class:`betrayed.io.mask_checks.MaskJudge`.

    Args:
        path: the image; one that says how it is turned upright (Exif) is.
        highest: the highest id allowed. Above 255 the ids of images of 16 bits may be uint16.

    Raises:
        UserError: the file is missing, damaged, was saved with loss, or is a picture in colour or
            of floating point; an id is too high.
    """
    with opened(path, "image of ids") as image:
        return np.ascontiguousarray(_upright(image, _ids(path, image, highest)))


def read_ids_and_palette(
    path: str | Path, highest: int = 255
) -> tuple[np.ndarray, dict[int, Colour]]:
    """The same, and the colours (R, G, B) of a palette by the ids that they are for."""
    with opened(path, "image of ids") as image:
        ids = np.ascontiguousarray(_upright(image, _ids(path, image, highest)))
        palette = image.getpalette() if image.mode == "P" else None
    colours = zip(*[iter(palette or ())] * 3, strict=False)
    return ids, dict(enumerate(colours))


def _upright(image: Image.Image, ids: np.ndarray) -> np.ndarray:
    turned = TURNS.get(image.getexif().get(ORIENTATION, 1))
    return turned(ids) if turned else ids


def _ids(path: str | Path, image: Image.Image, highest: int) -> np.ndarray:
    """The ids of an open image as it is saved."""
    if image.format in _LOSSY or image.info.get("compression") in ("jpeg", "tiff_jpeg"):
        raise UserError(
            f"{path} was saved as {image.format}, which loses: ids come back as others. Save "
            f"masks as PNG, from what they were made of."
        )
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
            f"(255 is void). Number its objects from 1; of more than 254 leave some out."
        )
    if (grey := _grey(image)) is not None:
        return grey
    raise UserError(
        f"{path} is a picture {_kind(image)}, but it must hold ids: a palette or grey PNG, 0 for "
        f"the background and 1, 2, … for the objects. Convert its values to ids."
    )


def _kind(image: Image.Image) -> str:
    """What an image is that holds no ids, for messages."""
    if image.mode == "F":
        return "of floating point"
    if channel_bits(image) > 8:
        return f"with several channels of 16 bits ({image.mode})"
    return f"in colour{', or of transparency alone' * image.mode.endswith('A')} ({image.mode})"


def _grey(image: Image.Image) -> np.ndarray | None:
    """The values of an image that is grey, though it has more channels; None where it is not."""
    colours = _COLOURS.get(image.mode)
    if colours is None or channel_bits(image) > 8:  # of which Pillow keeps the upper 8 alone
        return None
    values = np.asarray(image)
    grey, alpha = values[..., 0], values[..., colours:]
    if (values[..., 1:colours] != grey[..., None]).any():
        return None
    # A shape cut out of one colour is in the alpha alone; what is clear everywhere shows nothing.
    flat = grey.min() == grey.max() and len(np.unique(alpha)) > 1
    return None if flat or grey[(alpha == 0).any(axis=-1)].any() else grey.copy()
