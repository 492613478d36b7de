"""Pictures written as a video file."""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np

from betrayed.io.files import whole_file

#: Ticks a second that times are rounded to where pictures do not come evenly, as MPEG has them.
_TICKS = 90_000
#: Of an aspect, as numerator and denominator: what H.264 can state.
_HIGHEST_ASPECT = 65_535


def write_video(
    path: str | Path,
    pictures: Iterable[np.ndarray],
    fps: float,
    times: Sequence[float] | None = None,
    seconds: float | None = None,
    pixel_aspect: Fraction = Fraction(1),
) -> None:
    """Write pictures (H, W, 3) uint8 as an H.264 video; odd sizes get their last line doubled.

    Args:
        path: the file.
        pictures: all of one size.
        fps: pictures a second.
        times: when each is shown, in seconds, rising from 0; None: evenly, by ``fps``.
        seconds: how long the video is, the last picture's own time included; goes with ``times``.
        pixel_aspect: width of a pixel by its height, for players.
    """
    rate = Fraction(fps).limit_denominator(1001) or Fraction(fps)
    with whole_file(path) as temporary, av.open(str(temporary), "w") as container:
        stream = container.add_stream("libx264", rate=rate)
        stream.pix_fmt = "yuv420p"  # what every player shows; it wants even sizes
        stream.options = {"crf": "20", "preset": "fast"}
        if times:  # coded in the order shown, so that the last one coded is the last one shown
            stream.options |= {"bf": "0"}
        stream.codec_context.thread_count = 1  # the same bytes every time
        stream.codec_context.sample_aspect_ratio = pixel_aspect.limit_denominator(_HIGHEST_ASPECT)
        tick = Fraction(1, _TICKS) if times else 1 / rate
        stream.codec_context.time_base = tick
        shown = _lengths(times, seconds) if times else {}
        stamps = list(shown)

        def mux(packets: Iterable[av.Packet]) -> None:
            for packet in packets:
                if shown:
                    packet.duration = shown[packet.pts]
                container.mux(packet)

        for index, picture in enumerate(pictures):
            even = _fit(picture)
            if index == 0:
                stream.height, stream.width = even.shape[:2]
            frame = av.VideoFrame.from_ndarray(even, format="rgb24")
            frame.time_base, frame.pts = tick, stamps[index] if stamps else index
            mux(stream.encode(frame))
        mux(stream.encode())


def _lengths(times: Sequence[float], seconds: float | None) -> dict[int, int]:
    """When each picture is shown and for how long, in ticks; each for one at least."""
    starts: list[int] = []
    for time in times:
        starts.append(max(round(time * _TICKS), starts[-1] + 1 if starts else 0))
    end = max(round((seconds or 0) * _TICKS), starts[-1] + 1)
    return {one: later - one for one, later in pairwise([*starts, end])}


def _fit(picture: np.ndarray) -> np.ndarray:
    height, width, _ = picture.shape
    return np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
