"""TFRecord files, without TensorFlow: their records, checksums, and the examples in them.

A record is its length (uint64), the length's checksum, its bytes and their checksum (uint32), all
little-endian; a file is records one after another
(https://www.tensorflow.org/tutorials/load_data/tfrecord).
"""

import struct
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import numpy as np

from betrayed.errors import UserError

_HEAD, _TAIL = struct.Struct("<QI"), struct.Struct("<I")
_POLYNOMIAL = 0x82F63B78  # Castagnoli's, its bits reversed
_LANES = 4096  # parts of a message whose checksums are made side by side
_REMEDY = "Download this file once more."


def record_offsets(path: str | Path) -> list[tuple[int, int]]:
    """Where the records of a file lie: offset and length in bytes of each one's content.

    Only lengths are read, so this takes no time; contents are checked by :func:`read_record`.

    Raises:
        UserError: the file is missing, cut short, or a length does not fit its checksum; the
            file and the record (counted from 0) are named in the error.
    """
    path = Path(path)
    offsets: list[tuple[int, int]] = []
    try:
        end, position = path.stat().st_size, 0
        with open(path, "rb") as file:
            while position < end:
                file.seek(position)
                head = file.read(_HEAD.size)
                if len(head) < _HEAD.size:
                    raise _cut(path, len(offsets))
                length, checksum = _HEAD.unpack(head)
                if masked(crc32c(head[:8])) != checksum:
                    raise UserError(
                        f"Record {len(offsets)} of {path} has a damaged length (its checksum does "
                        f"not fit). {_REMEDY}"
                    )
                offsets.append((position + _HEAD.size, length))
                position += _HEAD.size + length + _TAIL.size
                if position > end:
                    raise _cut(path, len(offsets) - 1)
    except FileNotFoundError as error:
        raise UserError(f"The file {path} is missing.") from error
    return offsets


def checksum_of(path: str | Path, offset: int, length: int) -> int:
    """The checksum that the file gives for the content at ``offset``, which is not read."""
    with open(path, "rb") as file:
        file.seek(offset + length)
        return int(_TAIL.unpack(file.read(_TAIL.size))[0])


def read_record(path: str | Path, number: int, offset: int, length: int) -> bytes:
    """The content of one record, checked.

    Args:
        path: the file.
        number: which record it is, for messages.
        offset: where its content begins, as :func:`record_offsets` gives it.
        length: bytes of its content.

    Raises:
        UserError: the file is missing, cut short, or the content does not fit its checksum; names
            the file and the record.
    """
    try:
        with open(path, "rb") as file:
            file.seek(offset)
            content, tail = file.read(length), file.read(_TAIL.size)
    except FileNotFoundError as error:
        raise UserError(f"The file {path} is missing.") from error
    if len(content) < length or len(tail) < _TAIL.size:
        raise _cut(path, number)
    if masked(crc32c(content)) != _TAIL.unpack(tail)[0]:
        raise UserError(
            f"Record {number} of {path} is damaged (its checksum does not fit). {_REMEDY}"
        )
    return content


def bytes_features(example: bytes, names: Iterable[str]) -> dict[str, list[bytes]]:
    """Features of a serialised ``tf.train.Example`` that hold byte strings.

    Its messages, with the numbers of their fields: Example {1: Features}, Features {1: map of
    string to Feature}, a map being entries {1: key, 2: value}, Feature {1: BytesList, or 2 and 3:
    numbers}, BytesList {1: bytes, repeated} (tensorflow/core/example/*.proto). All else is passed
    over, so that the millions of numbers which stand beside cost nothing.

    Args:
        example: the message.
        names: the features wanted.

    Returns:
        The byte strings of each feature that is there and holds some.

    Raises:
        ValueError: this is no such message.
    """
    wanted, values = set(names), {}
    for features in _parts(memoryview(example), 1):
        for entry in _parts(features, 1):
            name = b"".join(_parts(entry, 1)).decode()
            if name in wanted:
                lists = [one for value in _parts(entry, 2) for one in _parts(value, 1)]
                values[name] = [bytes(item) for one in lists for item in _parts(one, 1)]
    return {name: items for name, items in values.items() if items}


