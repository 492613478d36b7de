"""Where the last part of a film ends that comes as a stream: parts with sizes, in a row.

Such files state no length of their own, but each of their parts does, so that a cut inside a part
is known, and one between two parts is not. Nothing is decoded. MPEG transport and program streams
(ISO/IEC 13818-1), Flash video (Adobe, "Video File Format Specification"), Ogg (RFC 3533), MXF
(SMPTE ST 377-1), AV1 as a row of units (AV1 specification, 5.3), IVF (libvpx). Each function takes
the open file and returns the byte that it should reach at least; 0: nothing is known.
"""

import os
import struct
from collections.abc import Callable
from typing import BinaryIO

_TAIL = 1 << 22
_SYNC, _SYNCS = 0x47, 5
_PACK, _PROGRAM_END, _FIRST_SYSTEM = 0xBA, 0xB9, 0xBB
_VIDEO_STREAMS = range(0xE0, 0xF0)
_OGG_HEAD, _OGG_LONGEST, _OGG_LAST = 27, 65_307, 0x04
_MXF_KEY = bytes.fromhex("060e2b34")
_MISSING_SHARE, _MISSING_MS = 0.1, 500
_SIZED, _EXTENDED = 0x02, 0x04  # flags of an AV1 unit's head


def _size(file: BinaryIO) -> int:
    return os.fstat(file.fileno()).st_size


def _tail(file: BinaryIO, most: int = _TAIL) -> tuple[int, bytes]:
    """Where the end of the file begins that is looked at, and its bytes."""
    start = max(0, _size(file) - most)
    file.seek(start)
    return start, file.read()


def transport_step(head: bytes) -> tuple[int, int] | None:
    """Where transport packets begin in some bytes, and how far apart they lie, if there are any.

    188 bytes; 192 with a time before each (M2TS), 204 with a check behind it.
    """
    for step in (188, 192, 204):
        for offset in range(min(step, len(head) - (_SYNCS - 1) * step)):
            if all(head[offset + n * step] == _SYNC for n in range(_SYNCS)):
                return offset, step
    return None


def transport_end(file: BinaryIO) -> int:
    """The end of the last packet, or of what the last packet of pictures says that it holds.

    What other streams end with counts for nothing: a recording of a broadcast ends where it ends.
    """
    start, data = _tail(file)
    found = transport_step(data[-(_SYNCS + 1) * 204 :])
    if found is None:
        return 0
    lead = 4 if found[1] == 192 else 0
    first = (max(0, len(data) - (_SYNCS + 1) * 204) + found[0]) % found[1]
    places = range(first, len(data), found[1])
    behind = places[-1] + found[1] - lead
    if behind > len(data):
        return start + behind
    if behind < len(data):  # a part of the time before the next one
        return start + behind + found[1]
    return start + len(data) + _missing_of_pictures(data, places)


def _missing_of_pictures(data: bytes, places: range) -> int:
    """Bytes that the last packet of pictures (PES) says it has, and that do not come."""
    wanted: dict[int, int] = {}  # by stream
    for place in places:
        packet = data[place : place + 188]
        if len(packet) < 188 or packet[0] != _SYNC:
            wanted.clear()  # not in step here: what lies before cannot be counted
            continue
        name = (packet[1] & 0x1F) << 8 | packet[2]
        begin = 5 + packet[4] if packet[3] & 0x20 else 4  # behind the adaptation field
        content = packet[begin:] if packet[3] & 0x10 else b""
        if packet[1] & 0x40:  # a packet of the stream begins
            wanted.pop(name, None)
            if content[:3] == b"\0\0\1" and len(content) >= 6 and content[3] in _VIDEO_STREAMS:
                length = int.from_bytes(content[4:6], "big")
                if length:  # 0: as long as it gets
                    wanted[name] = 6 + length
        if name in wanted:
            wanted[name] -= len(content)
    return max([0, *wanted.values()])


def program_end(file: BinaryIO) -> int:
    """The end of the last packet of a program stream (MPEG, VOB)."""
    start, data = _tail(file)
    place = 0 if start == 0 else data.find(b"\0\0\1\xba")
    while 0 <= place < len(data):
        head = data[place : place + 14]
        if not b"\0\0\1".startswith(head[:3]):
            if not any(data[place:]):
                return start + place  # filled up
            place = data.find(b"\0\0\1\xba", place + 1)
            continue
        if len(head) < 4:
            return start + place + 4
        if head[3] == _PROGRAM_END:
            place += 4
        elif head[3] == _PACK:
            second = len(head) > 4 and head[4] >> 6 == 1  # MPEG-2; with up to 7 bytes behind
            place += 14 + (head[13] & 7 if len(head) == 14 else 0) if second else 12
        elif head[3] >= _FIRST_SYSTEM:
            place += 6 + int.from_bytes(head[4:6], "big")
        else:
            place = data.find(b"\0\0\1\xba", place + 1)
    return start + place if place >= 0 else 0


