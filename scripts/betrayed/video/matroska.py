"""Matroska and WebM: where a file should end, and whether its parts lie one behind the other.

An element is its name, the size of what it holds, and that (RFC 8794 and 9559). Nothing is decoded.
"""

import os
from typing import BinaryIO

EBML = bytes.fromhex("1a45dfa3")
_SEGMENT, _CLUSTER = bytes.fromhex("18538067"), bytes.fromhex("1f43b675")
_LONGEST_NAME = 4


def segment_end(file: BinaryIO) -> int:
    """Where the segment ends; where its size was left open, as in a stream, its last element.

    An element is its name, the size of what it holds, and that. One whose size is open (all ones)
    is gone into: it holds others.
    """
    position, end = 0, os.fstat(file.fileno()).st_size
    while position < end:
        file.seek(position)
        head = file.read(12)
        name = _vint(head)
        size = _vint(head[name[0] :]) if name else None
        if name is None or size is None:
            whole = len(head) == 12 or not head or not head[0]
            return 0 if whole else end + 1  # no element, or one whose head is cut
        position += name[0] + size[0]
        if size[1] != (1 << 7 * size[0]) - 1:
            position += size[1]
            if head.startswith(_SEGMENT):
                return position  # what is behind it harms nobody
    return position


def _vint(data: bytes) -> tuple[int, int] | None:
    """The bytes that a number takes, and the number (RFC 8794, 4): zeros tell how many follow."""
    if not data or not data[0]:
        return None
    count = 9 - data[0].bit_length()
    if len(data) < count:
        return None
    return count, int.from_bytes(data[:count], "big") & ((1 << 7 * count) - 1)


def first_hole(file: BinaryIO) -> int | None:
    """Where something else stands than the next element, as in a file with a hole; None: nowhere.

    The elements of the segment and of its clusters are gone through, as far as the segment says
    that it reaches; a film that was written as a stream does not say so, and is not looked at.
    """
    position, end = 0, None
    while end is None or position < end:
        file.seek(position)
        head = file.read(12)
        name = _vint(head)
        size = _vint(head[name[0] :]) if name and name[0] <= _LONGEST_NAME else None
        if size is None:
            return position if end is not None else None
        opened = size[1] == (1 << 7 * size[0]) - 1
        begin = position + name[0] + size[0]
        if head.startswith(_SEGMENT):
            if opened:
                return None
            end = min(begin + size[1], os.fstat(file.fileno()).st_size)
        if head.startswith((_SEGMENT, _CLUSTER)):
            position = begin
        elif opened or (end is not None and begin + size[1] > end):
            return position
        else:
            position = begin + size[1]
    return None
