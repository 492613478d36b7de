"""The annotations of a checked video, as scoring and pictures read them."""

from typing import Literal

import numpy as np

from betrayed.io.palette import read_ids
from betrayed.video.video import Video

Which = Literal["annotations", "instances"]


def of_single_objects(video: Video) -> Which:
    """Which annotations tell a video's objects apart: its instances, where it has any.

    Beside instances the annotations are what counts as foreground, all objects merged.
    """
    return "instances" if any(video.instances or ()) else "annotations"


def read_annotation(video: Video, index: int, which: Which = "annotations") -> np.ndarray | None:
    """The annotation of a frame, or None where the video or the frame has none.

    Args:
        video: the video.
        index: the frame.
        which: ``"annotations"`` or ``"instances"``; see :func:`of_single_objects`.

    Returns:
        (H, W) uint8: 0 background, 1… objects, 255 void; for annotations of the kind
        ``"foreground"`` 0 and 1 alone.

    Raises:
        UserError: its file is gone, damaged, or has changed its size.
    """
    if which not in ("annotations", "instances"):
        raise ValueError(f"which must be 'annotations' or 'instances', not {which!r}")
    paths = video.annotations if which == "annotations" else video.instances
    path = paths[index] if paths is not None else None
    if path is None:
        return None
    ids = video.sized(read_ids(path), path)
    if which == "annotations" and video.annotation_kind == "foreground":
        return (ids > 0).astype(np.uint8)
    return ids


def read_annotations(video: Video, which: Which = "annotations") -> tuple[list[int], np.ndarray]:
    """The annotated frames of a video and their ids.

    Args:
        video: the video.
        which: ``"annotations"`` or ``"instances"``; see :func:`of_single_objects`.

    Returns:
        Frame numbers, and ids (frames, H, W) uint8: 0 background, 255 void. Frames without an
        annotation are left out; there may be none at all.

    Raises:
        UserError: an annotation is missing, unreadable or of another size than the frames.
    """
    frames, annotations = [], []
    for index in range(video.count):
        ids = read_annotation(video, index, which)
        if ids is not None:
            frames.append(index)
            annotations.append(ids)
    if not frames:
        return [], np.zeros((0, video.height, video.width), np.uint8)
    return frames, np.stack(annotations)
