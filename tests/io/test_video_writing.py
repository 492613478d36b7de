"""Films as they are written: their times, their sound and their colours, and what is read first."""

import dataclasses
import errno
from contextlib import nullcontext
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from betrayed.errors import ShortageError
from betrayed.io.display import Display
from betrayed.io.films import comes_from_film, films_of, open_film
from betrayed.io.sound import COPIED, read_sound
from betrayed.io.video_writing import AlphaVideo, write_video
from support.videos_for_tests import (
    moving_square,
    read_clip,
    tone,
    write_clip,
    write_frames,
    write_sounding_clip,
)

FRAMES, _ = moving_square(12, 48, 64)
#: Of a telephone: no two pictures are as far apart.
UNEVEN = [0, 3, 5, 9, 10, 14, 20, 21, 23, 30, 31, 33]


def again(source, target):
    """A film with the pictures' times and the sound of another; the sound."""
    _, times, _, _ = read_clip(source)
    sound, fault = read_sound(source)
    assert fault is None
    times = [time - times[0] for time in times]
    write_video(target, FRAMES, 99, times, length(source), sound=sound)
    return sound


def length(path):
    """Seconds of the pictures, as the file's head has them."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        return float((stream.duration or 0) * stream.time_base)


def packets(path):
    """Bytes and times of all packets of sound."""
    with av.open(str(path)) as container:
        return [
            (bytes(one), one.pts * one.time_base)
            for one in container.demux(container.streams.audio[0])
            if one.size
        ]


@pytest.mark.parametrize("fails", ["_Encoder.end", "_video_stream", "_Encoder.__init__"])
def test_a_film_with_alpha_that_fails_leaves_no_file_open_or_behind(tmp_path, monkeypatch, fails):
    """As where the disk is full; its file would stay open, half written, under another name."""

    def full(*given):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(f"betrayed.io.video_writing.{fails}", full)
    with (
        pytest.raises(ShortageError, match="No space"),
        AlphaVideo(tmp_path / "a.mov", Display(10)) as film,
    ):
        film.write(np.zeros((16, 16, 4), np.uint8))
    assert list(tmp_path.iterdir()) == []
    opened = [str(one.readlink()) for one in Path("/proc/self/fd").iterdir() if one.is_symlink()]
    assert not [one for one in opened if one.startswith(str(tmp_path))]


@pytest.mark.parametrize("stamps", [None, UNEVEN], ids=["even", "uneven"])
def test_pictures_keep_their_times(tmp_path, stamps):
    source = write_sounding_clip(tmp_path / "in.mp4", FRAMES, stamps)
    again(source, tmp_path / "out.mp4")
    frames, times, _, _ = read_clip(tmp_path / "out.mp4")
    assert times == pytest.approx([stamp / 10 for stamp in stamps or range(12)])
    assert len(frames) == 12 and np.abs(frames.astype(int) - FRAMES).mean() < 4
    assert length(tmp_path / "out.mp4") == pytest.approx(length(source), abs=0.001)


@pytest.mark.parametrize("fps", [30000 / 1001, 12.5, 24])
def test_a_rate_is_kept_to_the_tick(tmp_path, fps):
    write_video(tmp_path / "out.mp4", FRAMES, fps)
    with av.open(str(tmp_path / "out.mp4")) as container:
        stream = container.streams.video[0]
        assert stream.average_rate == Fraction(fps).limit_denominator(1001)
        assert stream.duration * stream.time_base == 12 / stream.average_rate


def test_pixels_that_are_not_square_are_said_to_be(tmp_path):
    write_video(tmp_path / "out.mp4", FRAMES, 10, pixel_aspect=Fraction(16, 15))
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert container.streams.video[0].sample_aspect_ratio == Fraction(16, 15)


@pytest.mark.parametrize("codec", ["aac", "libmp3lame", "flac", "ac3"])
def test_sound_is_copied_packet_by_packet(tmp_path, codec):
    source = write_sounding_clip(tmp_path / "in.mp4", FRAMES, sound=tone(1.2), codec=codec)
    again(source, tmp_path / "out.mp4")
    assert packets(source) == packets(tmp_path / "out.mp4")
    assert len(packets(source)) > 5


def test_sound_keeps_its_place_beside_the_pictures(tmp_path):
    """Pictures begin at 3 s of the film's clock, the sound half a second later."""
    source = write_sounding_clip(
        tmp_path / "in.mkv", FRAMES, sound=tone(0.7), begins=3.0, late=0.5, codec="flac"
    )
    again(source, tmp_path / "out.mp4")
    _, times, sound, begins = read_clip(tmp_path / "out.mp4")
    assert (times[0], begins) == (0.0, pytest.approx(0.5, abs=0.003))
    expected = read_clip(source)[2]
    np.testing.assert_array_equal(sound, expected)


def test_sound_that_is_longer_than_the_pictures_is_kept_whole(tmp_path):
    source = write_sounding_clip(tmp_path / "in.mp4", FRAMES, sound=tone(3.0))
    again(source, tmp_path / "out.mp4")
    assert packets(source) == packets(tmp_path / "out.mp4")


