"""Frames that lie as images in a folder: which there are, and their pixels."""

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from betrayed.errors import UserError
from betrayed.io.bit_depths import Depths, to_8_bits
from betrayed.io.file_kinds import is_image
from betrayed.io.plain_jpegs import decode_plain_jpeg
from betrayed.io.several_pictures import several_pictures

# Tags of TIFF; the largest value, of whole numbers and of any.
_BITS, _PHOTOMETRIC, _SAMPLE_FORMAT, _MOST, _MOST_OF_ANY = 258, 262, 339, 281, 341
_WHITE_IS_ZERO, _SIGNED = 0, 2
_SHOWN = 20
#: A tag of Exif, and by its value how pixels (H, W, …) as saved are brought upright.
ORIENTATION = 274
TURNS = {
    2: lambda one: one[:, ::-1],
    3: lambda one: one[::-1, ::-1],
    4: lambda one: one[::-1],
    5: lambda one: one.swapaxes(0, 1),
    6: lambda one: np.rot90(one, -1),
    7: lambda one: one[::-1, ::-1].swapaxes(0, 1),
    8: lambda one: np.rot90(one),
}
_JPEGS = ("JPEG", "MPO")
_LYING = (5, 6, 7, 8)  # of these width and height are exchanged


@contextmanager
def opened(path: str | Path, what: str, *, coarsely: bool = False) -> Iterator[Image.Image]:
    """Open an image, read it wholly, and say for people what is wrong with it.

    Args:
        path: the image.
        what: what messages call it, such as "frame".
        coarsely: where only what is wrong is wanted. A JPEG then comes at an eighth of its size:
            its data are all read, and most of the time goes into what is made of them.

    Raises:
        UserError: it is missing, damaged, cut short, larger than can be meant, or several images.
    """
    with ExitStack() as stack:
        try:
            # By its name Pillow would map a plain TIFF into memory, and leave it on its side.
            file = stack.enter_context(open(path, "rb"))
            image = stack.enter_context(Image.open(file))
        except FileNotFoundError as error:
            raise UserError(f"The {what} {path} is missing.") from error
        except UnidentifiedImageError as error:  # its text names the object
            reason = ValueError(f"cannot identify image file {os.fspath(path)!r}")
            raise UserError(
                f"{_unreadable(path, what, reason)} If other programs open it, save it as PNG."
            ) from error
        except Exception as error:  # readers of damaged files raise whatever they stumble over
            raise UserError(_unreadable(path, what, error)) from error
        try:
            if coarsely:
                image.draft(None, (1, 1))  # does nothing to others than JPEGs
            image.load()
            image.filename = os.fspath(path)
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


def read_image(path: str | Path, white: float | None = None) -> np.ndarray:
    """Read a picture wholly, upright, as (H, W, 3) uint8 RGB.

    What is transparent lies over black, as players show it.

    Args:
        path: the image.
        white: the value that is white, where the image has more than 8 bits a channel; None: 65535
            of whole numbers, and of floating point what this image tells. For the frames of a
            video :class:`betrayed.io.bit_depths.Depths` tells it.

    Raises:
        UserError: it is missing, damaged, cut short, or its values are of no known scale.
    """
    if (pixels := _plain_jpeg(path)) is not None:
        return pixels
    with opened(path, "frame") as image:
        values = _values(path, image)
        inverted = _is_inverted(image)
    if values.dtype == np.uint8:
        return values
    if white is None and values.dtype.kind == "f":
        depths = Depths(path)
        depths.add(path, values)
        white, _ = depths.white()
    picture = _as_picture(values, white or 65535.0)
    return 255 - picture if inverted else picture


def checked_size(path: str | Path, depths: Depths) -> tuple[int, int]:
    """Height and width of a picture, upright, if :func:`read_image` can read it.

    It takes less time than that where the picture is a JPEG.

    Args:
        path: the image.
        depths: takes the range of its values, and what the file says of them.

    Raises:
        UserError: it is missing, damaged, cut short, or its values are below 0 or no numbers.
    """
    with opened(path, "frame", coarsely=True) as image:
        values = _noted_values(path, image, depths)
        if image.format not in _JPEGS:
            return values.shape[:2]
    with Image.open(path) as image:  # its whole size stands in its head
        width, height = upright_size(image)
    return height, width


