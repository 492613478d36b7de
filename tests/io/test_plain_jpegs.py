"""Ordinary JPEGs have the pixels that Pillow gives; what is not ordinary is left to it."""

import numpy as np
import pytest
from PIL import Image

from betrayed.errors import UserError
from betrayed.io.images import read_image
from betrayed.io.plain_jpegs import decode_plain_jpeg


def picture(height=33, width=57, seed=0):
    draw = np.random.default_rng(seed)
    return Image.fromarray(draw.integers(0, 256, (height, width, 3), dtype=np.uint8))


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize("size", [(33, 57), (48, 64), (101, 7), (1, 1)])
def test_pixels_are_those_of_pillow(tmp_path, size, subsampling, progressive):
    path = tmp_path / "0.jpg"
    picture(*size).save(path, quality=80, subsampling=subsampling, progressive=progressive)
    with Image.open(path) as image:
        expected = np.array(image)
    found = decode_plain_jpeg(path.read_bytes())
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(read_image(path), expected)


def test_what_is_not_ordinary_is_left_to_others(tmp_path):
    turned = Image.Exif()
    turned[0x0112] = 6  # a quarter turn
    picture().save(tmp_path / "turned.jpg", exif=turned)
    picture().convert("L").save(tmp_path / "grey.jpg")
    picture().convert("CMYK").save(tmp_path / "cmyk.jpg")
    picture().save(tmp_path / "png.jpg", format="PNG")
    for path in tmp_path.iterdir():
        assert decode_plain_jpeg(path.read_bytes()) is None, path
        assert read_image(path).shape == ((57, 33, 3) if "turned" in path.name else (33, 57, 3))
    assert decode_plain_jpeg(b"") is None


def test_a_file_cut_anywhere_is_still_refused(tmp_path):
    picture(200, 300).save(tmp_path / "0.jpg", quality=95)
    data = (tmp_path / "0.jpg").read_bytes()
    for part in (0, 1, 3, 20, 300, len(data) // 2, len(data) - 2):
        assert decode_plain_jpeg(data[:part]) is None
        (tmp_path / "0.jpg").write_bytes(data[:part])
        if part < len(data) - 2:
            with pytest.raises(UserError):
                read_image(tmp_path / "0.jpg")
