"""Where the last picture of a film ends that is pictures in a row and nothing else.

Y4M (mjpegtools, "yuv4mpeg"), DV (IEC 61834), JPEGs in a row (ITU-T T.81) and animated PNG (W3C,
"PNG Specification"). Nothing is decoded. Each function takes the open file and returns the byte
that it should reach at least; 0: nothing is known.
"""

import os
import re
from typing import BinaryIO

#: By the first letters of a Y4M's colours: planes of the picture's size, and for the two others the
#: columns and rows that share a value.
_COLOURS = {
    b"420": (1, (2, 2)),
    b"411": (1, (4, 1)),
    b"422": (1, (2, 1)),
    b"444alpha": (4, None),
    b"444": (3, None),
    b"mono": (1, None),
}
_DV_NARROW, _DV_WIDE = 120_000, 144_000  # bytes a picture, of 525 and of 625 lines
_TAIL = 1 << 24


def _size(file: BinaryIO) -> int:
    return os.fstat(file.fileno()).st_size


def y4m_end(file: BinaryIO) -> int:
    """The end of the last picture, by the size and the colours that the head states."""
    file.seek(0)
    head = file.readline(4096)
    words = {word[:1]: word[1:] for word in head.split()[1:]}
    bytes_a_picture = _y4m_bytes(words)
    if not head.endswith(b"\n") or bytes_a_picture is None:
        return 0
    position, end = len(head), _size(file)
    while position < end:
        file.seek(position)
        line = file.readline(4096)
        if not line.startswith(b"FRAME"[: len(line)]):
            return 0
        position += max(len(line), len(b"FRAME\n")) + bytes_a_picture
    return position


def _y4m_bytes(words: dict[bytes, bytes]) -> int | None:
    try:
        width, height = int(words[b"W"]), int(words[b"H"])
    except (KeyError, ValueError):
        return None
    colours = words.get(b"C", b"420")
    known = next((known for known in _COLOURS if colours.startswith(known)), None)
    if known is None:
        return None
    deep = re.fullmatch(rb"p?(9|10|12|14|16)", colours[len(known) :])
    planes, shared = _COLOURS[known]
    values = planes * width * height
    if shared:
        values += 2 * -(-width // shared[0]) * -(-height // shared[1])
    return values * (2 if deep else 1)


def dv_end(file: BinaryIO) -> int:
    """The end of the last picture, all of which have one size."""
    file.seek(3)
    one = _DV_WIDE if file.read(1)[0] & 0x80 else _DV_NARROW
    return -(-_size(file) // one) * one


def jpegs_end(file: BinaryIO) -> int:
    """The end of the last JPEG's mark, or a byte beyond the file where it does not come."""
    end = _size(file)
    file.seek(max(0, end - _TAIL))
    data = file.read()
    last = data.rfind(b"\xff\xd9")
    begins = data.find(b"\xff\xd8\xff", last + 2 if last >= 0 else 0)
    return end + 1 if last < 0 or begins >= 0 else end


def png_end(file: BinaryIO) -> int:
    """The end of the chunk that ends a PNG; a byte beyond the file where it does not come."""
    position, end = 8, _size(file)
    while position + 8 <= end:
        file.seek(position)
        head = file.read(8)
        position += 12 + int.from_bytes(head[:4], "big")
        if head[4:] == b"IEND":
            return position
    return max(position, end + 1)
