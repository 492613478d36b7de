"""Images as people have them: scaled, laid over black, or refused; never clipped."""

import errno
import io
import os

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

from betrayed.errors import UserError
from betrayed.io.bit_depths import Depths
from betrayed.io.images import checked_size, numbered_images, read_image
from support.damage import other_bytes

RAMP = np.linspace(0, 1, 64 * 48).reshape(48, 64)


def saved(path, array, **options):
    tifffile.imwrite(path, array, **options)
    return path


def test_sixteen_bits_are_scaled_and_not_clipped(tmp_path):
    values = (RAMP * 65535).round().astype(np.uint16)
    Image.fromarray(values).save(tmp_path / "0.png")
    expected = (values / 257).round().astype(np.uint8)
    for path in (
        tmp_path / "0.png",
        saved(tmp_path / "0.tif", values),
        saved(tmp_path / "1.tif", values.astype(">u2"), byteorder=">"),
        saved(tmp_path / "2.tif", 65535 - values, photometric="miniswhite"),
    ):
        image = read_image(path)
        assert image.shape == (48, 64, 3) and image.dtype == np.uint8
        for colour in range(3):
            np.testing.assert_array_equal(image[..., colour], expected)


def test_one_value_of_sixteen_bits_by_hand(tmp_path):
    Image.fromarray(np.array([[0, 127, 128, 129, 257, 16705, 65535]], np.uint16)).save(
        tmp_path / "0.png"
    )
    assert read_image(tmp_path / "0.png")[0, :, 0].tolist() == [0, 0, 0, 1, 1, 65, 255]


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_colour_of_sixteen_bits_keeps_all_of_them(tmp_path, suffix):
    values = (RAMP[..., None] * (65535, 30000, 900)).astype(np.uint16)
    path = tmp_path / f"0{suffix}"
    cv2.imwrite(str(path), values[..., ::-1])
    assert np.abs(read_image(path) - values / 257).max() <= 0.5
    assert np.abs(read_image(path, 900) - np.minimum(values / 900, 1) * 255).max() <= 0.5
    cv2.imwrite(str(path), np.concatenate([values[..., ::-1], values[..., :1]], -1))
    right = values / 257 * (values[..., :1] / 65535)  # over black
    assert np.abs(read_image(path) - right).max() <= 1


@pytest.mark.parametrize("orientation", range(1, 9))
def test_colour_of_sixteen_bits_is_turned_like_that_of_eight(tmp_path, orientation):
    deep = np.random.default_rng(0).integers(0, 65535, (3, 5, 3), dtype=np.uint16)
    tag = [(274, "H", 1, orientation, True)]
    saved(tmp_path / "8.tif", (deep // 256).astype(np.uint8), photometric="rgb", extratags=tag)
    saved(tmp_path / "16.tif", deep, photometric="rgb", extratags=tag)
    eight, sixteen = (read_image(tmp_path / name).astype(int) for name in ("8.tif", "16.tif"))
    assert eight.shape == sixteen.shape and np.abs(eight - sixteen).max() <= 1


def test_floating_point_is_scaled_where_its_range_is_known_and_else_refused(tmp_path):
    image = read_image(saved(tmp_path / "0.tif", RAMP.astype(np.float32)))
    np.testing.assert_array_equal(image[..., 0], (RAMP.astype(np.float32) * 255).round())
    bytes_ = read_image(saved(tmp_path / "1.tif", (RAMP * 255).astype(np.float32)))
    np.testing.assert_array_equal(bytes_, image)
    for number, values in enumerate(
        (RAMP * 4095, RAMP * 1.5, RAMP - 0.5, RAMP * np.nan, RAMP + np.inf)
    ):
        path = saved(tmp_path / f"bad{number}.tif", values.astype(np.float32))
        with pytest.raises(UserError, match=rf"bad{number}\.tif.*range is not"):
            read_image(path)


@pytest.mark.parametrize("kind", ["i1", "i2", "i4", "u4", "f8"])
def test_numbers_of_no_known_scale_are_refused(tmp_path, kind):
    path = saved(tmp_path / "0.tif", (RAMP * 100).astype(kind))
    with pytest.raises(UserError, match=r"0\.tif"):
        read_image(path)


def test_a_stack_of_images_is_refused(tmp_path):
    stack = np.stack([(RAMP * 255).astype(np.uint8)] * 3)
    with pytest.raises(UserError, match=r"0\.tif holds 3 images, but one is meant"):
        read_image(saved(tmp_path / "0.tif", stack, photometric="minisblack"))
    pages = [Image.new("RGB", (8, 8), (40 * index, 0, 0)) for index in range(4)]
    for suffix in (".webp", ".png"):
        pages[0].save(tmp_path / f"0{suffix}", save_all=True, append_images=pages[1:])
        with pytest.raises(UserError, match="holds 4 images"):
            read_image(tmp_path / f"0{suffix}")


def test_what_is_transparent_lies_over_black(tmp_path):
    pixels = np.full((1, 3, 4), 200, np.uint8)
    pixels[0, :, 3] = 255, 51, 0
    Image.fromarray(pixels).save(tmp_path / "0.png")
    assert read_image(tmp_path / "0.png")[0, :, 0].tolist() == [200, 40, 0]
    Image.fromarray(pixels[..., 2:]).save(tmp_path / "1.png")  # grey
    assert read_image(tmp_path / "1.png")[0, :, 0].tolist() == [200, 40, 0]


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "RGB"])
def test_every_usual_mode_is_read(tmp_path, mode):
    white = Image.new("RGB", (5, 4), "white").convert(mode)
    white.save(tmp_path / "0.tif")
    assert (read_image(tmp_path / "0.tif") == 255).all()


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"II*\x00", b"BM" * 40])
@pytest.mark.parametrize("suffix", [".png", ".tif", ".bmp", ".webp", ".jpg"])
def test_damage_is_a_message_whatever_the_reader_stumbles_over(tmp_path, content, suffix):
    (tmp_path / f"0{suffix}").write_bytes(content)
    with pytest.raises(UserError, match=rf"The frame .*0\{suffix} cannot be read"):
        read_image(tmp_path / f"0{suffix}")