def test_of_a_part_of_the_film_its_own_sound_is_heard(tmp_path):
    """Pictures 4 to 7 of 12, from 0.4 to 0.8 s."""
    source = write_sounding_clip(tmp_path / "in.mp4", FRAMES, sound=tone(1.2), codec="flac")
    sound, _ = read_sound(source)
    part = dataclasses.replace(sound, start=sound.start + 0.4, end=sound.start + 0.8)
    write_video(tmp_path / "out.mp4", FRAMES[4:8], 10, sound=part)
    frames, shown, heard, begins = read_clip(tmp_path / "out.mp4")
    assert len(frames) == 4 and shown == pytest.approx([0, 0.1, 0.2, 0.3])
    # FLAC comes in blocks: the one that is heard at the cut, and the one before it.
    whole = read_clip(source)[2]
    first = round((0.4 + begins) * 44100)
    np.testing.assert_array_equal(heard, whole[:, first : first + heard.shape[1]])
    assert -0.22 < begins <= 0 and 0.4 <= begins + heard.shape[1] / 44100 < 0.55


@pytest.mark.parametrize(("codec", "suffix"), [("pcm_s16le", ".mov"), ("mp2", ".mkv")])
def test_sound_that_mp4_does_not_hold_is_encoded_anew(tmp_path, codec, suffix):
    source = write_sounding_clip(
        tmp_path / f"in{suffix}", FRAMES, sound=tone(1.2), codec=codec, begins=0.0
    )
    assert again(source, tmp_path / "out.mp4").codec not in COPIED
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert container.streams.audio[0].codec_context.name == "aac"
        assert container.streams.audio[0].codec_context.sample_rate == 44100
    heard, begins = read_clip(tmp_path / "out.mp4")[2:]
    wanted = tone(1.2)[0]
    start = round(begins * 44100)
    shared = min(len(wanted), heard.shape[1] + start)
    got = heard[0, max(0, -start) :][: shared - max(0, start)]
    likeness = np.corrcoef(got, wanted[max(0, start) : max(0, start) + len(got)])[0, 1]
    assert likeness > 0.98  # a tone of 440 Hz is out of step after half a millisecond


def test_a_film_without_sound_stays_without(tmp_path):
    source = write_clip(tmp_path / "in.mp4", FRAMES)
    assert again(source, tmp_path / "out.mp4") is None
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert not container.streams.audio


def test_colours_are_those_of_hd_and_say_so(tmp_path):
    """Flat colours: green and red come out wrong by 20 and more where the matrix is guessed."""
    colours = [(200, 30, 30), (30, 160, 30), (40, 60, 200), (128, 128, 128)]
    pictures = [np.full((48, 64, 3), colour, np.uint8) for colour in colours]
    write_video(tmp_path / "out.mp4", pictures, 10)
    with av.open(str(tmp_path / "out.mp4")) as container:
        frames = list(container.decode(video=0))
    assert {(one.colorspace, one.color_primaries, one.color_trc) for one in frames} == {(1, 1, 1)}
    for frame, colour in zip(frames, colours, strict=True):
        mean = frame.to_ndarray(format="rgb24").reshape(-1, 3).mean(axis=0)
        np.testing.assert_allclose(mean, colour, atol=3)


def test_lengths_by_hand():
    display = Display(None, (0, 0.3, 0.5), 0.9)
    assert display.lengths() == {0: 27000, 27000: 18000, 45000: 36000}
    assert (Display().rate, Display(30000 / 1001).rate) == (24, Fraction(30000, 1001))
    assert Display(25).lengths() == {} and Display(25).tick == Fraction(1, 25)


def test_what_is_no_film_has_no_sound_and_says_why(tmp_path):
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no film")
    assert read_sound(broken) == (None, "Invalid data found when processing input")
    assert not comes_from_film(write_frames(tmp_path / "images", FRAMES))
    assert not comes_from_film(tmp_path / "gone.mp4")


def test_sound_out_of_order_is_refused_with_the_reason(tmp_path, monkeypatch):
    """Two packets of one time, as broken recorders write them."""
    source = write_sounding_clip(tmp_path / "in.mp4", FRAMES, sound=tone(1.2))
    container = av.open(str(source))

    class Stuck:
        streams = container.streams

        def demux(self, streams):
            for packet in container.demux(streams):
                if packet.size and packet.stream.type == "audio":
                    packet.dts = 7
                yield packet

    with container, monkeypatch.context() as patch:
        patch.setattr("betrayed.io.sound.open_film", lambda path: nullcontext(Stuck()))
        found = read_sound(source)
    assert found == (None, "its packets are not in order")


def test_cover_art_is_no_film(tmp_path):
    """A picture that stands before the film's own ones, which begin later than it."""
    path = tmp_path / "in.mp4"
    with av.open(str(path), "w") as container:
        cover = container.add_stream("png", rate=1)
        cover.width, cover.height, cover.pix_fmt = 64, 48, "rgb24"
        cover.disposition = av.stream.Disposition.attached_pic
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        packets = cover.encode(av.VideoFrame.from_ndarray(FRAMES[0], format="rgb24"))
        heard = container.add_stream("aac", rate=44100, layout="mono")
        for index, frame in enumerate(FRAMES):
            picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
            picture.pts, picture.time_base = index + 5, Fraction(1, 10)
            packets += stream.encode(picture)
        sound = av.AudioFrame.from_ndarray(tone(1.0), format="fltp", layout="mono")
        sound.sample_rate, sound.pts, sound.time_base = 44100, 0, Fraction(1, 44100)
        packets += [*stream.encode(), *heard.encode(sound), *heard.encode()]
        container.mux(packets)
    with av.open(str(path)) as container:
        covers = [one.disposition & av.stream.Disposition.attached_pic for one in container.streams]
    assert sum(map(bool, covers)) == 1
    with open_film(path) as container:
        (film,) = films_of(container)
        assert film.codec_context.codec.canonical_name == "h264"
    assert read_sound(path)[0].start == pytest.approx(0.5)
