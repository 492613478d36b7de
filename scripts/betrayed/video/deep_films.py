"""Films of 16 bits a channel: which value is white, told from all their frames."""

from pathlib import Path

import av
import numpy as np

from betrayed.io.bit_depths import Depths

_BITS = 16


def is_deep(frame: av.VideoFrame) -> bool:
    """Whether a frame holds grey or RGB of 16 bits, whose scale may be another than that of 16.

    Formats of 10, 12 or 14 bits say what they are, and luma and chroma have a range of their own.
    """
    components = frame.format.components
    plain = frame.format.is_rgb or len(components) == 1
    return plain and not frame.format.has_palette and max(c.bits for c in components) == _BITS


def deep_values(frame: av.VideoFrame) -> np.ndarray:
    """A frame that is deep as (H, W, 3) uint16 RGB."""
    return frame.to_ndarray(format="rgb48le")


def white_of_film(path: Path, stream: int) -> tuple[float, str]:
    """The value that is white in all frames, and what is to be said of it; decodes the film once.

    Args:
        path: the film.
        stream: the number of its stream in the file.
    """
    depths = Depths(path)
    with av.open(f"file:{path}", metadata_errors="replace") as container:
        for frame in container.decode(container.streams[stream]):
            depths.add(path, deep_values(frame))
    white, said = depths.white()
    return white or float((1 << _BITS) - 1), said
