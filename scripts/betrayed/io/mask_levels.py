"""What a folder of masks shows: its objects, their parts, the foreground, or all proposals."""

from pathlib import Path

import cv2
import numpy as np

from betrayed.errors import UserError
from betrayed.io.palette import read_ids

#: What the ids of a mask stand for.
LEVELS = ("objects", "parts", "foreground", "proposals")


def mask_ids(
    folder: str | Path,
    index: int,
    level: str,
    most: int | None = None,
    rest: int = 0,
) -> np.ndarray:
    """The ids of one frame's masks, 0 where there is nothing.

    - ``objects``: the proposals that are foreground. They are numbered by rank.
    - ``parts``: what objects consist of; the objects where no parts were written (objects that
      were chosen by their size).
    - ``foreground``: 1 where any object is.
    - ``proposals``: the objects and the tracks around them, as servers score them.

    Args:
        folder: a video's folder of masks, with ``proposals/``, ``foreground/`` and ``parts/``.
        index: the frame's number.
        level: one of :data:`LEVELS`.
        most: the highest id shown, and so how many objects (parts, proposals); None: all. It means
            nothing to the foreground.
        rest: the id of foreground that has none of its own, or one above ``most``.

    Returns:
        (H, W) uint8.

    Raises:
        UserError: a mask is missing or damaged, or they differ in size; names it.
        ValueError: the level is none of :data:`LEVELS`.
    """
    if level not in LEVELS:
        raise ValueError(f"level must be one of {', '.join(LEVELS)}, not {level!r}")
    folder, name = Path(folder), f"{index:05d}.png"
    if level == "proposals":
        ids = read_ids(folder / "proposals" / name)
        return ids if most is None else np.where(ids > most, 0, ids).astype(np.uint8)
    foreground = (read_ids(folder / "foreground" / name) > 0).view(np.uint8)
    if level == "foreground":
        return foreground
    source = folder / "parts" if level == "parts" and (folder / "parts").is_dir() else None
    source = source or folder / "proposals"
    ids = read_ids(source / name)
    if ids.shape != foreground.shape:
        raise UserError(
            f"The mask {source / name} is {ids.shape[1]}x{ids.shape[0]}, but that of the "
            f"foreground is {foreground.shape[1]}x{foreground.shape[0]}. Delete {folder} and run "
            "the workflow again."
        )
    shown = np.arange(256, dtype=np.uint8)
    shown[0] = rest
    shown[256 if most is None else most + 1 :] = rest
    return cv2.LUT(ids, shown) * foreground
