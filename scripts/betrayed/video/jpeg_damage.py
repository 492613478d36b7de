"""Whether a JPEG's data are damaged in a way that its decoder patches over without an error.

A decoder fills up with grey what it cannot make sense of, and goes on; libjpeg says so in a line
for people, which OpenCV leaves on the error stream and Pillow drops.
"""

import io
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from betrayed.io.images import ORIENTATION, TURNS

_BEGINS = b"\xff\xd8\xff"
#: What libjpeg says of data that it had to make up.
_DAMAGE = re.compile(
    "premature end|bad Huffman|instead of RST|extraneous bytes before marker 0x(?!d9)"
)
#: And of bytes left over before the end: filling, which some cameras write there, or, where it had
#: lost its way, the data of what it did not get to. Filling is one or two values, or it is short:
#: up to a multiple of so many bytes.
_LEFT = re.compile("([0-9]+) extraneous bytes before marker 0xd9")
_FILLING = 16
_FILLED_UP = re.compile("extraneous bytes before marker 0xd[0-7]")
#: Markers: of frames whose scans are read one by one as their rows are asked for, of progressive
#: ones, which are read to their end before, and of a scan.
_SEQUENTIAL, _PROGRESSIVE, _SCAN = (0xC0, 0xC1), 0xC2, 0xDA
#: A marker in a scan's data, but for those that part them: 0xff in them is followed by 0.
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7]")
#: The last one, before which more of these may stand.
_LAST = re.compile(rb"\xff+\xd9")
_END = b"\xff\xd9"
_STDERR = 2


@dataclass(frozen=True)
class Look:
    """What a JPEG was found to be.

    Attributes:
        damage: what the decoder says of a damaged one; nothing of others, and of what is no JPEG.
        size: height and width of one that is upright and was decoded without a word, so that no
            other decoder need be asked; else None.
    """

    damage: str = ""
    size: tuple[int, int] | None = None


def look_at_jpeg(path: str | Path) -> Look:
    """Decode a JPEG as coarsely as can be: all its data are read, in half the time of a picture.

    Args:
        path: a file; of one that cannot be read nothing is known here.
    """
    try:
        return _look(Path(path).read_bytes())
    except OSError:
        return Look()


def damage_in_film(data: bytes) -> str:
    """What the decoder says of a damaged JPEG that is a picture of a film, or nothing.

    Its end may be missing, which films do without; and webcams fill up in front of the markers that
    part a scan's data, so that of bytes left over there nothing is known.
    """
    damage = _look(data if data.endswith(_END) else data + _END).damage
    return "" if _FILLED_UP.search(damage) else damage


def _look(data: bytes) -> Look:
    """See :func:`look_at_jpeg`."""
    try:
        if not data.startswith(_BEGINS):
            return Look()
        # What Pillow refuses by its head, such as a size that cannot be meant, is not decoded.
        with Image.open(io.BytesIO(data)) as image:
            size = image.height, image.width
            upright = image.getexif().get(ORIENTATION) not in TURNS
    except Exception:  # readers of damaged files raise whatever they stumble over
        return Look()
    said: list[str] = []
    with _said_by_libraries(said):
        try:
            picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_REDUCED_GRAYSCALE_8)
        except cv2.error:
            return Look()  # what it cannot decode at all is for Pillow to judge
    damage = next((line for line in said if _is_damage(line, data)), "")
    whole = picture is not None and not said and _ends_with_picture(data)
    return Look(damage, size if whole and upright else None)


def _is_damage(line: str, data: bytes) -> bool:
    """Whether what libjpeg says of a JPEG means that it made up a part of the picture."""
    if left := _LEFT.search(line):
        number = int(left[1])
        filled = any(
            len(set(data[max(0, end.start() - number) : end.start()])) <= 2
            for end in _LAST.finditer(data)
        )
        return number > _FILLING and not filled
    return _DAMAGE.search(line) is not None


def _ends_with_picture(data: bytes) -> bool:
    """Whether a JPEG has nothing behind its picture in which libjpeg could still find a fault.

    OpenCV gives the picture even so, and does not say it.
    """
    place, frame = 2, 0
    while place + 4 <= len(data) and data[place] == _END[0] and frame != _PROGRESSIVE:
        kind, size = data[place + 1], int.from_bytes(data[place + 2 : place + 4])
        place += 2 + size
        if kind in (*_SEQUENTIAL, _PROGRESSIVE):
            frame = kind
        elif kind == _SCAN:
            marker = _MARKER.search(data, place)
            return frame in _SEQUENTIAL and marker is not None and marker[0] == _END
    return frame == _PROGRESSIVE


@contextmanager
def _said_by_libraries(lines: list[str]) -> Iterator[None]:
    """Take the lines that libraries write on the error stream, which they are not asked for.

    What others write there meanwhile is among them.
    """
    with os.fdopen(os.memfd_create("said"), "w+b") as file:
        before = os.dup(_STDERR)
        os.dup2(file.fileno(), _STDERR)
        try:
            yield
        finally:
            os.dup2(before, _STDERR)
            os.close(before)
            file.seek(0)
            lines += file.read().decode("utf-8", "replace").splitlines()
