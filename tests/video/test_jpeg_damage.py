"""JPEGs of which decoders make up a part: known; all that is whole or merely odd: left alone."""

import io
import os
import re
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest
from PIL import Image, ImageFile

from betrayed.errors import UserError
from betrayed.io.bit_depths import Depths
from betrayed.io.images import checked_size
from betrayed.video.extraction import extract
from betrayed.video.jpeg_damage import Look, damage_in_film, look_at_jpeg
from support.damage import other_bytes

END = b"\xff\xd9"
HOW = [{}, {"progressive": True}, {"restart_marker_blocks": 4}, {"optimize": True}, {"quality": 5}]


def picture(size=(160, 120), mode="RGB"):
    noise = np.random.default_rng(0).integers(0, 256, (*size[::-1], 3), np.uint8)
    return Image.fromarray(noise).convert(mode)


def photo():
    """A picture without edges, of which no code fills its place with certainty."""
    smooth = cv2.GaussianBlur(np.asarray(picture((320, 240))), (0, 0), 4)
    return Image.fromarray(cv2.normalize(smooth, None, 0, 255, cv2.NORM_MINMAX))


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
        look = look_at_jpeg(tmp_path / f"{index}.jpg")
        assert look.damage == "" and (look.size == size[::-1] or behind)
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
        assert "Corrupt JPEG data" in look_at_jpeg(path).damage
        with pytest.raises(UserError, match=rf"frame .*{index}\.jpg is damaged \(Corrupt JPEG"):
            extract("v", path.parent, tmp_path / "out")
    assert capfd.readouterr().err == ""


def test_bytes_left_over_at_the_end_are_damage_unless_they_fill(tmp_path):
    """Where a decoder lost its way and came to the end too early, it has data left."""
    whole, path = data(photo(), quality=95), tmp_path / "0.jpg"
    for filling in (bytes(64), b"\xff\x00" * 32, b"\xa5" * 100 + b"\xff" * 3, b"two or 16 bytes"):
        path.write_bytes(whole[:-2] + filling + END)
        assert look_at_jpeg(path).damage == "", filling
    path.write_bytes(whole[:-2] + whole[-400:-200] + END)
    assert "extraneous bytes before marker 0xd9" in look_at_jpeg(path).damage
    begin, left = whole.rindex(b"\xff\xda") + 50, 0
    for place in np.linspace(begin, len(whole) - 600, 40).astype(int):
        path.write_bytes(whole[:place] + bytes(8) + whole[place + 8 :])
        damage = look_at_jpeg(path).damage
        left += "before marker 0xd9" in damage
    assert left > 5
    with pytest.raises(UserError, match=r"0\.jpg is damaged \(Corrupt JPEG data: [0-9]+ extran"):
        path.write_bytes(whole[:-2] + whole[-400:-200] + END)
        extract("v", tmp_path, tmp_path / "out")


