"""Films that were cut: what can be known from the file is refused, and nothing else."""

import struct
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from betrayed.errors import UserError
from betrayed.video.containers import check_whole
from betrayed.video.decoding import Decoder
from betrayed.video.streams_of_parts import transport_step

COUNT = 24


@dataclass(frozen=True)
class Stream:
    """A film of a streamed kind, and how data go on where a cut cannot be noticed."""

    suffix: str
    form: str
    codec: str
    next_part: tuple[bytes, ...]
    step: int = 0  # bytes, where parts are of one size
    sound: str | None = None
    pixels: str = "yuv420p"
    size: tuple[int, int] = (120, 160)
    options: dict[str, str] = field(default_factory=dict)


STREAMS = {
    "mpg": Stream("mpg", "mpeg", "mpeg2video", (b"\0\0\1",), sound="mp2"),
    "mpeg1": Stream("mpg", "mpeg", "mpeg1video", (b"\0\0\1",), sound="mp2"),
    "vob": Stream("vob", "vob", "mpeg2video", (b"\0\0\1",), sound="mp2"),
    "ts": Stream("ts", "mpegts", "libx264", (), 188, sound="mp2"),
    "ts without sound": Stream("ts", "mpegts", "mpeg2video", (), 188),
    "m2ts": Stream("m2ts", "mpegts", "libx264", (), 192, options={"mpegts_m2ts_mode": "1"}),
    "ogv": Stream("ogv", "ogg", "vp8", ()),
    "obu": Stream("obu", "obu", "libsvtav1", (b"\x12\0", b"\x32", b"\x1a", b"\x22", b"\x0a")),
    "y4m": Stream("y4m", "yuv4mpegpipe", "rawvideo", (b"FRAME",)),
    "y4m in grey": Stream("y4m", "yuv4mpegpipe", "rawvideo", (b"FRAME",), pixels="gray"),
    "y4m 4:4:4": Stream("y4m", "yuv4mpegpipe", "rawvideo", (b"FRAME",), pixels="yuv444p"),
    "y4m 4:1:1": Stream("y4m", "yuv4mpegpipe", "rawvideo", (b"FRAME",), pixels="yuv411p"),
    "y4m of odd sides": Stream("y4m", "yuv4mpegpipe", "rawvideo", (b"FRAME",), size=(119, 161)),
    "mjpeg": Stream("mjpeg", "mjpeg", "mjpeg", (b"\xff\xd8",), pixels="yuvj420p"),
    "dv": Stream("dv", "dv", "dvvideo", (), 144_000, size=(576, 720)),
    "apng": Stream("apng", "apng", "apng", (), pixels="rgb24"),
    "mxf": Stream("mxf", "mxf", "mpeg2video", ()),
    "ivf": Stream("ivf", "ivf", "vp8", ()),  # its pictures begin with no mark, see below
    "flv": Stream("flv", "flv", "flv", ()),
    "flv without a length": Stream(
        "flv", "flv", "flv", (b"\x09\0", b"\x12\0"), options={"flvflags": "no_duration_filesize"}
    ),
    "mkv as a stream": Stream("mkv", "matroska", "mpeg4", (b"\x1f\x43",), options={"live": "1"}),
    "webm as a stream": Stream("webm", "webm", "vp8", (b"\x1f\x43",), options={"live": "1"}),
    "mp4 in fragments": Stream(
        *("mp4", "mp4", "libx264", (b"\0\0",)), options={"movflags": "frag_every_frame+empty_moov"}
    ),
    "mp4 with its index in front": Stream(
        *("mp4", "mp4", "libx264", ()), options={"movflags": "faststart"}
    ),
    "wmv": Stream("wmv", "asf", "wmv2", ()),
}  # fmt: skip


