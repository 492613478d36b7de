"""Frames that lie as images in a folder: which there are, and their pixels."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from betrayed.errors import UserError
from betrayed.io.file_kinds import is_image
from betrayed.io.plain_jpegs import decode_plain_jpeg

_PHOTOMETRIC, _SAMPLE_FORMAT = 262, 339  # tags of TIFF
_WHITE_IS_ZERO, _SIGNED = 0, 2
_SHOWN = 20


@contextmanager
def opened(path: str | Path, what: str) -> Iterator[Image.Image]:
    """Open an image, read it wholly, and say for people what is wrong with it.

    Args:
        path: the image.
        what: what messages call it, such as "frame".

    Raises:
        UserError: it is missing, damaged, cut short, larger than can be meant, or several images.
    """
    try:
        image = Image.open(path)
    except FileNotFoundError as error:
        raise UserError(f"The {what} {path} is missing.") from error
    except Exception as error:  # readers of damaged files raise whatever they stumble over
        raise UserError(_unreadable(path, what, error)) from error
    with image:
        try:
            image.load()
            pages = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)
            tags = getattr(image, "tag_v2", {})
        except Exception as error:
            raise UserError(_unreadable(path, what, error)) from error
        if pages > 1:
            raise UserError(
                f"The {what} {path} holds {pages} images, but one is meant. Save each as a file of "
                f"its own."
            )
        sample = tags.get(_SAMPLE_FORMAT, 1)
        if _SIGNED in (sample if isinstance(sample, tuple) else (sample,)):
            raise UserError(
                f"The {what} {path} holds numbers with a sign, but images have values from 0 on. "
                f"Save it with 8 bits a channel."
            )
        yield image


def read_image(path: str | Path) -> np.ndarray:
    """Read a picture wholly, upright, as (H, W, 3) uint8 RGB.

    Images of 16 bits are scaled from 0…65535, and images of floating point from 0…1; what is
    transparent lies over black, as players show it.

    Raises:
        UserError: it is missing, damaged, cut short, or its values are of no known scale.
    """
    if (pixels := _plain_jpeg(path)) is not None:
        return pixels
    with opened(path, "frame") as image:
        try:
            upright = ImageOps.exif_transpose(image)
            if upright.mode.startswith("I;16"):
                return _coloured(_from_16_bits(upright, image))
            if upright.mode in ("I", "F"):
                return _coloured(_from_numbers(path, np.asarray(upright)))
            if upright.has_transparency_data:
                ground = Image.new("RGBA", upright.size, (0, 0, 0, 255))
                upright = Image.alpha_composite(ground, upright.convert("RGBA"))
            return np.array(upright.convert("RGB"))
        except UserError:
            raise
        except Exception as error:
            raise UserError(_unreadable(path, "frame", error)) from error


def numbered_images(folder: str | Path) -> dict[int, Path]:
    """The images of a folder by the number in their names, in the order of the numbers.

    The number is the last run of digits in the name: frame_0012.jpg is 12. Litter and
    files that are no images are left out.

    Raises:
        UserError: images have no number, or two have the same; all of them are named.
    """
    images: dict[int, Path] = {}
    problems = []
    for path in sorted(Path(folder).iterdir()):
        if not is_image(path):
            continue
        digits = re.search(r"(\d+)\D*$", path.stem)
        if digits is None:
            problems.append(f"{path} has no number in its name")
        elif (number := int(digits[1])) in images:
            problems.append(f"{images[number]} and {path} both are frame {number}")
        else:
            images[number] = path
    if problems:
        more = len(problems) - _SHOWN
        raise UserError(
            "; ".join(problems[:_SHOWN])
            + (f"; and {more} more" if more > 0 else "")
            + ". Each frame needs a number of its own, such as 00000.jpg: rename, or remove."
        )
    return dict(sorted(images.items()))


def size_text(shape: Sequence[int]) -> str:
    """Width and height of an image of shape (H, W, …), for messages."""
    return f"{shape[1]}x{shape[0]}"


def _from_16_bits(image: Image.Image, opened_image: Image.Image) -> np.ndarray:
    values = np.asarray(image).astype(np.uint32)  # (H, W), 0…65535
    if getattr(opened_image, "tag_v2", {}).get(_PHOTOMETRIC) == _WHITE_IS_ZERO:
        values = 65535 - values
    return ((values + 128) // 257).astype(np.uint8)


def _from_numbers(path: str | Path, values: np.ndarray) -> np.ndarray:
    """Floating point within 0…1; whole numbers of 32 bits have no scale that could be known."""
    lowest, highest = float(values.min()), float(values.max())
    if values.dtype.kind != "f" or not 0 <= lowest <= highest <= 1:  # also where one is no number
        raise UserError(
            f"The frame {path} holds {values.dtype} from {lowest:g} to {highest:g}, of which the "
            f"range is not known: floating point is read from 0 (black) to 1 (white). Save it with "
            f"8 or 16 bits a channel."
        )
    return (values * 255).round().astype(np.uint8)


def _coloured(grey: np.ndarray) -> np.ndarray:
    return np.repeat(grey[..., None], 3, axis=-1)


def _plain_jpeg(path: str | Path) -> np.ndarray | None:
    """The pixels of an ordinary JPEG; None of whatever else there is or is not."""
    try:
        return decode_plain_jpeg(Path(path).read_bytes())
    except OSError:
        return None


def _unreadable(path: str | Path, what: str, error: Exception) -> str:
    reason = str(error) or type(error).__name__
    return f"The {what} {path} cannot be read ({reason}). Replace it with a whole file."
