"""Ordinary JPEGs, decoded without holding up Python's other threads.

Pillow copies pixels into numpy while every other thread of Python waits, which takes longer than a
GPU's pass over a frame. OpenCV does not, and gives the same pixels: both decode with libjpeg-turbo.
What is not ordinary (a thumbnail or an orientation, grey, CMYK, cut short) is left to Pillow, whose
reading of it people rely on.
"""

import cv2
import numpy as np

_START, _END = b"\xff\xd8\xff", b"\xff\xd9"
_EXIF, _ADOBE = 0xE1, 0xEE  # APP1 may turn the picture, APP14 say that it is no YCbCr
_FRAMES = {0xC0, 0xC1, 0xC2}  # sequential and progressive, of Huffman codes
_FRAME_SIZE = 17  # bytes of the header of a frame of three components
_EIGHT_BITS, _COLOURS = 8, 3


def decode_plain_jpeg(data: bytes) -> np.ndarray | None:
    """(H, W, 3) uint8 RGB of a whole file that is an ordinary JPEG; None: leave it to others."""
    if not (data.startswith(_START) and data.endswith(_END) and _is_plain(data)):
        return None
    flags = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION
    try:
        return cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error:
        return None


def _is_plain(data: bytes) -> bool:
    """Whether the segments up to the frame's header tell of 8-bit YCbCr and nothing else."""
    place = 2
    while place + 4 <= len(data) and data[place] == 0xFF:
        kind, size = data[place + 1], int.from_bytes(data[place + 2 : place + 4])
        if kind in (_EXIF, _ADOBE):
            return False
        if kind in _FRAMES:
            precision, components = data[place + 4], data[place + 9 : place + 10]
            return (precision, components, size) == (_EIGHT_BITS, bytes([_COLOURS]), _FRAME_SIZE)
        place += 2 + size
    return False