def jpegs_as_film(path, jpegs):
    """A film of JPEGs as they are, which nobody coded anew."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=10)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuvj420p"
        for index, jpeg in enumerate(jpegs):
            packet = av.Packet(jpeg)
            packet.stream, packet.time_base = stream, Fraction(1, 10)
            packet.pts = packet.dts = index
            packet.is_keyframe = True
            container.mux(packet)
    return path


@pytest.mark.parametrize("suffix", ["avi", "mov", "mkv", "mjpeg"])
def test_damage_that_ffmpeg_patches_over_is_refused_in_films_too(tmp_path, suffix):
    whole = data(photo(), quality=95)
    middle = len(whole) // 2
    film = jpegs_as_film(tmp_path / f"whole.{suffix}", [whole] * 4)
    extract("v", film, tmp_path / "whole")
    for index, behind in enumerate((b"\xff" * 20 + whole[middle + 20 :], whole[middle - 300 :])):
        film = [whole, whole, whole[:middle] + behind, whole]
        film = jpegs_as_film(tmp_path / f"{index}.{suffix}", film)
        with pytest.raises(UserError, match=rf"Frame 2 of .*{suffix} is damaged \("):
            extract("v", film, tmp_path / "damaged")


def test_what_pictures_of_films_do_without_is_no_damage():
    """Tables, which are then the usual ones, the end, and what fills up a chunk behind it."""
    whole = data(photo())
    place, bare = 2, whole[:2]
    while whole[place + 1] != 0xDA:
        end = place + 2 + int.from_bytes(whole[place + 2 : place + 4])
        bare += whole[place:end] if whole[place + 1] != 0xC4 else b""
        place = end
    bare += whole[place:]
    assert len(bare) < len(whole) - 400
    for harmless in (whole, bare, whole[:-2], whole + bytes(500), 2 * whole, b"", b"no picture"):
        assert damage_in_film(harmless) == ""
    # Webcams fill up in front of the markers that part a scan's data: the picture is the same.
    parted = data(photo(), restart_marker_blocks=4)
    filled = re.sub(rb"\xff[\xd0-\xd7]", lambda marker: b"\0" + marker[0], parted)
    assert len(filled) > len(parted) + 8
    pixels = [cv2.imdecode(np.frombuffer(one, np.uint8), 1) for one in (parted, filled)]
    np.testing.assert_array_equal(*pixels)
    assert damage_in_film(filled) == damage_in_film(parted) == ""
    assert damage_in_film(bare[: len(bare) // 2]) and damage_in_film(whole[: len(whole) // 2])


def test_what_is_no_jpeg_or_not_there_is_for_others(tmp_path):
    picture().save(tmp_path / "0.jpg", "PNG")
    (tmp_path / "1.jpg").write_bytes(b"\xff\xd8\xff")
    for name in ("0.jpg", "1.jpg", "absent.jpg"):
        assert look_at_jpeg(tmp_path / name) == Look()


def test_the_error_stream_is_given_back(tmp_path, capfd):
    (tmp_path / "0.jpg").write_bytes(data(picture()))
    look_at_jpeg(tmp_path / "0.jpg")
    os.write(2, b"heard")
    assert capfd.readouterr().err == "heard"


def checked(path, look):
    """The size of a frame, or what is said of it."""
    try:
        return look.size or checked_size(path, Depths(path.parent))
    except UserError as error:
        return str(error)


@pytest.mark.parametrize(
    "segment", [b"\xc4\x00\x05\0\0\0", b"\xc0\x00\x02", b"\xda\x00\x02", b"\xd8", b"\xfe\x00\x04ab"]
)
def test_what_stands_behind_the_picture_is_for_pillow_to_judge(tmp_path, segment):
    """Bad tables, a second picture; and a comment, which is none of its faults."""
    whole, path = data(picture()), tmp_path / "0.jpg"
    path.write_bytes(whole[:-2] + b"\xff" + segment + END)
    look = look_at_jpeg(path)
    assert look.size is None
    assert checked(path, look) == checked(path, Look())


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_second_decoder_refuses_nothing_that_the_first_found_whole(
    tmp_path, how, mode, monkeypatch
):
    """Parts cut out, put in, changed and moved: checked with one decoder as with both."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 20_000)  # sizes are changed, too
    random, path, whole = np.random.default_rng(0), tmp_path / "0.jpg", 0
    good = data(picture((75, 58), mode), **how)
    for number in range(60):
        end = len(good) if number % 3 else 700
        place, further = (int(random.integers(3, end)) for _ in range(2))
        length, other = other_bytes(random, number)
        behind = [good[place:], good[place + length :], good[further:], END][number // 4 % 4]
        path.write_bytes(good[:place] + other + behind)
        look = look_at_jpeg(path)
        whole += look.size is not None
        assert checked(path, look) == checked(path, Look())
    assert whole


def test_a_whole_jpeg_is_decoded_once(tmp_path, monkeypatch):
    """Upright ones, that is: Pillow turns the others."""
    for index, how in enumerate(HOW):
        (tmp_path / f"{index}.jpg").write_bytes(data(picture((57, 33)), **how))
    monkeypatch.setattr(ImageFile.ImageFile, "load", None)
    extract("v", tmp_path, tmp_path / "out")
    monkeypatch.undo()
    exif = Image.Exif()
    exif[0x0112] = 6
    path = tmp_path / "turned.jpg"
    path.write_bytes(data(picture((57, 33)), exif=exif))
    look = look_at_jpeg(path)
    assert checked(path, look) == checked(path, Look()) == (57, 33)


def test_a_size_that_cannot_be_meant_is_not_decoded(tmp_path, monkeypatch):
    """A decoder would lay out room for it, however little data there are."""
    path = tmp_path / "0.jpg"
    path.write_bytes(data(picture(), progressive=True))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    monkeypatch.setattr(cv2, "imdecode", None)
    assert look_at_jpeg(path) == Look()
    with pytest.raises(UserError, match=r"0\.jpg cannot be read \(Image size"):
        extract("v", tmp_path, tmp_path / "out")
