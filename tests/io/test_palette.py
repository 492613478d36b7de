import cv2
import numpy as np
import pytest
from PIL import Image

from betrayed.errors import UserError
from betrayed.io.images import read_image, upright_size
from betrayed.io.palette import count_ids, davis_palette, read_ids, save_palette_png


def test_the_first_colours_are_those_of_davis():
    palette = np.frombuffer(davis_palette(), np.uint8).reshape(256, 3)
    assert palette[:6].tolist() == [
        [0, 0, 0],
        [128, 0, 0],
        [0, 128, 0],
        [128, 128, 0],
        [0, 0, 128],
        [128, 0, 128],
    ]
    assert palette[8].tolist() == [64, 0, 0]
    assert palette[255].tolist() == [224, 224, 192]
    assert len(np.unique(palette, axis=0)) == 256


def test_ids_come_back_as_they_were(tmp_path):
    ids = np.arange(256, dtype=np.int64).reshape(8, 32)
    save_palette_png(tmp_path / "ids.png", ids)
    with Image.open(tmp_path / "ids.png") as image:
        assert image.mode == "P"
    back = read_ids(tmp_path / "ids.png")
    assert back.dtype == np.uint8
    np.testing.assert_array_equal(back, ids)


@pytest.mark.parametrize("ids", [np.zeros((2, 2, 3), int), np.full((2, 2), 256), np.ones((2, 2))])
def test_what_is_no_image_of_ids_is_not_written(tmp_path, ids):
    with pytest.raises(ValueError):
        save_palette_png(tmp_path / "ids.png", ids)


def test_grey_black_and_white_and_deep_images_are_read(tmp_path):
    grey = np.array([[0, 1], [2, 255]], np.uint8)
    Image.fromarray(grey).save(tmp_path / "grey.png")
    Image.fromarray(grey > 0).save(tmp_path / "binary.png")
    Image.fromarray(grey.astype(np.uint16)).save(tmp_path / "deep.png")
    np.testing.assert_array_equal(read_ids(tmp_path / "grey.png"), grey)
    np.testing.assert_array_equal(read_ids(tmp_path / "binary.png"), (grey > 0) * 255)
    np.testing.assert_array_equal(read_ids(tmp_path / "deep.png"), grey)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_masks_are_turned_upright_as_frames_are(tmp_path, orientation, suffix):
    exif = Image.Exif()
    exif[274] = orientation
    grey = np.arange(12, dtype=np.uint8).reshape(3, 4)
    path = tmp_path / f"mask.{suffix}"
    Image.fromarray(grey).save(path, exif=exif)
    upright = read_image(path)[..., 0]
    np.testing.assert_array_equal(read_ids(path), upright)
    with Image.open(path) as image:
        assert upright_size(image) == upright.shape[::-1]


@pytest.mark.parametrize("mode", ["LA", "RGB", "RGBA"])
def test_grey_images_are_read_whatever_channels_they_have(tmp_path, mode):
    """As bear/00077.png of DAVIS-2016 is said to be, and masks that OpenCV wrote often are."""
    grey = np.array([[0, 1], [2, 255]], np.uint8)
    image = Image.fromarray(grey).convert(mode)
    image.save(tmp_path / "opaque.png")
    np.testing.assert_array_equal(read_ids(tmp_path / "opaque.png"), grey)
    if mode.endswith("A"):
        image.putalpha(Image.fromarray(grey))
        image.save(tmp_path / "clear.png")
        np.testing.assert_array_equal(read_ids(tmp_path / "clear.png"), grey)
        white = Image.new(mode, (2, 2), "white")
        white.putalpha(Image.fromarray(grey))
        white.save(tmp_path / "cut_out.png")
        with pytest.raises(UserError, match="transparency alone"):
            read_ids(tmp_path / "cut_out.png")


def test_channels_of_16_bits_are_no_ids(tmp_path):
    """Pillow would give the upper 8 bits, which are 0."""
    cv2.imwrite(str(tmp_path / "deep.png"), np.ones((4, 4, 3), np.uint16))
    with pytest.raises(UserError, match="several channels of 16 bits"):
        read_ids(tmp_path / "deep.png")


def test_colour_damage_and_absence_are_told_apart(tmp_path):
    Image.new("RGB", (4, 4), "red").save(tmp_path / "colour.png")
    with pytest.raises(UserError, match="picture in colour"):
        read_ids(tmp_path / "colour.png")
    Image.fromarray(np.full((4, 4), 300, np.uint16)).save(tmp_path / "large.png")
    with pytest.raises(UserError, match="ids up to 300"):
        read_ids(tmp_path / "large.png")
    noise = np.random.default_rng(0).integers(0, 9, (64, 64), np.uint8)
    save_palette_png(tmp_path / "cut.png", noise)
    data = (tmp_path / "cut.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(data[: len(data) // 2])
    with pytest.raises(UserError, match=r"cut\.png cannot be read"):
        read_ids(tmp_path / "cut.png")
    with pytest.raises(UserError, match=r"nowhere\.png is missing"):
        read_ids(tmp_path / "nowhere.png")


@pytest.mark.parametrize("at_a_time", [7, 2**24])
def test_ids_are_counted(monkeypatch, at_a_time):
    monkeypatch.setattr("betrayed.io.palette._COUNTED", at_a_time)
    ids = np.random.default_rng(0).choice([0, 3, 254, 255], (9, 5)).astype(np.uint8)
    for some in (ids, ids[:, ::2], ids[:0]):
        np.testing.assert_array_equal(count_ids(some), [(some == one).sum() for one in range(256)])
