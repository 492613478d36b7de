"""Whether a film's file is all there, by the sizes that containers state: nothing is decoded.

MP4 and QuickTime state the size of each box (ISO/IEC 14496-12), Matroska and WebM that of the
segment (RFC 8794 and 9559), AVI that of each RIFF chunk (Microsoft, "AVI RIFF File Reference"),
WMV that of the file (Microsoft, "Advanced Systems Format"); a GIF ends with a mark of its own
(CompuServe, "GIF89a Specification"). What comes as a stream of parts, or as pictures in a row, is
judged by its last part. A file of another form is for the decoder to judge.
"""

import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from betrayed.errors import UserError
from betrayed.video import rows_of_pictures as rows
from betrayed.video import streams_of_parts as parts
from betrayed.video.further_films import further_film
from betrayed.video.matroska import EBML, first_hole, segment_end

REMEDY = "Replace it with a whole copy, or take this video out."
_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot", b"styp", b"moof", b"mfra")
_BOXES += (b"sidx", b"ssix", b"prft", b"emsg", b"meta", b"uuid", b"udta", b"pdin", b"meco")
_FIRST_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot", b"styp")
_ASF_HEADER = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_ASF_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_ASF_DATA_HEAD = 50  # bytes before the first packet
_HAS_INDEX = 0x10  # AVIF_HASINDEX, of the flags of an AVI's main header
_ZEROS = 4096  # so many at the end of what never has them: a download that was not filled in
_END_OF_PROGRAM = b"\0\0\1\xb9"


def check_whole(path: Path) -> None:
    """Refuse a file that ends before it should, or has lost an index that it says it has.

    Raises:
        UserError: it does.
    """
    with open(path, "rb") as file:
        head = file.read(2048)
        find_end = _form(head)
        if find_end is None:
            return
        needed, further = find_end(file), further_film(file)
        hole = first_hole(file) if find_end is segment_end else None
        file.seek(max(0, path.stat().st_size - 16 * _ZEROS))
        tail = file.read()
    end = path.stat().st_size
    if needed is None:
        raise UserError(f"The video {path} has lost its index: it was cut or damaged. {REMEDY}")
    if needed > end:
        raise UserError(
            f"The video {path} is cut short: it should have {needed} bytes or more, but has "
            f"{end}. {REMEDY}"
        )
    if hole is not None:
        raise UserError(
            f"The video {path} is damaged at byte {hole} of {end}: what stands there is no part of "
            f"a film. {REMEDY}"
        )
    if further is not None:
        raise UserError(
            f"The video {path} is several films one behind the other, of which players show the "
            f"first: another begins at byte {further} of {end}. Cut them apart there, or join them "
            f"with a program for films."
        )
    filled = tail.rstrip(b"\0")
    zeros = find_end in _NEVER_ZEROS and len(tail) - len(filled) >= _ZEROS
    if zeros and not filled.endswith(_END_OF_PROGRAM):
        raise UserError(
            f"The video {path} ends in zeros, as a download does that was not finished. {REMEDY}"
        )


def _form(head: bytes) -> Callable[[BinaryIO], int | None] | None:
    """How the end of a file that begins so is found; None: by nothing."""
    if head[4:8] in _FIRST_BOXES:
        return _boxes_end
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return _riff_end
    for begin, find_end in _BEGINNINGS:
        if head.startswith(begin):
            return find_end
    return parts.transport_end if parts.transport_step(head) else None


def _boxes_end(file: BinaryIO) -> int:
    """Where the last box at the top ends, and what an index of segments says that lies behind it.

    Each begins with its size (32 bits, big-endian, itself included; 1: 64 bits follow the kind; 0:
    up to the end) and its kind (4 letters).
    """
    end, position, indexed = os.fstat(file.fileno()).st_size, 0, 0
    fragments, kinds = False, set()
    while position < end:
        file.seek(position)
        head = file.read(16)
        if len(head) < 8:  # a few bytes after the last box harm nobody, but may be a fragment's
            position += 8 if fragments else 0
            break
        fragments |= head[4:8] == b"moof"
        kinds.add(head[4:8])
        size = struct.unpack(">I", head[:4])[0]
        if size == 1 and len(head) == 16:
            size = struct.unpack(">Q", head[8:])[0]
        if position + size > end and kinds >= {b"moov", b"mdat"} and head[4:8] not in _BOXES:
            return max(end, indexed)  # no box, behind the last one
        if size < 8:  # 0: up to the end; else no box
            return max(end, indexed)
        if head[4:8] == b"sidx" and size < 1 << 24:
            file.seek(position)
            indexed = max(indexed, position + size + _referenced(file.read(size)))
        position += size
    return max(position, indexed)


