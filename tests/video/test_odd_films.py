"""Films as people have them: what is seen counts, not what a head declares."""

import errno
import io
import json
import shutil
import struct
from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
import pytest
from PIL import Image

from betrayed.errors import UserError
from betrayed.io.video_writing import write_video
from betrayed.video.containers import check_whole
from betrayed.video.decoding import Decoder
from betrayed.video.extraction import extract
from betrayed.video.timing import timing
from betrayed.video.video import Video
from support.made_films import KINDS, STATED, Film, make_film, overstate, picture, shown
from support.videos_for_tests import cut, moving_square, write_clip

MP4, MKV, AVI = Film(KINDS[0]), Film(KINDS[4]), Film(KINDS[6])


def extracted(path, folder) -> Video:
    extract("film", path, folder / "out")
    return Video.load(folder / "out" / "frames.json")


def assert_shows(video: Video, film: Film, indices) -> None:
    assert video.count == len(indices)
    for place, index in enumerate(indices):
        right = shown(film, index)
        assert video.frame(place).shape == right.shape
        assert np.abs(video.frame(place).astype(int) - right).mean() < 6


# What the decoder yields is the video


@pytest.mark.parametrize("film", [Film(kind) for kind in KINDS], ids=lambda one: one.kind[0])
def test_films_of_every_kind_are_read(tmp_path, film):
    video = extracted(make_film(tmp_path, film), tmp_path)
    assert_shows(video, film, range(6))
    assert video.fps == pytest.approx(10) and video.times is None
    assert video.seconds == pytest.approx(0.6)


@pytest.mark.parametrize("rate", [12, 25, Fraction(30000, 1001), 60])
@pytest.mark.parametrize("height, width", [(360, 640), (640, 360)])
def test_the_rate_is_the_films_however_often_it_is_read(tmp_path, rate, height, width):
    path = make_film(tmp_path, replace(MP4, rate=Fraction(rate), height=height, width=width))
    for _ in range(3):
        decoder = Decoder(path)
        assert sum(1 for _ in decoder.frames()) == 6
        assert decoder.timing.fps == pytest.approx(float(rate))


@pytest.mark.parametrize("hidden", [1, 3, 5])
def test_frames_that_an_edit_list_hides_are_no_damage(tmp_path, hidden):
    film = replace(MP4, count=8, hidden=hidden)
    video = extracted(make_film(tmp_path, film), tmp_path)
    assert_shows(video, film, range(hidden, 8))


def test_empty_chunks_of_an_avi_are_no_damage_and_keep_their_time(tmp_path):
    film = replace(AVI, stamps=(0, 100, 200, 500, 600, 900), rate=Fraction(10))
    path = tmp_path / "film.avi"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=10)
        stream.height, stream.width, stream.pix_fmt = film.height, film.width, "yuvj444p"
        for index, stamp in enumerate(film.stamps):
            frame = av.VideoFrame.from_ndarray(picture(film, index), format="rgb24")
            frame.pts, frame.time_base = stamp // 100, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    assert Decoder(path).declared == 10  # four of them empty
    video = extracted(path, tmp_path)
    assert_shows(video, film, range(6))
    assert video.times == pytest.approx([0, 0.1, 0.2, 0.5, 0.6, 0.9])
    assert (video.seconds, video.fps) == (pytest.approx(1.0), pytest.approx(6.0))


