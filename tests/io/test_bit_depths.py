"""One scale for all frames of a video, from what the files state or the video's largest value."""

import struct
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image

from betrayed.errors import UserError
from betrayed.io.bit_depths import Depths, depth_of, to_8_bits
from betrayed.video.extraction import extract
from betrayed.video.video import Video

RAMP = np.linspace(0, 1, 64)[None].repeat(48, 0)


def numbers(largest):
    return (RAMP * largest).round().astype(np.uint16)


def chunk(name: bytes, content: bytes) -> bytes:
    return (
        struct.pack(">I", len(content))
        + name
        + content
        + struct.pack(">I", zlib.crc32(name + content))
    )


def save(path, values, bits=None):
    """A PNG, or a TIFF; of a PNG the bits that mean something."""
    if path.suffix == ".tif":
        tags = [(281, "H", 1, bits, True)] if bits else []
        tifffile.imwrite(path, values, extratags=tags)
        return
    Image.fromarray(values).save(path)
    if bits:
        data = path.read_bytes()
        path.write_bytes(data[:33] + chunk(b"sBIT", bytes([bits])) + data[33:])


def extracted(folder, frames, suffix=".png", bits=None):
    (folder / "v").mkdir()
    for index, values in enumerate(frames):
        save(folder / "v" / f"{index}{suffix}", values, bits)
    extract("v", folder / "v", folder / "out")
    video = Video.load(folder / "out" / "frames.json")
    return video, [video.frame(index)[..., 0] for index in range(video.count)]


def test_the_depth_of_a_largest_value():
    asked = (0, 255, 256, 1023, 1024, 4095, 4096, 16383, 16384, 65535)
    assert [depth_of(one) for one in asked] == [8, 8, 10, 10, 12, 12, 14, 14, 16, 16]


def test_values_become_8_bits_as_by_hand():
    values = np.array([0, 8, 9, 2047, 2048, 4095, 5000], np.uint16)
    # 255 / 4095 = 0.0623: 8 is 0.498, 9 is 0.56, 2047 is 127.47, 2048 is 127.53.
    assert to_8_bits(values, 4095.0).tolist() == [0, 0, 1, 127, 128, 255, 255]
    assert to_8_bits(np.array([0, 0.5, 2.0]), 1.0).tolist() == [0, 128, 255]


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("bits", [8, 10, 12, 14])
def test_a_dark_frame_has_the_scale_of_its_video(tmp_path, capsys, suffix, bits):
    most = (1 << bits) - 1
    video, (dark, bright) = extracted(tmp_path, [numbers(most // 5), numbers(most)], suffix)
    assert video.white == most
    assert (dark.max(), bright.max()) == (51, 255)
    said = capsys.readouterr().err
    assert said.count(f"read as {bits} bits, {most} being white, in all its frames") == 1


def test_16_bits_are_taken_as_they_are(tmp_path, capsys):
    video, (dark, bright) = extracted(tmp_path, [numbers(900), numbers(40_000)])
    assert video.white == 65535 and (dark.max(), bright.max()) == (4, 156)
    assert "white" not in capsys.readouterr().err


def test_8_bits_have_no_scale(tmp_path):
    video, (frame,) = extracted(tmp_path, [numbers(200).astype(np.uint8)])
    assert video.white is None and frame.max() == 200


def test_a_png_that_says_how_many_bits_it_has(tmp_path, capsys):
    video, (frame,) = extracted(tmp_path, [numbers(1000)], bits=12)
    assert video.white == 4095 and frame.max() == round(1000 / 4095 * 255)
    assert "state 12 bits: 4095 is white" in capsys.readouterr().err


@pytest.mark.parametrize("repeated", [False, True])
def test_a_png_that_fills_16_bits_as_the_standard_asks(tmp_path, repeated):
    twelve = numbers(200)
    values = (twelve << 4 | (twelve >> 8 if repeated else 0)).astype(np.uint16)
    assert values.max() < 4096  # dark: its size alone would be taken for 12 bits
    video, _ = extracted(tmp_path, [values], bits=12)
    assert video.white == 65535


def test_a_png_that_says_that_all_16_bits_mean_something(tmp_path):
    video, (frame,) = extracted(tmp_path, [numbers(1000)], bits=16)
    assert video.white == 65535 and frame.max() == 4


def test_a_tiff_that_says_its_largest_value(tmp_path):
    video, (frame,) = extracted(tmp_path, [numbers(1000)], ".tif", bits=4095)
    assert video.white == 4095 and frame.max() == 62
    video, (frame,) = extracted(make(tmp_path, "b"), [numbers(1000)], ".tif", bits=65535)
    assert video.white == 65535 and frame.max() == 4
    # One that lies is not believed.
    video, (frame,) = extracted(make(tmp_path, "c"), [numbers(1000)], ".tif", bits=300)
    assert video.white == 1023 and frame.max() == 249


def make(folder, name):
    (folder / name).mkdir()
    return folder / name


def test_a_tiff_of_12_bits(tmp_path):
    """Two values in three bytes, which the library for TIFFs packs into no file: made by hand."""
    values = numbers(1000)
    pairs = values.reshape(-1, 2).astype(np.uint32)
    joined = pairs[:, 0] << 12 | pairs[:, 1]
    pixels = (
        np.stack([joined >> 16, joined >> 8 & 255, joined & 255], -1).astype(np.uint8).tobytes()
    )
    tags = ((256, 64), (257, 48), (258, 12), (259, 1), (262, 1), (273, 150), (277, 1), (278, 48))
    tags = (*tags, (279, len(pixels)))
    head = b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags))
    head += b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags) + bytes(4)
    make(tmp_path, "v")
    (tmp_path / "v" / "0.tif").write_bytes(head.ljust(150, b"\0") + pixels)
    extract("v", tmp_path / "v", tmp_path / "out")
    video = Video.load(tmp_path / "out" / "frames.json")
    assert video.white == 4095
    np.testing.assert_array_equal(video.frame(0)[..., 0], to_8_bits(values, 4095))