def flash_end(file: BinaryIO) -> int:
    """The end of the last tag and of its size behind it; or what the file says of itself, if more.

    A length and a size that the head states are believed where both are missed: cutting programs
    leave one of them as it was.
    """
    end, stated, last = _size(file), b"", 0
    file.seek(5)
    position = int.from_bytes(file.read(4), "big") + 4
    while position < end:
        file.seek(position)
        head = file.read(11)
        if len(head) < 11:
            return position + 15
        if head[0] & 0x1F not in (8, 9, 18):
            return 0
        length = int.from_bytes(head[1:4], "big")
        if head[0] & 0x1F == 18 and not stated:
            stated = file.read(min(length, 1 << 16))
        last = max(last, int.from_bytes(head[7:8] + head[4:7], "big"))
        position += 11 + length + 4
    if position > end:
        return position
    seconds, size = _told(stated, b"duration"), _told(stated, b"filesize")
    late = seconds * 1000 - last > max(_MISSING_SHARE * seconds * 1000, _MISSING_MS)
    if late and (size > end or not size):
        return max(int(size), end + 1)
    return max(int(size), end) if size > end and not seconds else end


def _told(stated: bytes, name: bytes) -> float:
    """A number by its name among a Flash film's own words; 0 where there is none."""
    place = stated.find(struct.pack(">H", len(name)) + name + b"\0")
    value = stated[place + len(name) + 3 :][:8] if place >= 0 else b""
    number = struct.unpack(">d", value)[0] if len(value) == 8 else 0.0
    return number if 0 < number < 1e15 else 0.0


def ogg_end(file: BinaryIO) -> int:
    """The end of the last page, which has to say that it is the last of its stream."""
    start, data = _tail(file, 2 * _OGG_LONGEST)
    place, flags = data.find(b"OggS\0"), 0
    if place < 0:
        return 0
    while place < len(data):
        head = data[place : place + _OGG_HEAD]
        if not b"OggS\0".startswith(head[:5]):
            following = data.find(b"OggS\0", place)
            if following < 0:
                break  # what is behind the last page harms nobody
            place = following
            continue
        if len(head) < _OGG_HEAD:
            return start + place + _OGG_HEAD
        table = data[place + _OGG_HEAD : place + _OGG_HEAD + head[26]]
        flags = head[5]
        place += _OGG_HEAD + head[26] + sum(table)
    return start + place if place > len(data) or flags & _OGG_LAST else start + len(data) + 1


def mxf_end(file: BinaryIO) -> int:
    """The end of the last key with its value, or of where the head says that the foot begins."""
    end = _size(file)
    file.seek(0)
    head = file.read(64)
    value = 16 + 1 + (head[16] & 0x7F if head[16] & 0x80 else 0)
    foot = int.from_bytes(head[value + 24 : value + 32], "big")
    return max(foot + 1 if foot else 0, _walk(file, 0, end, _key_and_value))


def unit_end(file: BinaryIO) -> int:
    """The end of the last unit (OBU) of an AV1 film without a container."""
    return _walk(file, 0, _size(file), _unit)


def ivf_end(file: BinaryIO) -> int:
    """The end of the last picture of an IVF; how many the head declares counts for nothing."""
    file.seek(6)
    return _walk(file, int.from_bytes(file.read(2), "little"), _size(file), _ivf_picture)


def _walk(file: BinaryIO, position: int, end: int, length: Callable[[bytes], int | None]) -> int:
    """Where the last of a row of parts ends, of which the head tells the length.

    None: it is no part, and nothing is known; 0: what is there of the head does not tell.
    """
    while position < end:
        file.seek(position)
        head = file.read(32)
        size = length(head)
        if size is None:
            return 0
        if size == 0:
            return position + len(head) + 1
        position += size
    return position


def _key_and_value(head: bytes) -> int | None:
    if not head.startswith(_MXF_KEY[: len(head)]):
        return None
    if len(head) < 17:
        return 0
    count = head[16] & 0x7F if head[16] & 0x80 else 0
    if len(head) < 17 + count:
        return 0
    return 17 + count + (int.from_bytes(head[17 : 17 + count], "big") if count else head[16])


def _ivf_picture(head: bytes) -> int:
    return 12 + int.from_bytes(head[:4], "little") if len(head) >= 12 else 0


def _unit(head: bytes) -> int | None:
    if head[0] & 0x81 or not head[0] & _SIZED:
        return None
    place, size = 2 if head[0] & _EXTENDED else 1, 0
    for count in range(8):  # 7 bits each, the lowest first
        if place + count >= len(head):
            return 0
        byte = head[place + count]
        size |= (byte & 0x7F) << 7 * count
        if not byte & 0x80:
            return place + count + 1 + size
    return None
