"""Whether a JPEG's data are damaged in a way that its decoder patches over without an error.

A decoder fills up with grey what it cannot make sense of, and goes on; libjpeg says so in a line
for people, which OpenCV leaves on the error stream and Pillow drops.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np

_BEGINS = b"\xff\xd8\xff"
#: What libjpeg says of data that it had to make up. Bytes that mean nothing harm nobody before the
#: end (marker 0xd9), where cameras write some; elsewhere they are what it lost its way in.
_DAMAGE = re.compile(
    "premature end|bad Huffman|instead of RST|extraneous bytes before marker 0x(?!d9)"
)
_STDERR = 2


def jpeg_damage(path: str | Path) -> str:
    """What the decoder says of a damaged JPEG; nothing of others, and of what is no JPEG.

    Args:
        path: a file; one that cannot be read is whole as far as is known here.
    """
    try:
        data = Path(path).read_bytes()
    except OSError:
        return ""
    if not data.startswith(_BEGINS):
        return ""
    said: list[str] = []
    with _said_by_libraries(said):
        try:
            cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_REDUCED_GRAYSCALE_8)
        except cv2.error:
            return ""  # what it cannot decode at all is for Pillow to judge
    return next((line for line in said if _DAMAGE.search(line)), "")


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
