"""Files that hold a film: which of their streams it is, and how its frames are to be seen."""

from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np
from av.stream import Disposition

from betrayed.io.bit_depths import to_8_bits
from betrayed.io.interlacing import of_one_moment

#: Streams of pictures that are no film.
_PICTURES = Disposition.attached_pic | Disposition.still_image | Disposition.timed_thumbnails


def comes_from_film(source: str | Path) -> bool:
    """Whether a video's source is a video file: not a folder of images, nor a shard's record."""
    return Path(source).is_file() and Path(source).suffix != ".json"


def open_film(path: str | Path) -> av.container.InputContainer:
    """A film's container. A name that begins like an address, "rtp:…", is a file all the same."""
    return av.open(f"file:{path}", metadata_errors="replace")


def film_streams(container: av.container.InputContainer) -> list[av.VideoStream]:
    """The streams that are no cover art and the like, whether they can be decoded here or not."""
    return [one for one in container.streams.video if not one.disposition & _PICTURES]


def films_of(container: av.container.InputContainer) -> list[av.VideoStream]:
    """Those that can be decoded here."""
    return [one for one in film_streams(container) if one.codec_context is not None]


def choose_film(path: str | Path, films: Sequence[av.VideoStream]) -> av.VideoStream:
    """The film among several: one that moves, if any does, and of these the largest.

    Of equals it is what the file prefers, then the first. Whether a stream has more than one
    picture is told by its packets, whatever the file says; nothing is decoded.

    Args:
        path: the file.
        films: see :func:`films_of`; at least one.
    """
    return films[0] if len(films) == 1 else max(_moving(path, films) or films, key=_rank)


def _moving(path: str | Path, films: Sequence[av.VideoStream]) -> list[av.VideoStream]:
    counts = dict.fromkeys((one.index for one in films), 0)
    with open_film(path) as container:
        try:
            for packet in container.demux(video=tuple(range(len(container.streams.video)))):
                if packet.stream.index in counts and packet.size:
                    counts[packet.stream.index] += 1
                if min(counts.values()) > 1:
                    break
        except av.error.FFmpegError:
            pass  # the film's own reading says so
    return [one for one in films if counts[one.index] > 1]


def _rank(stream: av.VideoStream) -> tuple[int, bool, int]:
    context = stream.codec_context
    preferred = bool(stream.disposition & Disposition.default)
    return context.width * context.height, preferred, -stream.index


def rgb(frame: av.VideoFrame, white: float | None = None) -> np.ndarray:
    """A decoded frame as (H, W, 3) uint8 RGB: of one moment, and over black as images are.

    Args:
        frame: the frame.
        white: of a frame of 16 bits the value that is white; None: what the coding says.
    """
    alpha = has_alpha(frame)
    if white is not None:
        values = frame.to_ndarray(format="rgba64le" if alpha else "rgb48le")
        picture = to_8_bits(values[..., :3], white)
        opaque = to_8_bits(values[..., 3:], 65535) if alpha else None
    else:
        values = _with_alpha(frame) if alpha else frame.to_ndarray(format="rgb24")
        picture, opaque = values[..., :3], values[..., 3:] if alpha else None
    if opaque is not None:
        picture = ((picture * opaque.astype(np.uint16) + 127) // 255).astype(np.uint8)
    return of_one_moment(picture) if frame.interlaced_frame else picture


def has_alpha(frame: av.VideoFrame) -> bool:
    """Whether a frame says how transparent its pixels are; palettes are not looked into."""
    return any(component.is_alpha for component in frame.format.components)


def is_transparent(frame: av.VideoFrame) -> bool:
    """Whether some pixel of a frame is not opaque."""
    return has_alpha(frame) and bool((_with_alpha(frame)[..., 3] < 255).any())


def _with_alpha(frame: av.VideoFrame) -> np.ndarray:
    """A frame with alpha as (H, W, 4) uint8 RGBA."""
    # Of yuva420p swscale writes nonsense into up to four columns at the right edge of "rgba", where
    # the width is one to four more than a multiple of 16. By way of planes it does not.
    planes = frame.format.name == "yuva420p"
    return frame.to_ndarray(format="gbrap" if planes else "rgba")


def upright(picture: np.ndarray, rotation: int, mirrored: bool) -> np.ndarray:
    """A decoded picture (H, W, 3) as it is to be seen.

    Args:
        picture: as the decoder gives it.
        rotation: degrees clockwise to turn it by: 0, 90, 180 or 270.
        mirrored: whether it is mirrored, left to right, before.
    """
    picture = picture[:, ::-1] if mirrored else picture
    return np.ascontiguousarray(np.rot90(picture, -rotation // 90))