def test_0_is_white_where_a_tiff_says_so_whatever_its_depth(tmp_path):
    make(tmp_path, "v")
    for index, most in enumerate((900, 4095)):
        tifffile.imwrite(tmp_path / f"v/{index}.tif", numbers(most), photometric="miniswhite")
    extract("v", tmp_path / "v", tmp_path / "out")
    video = Video.load(tmp_path / "out" / "frames.json")
    frame = video.frame(0)
    assert video.white == 4095 and (frame.max(), frame.min()) == (255, 255 - 56)
    assert video.frame(1).min() == 0


def test_colours_of_12_bits_in_16(tmp_path):
    import cv2

    make(tmp_path, "v")
    values = np.stack([numbers(4095), numbers(2000), numbers(0)], -1)
    cv2.imwrite(str(tmp_path / "v" / "0.png"), values[..., ::-1])
    extract("v", tmp_path / "v", tmp_path / "out")
    video = Video.load(tmp_path / "out" / "frames.json")
    assert video.frame(0).max(axis=(0, 1)).tolist() == [255, 125, 0]


def test_floating_point_up_to_255_is_so_in_all_frames(tmp_path, capsys):
    dark, bright = (RAMP * 0.9).astype(np.float32), (RAMP * 250).astype(np.float32)
    video, frames = extracted(tmp_path, [dark, bright], ".tif")
    assert video.white == 255 and [one.max() for one in frames] == [1, 250]
    assert capsys.readouterr().err.count("to 255 (white), in all its frames") == 1


@pytest.mark.parametrize("most", [1.2, 20.0, 256.0, 4095.0])
def test_floating_point_of_another_range_is_refused(tmp_path, most):
    with pytest.raises(UserError, match=r"v hold floating point up to .*v/1\.tif.*is not known"):
        extracted(tmp_path, [RAMP.astype("f4"), (RAMP * most).astype("f4")], ".tif")


def test_floating_point_and_whole_numbers_have_no_scale_in_common(tmp_path):
    with pytest.raises(UserError, match=r"1\.tif and .*0\.tif.*no scale in common|0\.tif and .*1"):
        extracted(tmp_path, [RAMP.astype("f4"), numbers(4095)], ".tif")


def test_frames_of_8_bits_among_deeper_ones_stay_what_they_are(tmp_path):
    video, frames = extracted(tmp_path, [numbers(200).astype(np.uint8), numbers(4095)])
    assert video.white == 4095 and [one.max() for one in frames] == [200, 255]


def test_nothing_is_said_of_what_has_no_values():
    depths = Depths("v")
    assert depths.white() == (None, "")
    depths.add("0.png", np.zeros((4, 4), np.uint16))
    assert depths.white()[0] == 255