def numbered_images(folder: str | Path) -> dict[int, Path]:
    """The images of a folder by the number in their names, in the order of the numbers.

    The number is the last run of digits in the name by which names differ: frame_0012.jpg is 12,
    and so is frame_0012_v2.jpg among others with _v2. Litter and files that are no images are left
    out.

    Raises:
        UserError: images have no number, two have the same, or they are no files; all of them are
            named. Or names differ in more than one number.
    """
    images: dict[int, Path] = {}
    problems, before = [], {}
    try:
        entries = sorted(Path(folder).iterdir())
        files = {path: path.is_file() for path in entries if is_image(path)}
    except OSError as error:
        raise UserError(
            f"The folder {folder} cannot be read ({error.strerror}). Make it readable."
        ) from error
    for (path, is_file), stem in zip(files.items(), _without_common_end(files), strict=True):
        digits = re.search(r"(\d+)\D*$", stem)
        if not is_file:  # to open a pipe would be to wait for ever
            link = "a link that leads nowhere" if path.is_symlink() else "no file"
            problems.append(f"{path} is {link}")
        elif digits is None:
            several = several_pictures(path)
            other = f"is {several}, which is no frame" if several else "has no number in its name"
            problems.append(f"{path} {other}")
        elif (number := int(digits[1])) in images:
            problems.append(f"{images[number]} and {path} both are frame {number}")
        else:
            images[number] = path
            before.setdefault(stem[: digits.start()], path)
    # Of a time such as 12-34-56.100 the last number alone would give another order.
    counted = [name for name in before if re.search(r"\d", name)]
    if len(before) > 1 and counted and not problems:
        one, other = list(before.values())[:2]
        raise UserError(
            f"{one} and {other} differ in more than one number, as times do, so that it is not "
            f"known which one counts the frames. Number the frames 00000, 00001, … in their order."
        )
    if problems:
        more = len(problems) - _SHOWN
        raise UserError(
            "; ".join(problems[:_SHOWN])
            + (f"; and {more} more" if more > 0 else "")
            + ". Each frame needs a number of its own, such as 00000.jpg: rename, or remove."
        )
    return dict(sorted(images.items()))


def _without_common_end(paths: Iterable[Path]) -> list[str]:
    """Names without suffix, and without what all have behind their numbers: _v2, or _1280x720."""
    stems = [path.stem for path in paths]
    while len(stems) > 1:
        ends = [re.search(r"\d+\D*$", stem) for stem in stems]
        if not ends[0] or any(end is None or end[0] != ends[0][0] for end in ends):
            break
        shorter = [stem[: -len(ends[0][0])] for stem in stems]
        if not all(re.search(r"\d", stem) for stem in shorter):
            break
        stems = shorter
    return stems


def upright_size(image: Image.Image) -> tuple[int, int]:
    """Width and height of an open image when it is turned upright; its pixels need not be read."""
    # A TIFF's size is that of the picture upright from the start.
    lies = image.format != "TIFF" and image.getexif().get(ORIENTATION, 1) in _LYING
    return (image.height, image.width) if lies else (image.width, image.height)


def channel_bits(image: Image.Image) -> int:
    """Bits a channel of a PNG or TIFF as it is saved; 8 of all others."""
    if image.format == "PNG":
        return _png_chunks(image.filename).get(b"IHDR", bytes(9))[8]
    bits = getattr(image, "tag_v2", {}).get(_BITS, 8)
    return max(bits) if isinstance(bits, tuple) else bits


def size_text(shape: Sequence[int]) -> str:
    """Width and height of an image of shape (H, W, …), for messages."""
    return f"{shape[1]}x{shape[0]}"


def _noted_values(path: str | Path, image: Image.Image, depths: Depths) -> np.ndarray:
    """The values, of which the range is noted, and what the file says of it."""
    values = _values(path, image)
    colours = values[..., :3] if values.ndim == 3 else values
    depths.add(path, colours, **_told(image))
    return values


def _values(path: str | Path, image: Image.Image) -> np.ndarray:
    """The values of a picture as they are saved, upright.

    Returns:
        (H, W, 3) uint8 RGB where it has 8 bits a channel or less; else whole numbers of 16 bits or
        floating point, (H, W) or (H, W, 3), or (H, W, 4) with alpha.
    """
    try:
        turned = image.getexif().get(ORIENTATION) in TURNS
        upright = ImageOps.exif_transpose(image) if turned else image  # it copies, too
        if upright.mode.startswith("I;16"):
            return np.asarray(upright).astype(np.uint16)
        if upright.mode in ("I", "F"):
            return _checked_numbers(path, np.asarray(upright))
        if channel_bits(image) == 16:
            return _colours_of_16_bits(path)
        if upright.has_transparency_data:
            ground = Image.new("RGBA", upright.size, (0, 0, 0, 255))
            upright = Image.alpha_composite(ground, upright.convert("RGBA"))
        return np.array(upright if upright.mode == "RGB" else upright.convert("RGB"))
    except UserError:
        raise
    except Exception as error:
        raise UserError(_unreadable(path, "frame", error)) from error


