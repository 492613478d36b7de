"""Tracks of a video, as the stages after clustering read them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from betrayed.errors import UserError
from betrayed.io.artefacts import check_finite, check_values, open_checked, provenance


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
        UserError: the file is not whole, from before tracks had a tree, or a value cannot be meant.
    """
    with open_checked(path, "tracks") as file:
        if "merges" not in file:
            raise UserError(f"{path} has no tree of merges. Delete it and run the workflow again.")
        height, width = (int(side) for side in file.attrs["frame_size"])
        labels, merges = file["labels"][:], file["merges"][:]
        made_by = provenance(file)
    count = len(merges) + 1
    inside = labels.min(initial=0) >= 0 and labels.max(initial=0) < count
    check_values(path, "labels", inside, f"must lie within 0…{count - 1}")
    check_finite(path, "merges", merges)
    merged, groups = merges[:, :2], np.arange(count, 2 * count - 1)  # each is of earlier ones
    known = (merged >= 0).all() and (merged < groups[:, None]).all()
    check_values(path, "merges", known, "names tracks that do not exist")
    return Tracks(labels, merges, (height, width), made_by)
