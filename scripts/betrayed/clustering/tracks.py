"""Tracks of a video, as the stages after clustering read them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from betrayed.errors import UserError
from betrayed.io.artefacts import open_checked, provenance


@dataclass(frozen=True)
class Tracks:
    """Tracks of a video.

    Attributes:
        labels: (T, h, w) int32, the track of every token, 0 … K−1.
        merges: (K−1, 4), the tree in which they merge, see :mod:`betrayed.clustering.merge_tree`.
        frame_size: height and width of the video's own frames, in pixels.
        made_by: what made them.
    """

    labels: np.ndarray
    merges: np.ndarray
    frame_size: tuple[int, int]
    made_by: dict[str, Any]


def read_tracks(path: str | Path) -> Tracks:
    """Read a tracks artefact.

    Raises:
        UserError: the file is not whole, or from before tracks had a tree.
    """
    with open_checked(path, "tracks") as file:
        if "merges" not in file:
            raise UserError(f"{path} has no tree of merges. Delete it and run the workflow again.")
        height, width = (int(side) for side in file.attrs["frame_size"])
        labels, merges = file["labels"][:], file["merges"][:]
        return Tracks(labels, merges, (height, width), provenance(file))
