"""Files that were put behind one another: players, and decoders, show the first film alone.

Nothing is decoded. Of Matroska, GIF, AVI, MPEG and pictures in a row all parts are read, so that
there is nothing to be said of them.
"""

import mmap
import os
import struct
from typing import BinaryIO

_FLASH = b"FLV\1"
_ASF = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_PNG = b"\x89PNG\r\n\x1a\n"


def further_film(file: BinaryIO) -> int | None:
    """Where in a file a second film begins that is never reached; None: there is none."""
    file.seek(0)
    head = file.read(16)
    for begins in (_FLASH, _ASF, _PNG):
        if head.startswith(begins):
            return _again(file, head[:9] if begins == _FLASH else begins)
    return _second_movie(file) if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide") else None


def _again(file: BinaryIO, begins: bytes) -> int | None:
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        place = data.find(begins, len(begins))
    return place if place >= 0 else None


def _second_movie(file: BinaryIO) -> int | None:
    """The second description of a film (moov) in an MP4 that does not come in fragments."""
    end, position, movies, begin = os.fstat(file.fileno()).st_size, 0, 0, 0
    while position + 8 <= end:
        file.seek(position)
        head = file.read(16)
        size, kind = struct.unpack(">I4s", head[:8])
        if size == 1 and len(head) == 16:
            size = struct.unpack(">Q", head[8:])[0]
        if kind == b"moof":
            return None  # those repeat what they are fragments of
        if kind == b"ftyp" and movies:
            begin = position
        movies += kind == b"moov"
        if movies > 1:
            return begin or position
        if size < 8:
            return None
        position += size
    return None