def test_an_image_that_may_not_be_read_need_not_be_replaced(tmp_path, monkeypatch):
    def forbid(path, mode):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr("betrayed.io.images.open", forbid, raising=False)
    with pytest.raises(UserError) as raised:
        checked_size(tmp_path / "0.png", Depths(tmp_path))
    told = f"The frame {tmp_path}/0.png cannot be read (Permission denied). Make it readable."
    assert str(raised.value) == told


def test_an_image_too_large_to_be_meant_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    Image.new("L", (8, 8)).save(tmp_path / "0.png")
    with pytest.raises(UserError, match=r"0\.png cannot be read \(Image size"):
        read_image(tmp_path / "0.png")


def test_all_images_without_a_number_of_their_own_are_named_at_once(tmp_path):
    for name in ("cover.jpg", "0.jpg", "00.png", "back.jpg", "1.jpg", "Thumbs.db", "._1.jpg"):
        (tmp_path / name).touch()
    with pytest.raises(UserError) as raised:
        numbered_images(tmp_path)
    for part in ("back.jpg has no number", "cover.jpg has no number", "00.png both are frame 0"):
        assert part in str(raised.value) or f"{tmp_path}/{part}" in str(raised.value)


def test_what_is_called_an_image_and_is_no_file_is_named(tmp_path):
    """A pipe would be waited for, and a link that leads nowhere be a frame that is not missed."""
    Image.new("L", (8, 8)).save(tmp_path / "0.png")
    os.mkfifo(tmp_path / "1.png")
    (tmp_path / "2.png").symlink_to("nowhere.png")
    (tmp_path / "3.png").mkdir()
    with pytest.raises(UserError) as raised:
        numbered_images(tmp_path)
    for told in ("1.png is no file", "2.png is a link that leads nowhere", "3.png is no file"):
        assert f"{tmp_path}/{told}" in str(raised.value)


@pytest.mark.parametrize(
    "names",
    [
        ["2024-11-26T12-34-56.100", "2024-11-26T12-34-56.200", "2024-11-26T12-34-57.000"],
        ["1700000000.900", "1700000001.000"],
        ["take1_0001", "take2_0002"],
    ],
)
def test_names_that_differ_in_more_than_one_number_have_no_order_that_is_known(tmp_path, names):
    """By the last number alone the frame of the 57th second would come first."""
    for name in names:
        (tmp_path / f"{name}.png").touch()
    with pytest.raises(UserError, match="differ in more than one number, as times do"):
        numbered_images(tmp_path)