def test_a_slow_film_is_not_taken_for_one_that_is_cut(tmp_path):
    """Of B-frames seconds apart FFmpeg changes where a Matroska begins while it reads them."""
    path = tmp_path / "film.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(1, 10))
        stream.width, stream.height, stream.pix_fmt = MP4.width, MP4.height, "yuv420p"
        stream.options = {"x264-params": "b-adapt=1:bframes=2"}
        for index in range(20):
            scene = np.random.default_rng(0).integers(0, 255, (MP4.height, MP4.width, 3), np.uint8)
            scene = np.roll(scene, 3 * index, axis=1)
            frame = av.VideoFrame.from_ndarray(scene, format="rgb24")
            frame.pts, frame.time_base = index, Fraction(10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    video = extracted(path, tmp_path)
    assert (video.count, video.fps, video.seconds) == (20, pytest.approx(0.1), pytest.approx(200))


@pytest.mark.parametrize("frames", [0, 3, 60])
def test_a_wrong_number_of_frames_in_the_head_is_no_damage(tmp_path, frames):
    path = make_film(tmp_path, AVI)
    overstate(path, frames)
    assert_shows(extracted(path, tmp_path), AVI, range(6))


@pytest.mark.parametrize("kind", [KINDS[0], KINDS[2], KINDS[4]], ids=lambda one: one[0])
@pytest.mark.parametrize("extra", ["cover", "sound", "second"])
def test_the_film_is_found_behind_other_streams(tmp_path, kind, extra, capsys):
    film = replace(Film(kind), **{extra: True})
    assert_shows(extracted(make_film(tmp_path, film), tmp_path), film, range(6))
    assert ("stream 0 left out" in capsys.readouterr().err) == (extra == "second" or (
        extra == "cover" and kind[0] == ".mkv"  # which does not say that it is one
    ))  # fmt: skip


def test_a_cover_or_sound_alone_is_no_film(tmp_path):
    path = tmp_path / "song.mp4"
    with av.open(str(path), "w") as container:
        sound = container.add_stream("aac", rate=8000)
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        silence.rate, silence.pts = 8000, 0
        container.mux(sound.encode(silence))
        container.mux(sound.encode())
    with pytest.raises(UserError, match=r"song\.mp4 holds no pictures, only sound"):
        Decoder(path)


def test_pictures_of_a_gif_without_times_do_not_vanish_without_a_word(tmp_path):
    """Pillow writes them so without duration=: FFmpeg takes some for one."""
    noise = np.random.default_rng(0).integers(0, 256, (8, 48, 64, 3), np.uint8)
    first, *more = map(Image.fromarray, noise)
    first.save(tmp_path / "film.gif", save_all=True, append_images=more)
    with pytest.raises(UserError, match=r"film\.gif holds 8 pictures, but some have no time"):
        extracted(tmp_path / "film.gif", tmp_path)
    first.save(tmp_path / "film.gif", save_all=True, append_images=more, duration=100)
    assert extracted(tmp_path / "film.gif", tmp_path).count == 8


def test_a_film_that_may_not_be_read_need_not_be_replaced(tmp_path, monkeypatch):
    def forbid(path):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr("betrayed.video.decoding.check_whole", forbid)
    with pytest.raises(
        UserError, match=r"opened \(Permission denied\)\. Make it readable, or take"
    ):
        Decoder(make_film(tmp_path, MP4))


def test_a_rate_that_cannot_be_meant_is_not_known(tmp_path, capsys):
    """A bit that flipped in the head of an AVI, of which times are counted in frames."""
    path = make_film(tmp_path, AVI)
    data = bytearray(path.read_bytes())
    struct.pack_into("<II", data, data.index(b"strh") + 8 + 20, 0x7FFFFFFF, 1)
    path.write_bytes(data)
    video = extracted(path, tmp_path)
    assert (video.count, video.fps, video.times, video.seconds) == (6, None, None, None)
    assert "frames a second, which cannot be meant" in capsys.readouterr().err


@pytest.mark.parametrize("kind", [one for one in KINDS if one[0] in STATED], ids=lambda one: one[0])
def test_what_stands_behind_the_end_harms_nobody(tmp_path, kind):
    path = make_film(tmp_path, Film(kind))
    path.write_bytes(path.read_bytes() + b"TRAILING JUNK" * 9)
    assert extracted(path, tmp_path).count == 6


# Damage


@pytest.mark.parametrize("share", [0.3, 0.7, 0.9, 0.97, 0.999])
@pytest.mark.parametrize("kind", [one for one in KINDS if one[0] in STATED], ids=lambda one: one[0])
def test_what_states_its_length_is_refused_when_it_is_cut(tmp_path, kind, share):
    path = make_film(tmp_path, replace(Film(kind), count=12))
    check_whole(path)
    with pytest.raises(UserError, match=rf"film\{kind[0]}"):
        extract("film", cut(path, share), tmp_path / "out")


def test_an_avi_that_lost_its_index_and_one_that_never_had_any(tmp_path):
    path = make_film(tmp_path, AVI)
    data = bytearray(path.read_bytes())
    place = data.rindex(b"idx1")
    data[place:] = bytes(len(data) - place)  # as a download that was never filled in
    path.write_bytes(data)
    with pytest.raises(UserError, match=r"film\.avi has lost its index"):
        extract("film", path, tmp_path / "out")
    flags = data.index(b"avih") + 8 + 12
    data[flags] &= ~0x10
    path.write_bytes(data)
    assert extracted(path, tmp_path).count == 6


def test_a_download_whose_end_is_zeros_is_refused(tmp_path):
    frames = np.random.default_rng(0).integers(0, 255, (20, 48, 64, 3), dtype=np.uint8)
    path = write_clip(tmp_path / "film.mkv", frames, options={"g": "1"})
    data = bytearray(path.read_bytes())
    data[len(data) // 2 :] = bytes(len(data) - len(data) // 2)
    path.write_bytes(data)
    with pytest.raises(UserError, match=r"film\.mkv"):
        extract("film", path, tmp_path / "out")


def test_frames_that_change_their_size_are_refused(tmp_path):
    path = tmp_path / "film.nut"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=10)
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuvj444p"
        for index, size in enumerate([(48, 64), (48, 64), (60, 64)]):
            coder = av.CodecContext.create("mjpeg", "w")
            coder.height, coder.width = size
            coder.pix_fmt, coder.time_base = "yuvj444p", Fraction(1, 10)
            frame = av.VideoFrame.from_ndarray(np.full((*size, 3), 99, np.uint8), format="rgb24")
            frame.pts = index
            for packet in [*coder.encode(frame), *coder.encode()]:
                packet.stream = stream
                packet.pts = packet.dts = index
                packet.time_base = Fraction(1, 10)
                container.mux(packet)
    with pytest.raises(
        UserError, match=r"Frame 2 of the video .*film\.nut is 64x60, but the first"
    ):
        extract("film", path, tmp_path / "out")


# Time


def test_even_frames_have_the_rate_of_the_head():
    stamps = [round(index / 29.97, 3) for index in range(90)]  # thousandths, as in Matroska
    found = timing(stamps, 30000 / 1001, 0.001)
    assert found.fps == 30000 / 1001 and found.times is None
    assert found.seconds == pytest.approx(90 / 29.97, abs=1e-3)


@pytest.mark.parametrize("count", [1, 2, 3, 6])
@pytest.mark.parametrize("rate", [24, 25, 50])
def test_a_short_program_stream_has_the_rate_of_its_head(tmp_path, count, rate):
    kind = next(one for one in KINDS if one[0] == ".mpg")
    film = Film(kind, count=count, rate=Fraction(rate))
    assert extracted(make_film(tmp_path, film), tmp_path).fps == pytest.approx(rate)


def test_a_head_that_lies_about_the_rate_is_not_believed():
    assert timing([0, 0.04, 0.08, 0.12], 90000.0).fps == pytest.approx(25)
    assert timing([0, 0.04, 0.08, 0.12], None).fps == pytest.approx(25)


def test_uneven_frames_keep_their_times():
    found = timing([5.0, 5.04, 5.08, 5.58, 9.0], 25.0, 0.001, last=0.5)
    assert found.times == (0, 0.04, 0.08, 0.58, 4.0)
    assert (found.seconds, found.fps) == (4.5, 5 / 4.5)
    # Without it the last one is shown as long as most: 0.04, 0.04, 0.5, 3.42.
    assert timing([5.0, 5.04, 5.08, 5.58, 9.0], 25.0).seconds == pytest.approx(4.27)


def test_a_rate_that_drifts_is_uneven():
    times = np.cumsum([0, *[0.9] * 50, *[1.1] * 50])
    assert timing(times.tolist(), 1.0).times == pytest.approx(times)


@pytest.mark.parametrize("stamps", [[None, 0.1], [0.0], [0.0, 0.0, 0.1], [0.2, 0.1], []])
def test_stamps_that_say_nothing_leave_the_rate_of_the_head(stamps):
    found = timing(stamps, 10.0)
    assert (found.fps, found.times, found.seconds) == (10, None, pytest.approx(len(stamps) / 10))
    assert timing(stamps, None).fps is None and timing(stamps, None).seconds is None


STAMPS = (0, 10, 20, 500, 510, 1200, 2000, 4000)


@pytest.mark.parametrize("film", [MP4, MKV], ids=["mp4", "mkv"])
def test_the_overlay_of_an_uneven_film_is_as_long_as_the_film(tmp_path, film):
    film = replace(film, stamps=STAMPS, count=8, rate=Fraction(50))
    video = extracted(make_film(tmp_path, film), tmp_path)
    assert video.times == pytest.approx([stamp / 1000 for stamp in STAMPS], abs=2e-3)
    frames = (video.frame(index) for index in range(video.count))
    write_video(tmp_path / "o.mp4", frames, video.fps, video.times, video.seconds)
    with av.open(str(tmp_path / "o.mp4")) as container:
        assert container.duration / 1e6 == pytest.approx(video.seconds, abs=1e-3)
        shown_at = [frame.time for frame in container.decode(video=0)]
    assert shown_at == pytest.approx(video.times, abs=1e-3)
    assert video.seconds > 4.0


# Display


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize("mirrored", [False, True])
def test_frames_are_turned_and_mirrored_as_players_do_and_it_is_recorded(
    tmp_path, rotation, mirrored
):
    film = replace(MP4, rotation=rotation, mirrored=mirrored, aspect=Fraction(2))
    video = extracted(make_film(tmp_path, film), tmp_path)
    assert_shows(video, film, range(6))
    assert (video.rotation, video.mirrored) == (rotation, mirrored)
    # A pixel that is twice as wide as high is half as wide when it lies on its side.
    assert video.pixel_aspect == (Fraction(1, 2) if rotation in (90, 270) else 2)
    record = json.loads((tmp_path / "out" / "frames.json").read_text())
    assert record["rotation"] == rotation and len(record["pixel_aspect"]) == 2


@pytest.mark.parametrize("suffix", [".avi", ".mov", ".mkv"])
@pytest.mark.parametrize("orientation, rotation", [(None, 0), (1, 0), (3, 180), (6, 90), (8, 270)])
def test_jpegs_of_a_camera_are_turned_as_their_exif_asks(tmp_path, suffix, orientation, rotation):
    """PyAV knows no Exif beside a frame, and then lists nothing of what stands there."""
    exif = Image.Exif()
    exif[0x010F] = "the camera's maker"
    if orientation:
        exif[0x0112] = orientation
    with av.open(str(tmp_path / f"film{suffix}"), "w") as container:
        stream = container.add_stream("mjpeg", rate=10)
        stream.width, stream.height, stream.pix_fmt = MP4.width, MP4.height, "yuvj444p"
        for index in range(6):
            jpeg = io.BytesIO()
            image = Image.fromarray(picture(MP4, index))
            image.save(jpeg, "JPEG", quality=95, subsampling=0, exif=exif)
            packet = av.Packet(jpeg.getvalue())
            packet.stream, packet.time_base = stream, Fraction(1, 10)
            packet.pts = packet.dts = index
            container.mux(packet)
    video = extracted(tmp_path / f"film{suffix}", tmp_path)
    assert_shows(video, replace(MP4, rotation=rotation), range(6))
    assert (video.rotation, video.mirrored) == (rotation, False)


def test_the_overlay_keeps_the_aspect(tmp_path):
    film = replace(MP4, aspect=Fraction(16, 15))
    video = extracted(make_film(tmp_path, film), tmp_path)
    frames, _ = moving_square(3)
    write_video(tmp_path / "o.mp4", frames, 10, pixel_aspect=video.pixel_aspect)
    with av.open(str(tmp_path / "o.mp4")) as container:
        assert container.streams.video[0].sample_aspect_ratio == Fraction(16, 15)


def test_names_that_look_like_addresses_are_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = make_film(tmp_path, MP4)
    for name in ("rtp:1.mp4", "-i.mp4", "a%05d.mp4", "my clip (1).mp4", "日本.mp4"):
        shutil.copy(made, tmp_path / name)
        assert sum(1 for _ in Decoder(name).frames()) == 6
