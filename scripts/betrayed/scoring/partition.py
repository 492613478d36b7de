"""Tracks as a partition of a video's pixels."""

from pathlib import Path

import numpy as np

from betrayed.clustering.tracks import read_tracks
from betrayed.errors import UserError
from betrayed.video.video import Video


def read_partition(path: str | Path, video: Video, frames: list[int]) -> np.ndarray:
    """The track of every pixel in some frames of a video.

    Args:
        path: tracks artefact, labels (T, h, w).
        video: the video they belong to.
        frames: frame numbers.

    Returns:
        (frames, H, W) labels: every pixel takes the label of the token it lies in.

    Raises:
        UserError: unusable tracks, or of a video of another length; the file is named in the error.
    """
    labels = read_tracks(path).labels  # (T, h, w)
    if len(labels) != video.count:
        raise UserError(
            f"{path} holds tracks of {len(labels)} frames, but {video.name!r} has {video.count}. "
            "Delete it and run the workflow again."
        )
    # Few tracks need few bits, and the result is the largest array here.
    labels = labels[frames].astype(np.min_scalar_type(int(labels.max())))
    rows = _nearest(video.height, labels.shape[1])
    columns = _nearest(video.width, labels.shape[2])
    return labels[:, rows[:, None], columns]


def _nearest(pixels: int, tokens: int) -> np.ndarray:
    """The token in which each pixel's centre lies, along one side."""
    return ((np.arange(pixels) + 0.5) * tokens / pixels).astype(int)
