"""Files that hold a film: which of their streams it is."""

from pathlib import Path

import av
from av.stream import Disposition

#: Streams of pictures that are no film.
_PICTURES = Disposition.attached_pic | Disposition.still_image | Disposition.timed_thumbnails


def is_film(source: str | Path) -> bool:
    """Whether a video's source is a video file: not a folder of images, nor a shard's record."""
    return Path(source).is_file() and Path(source).suffix != ".json"


def open_film(path: str | Path) -> av.container.InputContainer:
    """A film's container. A name that begins like an address, "rtp:…", is a file all the same."""
    return av.open(f"file:{path}", metadata_errors="replace")


def films_of(container: av.container.InputContainer) -> list[av.VideoStream]:
    """The streams that are no cover art and the like, and can be decoded here."""
    return [
        one
        for one in container.streams.video
        if not one.disposition & _PICTURES and one.codec_context is not None
    ]


def film_rank(stream: av.VideoStream) -> tuple[int, bool, int]:
    """Of several films the one that ranks highest is meant, as the decoder takes it.

    The largest, then what the file prefers, then the first.
    """
    context = stream.codec_context
    preferred = bool(stream.disposition & Disposition.default)
    return context.width * context.height, preferred, -stream.index
