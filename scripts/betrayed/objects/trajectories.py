"""Trajectories: where points of a video go, frame by frame, as motion's stage wrote them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from betrayed.io.artefacts import check_finite, check_values, open_checked


@dataclass(frozen=True)
class Trajectories:
    """The points of a video, sorted by frame; the row of a point in a frame is an observation.

    Attributes:
        ids: (n,) int32, the same for one point in all its frames.
        starts: (T + 1,) int64, the first row of each frame; the rows of frame t are
            ``starts[t]`` to ``starts[t + 1] − 1``.
        places: (n, 2) float32, row and column in pixels of the video's own frames; 0 is the
            middle of the first pixel.
        frame_size: height and width of the video's own frames, in pixels.
    """

    ids: np.ndarray
    starts: np.ndarray
    places: np.ndarray
    frame_size: tuple[int, int]

    @property
    def count(self) -> int:
        """The number of frames, T."""
        return len(self.starts) - 1

    def frames(self) -> Iterator[slice]:
        """The rows of each frame."""
        for start, end in zip(self.starts[:-1], self.starts[1:], strict=True):
            yield slice(int(start), int(end))


def read_trajectories(path: str | Path) -> Trajectories:
    """Read a trajectories artefact: the data sets ``id``, ``frame``, ``y`` and ``x``.

    Raises:
        UserError: see :func:`betrayed.io.artefacts.open_checked`; or a value cannot be meant.
    """
    with open_checked(path, "trajectories") as file:
        ids, frame, count = file["id"][:], file["frame"][:], int(file.attrs["count"])
        places = np.stack([file["y"][:], file["x"][:]], axis=1)
        height, width = (int(side) for side in file.attrs["frame_size"])
    steps = np.diff(frame, prepend=0, append=count - 1)  # sorted, and from 0 to the last frame
    check_values(path, "frame", not len(frame) or steps.min() >= 0, f"must rise to {count - 1}")
    check_values(path, "id", ids.min(initial=0) >= 0, "holds numbers below 0")
    check_finite(path, "y or x", places)
    starts = np.searchsorted(frame, np.arange(count + 1))
    return Trajectories(ids, starts, places, (height, width))
