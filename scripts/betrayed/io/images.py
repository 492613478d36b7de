"""Frames that lie as images in a folder: which there are, and their pixels."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from betrayed.errors import UserError
from betrayed.io.file_kinds import is_image


def read_image(path: str | Path) -> np.ndarray:
    """Read a picture wholly, upright, as (H, W, 3) uint8 RGB.

    Raises:
        UserError: it is missing, damaged or cut short.
    """
    try:
        with Image.open(path) as image:
            return np.array(ImageOps.exif_transpose(image).convert("RGB"))
    except FileNotFoundError as error:
        raise UserError(f"The frame {path} is missing.") from error
    except (OSError, SyntaxError, ValueError) as error:
        raise UserError(
            f"The frame {path} cannot be read ({error}). Replace it with a whole file."
        ) from error


def numbered_images(folder: str | Path) -> dict[int, Path]:
    """The images of a folder by the number in their names, in the order of the numbers.

    The number is the last run of digits in the name: frame_0012.jpg is 12. Litter and
    files that are no images are left out.

    Raises:
        UserError: an image has no number, or two have the same.
    """
    images: dict[int, Path] = {}
    for path in sorted(Path(folder).iterdir()):
        if not is_image(path):
            continue
        digits = re.search(r"(\d+)\D*$", path.stem)
        if digits is None:
            raise UserError(
                f"{path} has no number in its name. Name frames by number, such as 00000.jpg."
            )
        number = int(digits[1])
        if number in images:
            raise UserError(
                f"{images[number]} and {path} both are frame {number}. Remove or renumber one."
            )
        images[number] = path
    return dict(sorted(images.items()))


def size_text(shape: Sequence[int]) -> str:
    """Width and height of an image of shape (H, W, …), for messages."""
    return f"{shape[1]}x{shape[0]}"
