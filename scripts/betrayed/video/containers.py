"""Whether a film's file is all there, by the sizes that containers state: nothing is decoded.

MP4 and QuickTime state the size of each box (ISO/IEC 14496-12), Matroska and WebM that of the
segment (RFC 8794 and 9559), AVI that of each RIFF chunk (Microsoft, "AVI RIFF File Reference"),
WMV that of the file (Microsoft, "Advanced Systems Format"); a GIF ends with a mark of its own
(CompuServe, "GIF89a Specification"). A file of another form, or whose writer left the sizes open,
is for the decoder to judge.
"""

import os
import struct
from pathlib import Path
from typing import BinaryIO

from betrayed.errors import UserError

REMEDY = "Replace it with a whole copy, or take this video out."
_FIRST_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot", b"styp")
_EBML, _SEGMENT = 0x1A45DFA3, 0x18538067
_ASF_HEADER = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_ASF_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_HAS_INDEX = 0x10  # AVIF_HASINDEX, of the flags of an AVI's main header


def check_whole(path: Path) -> None:
    """Refuse a file that ends before it should, or has lost an index that it says it has.

    Raises:
        UserError: it does.
    """
    with open(path, "rb") as file:
        head = file.read(12)
        if head[4:8] in _FIRST_BOXES:
            needed = _boxes_end(file)
        elif head[:4] == _EBML.to_bytes(4, "big"):
            needed = _segment_end(file)
        elif head[:4] == b"RIFF" and head[8:12] == b"AVI ":
            needed = _riff_end(file)
        elif head[:6] in (b"GIF87a", b"GIF89a"):
            needed = _gif_end(file)
        elif head == _ASF_HEADER[:12]:
            needed = _asf_end(file)
        else:
            return
    end = path.stat().st_size
    if needed is None:
        raise UserError(f"The video {path} has lost its index: it was cut or damaged. {REMEDY}")
    if needed > end:
        raise UserError(
            f"The video {path} is cut short: it should have {needed} bytes or more, but has "
            f"{end}. {REMEDY}"
        )


def _boxes_end(file: BinaryIO) -> int:
    """Where the last box at the top ends.

    Each begins with its size (32 bits, big-endian, itself included; 1: 64 bits follow the kind; 0:
    up to the end) and its kind (4 letters).
    """
    end, position = os.fstat(file.fileno()).st_size, 0
    while position < end:
        file.seek(position)
        head = file.read(16)
        if len(head) < 8:
            break  # a few bytes after the last box harm nobody
        size = struct.unpack(">I", head[:4])[0]
        if size == 1 and len(head) == 16:
            size = struct.unpack(">Q", head[8:])[0]
        if size < 8:  # 0: up to the end; else no box
            return end
        position += size
    return position


def _segment_end(file: BinaryIO) -> int:
    """Where the segment ends; 0 where its size was left open, as in what is streamed."""
    position = 0
    for wanted in (_EBML, _SEGMENT):
        file.seek(position)
        kind = file.read(4)
        length = file.read(8)
        if int.from_bytes(kind, "big") != wanted or not length or not length[0]:
            return 0
        # The number of zeros that it begins with says how many bytes follow.
        count = 9 - length[0].bit_length()
        value = int.from_bytes(length[:count], "big") & ((1 << 7 * count) - 1)
        if value == (1 << 7 * count) - 1:  # all ones: not known
            return 0
        position += 4 + count + value
    return position


def _riff_end(file: BinaryIO) -> int | None:
    """Where the last RIFF chunk ends, 0 where its size was left open; None: its index is gone."""
    end, position = os.fstat(file.fileno()).st_size, 0
    while position + 12 <= end:
        file.seek(position)
        kind, size, form = struct.unpack("<4sI4s", file.read(12))
        if kind != b"RIFF":
            break  # what follows the last chunk harms nobody
        if size == 0:
            return 0
        if position == 0 and 8 + size <= end and form == b"AVI " and not _is_indexed(file, size):
            return None
        position += 8 + size + size % 2
    return min(position, end) if position == end + 1 else position


def _gif_end(file: BinaryIO) -> int:
    """Where the mark of a GIF's end lies; a byte beyond the file where it has none."""
    beyond = os.fstat(file.fileno()).st_size + 1
    file.seek(10)
    packed = file.read(3)[:1]
    if not packed:
        return beyond
    file.seek(13 + _palette_bytes(packed[0]))
    while kind := file.read(1):
        if kind == b";":
            return file.tell()
        if kind == b",":  # a picture: its place, its palette, the size of its codes
            place = file.read(9)
            if len(place) < 9:
                break
            file.seek(_palette_bytes(place[8]) + 1, os.SEEK_CUR)
        elif kind == b"!":  # an extension and its kind
            file.seek(1, os.SEEK_CUR)
        else:
            break
        while length := file.read(1):  # blocks, each after its length, up to one of none
            if length == b"\0":
                break
            file.seek(length[0], os.SEEK_CUR)
    return beyond


def _palette_bytes(packed: int) -> int:
    return 3 << (packed & 7) + 1 if packed & 0x80 else 0


def _asf_end(file: BinaryIO) -> int:
    """The size that a WMV states of itself, 0 where it was left open."""
    file.seek(16)
    head = file.read(min(int.from_bytes(file.read(8), "little"), 1 << 20))
    place = head.find(_ASF_PROPERTIES)
    size = head[place + 40 : place + 48] if place >= 0 else b""
    flags = head[place + 88 : place + 89] if place >= 0 else b""
    streamed = bool(flags and flags[0] & 1)
    return 0 if streamed else int.from_bytes(size, "little")


def _is_indexed(file: BinaryIO, size: int) -> bool:
    """Whether a RIFF chunk with an index in its flags has one; other chunks need none."""
    position, kinds, flags = 12, set(), 0
    while position + 8 <= 8 + size:
        file.seek(position)
        kind, length = struct.unpack("<4sI", file.read(8))
        name = file.read(4) if kind == b"LIST" else kind
        if name == b"hdrl":
            content = file.read(min(length, 1 << 20))
            main = content.find(b"avih")
            if main >= 0 and len(content) >= main + 24:
                flags = struct.unpack_from("<I", content, main + 20)[0]
            if b"indx" in content:
                kinds.add(b"idx1")
        kinds.add(name)
        position += 8 + length + length % 2
    return not flags & _HAS_INDEX or b"idx1" in kinds
