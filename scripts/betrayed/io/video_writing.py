"""Pictures written as a video file."""

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from betrayed.io.files import whole_file


def write_video(path: str | Path, pictures: Iterable[np.ndarray], fps: float) -> None:
    """Write pictures (H, W, 3) uint8 as an H.264 video; odd sizes get their last line doubled."""
    with whole_file(path) as temporary, av.open(str(temporary), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(fps).limit_denominator(1001))
        stream.pix_fmt = "yuv420p"  # what every player shows; it wants even sizes
        stream.options = {"crf": "20", "preset": "fast"}
        stream.codec_context.thread_count = 1  # the same bytes every time
        for index, picture in enumerate(pictures):
            height, width, _ = picture.shape
            even = np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
            if index == 0:
                stream.height, stream.width = even.shape[:2]
            for packet in stream.encode(av.VideoFrame.from_ndarray(even, format="rgb24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
