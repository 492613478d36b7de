"""What scoring reads: annotations, masks and tracks, all at the video's own size."""

from pathlib import Path

import numpy as np
import pandas as pd

from betrayed.clustering.tracks import read_tracks
from betrayed.engine.programs import progress
from betrayed.errors import UserError
from betrayed.io.palette import read_ids
from betrayed.video.frames import Video


def read_annotations(video: Video, which: str) -> tuple[list[int], np.ndarray]:
    """The annotated frames of a video and their ids.

    Args:
        video: the video.
        which: ``"annotations"`` or ``"instances"``.

    Returns:
        Frame numbers, and ids (frames, H, W) uint8: 0 background, 255 void. Frames without an
        annotation are left out; there may be none at all.

    Raises:
        UserError: an annotation is missing, unreadable or of another size than the frames.
    """
    frames, annotations = [], []
    for index in range(video.count):
        ids = video.annotation(index, which)
        if ids is not None:
            frames.append(index)
            annotations.append(ids)
    if not frames:
        return [], np.zeros((0, video.height, video.width), np.uint8)
    return frames, np.stack(annotations)


def read_masks(folder: str | Path, video: Video, frames: list[int]) -> np.ndarray:
    """The masks 00000.png … of some frames of a video.

    Args:
        folder: where they lie, such as ``…/proposals``.
        video: the video they belong to.
        frames: frame numbers.

    Returns:
        (frames, H, W) uint8 ids.

    Raises:
        UserError: a mask is missing, unreadable or of another size than the frames; names it.
    """
    masks = np.zeros((len(frames), video.height, video.width), np.uint8)
    for place, index in enumerate(progress(frames, f"reading {Path(folder).name}", "frame")):
        path = Path(folder) / f"{index:05d}.png"
        if not path.is_file():
            raise UserError(
                f"The mask {path} is missing: frame {index} of {video.name!r} is annotated and "
                "needs one. Delete the folder of masks and run the workflow again."
            )
        mask = read_ids(path)
        if mask.shape != (video.height, video.width):
            raise UserError(
                f"The mask {path} is {mask.shape[1]}x{mask.shape[0]}, but the frames of "
                f"{video.name!r} are {video.width}x{video.height}. Masks must have the video's "
                "own size."
            )
        masks[place] = mask
    return masks


def read_proposal_scores(folder: str | Path) -> pd.Series:
    """The score of every proposal of a video by its number, from ``folder/objects.csv``.

    Where objects were chosen by size there are none; then it is 1/number, since proposals are
    numbered by rank.

    Raises:
        UserError: the table is missing or damaged; names it.
    """
    path = Path(folder) / "objects.csv"
    try:
        table = pd.read_csv(path)
        table = table[table["proposal"] > 0].set_index("proposal").sort_index()
        return table["score"].fillna(pd.Series(1 / table.index, table.index)).astype(float)
    except FileNotFoundError as error:
        raise UserError(f"{path} does not exist. Run the workflow to make it.") from error
    except (ValueError, KeyError, TypeError, pd.errors.ParserError) as error:
        raise UserError(
            f"{path} is no table of objects ({error}). Delete the folder of masks and run the "
            f"workflow again."
        ) from error


def read_partition(path: str | Path, video: Video, frames: list[int]) -> np.ndarray:
    """The track of every pixel in some frames of a video.

    Args:
        path: tracks artefact, labels (T, h, w).
        video: the video they belong to.
        frames: frame numbers.

    Returns:
        (frames, H, W) labels: every pixel takes the label of the token it lies in.

    Raises:
        UserError: unusable tracks, or of a video of another length; names the file.
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