def _parts(message: memoryview, wanted: int) -> Iterator[memoryview]:
    """The fields of a message that have this number and a length of their own.

    A field begins with 8 · number + type as a varint. Types: 0 varint, 1 eight bytes, 2 a varint
    with the length and so many bytes, 5 four bytes (https://protobuf.dev/programming-guides/encoding).
    """
    position = 0
    while position < len(message):
        key, position = _varint(message, position)
        number, kind = key >> 3, key & 7
        if kind == 0:
            _, position = _varint(message, position)
            continue
        if kind == 2:
            length, position = _varint(message, position)
        elif kind in (1, 5):
            length = {1: 8, 5: 4}[kind]
        else:
            raise ValueError(f"a field of the unknown type {kind}")
        if position + length > len(message):
            raise ValueError("a field runs past the end of its message")
        if number == wanted and kind == 2:
            yield message[position : position + length]
        position += length


def _varint(message: memoryview, position: int) -> tuple[int, int]:
    """A whole number in groups of seven bits, lowest first, and the position behind it."""
    value = shift = 0
    while position < len(message):
        byte = message[position]
        position += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, position
        shift += 7
    raise ValueError("a number runs past the end of its message")


def masked(checksum: int) -> int:
    """A CRC as TFRecord files keep it: turned right by 15 bits, plus a constant."""
    return ((checksum >> 15 | checksum << 17) + 0xA282EAD8) & 0xFFFFFFFF


def crc32c(message: bytes) -> int:
    """The CRC-32C of a message (Castagnoli's polynomial; RFC 3720, appendix B.4).

    CRCs are linear over GF(2): the message is cut into lanes that are worked through side by
    side, byte by byte, and what a lane comes to is carried past the zeros that stand for the lanes
    behind it. Zeros in front change nothing; the register's first value is carried through on its
    own.
    """
    count = len(message)
    lanes = _LANES if count >= _LANES else 1
    width = -(-count // lanes)
    padded = np.zeros(lanes * width, np.uint8)
    padded[lanes * width - count :] = np.frombuffer(message, np.uint8)
    states, table = np.zeros(lanes, np.uint32), _table()
    for column in np.ascontiguousarray(padded.reshape(lanes, width).T):
        states = table[(states ^ column) & 255] ^ (states >> 8)
    operator = _past_zeros(width)
    while len(states) > 1:
        states = _apply(operator, states[0::2]) ^ states[1::2]
        operator = _apply(operator, operator)
    first = np.array([0xFFFFFFFF], np.uint32)
    return int((states ^ _apply(_past_zeros(count), first))[0]) ^ 0xFFFFFFFF


@cache
def _table() -> np.ndarray:
    """What a byte makes of the register: (256,) uint32."""
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, table >> 1 ^ np.uint32(_POLYNOMIAL), table >> 1)
    return table


def _past_zeros(count: int) -> np.ndarray:
    """What ``count`` zero bytes make of each bit of the register: (32,) uint32."""
    bits = np.uint32(1) << np.arange(32, dtype=np.uint32)
    power, result = _table()[bits & 255] ^ (bits >> 8), bits
    while count:
        if count & 1:
            result = _apply(power, result)
        power = _apply(power, power)
        count >>= 1
    return result


def _apply(operator: np.ndarray, states: np.ndarray) -> np.ndarray:
    """The sums (XOR) of what the operator makes of each bit that is set: (n,) uint32."""
    bits = states[:, None] >> np.arange(32, dtype=np.uint32) & 1
    return np.bitwise_xor.reduce(np.where(bits, operator, np.uint32(0)), axis=1)


def _cut(path: str | Path, number: int) -> UserError:
    return UserError(f"{path} is cut short within record {number} (counted from 0). {_REMEDY}")
