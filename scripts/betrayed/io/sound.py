"""The sound of a film, found in its packets without decoding them."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av

from betrayed.io.films import choose_film, films_of, open_film

#: Sound that an MP4 file may hold and that browsers and players know there; other is encoded anew.
COPIED = frozenset({"aac", "mp3", "ac3", "eac3", "opus", "flac", "alac"})


@dataclass(frozen=True)
class Sound:
    """The sound of a film that goes with its pictures.

    Attributes:
        path: the film.
        stream: number of the stream in it.
        codec: what it is encoded with.
        start: seconds, on the film's clock, of the first picture.
        end: seconds on that clock from which on no sound is taken; None: all.
    """

    path: Path
    stream: int
    codec: str
    start: float
    end: float | None = None


def read_sound(path: str | Path) -> tuple[Sound | None, str | None]:
    """The sound of a film, where there is one, and why it cannot be used, for people.

    Of several sounds FFmpeg's best is meant. It is looked through as a whole, so that who copies it
    meets no surprise.

    Args:
        path: the film.

    Returns:
        Sound and None; None and the reason; or None twice for a film without sound.
    """
    try:
        with open_film(path) as container:
            return _read(Path(path), container)
    except (av.error.FFmpegError, OSError, ValueError) as error:
        return None, getattr(error, "strerror", None) or str(error)


def sound_packets(container: av.container.InputContainer, sound: Sound) -> Iterator[av.Packet]:
    """The packets of a sound that is heard with the pictures, their times from the first one on.

    The packet before the first is given too, with a negative time: decoders need it to begin.
    """
    stream = container.streams[sound.stream]
    base = stream.time_base
    start = round(Fraction(sound.start) / base)
    end = None if sound.end is None else Fraction(sound.end) / base
    for packet in container.demux(stream):
        if not packet.size:
            return
        at = packet.pts if packet.pts is not None else packet.dts
        if at + 2 * (packet.duration or 0) <= start:
            continue
        if end is not None and at >= end:
            return
        packet.pts = packet.dts = at - start
        yield packet


def _read(path: Path, container: av.container.InputContainer) -> tuple[Sound | None, str | None]:
    films, sound = films_of(container), container.streams.best("audio")
    if sound is None or not films:
        return None, None
    if sound.codec_context is None:
        return None, "its codec is unknown"
    film = choose_film(path, films)
    first: Fraction | None = None
    heard: list[int | None] = []
    for packet in container.demux([film, sound]):
        if not packet.size:
            continue  # the flush at the end
        if packet.stream.index == film.index:
            # What an edit list hides is not shown. Without times pictures begin with the file.
            if not packet.is_discard and packet.pts is not None:
                at = packet.pts * packet.time_base
                first = at if first is None else min(at, first)
        elif packet.is_corrupt:
            return None, "it is damaged"
        else:
            heard.append(packet.dts if packet.dts is not None else packet.pts)
    if None in heard or any(two <= one for one, two in pairwise(heard)):
        return None, "its packets are not in order"
    if not heard:
        return None, None
    codec = sound.codec_context.codec.canonical_name
    return Sound(path, sound.index, codec, float(first or 0)), None