def _referenced(box: bytes) -> int:
    """Bytes of media that an index of segments (sidx, 8.16.3) promises behind itself."""
    wide = len(box) > 8 and box[8] == 1
    place = 20 + (16 if wide else 8)  # behind: the times and the distance to the first segment
    if len(box) < place + 4:
        return 0
    first = int.from_bytes(box[place - (8 if wide else 4) : place], "big")
    count = int.from_bytes(box[place + 2 : place + 4], "big")
    sizes = (box[place + 4 + 12 * index :][:4] for index in range(count))
    return first + sum(int.from_bytes(size, "big") & 0x7FFFFFFF for size in sizes)


def _riff_end(file: BinaryIO) -> int | None:
    """Where the last RIFF chunk ends, or the last chunk in it where its size was left open.

    None: its index is gone.
    """
    end, position = os.fstat(file.fileno()).st_size, 0
    while position + 12 <= end:
        file.seek(position)
        kind, size, form = struct.unpack("<4sI4s", file.read(12))
        if kind != b"RIFF":
            break  # what follows the last chunk harms nobody
        if size == 0:
            return _open_riff_end(file, position + 12)
        if position == 0 and 8 + size <= end and form == b"AVI " and not _is_indexed(file, size):
            return None
        position += 8 + size + size % 2
    return min(position, end) if position == end + 1 else position


def _open_riff_end(file: BinaryIO, position: int) -> int:
    """Where the last chunk ends of an AVI that was written without going back."""
    end = os.fstat(file.fileno()).st_size
    while position < end:
        file.seek(position)
        kind, length, form = file.read(4), file.read(4), file.read(4)
        if len(length) < 4:
            return end + 1
        size = int.from_bytes(length, "little")
        if not kind.replace(b" ", b"").isalnum():
            return 0
        opened = kind == b"LIST" and form in (b"movi", b"rec ")
        position += 12 if opened else 8 + size + size % 2
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
    """The size that a WMV states of itself; of a stream, the end of its last packet."""
    file.seek(16)
    header = int.from_bytes(file.read(8), "little")
    head = file.read(min(header, 1 << 20))
    place = head.find(_ASF_PROPERTIES)
    fields = head[place + 40 : place + 100] if place >= 0 else b""
    if len(fields) < 60:
        return 0
    size, flags, least, most = (
        int.from_bytes(fields[start:end], "little")
        for start, end in ((0, 8), (48, 52), (52, 56), (56, 60))
    )
    if not flags & 1:
        return size
    begin = header + _ASF_DATA_HEAD
    there = os.fstat(file.fileno()).st_size - begin
    return begin + -(-there // least) * least if least == most and least and there > 0 else 0


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


_BEGINNINGS: tuple[tuple[bytes, Callable[[BinaryIO], int | None]], ...] = (
    (EBML, segment_end),
    (b"GIF87a", _gif_end),
    (b"GIF89a", _gif_end),
    (_ASF_HEADER, _asf_end),
    (b"\0\0\1\xba", parts.program_end),
    (b"FLV\1", parts.flash_end),
    (b"OggS\0", parts.ogg_end),
    (b"\x06\x0e\x2b\x34", parts.mxf_end),
    (b"\x12\0", parts.unit_end),
    (b"DKIF", parts.ivf_end),
    (b"YUV4MPEG2 ", rows.y4m_end),
    (b"\x1f\x07\0", rows.dv_end),
    (b"\xff\xd8\xff", rows.jpegs_end),
    (b"\x89PNG\r\n\x1a\n", rows.png_end),
)
_NEVER_ZEROS = (parts.transport_end, parts.program_end, parts.flash_end, parts.ogg_end)