def _is_inverted(image: Image.Image) -> bool:
    """Whether 0 is white, where Pillow leaves it so: in grey TIFFs of more than 8 bits."""
    return getattr(image, "tag_v2", {}).get(_PHOTOMETRIC) == _WHITE_IS_ZERO


def _told(image: Image.Image) -> dict[str, float]:
    """What a file says of its values, for :meth:`betrayed.io.bit_depths.Depths.add`."""
    if image.format == "PNG":
        return {"significant": max(_png_chunks(image.filename).get(b"sBIT", b"\0"))}
    tags = getattr(image, "tag_v2", {})
    stated = [tags[tag] for tag in (_MOST, _MOST_OF_ANY) if tag in tags]
    stated = [max(one) if isinstance(one, tuple) else one for one in stated]
    exact = channel_bits(image) if 8 < channel_bits(image) < 16 else 0
    return {"exact": exact, "stated": float(max(stated, default=0))}


def _png_chunks(path: str) -> dict[bytes, bytes]:
    """The chunks of a PNG that stand before its pixels."""
    chunks: dict[bytes, bytes] = {}
    with open(path, "rb") as file:
        file.seek(8)
        while len(head := file.read(8)) == 8 and head[4:] != b"IDAT":
            chunks[head[4:]] = file.read(int.from_bytes(head[:4], "big"))
            file.seek(4, os.SEEK_CUR)
    return chunks


def _colours_of_16_bits(path: str | Path) -> np.ndarray:
    """(H, W, 3) or, with alpha, (H, W, 4) uint16: Pillow keeps the upper 8 bits alone."""
    import av  # only here: it takes a while to load

    try:
        with av.open(f"file:{path}") as container:
            frame = next(container.decode(video=0))
            alpha = "alpha" in frame.format.name or frame.format.name[:4] in ("rgba", "ya16")
            values = frame.to_ndarray(format="rgba64le" if alpha else "rgb48le")
    except (av.error.FFmpegError, ValueError, StopIteration) as error:
        raise UserError(
            f"The frame {path} holds colours of 16 bits in a form that is not read. Save it as "
            f"PNG, or with 8 bits a channel."
        ) from error
    with Image.open(path) as unread:  # a TIFF that was read was turned, and has lost the tag
        turned = TURNS.get(unread.getexif().get(ORIENTATION, 1))
    return np.ascontiguousarray(turned(values)) if turned else values


def _checked_numbers(path: str | Path, values: np.ndarray) -> np.ndarray:
    """Floating point from 0 on; whole numbers of 32 bits have no scale that could be known."""
    lowest, highest = float(values.min()), float(values.max())
    if values.dtype.kind != "f" or not 0 <= lowest <= highest < np.inf:  # also where one is none
        raise UserError(
            f"The frame {path} holds {values.dtype} from {lowest:g} to {highest:g}, of which the "
            f"range is not known: floating point is read from 0 (black) to 1 or to 255 (white). "
            f"Save it with 8 or 16 bits a channel."
        )
    return values


def _as_picture(values: np.ndarray, white: float) -> np.ndarray:
    """Values of more than 8 bits as (H, W, 3) uint8, transparent ones over black."""
    if values.ndim == 2:
        return np.repeat(to_8_bits(values, white)[..., None], 3, axis=-1)
    if values.shape[2] == 4:
        whole = white if values[..., 3].max() <= white else 65535.0
        alpha = np.minimum(values[..., 3:] / whole, 1)
        return (to_8_bits(values[..., :3], white) * alpha).round().astype(np.uint8)
    return to_8_bits(values, white)


def _plain_jpeg(path: str | Path) -> np.ndarray | None:
    """The pixels of an ordinary JPEG; None of whatever else there is or is not."""
    try:
        return decode_plain_jpeg(Path(path).read_bytes())
    except OSError:
        return None


def _unreadable(path: str | Path, what: str, error: Exception) -> str:
    if isinstance(error, PermissionError):
        return f"The {what} {path} cannot be read ({error.strerror}). Make it readable."
    reason = str(error) or type(error).__name__
    return f"The {what} {path} cannot be read ({reason}). Replace it with a whole file."