@pytest.mark.parametrize(
    "names",
    [
        ["cam2_01", "cam2_02"],
        ["a_1", "b_2"],
        ["3 (1)", "3 (2)"],
        ["720p_2_v3", "720p_10_v3"],
        ["2_1280x720", "10_1280x720"],
        ["1@2x", "2@2x"],
        ["5_v2"],
    ],
)
def test_names_that_differ_in_one_number_are_ordered_by_it(tmp_path, names):
    for name in names:
        (tmp_path / f"{name}.png").touch()
    assert [path.stem for path in numbered_images(tmp_path).values()] == names


def said_of(read, path):
    """The size that a reader finds, or what it says of the file."""
    try:
        found = read(path)
    except UserError as error:
        return str(error)
    return found.shape[:2] if isinstance(found, np.ndarray) else found


def checked(path):
    return checked_size(path, Depths(path.parent))


@pytest.mark.parametrize("orientation", [1, 3, 6])
@pytest.mark.parametrize(
    ("mode", "suffix"),
    [
        *[(mode, "jpg") for mode in ("RGB", "L", "CMYK", "1")],
        *[(mode, "png") for mode in ("RGB", "RGBA", "P", "L", "LA", "1", "I;16")],
        *[(mode, "tif") for mode in ("RGB", "RGBA", "L", "I;16", "F")],
        *[(mode, "webp") for mode in ("RGB", "RGBA")],
    ],
)
def test_a_size_is_checked_as_pictures_are_read(tmp_path, mode, orientation, suffix):
    values = (RAMP * 200).astype({"I;16": np.uint16, "F": np.float32}.get(mode, np.uint8))
    exif = Image.Exif()
    exif[0x0112] = orientation
    image, path = Image.fromarray(values), tmp_path / f"0.{suffix}"
    (image if mode in ("I;16", "F") else image.convert(mode)).save(path, exif=exif)
    said = said_of(checked, path)
    assert said == said_of(read_image, path)
    if suffix == "jpg":
        assert said == ((64, 48) if orientation == 6 else (48, 64))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("compression", [None, "tiff_lzw"])
@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "CMYK", "LA", "I;16"])
def test_tiffs_of_all_kinds_are_turned_upright(tmp_path, mode, compression, orientation):
    stored = np.zeros((20, 40), np.uint8)
    stored[:5], stored[:, :9] = 200, 90
    image = Image.fromarray(stored.astype(np.uint16) * 257 if mode == "I;16" else stored)
    exif, path = Image.Exif(), tmp_path / "0.tif"
    exif[274] = orientation
    if mode != "I;16":
        image = image.convert("RGB").convert(mode)
    image.save(path, exif=exif, compression=compression)
    flips = {1: stored, 2: stored[:, ::-1], 3: stored[::-1, ::-1], 4: stored[::-1]}
    turns = {5: stored.T, 6: stored[::-1].T, 7: stored[::-1, ::-1].T, 8: stored.T[::-1]}
    upright = np.repeat({**flips, **turns}[orientation][..., None], 3, axis=-1)
    np.testing.assert_array_equal(read_image(path), upright)


@pytest.mark.parametrize("seed", range(40))
def test_what_is_wrong_with_a_jpeg_is_found_at_an_eighth_of_its_size(tmp_path, seed, monkeypatch):
    """Files with a part missing, changed, moved or too much: refused alike, with the same words."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 20_000)  # sizes are changed, too
    # What decodes plain JPEGs may recover where Pillow does not.
    monkeypatch.setattr("betrayed.io.images._plain_jpeg", lambda path: None)
    random = np.random.default_rng(seed)
    shape = random.integers(1, 90, 2)
    noise = random.integers(0, 256, (*shape, 3), np.uint8)
    how = [{}, {"progressive": True}, {"restart_marker_blocks": 4}, {"quality": 5}][seed % 4]
    file = io.BytesIO()
    Image.fromarray(noise).convert(["RGB", "L", "CMYK"][seed % 3]).save(file, "JPEG", **how)
    whole = file.getvalue()
    path, refused = tmp_path / "0.jpg", 0
    for number in range(12):
        place = int(random.integers(3, len(whole)))
        length, other = other_bytes(random, number)
        behind = [whole[place:], whole[place + length :], b"\xff\xd9"][number // 4]
        path.write_bytes(whole[:place] + other + behind)
        said = said_of(checked, path)
        assert said == said_of(read_image, path)
        refused += isinstance(said, str)
    path.write_bytes(whole)
    assert said_of(checked, path) == tuple(shape)
    assert refused
