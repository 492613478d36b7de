"""Films of every kind that tests ask for, and what is right for each."""

import struct
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.stream import Disposition

#: Suffix, codec and pixel format that PyAV writes here, at any size.
KINDS = (
    (".mp4", "libx264", "yuv444p"),
    (".m4v", "mpeg4", "yuv420p"),
    (".mov", "libx264", "yuv444p"),
    (".3gp", "mpeg4", "yuv420p"),
    (".mkv", "libx264", "yuv444p"),
    (".webm", "libvpx", "yuv420p"),
    (".avi", "mpeg4", "yuv420p"),
    (".avi", "mjpeg", "yuvj444p"),
    (".gif", "gif", "gray"),
    (".mpg", "mpeg2video", "yuv420p"),
    (".m2ts", "mpeg2video", "yuv420p"),
    (".flv", "flv", "yuv420p"),
    (".y4m", "rawvideo", "yuv444p"),
    (".nut", "rawvideo", "yuv444p"),
    (".apng", "apng", "rgb24"),
    (".ivf", "libvpx", "yuv420p"),
)
#: Containers whose boxes can be turned, mirrored and trimmed by a few bytes.
BOXES = (".mp4", ".m4v", ".mov", ".3gp")
#: Containers that state how long they are: of the others a beginning may pass for the whole.
STATED = (*BOXES, ".mkv", ".webm", ".avi", ".gif", ".apng")
#: Containers that keep when frames are shown, to the hundredth of a second.
TIMED = (*BOXES, ".mkv", ".webm", ".gif", ".nut", ".flv", ".avi")
MARK = 40  # how much brighter the upper left quarter is


@dataclass(frozen=True)
class Film:
    """A film to be made."""

    kind: tuple[str, str, str] = KINDS[0]
    height: int = 48
    width: int = 64
    count: int = 6
    rate: Fraction = Fraction(10)
    stamps: tuple[int, ...] | None = None  # milliseconds, where frames do not come evenly
    rotation: int = 0  # degrees clockwise that players shall turn it by,
    mirrored: bool = False  # after it was mirrored left to right
    aspect: Fraction = Fraction(1)  # of a pixel
    sound: bool = False  # before the film
    cover: bool = False  # before the film
    second: bool = False  # a smaller film before the film
    hidden: int = 0  # frames at the beginning that an edit list hides
    live: bool = False  # an MKV that is written without going back


def level(index: int) -> int:
    """The grey value of a frame."""
    return 30 + 12 * index


def picture(film: Film, index: int) -> np.ndarray:
    """A frame as it is coded (H, W, 3): grey, its upper left quarter brighter."""
    frame = np.full((film.height, film.width, 3), level(index), np.uint8)
    frame[: film.height // 2, : film.width // 2] += MARK
    return frame


def shown(film: Film, index: int) -> np.ndarray:
    """A frame as it is to be seen."""
    frame = picture(film, index)
    frame = frame[:, ::-1] if film.mirrored else frame
    return np.rot90(frame, -film.rotation // 90)


def make_film(folder: Path, film: Film, name: str = "film") -> Path:
    """Write a film into a folder."""
    suffix, codec, pixels = film.kind
    path = folder / f"{name}{suffix}"
    path.parent.mkdir(parents=True, exist_ok=True)
    # Without numbers drawn at random, and the library's version.
    options = {"fflags": "+bitexact", **({"live": "1"} if film.live else {})}
    with av.open(str(path), "w", options=options) as container:
        sound = container.add_stream("aac", rate=8000) if film.sound else None
        extra = []
        if film.cover:
            cover = container.add_stream("mjpeg", rate=1)
            cover.width, cover.height, cover.pix_fmt = 128, 128, "yuvj420p"
            cover.disposition = Disposition.attached_pic
            extra.append((cover, 1))
        if film.second:
            small = container.add_stream(codec, rate=film.rate)
            small.width, small.height, small.pix_fmt = 16, 16, pixels
            extra.append((small, film.count))
        stream = container.add_stream(codec, rate=film.rate)
        stream.width, stream.height, stream.pix_fmt = film.width, film.height, pixels
        stream.codec_context.thread_count = 1
        stream.codec_context.sample_aspect_ratio = film.aspect
        if codec in ("mpeg4", "mpeg2video", "mjpeg", "flv"):
            stream.codec_context.options = {"qmin": "1", "qmax": "2"}
        tick = Fraction(1, 1000) if film.stamps else 1 / film.rate
        if film.stamps:
            stream.codec_context.time_base = tick
        for other, count in extra:
            for index in range(count):
                frame = np.full((other.height, other.width, 3), 200, np.uint8)
                put(container, other, frame, index, 1 / film.rate)
            container.mux(other.encode())
        for index in range(film.count):
            stamp = film.stamps[index] if film.stamps else index
            put(container, stream, picture(film, index), stamp, tick)
        container.mux(stream.encode())
        if sound:
            silence = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
            silence.rate, silence.pts = 8000, 0
            container.mux(sound.encode(silence))
            container.mux(sound.encode())
    if film.rotation or film.mirrored:
        turn(path, film.rotation, film.mirrored)
    if film.hidden:
        hide(path, film.hidden / film.rate)
    return path


def put(container, stream, frame: np.ndarray, stamp: int, tick: Fraction) -> None:
    """Code one picture."""
    coded = av.VideoFrame.from_ndarray(frame, format="rgb24")
    coded.pts, coded.time_base = stamp, tick
    container.mux(stream.encode(coded))


def turn(path: Path, rotation: int, mirrored: bool) -> None:
    """Let the track headers of an MP4 ask for a turn clockwise, after mirroring left to right."""
    a, b, c, d = {0: (1, 0, 0, 1), 90: (0, 1, -1, 0), 180: (-1, 0, 0, -1), 270: (0, -1, 1, 0)}[
        rotation
    ]
    if mirrored:  # x counts from the right
        a, b = -a, -b
    one, data, place = 1 << 16, bytearray(path.read_bytes()), 0
    while (place := data.find(b"tkhd", place + 1)) >= 0:
        matrix = place + 4 + 40  # version 0: 40 bytes stand before the matrix
        values = (a * one, b * one, 0, c * one, d * one, 0, 0, 0, 1 << 30)
        data[matrix : matrix + 36] = struct.pack(">9i", *values)
    path.write_bytes(data)


def hide(path: Path, seconds: Fraction) -> None:
    """Let the edit list of an MP4 begin so much later, as an editor does that trims by it."""
    with av.open(str(path)) as container:
        ticks = 1 / container.streams.video[0].time_base
    data = bytearray(path.read_bytes())
    place = data.rindex(b"elst") + 12  # version, flags and count: one edit, of version 0
    length, start = struct.unpack_from(">Ii", data, place)
    movie = struct.unpack_from(">I", data, data.index(b"mvhd") + 16)[0]  # ticks a second
    edit = length - int(seconds * movie), start + int(seconds * ticks)
    struct.pack_into(">Ii", data, place, *edit)
    path.write_bytes(data)


def overstate(path: Path, frames: int) -> None:
    """Let the heads of an AVI declare another number of frames."""
    data = bytearray(path.read_bytes())
    struct.pack_into("<I", data, data.index(b"avih") + 8 + 16, frames)
    struct.pack_into("<I", data, data.index(b"strh") + 8 + 32, frames)
    path.write_bytes(data)
