import struct

import numpy as np
import pytest

from betrayed.datasets.readers.tfrecords import (
    bytes_features,
    checksum_of,
    crc32c,
    masked,
    read_record,
    record_offsets,
)
from betrayed.errors import UserError
from support.movi_copies import framed, plain_crc32c, serialised

# Checksums


@pytest.mark.parametrize(
    ("message", "checksum"),
    [
        (b"", 0),
        (b"123456789", 0xE3069283),  # the catalogue's check value
        (bytes(32), 0x8A9136AA),  # these and the next: RFC 3720, B.4
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (bytes(range(31, -1, -1)), 0x113FDB5C),
    ],
)
def test_checksums_that_are_published(message, checksum):
    assert crc32c(message) == checksum
    assert plain_crc32c(message) == checksum


@pytest.mark.parametrize("count", [1, 3, 4095, 4096, 4097, 8192, 50001])
def test_lanes_change_nothing(count):
    message = np.random.default_rng(count).bytes(count)
    assert crc32c(message) == plain_crc32c(message)


def test_masking_worked_by_hand():
    """1 turned right by 15 bits is 1 << 17; the constant is added without carry beyond 32 bits."""
    assert masked(0) == 0xA282EAD8
    assert masked(1) == 0x00020000 + 0xA282EAD8
    assert masked(1 << 15) == 1 + 0xA282EAD8
    assert masked(0xFFFFFFFF) == 0xA282EAD7


# Records


def test_a_file_worked_by_hand_byte_by_byte(tmp_path):
    """A record of nine bytes: its length, the checksums of both, masked by hand.

    0xE3069283 turned right by 15 bits: its low 15 bits 0x1283 go to the top, (0x1283 << 17 |
    0xE3069283 >> 15) = 0x2507C60D; plus 0xA282EAD8 = 0xC78AB0E5.
    """
    path = tmp_path / "one"
    length = struct.pack("<Q", 9)
    path.write_bytes(
        length + struct.pack("<I", masked(plain_crc32c(length))) + b"123456789\xe5\xb0\x8a\xc7"
    )
    assert record_offsets(path) == [(12, 9)]
    assert read_record(path, 0, 12, 9) == b"123456789"
    assert checksum_of(path, 12, 9) == 0xC78AB0E5


def test_records_come_back_and_an_empty_file_has_none(tmp_path):
    contents = [b"a", b"", np.random.default_rng(0).bytes(10000)]
    path = tmp_path / "three"
    path.write_bytes(b"".join(map(framed, contents)))
    places = record_offsets(path)
    assert [read_record(path, number, *place) for number, place in enumerate(places)] == contents
    path.write_bytes(b"")
    assert record_offsets(path) == []


def test_a_file_that_is_cut_anywhere_is_named_with_the_record(tmp_path):
    whole = framed(b"first") + framed(b"second")
    path = tmp_path / "cut"
    for end in range(1, len(whole)):
        path.write_bytes(whole[:end])
        if end == len(framed(b"first")):
            continue  # between two records nothing shows: the count does, see test_movi.py
        number = 0 if end < len(framed(b"first")) else 1
        with pytest.raises(UserError, match=rf"cut is cut short within record {number} "):
            record_offsets(path)


def test_every_bit_is_guarded(tmp_path):
    whole = framed(b"first") + framed(b"second")
    path = tmp_path / "flipped"
    path.write_bytes(whole)
    places = record_offsets(path)
    for bit in range(8 * len(whole)):
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        with pytest.raises(UserError, match=r"[Rr]ecord [01] of .*flipped|within record [01]"):
            assert record_offsets(path) == places
            for number, place in enumerate(places):
                read_record(path, number, *place)


def test_a_file_that_has_gone_or_shrunk_since_it_was_listed(tmp_path):
    path = tmp_path / "gone"
    with pytest.raises(UserError, match="gone is missing"):
        record_offsets(path)
    with pytest.raises(UserError, match="gone is missing"):
        read_record(path, 3, 12, 5)
    path.write_bytes(framed(b"first")[:-1])
    with pytest.raises(UserError, match="cut short within record 3"):
        read_record(path, 3, 12, 5)


# Examples


def test_an_example_worked_by_hand_byte_by_byte():
    """{"ab": ["x", "yz"]} inside out: a value is 0A, its length, its bytes."""
    values = b"\x0a\x01x" + b"\x0a\x02yz"  # BytesList: field 1, twice
    feature = b"\x0a\x07" + values  # Feature: field 1, 7 bytes
    entry = b"\x0a\x02ab" + b"\x12\x09" + feature  # key: field 1; value: field 2 (16 + 2)
    features = b"\x0a\x0f" + entry  # the map: field 1, 15 bytes
    example = b"\x0a\x11" + features
    assert example == serialised({"ab": [b"x", b"yz"]})
    assert bytes_features(example, ["ab", "c"]) == {"ab": [b"x", b"yz"]}
    assert bytes_features(example, ["c"]) == {}


def test_what_protobuf_writes_is_read_and_numbers_are_passed_over():
    features = {
        "video": [b"", b"\x00\xff" * 300],
        "numbers": [-1, 0, 2**40],
        "fractions": [0.5, 2.0],
        "none": [],
    }
    assert bytes_features(serialised(features), features) == {"video": features["video"]}


def test_other_types_of_fields_are_passed_over():
    """Fields that a later version may add: a varint of 300 (two bytes), eight bytes, four bytes."""
    known = serialised({"a": [b"x"]})
    more = b"\x18\xac\x02" + b"\x21" + bytes(8) + b"\x2d" + bytes(4)
    assert bytes_features(more + known + more, ["a"]) == {"a": [b"x"]}


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: data[:-1], "past the end"),
        (lambda data: data + b"\x80", "a number runs past the end"),
        (lambda data: b"\x0b" + data, "unknown type 3"),
        (lambda data: data + b"\x21\x00", "past the end"),
    ],
)
def test_what_is_no_example_is_refused(damage, message):
    with pytest.raises(ValueError, match=message):
        bytes_features(damage(serialised({"a": [b"x"]})), ["a"])
