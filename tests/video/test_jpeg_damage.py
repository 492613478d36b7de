"""JPEGs of which decoders make up a part: known; all that is whole or merely odd: left alone."""

import io
import os

import numpy as np
import pytest
from PIL import Image

from betrayed.errors import UserError
from betrayed.video.extraction import extract
from betrayed.video.jpeg_damage import jpeg_damage

END = b"\xff\xd9"
HOW = [{}, {"progressive": True}, {"restart_marker_blocks": 4}, {"optimize": True}, {"quality": 5}]


def picture(size=(160, 120), mode="RGB"):
    noise = np.random.default_rng(0).integers(0, 256, (*size[::-1], 3), np.uint8)
    return Image.fromarray(noise).convert(mode)


def data(image, **options):
    file = io.BytesIO()
    image.save(file, "JPEG", **options)
    return file.getvalue()


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("size", [(160, 120), (1, 1), (17, 9)])
def test_whole_ones_are_whole_with_whatever_behind_them(tmp_path, how, mode, size, capfd):
    whole = data(picture(size, mode), **how)
    for index, behind in enumerate((b"", b"more" * 50, bytes(99), END)):
        (tmp_path / f"{index}.jpg").write_bytes(whole + behind)
        assert jpeg_damage(tmp_path / f"{index}.jpg") == ""
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("how", HOW)
def test_what_decoders_fill_up_is_damaged(tmp_path, how, capfd):
    whole = data(picture(), **how)
    half = len(whole) // 2
    for index, damaged in enumerate(
        (whole[: -len(whole) // 3] + END, whole[:half] + whole[half + 400 :])
    ):
        path = tmp_path / str(index) / f"{index}.jpg"
        path.parent.mkdir()
        path.write_bytes(damaged)
        with Image.open(path) as image:
            image.load()  # nobody else says so
        assert "Corrupt JPEG data" in jpeg_damage(path)
        with pytest.raises(UserError, match=rf"frame .*{index}\.jpg is damaged \(Corrupt JPEG"):
            extract("v", path.parent, tmp_path / "out")
    assert capfd.readouterr().err == ""


def test_what_is_no_jpeg_or_not_there_is_for_others(tmp_path):
    picture().save(tmp_path / "0.jpg", "PNG")
    (tmp_path / "1.jpg").write_bytes(b"\xff\xd8\xff")
    for name in ("0.jpg", "1.jpg", "absent.jpg"):
        assert jpeg_damage(tmp_path / name) == ""


def test_the_error_stream_is_given_back(tmp_path, capfd):
    (tmp_path / "0.jpg").write_bytes(data(picture()))
    jpeg_damage(tmp_path / "0.jpg")
    os.write(2, b"heard")
    assert capfd.readouterr().err == "heard"
