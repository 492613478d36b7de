"""Masks as plain arrays, by the names that the library supervision has for them."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from betrayed.exports.run_lengths import CATEGORY
from betrayed.exports.videos import MaskedVideo, numbers_in


def read_detections(
    frames: str | Path, masks: str | Path, level: str, most: int | None = None
) -> Iterator[dict[str, np.ndarray]]:
    """The objects of each frame of a video, as ``supervision.Detections(**arrays)`` takes them.

    Args:
        frames: the video's ``frames.json``.
        masks: its folder of masks, with ``objects.csv``.
        level: what is read, see :func:`betrayed.io.mask_levels.mask_ids`.
        most: so many of highest rank; None: all.

    Yields:
        For each frame in order, with a row for each object that is in it:

        - ``xyxy``: (N, 4) float32, left, top, right, bottom in pixels, the latter two past the last
          pixel, so that differences are sizes
        - ``mask``: (N, H, W) bool
        - ``confidence``: (N,) float32, the object's score
        - ``class_id``: (N,) int, 1: a class is not known
        - ``tracker_id``: (N,) int, the same number for an object in all frames

    Raises:
        UserError: a mask or a table is missing or damaged; it is named.
    """
    video = MaskedVideo(Path(frames), Path(masks), level=level, most=most)
    for ids in video.all_ids():
        yield detections(ids, video.scores)


def detections(ids: np.ndarray, scores: dict[int, float]) -> dict[str, np.ndarray]:
    """What :func:`read_detections` yields for a frame's ids (H, W) uint8."""
    numbers = numbers_in(ids)
    mask = ids == np.array(numbers, np.uint8).reshape(-1, 1, 1)
    rows, columns = mask.any(axis=2), mask.any(axis=1)  # (N, H), (N, W)
    sides = [
        columns.argmax(axis=1),
        rows.argmax(axis=1),
        columns.shape[1] - columns[:, ::-1].argmax(axis=1),
        rows.shape[1] - rows[:, ::-1].argmax(axis=1),
    ]
    return {
        "xyxy": np.stack(sides, axis=1).astype(np.float32),
        "mask": mask,
        "confidence": np.array([scores[number] for number in numbers], np.float32),
        "class_id": np.full(len(numbers), CATEGORY),
        "tracker_id": np.array(numbers, int),
    }