def make(folder: Path, stream: Stream) -> Path:
    path, (height, width) = folder / f"film.{stream.suffix}", stream.size
    ground = np.random.default_rng(0).integers(0, 255, (height // 8 + 1, width // 8 + 1, 3))
    ground = ground.repeat(8, 0).repeat(8, 1)[:height, :width].astype(np.uint8)
    with av.open(str(path), "w", format=stream.form, options=stream.options) as container:
        film = container.add_stream(stream.codec, rate=25)
        film.height, film.width, film.pix_fmt = height, width, stream.pixels
        film.codec_context.thread_count = 1
        sound = container.add_stream(stream.sound, rate=48000) if stream.sound else None
        for index in range(COUNT):
            picture = np.ascontiguousarray(np.roll(ground, 3 * index, 1))
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, 25)
            container.mux(film.encode(frame))
            if sound:
                wave = (np.sin(np.arange(1920) / 9) * 8000).astype(np.int16)[None]
                heard = av.AudioFrame.from_ndarray(wave, format="s16", layout="mono")
                heard.sample_rate, heard.pts, heard.time_base = (
                    48000,
                    1920 * index,
                    Fraction(1, 48000),
                )
                container.mux(sound.encode(heard))
        container.mux(film.encode())
        if sound:
            container.mux(sound.encode())
    return path


@pytest.fixture(scope="module", params=STREAMS, ids=lambda name: name.replace(" ", "-"))
def streamed(request, tmp_path_factory):
    stream = STREAMS[request.param]
    return make(tmp_path_factory.mktemp("streamed"), stream), stream


def count(path: Path) -> int:
    return sum(1 for _ in Decoder(path).frames())


def test_a_whole_one_is_read(streamed):
    path, _ = streamed
    check_whole(path)
    assert count(path) == COUNT


def test_a_cut_is_noticed_wherever_a_part_does_not_end(streamed, tmp_path):
    path, stream = streamed
    data = path.read_bytes()
    places = {*np.linspace(0.2 * len(data), len(data), 300, endpoint=False).astype(int).tolist()}
    copy = tmp_path / path.name
    noticed = 0
    for place in sorted(places | {len(data) - back for back in (1, 2, 3, 4, 12, 40)}):
        copy.write_bytes(data[:place])
        between = stream.step > 0 and place % stream.step == 0
        # Of an IVF: a size, and a time that is small.
        between |= stream.suffix == "ivf" and data[place + 5 : place + 12] == bytes(7)
        if between or data[place:].startswith(stream.next_part or b"no part"):
            continue
        with pytest.raises(UserError, match=r"film\.\w+.* is cut short"):
            check_whole(copy)
        noticed += 1
    assert noticed > 200


def patched(path: Path, place: int, new: bytes) -> bytes:
    data = bytearray(path.read_bytes())
    data[place : place + len(new)] = new
    path.write_bytes(data)
    return bytes(data)


def refused(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    with pytest.raises(UserError, match="is cut short"):
        check_whole(path)


def test_an_avi_that_was_written_without_going_back(tmp_path):
    path = make(tmp_path, Stream("avi", "avi", "mpeg4", ()))
    patched(path, 4, bytes(4))
    data = patched(path, path.read_bytes().index(b"movi") - 4, bytes(4))
    assert count(path) == COUNT
    for back in (2, 7, 300, 2000, 5003):
        refused(path, data[:-back])


def test_a_wmv_that_was_streamed(tmp_path):
    path = make(tmp_path, STREAMS["wmv"])
    properties = path.read_bytes().index(bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365"))
    least = struct.unpack_from("<I", path.read_bytes(), properties + 92)[0]
    data = patched(path, properties + 88, b"\1")
    begin = struct.unpack_from("<Q", data, 16)[0] + 50
    whole = begin + (len(data) - begin) // least * least  # without the index behind
    path.write_bytes(data[:whole])
    check_whole(path)
    for back in (1, 77, least - 1, least + 1):
        refused(path, data[: whole - back])
    path.write_bytes(data[: whole - least])  # between two packets: not to be known
    check_whole(path)


def test_segments_that_an_index_in_front_promises(tmp_path):
    moves = {"movflags": "dash+global_sidx+frag_every_frame"}
    path = make(tmp_path, Stream("mp4", "mp4", "mpeg4", (), options=moves))
    data = path.read_bytes()
    assert count(path) == COUNT
    fragment = data.rindex(b"moof") - 4
    refused(path, data[:fragment])


def test_a_length_that_the_file_cannot_hold_is_not_believed(tmp_path):
    """Pictures that are coded out of order make this writer state 3.7 million seconds."""
    moves = {"movflags": "dash+global_sidx+frag_every_frame"}
    path = make(tmp_path, Stream("mp4", "mp4", "libx264", (), options=moves))
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert stream.duration * stream.time_base > 1e6
    assert count(path) == COUNT


def test_an_flv_is_measured_by_what_it_says_of_itself(tmp_path):
    path = make(tmp_path, STREAMS["flv"])
    data = path.read_bytes()
    ends = [0]
    position = 13
    while position < len(data):
        position += 15 + int.from_bytes(data[position + 1 : position + 4], "big")
        ends.append(position)
    assert ends[-1] == len(data)
    refused(path, data[: ends[6]])
    # A length alone tells as well, and a wrong size alone is no damage.
    place = data.index(b"filesize\0") + 9
    path.write_bytes(data)
    without = patched(path, place, struct.pack(">d", 0))
    check_whole(path)
    refused(path, without[: ends[6]])
    path.write_bytes(data)
    patched(path, place, struct.pack(">d", 1e9))
    assert count(path) == COUNT


def test_a_transport_stream_keeps_to_what_its_pictures_are_told_to_hold(tmp_path):
    """A packet of pictures whose length is told, as short as a whole number of packets."""
    path = make(tmp_path, STREAMS["ts without sound"])
    data = bytearray(path.read_bytes())
    starts = [
        place
        for place in range(0, len(data), 188)
        if data[place + 1] & 0x40 and b"\0\0\1\xe0" in data[place : place + 60]
    ]
    last = starts[-1]
    begin = data.index(b"\0\0\1\xe0", last)
    held = 0
    for place in range(last, len(data), 188):
        same = data[place + 1] & 0x1F == data[last + 1] & 0x1F and data[place + 2] == data[last + 2]
        lead = 5 + data[place + 4] if data[place + 3] & 0x20 else 4
        held += 188 - lead if same else 0
    struct.pack_into(">H", data, begin + 4, held - 6)
    path.write_bytes(data)
    check_whole(path)
    assert len(data) - last > 188
    refused(path, bytes(data[:-188]))


def test_packets_are_found_wherever_a_recording_begins():
    for step, lead in ((188, 0), (192, 4), (204, 0)):
        data = (bytes(lead) + b"\x47" + bytes(step - lead - 1)) * 12
        assert transport_step(data) == (lead, step)
        assert transport_step(data[50:]) == (step - 50 + lead, step)
    assert transport_step(bytes(3000)) is None and transport_step(b"\x47" * 20) is None


@pytest.mark.parametrize("name", ["ts", "mpg", "ogv", "flv without a length"])
def test_a_download_that_was_not_filled_in(tmp_path, name):
    path = make(tmp_path, STREAMS[name])
    data = path.read_bytes()
    half = len(data) // 2 // 188 * 188
    path.write_bytes(data[:half] + bytes(len(data) - half))
    if len(data) - half < 4096:
        path.write_bytes(data[:half] + bytes(8192))
    with pytest.raises(UserError, match=r"film\.\w+ (ends in zeros|is cut short)"):
        check_whole(path)


def test_a_program_that_has_ended_may_be_filled_up(tmp_path):
    path = make(tmp_path, STREAMS["mpg"])
    path.write_bytes(path.read_bytes() + b"\0\0\1\xb9" + bytes(10_000))
    check_whole(path)
    assert count(path) == COUNT


# Films with a hole, with damaged pictures, and several in one file


def noise_film(path, codec, pixels, count=12):
    """A film of noise, of which each part of the file holds something."""
    rng = np.random.default_rng(0)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, pixels
        stream.codec_context.thread_count = 1
        stream.codec_context.gop_size = 4
        for index in range(count):
            picture = rng.integers(0, 256, (48, 64, 3), np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def frames_of(path):
    return list(Decoder(path).frames())


@pytest.mark.parametrize(
    ("name", "codec"), [("a.mkv", "libx264"), ("a.webm", "vp8"), ("a.mkv", "ffv1")]
)
def test_a_matroska_with_a_hole_is_refused_wherever_it_is(tmp_path, name, codec):
    path = noise_film(tmp_path / name, codec, "yuv420p")
    whole = path.read_bytes()
    assert len(frames_of(path)) == 12
    for share in (0.2, 0.5, 0.8):
        data = bytearray(whole)
        start = int(share * len(data))
        data[start : start + 4096] = bytes(len(data[start : start + 4096]))
        path.write_bytes(data)
        with pytest.raises(
            UserError, match=rf"{name} (is damaged at byte \d+ of|is cut|cannot be)"
        ):
            frames_of(path)
    path.write_bytes(whole + b"what is behind a film harms nobody" * 99)
    assert len(frames_of(path)) == 12


@pytest.mark.parametrize(
    ("name", "codec", "pixels"),
    [
        ("a.avi", "mjpeg", "yuvj420p"),
        ("a.mov", "mjpeg", "yuvj420p"),
        ("a.gif", "gif", "gray"),
        ("a.mov", "png", "rgb24"),
    ],
)
def test_damaged_pictures_of_a_film_are_refused(tmp_path, name, codec, pixels):
    path = noise_film(tmp_path / name, codec, pixels)
    assert len(frames_of(path)) == 12
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 60] = bytes(byte ^ 0x5A for byte in data[middle : middle + 60])
    path.write_bytes(data)
    with pytest.raises(UserError, match=rf"{name} (is damaged|cannot be decoded)"):
        frames_of(path)


@pytest.mark.parametrize(
    ("name", "codec", "pixels"),
    [
        ("a.mp4", "libx264", "yuv420p"),
        ("a.mov", "mjpeg", "yuvj420p"),
        ("a.flv", "flv", "yuv420p"),
        ("a.wmv", "wmv2", "yuv420p"),
        ("a.apng", "apng", "rgb24"),
    ],
)
def test_several_films_in_one_file_are_refused_where_the_first_alone_is_shown(
    tmp_path, name, codec, pixels
):
    path = noise_film(tmp_path / name, codec, pixels)
    whole = path.read_bytes()
    path.write_bytes(2 * whole)
    with av.open(str(path)) as container:
        assert sum(1 for _ in container.decode(video=0)) == 12
    with pytest.raises(UserError, match=rf"{name} is several films .* at byte {len(whole)} of"):
        frames_of(path)


@pytest.mark.parametrize(
    ("name", "codec", "pixels"),
    [
        ("a.mkv", "libx264", "yuv420p"),
        ("a.avi", "mpeg4", "yuv420p"),
        ("a.gif", "gif", "gray"),
        ("a.mpg", "mpeg2video", "yuv420p"),
        ("a.h264", "libx264", "yuv420p"),
    ],
)
def test_several_films_in_one_file_are_read_where_they_are_shown(tmp_path, name, codec, pixels):
    path = noise_film(tmp_path / name, codec, pixels)
    path.write_bytes(2 * path.read_bytes())
    assert len(frames_of(path)) == 24
