"""Masks of a video and the scores of its proposals, as they were written."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from betrayed.errors import UserError
from betrayed.io.palette import read_ids
from betrayed.io.progress import progress
from betrayed.video.video import Video


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


def read_proposals(folder: str | Path, video: Video, frames: list[int]) -> np.ndarray:
    """The proposals of some frames: objects first, then the tracks around them.

    Args:
        folder: a video's folder of masks.
        video: the video they belong to.
        frames: frame numbers.

    Returns:
        (frames, H, W) uint8 ids.

    Raises:
        UserError: see :func:`read_masks`; or a proposal is not in the table of objects.
    """
    proposals = read_masks(Path(folder) / "proposals", video, frames)
    _check_known(folder, "proposal", proposals)
    return proposals


def read_parts(folder: str | Path, video: Video, frames: list[int], limit: int = 254) -> np.ndarray:
    """Like :func:`read_proposals`, with the parts of the objects in the objects' place.

    There are no more ids than proposals: the last tracks give way to parts. Parts beyond ``limit``
    are left out. Without parts (objects chosen by size) the proposals themselves.
    """
    proposals = read_proposals(folder, video, frames)
    if not (Path(folder) / "parts").is_dir():
        return proposals
    parts = read_masks(Path(folder) / "parts", video, frames)
    _check_known(folder, "part", parts)
    objects, count, most = _counts(folder)
    tracks = proposals.astype(int) - objects + count
    tracks[(proposals <= objects) | (tracks > max(most, count))] = 0
    ids = np.where(parts > 0, parts, tracks)
    return np.where(ids <= max(most, min(limit, count)), ids, 0).astype(np.uint8)


def read_proposal_scores(folder: str | Path) -> pd.Series:
    """The score of every proposal of a video by its number, from ``folder/objects.csv``.

    Where objects were chosen by size there are none; then it is 1/number, since proposals are
    numbered by rank.

    Raises:
        UserError: the table is missing or damaged; names it.
    """
    table = read_table(folder, ("proposal", "score"))
    table = table[table["proposal"] > 0].set_index("proposal").sort_index()
    return table["score"].fillna(pd.Series(1 / table.index, table.index)).astype(float)


def read_part_scores(folder: str | Path) -> pd.Series:
    """The score of every part of a video's objects by its number, from ``folder/objects.csv``.

    Raises:
        UserError: the table is missing or damaged; names it.
    """
    table = read_table(folder, ("part", "score"))
    table = table[table["part"].notna()].set_index("part").sort_index()
    return table["score"].astype(float)


def read_scores_with_parts(folder: str | Path) -> pd.Series:
    """The score of every id that :func:`read_parts` gives, or would give with a higher limit.

    Raises:
        UserError: the table is missing or damaged; names it.
    """
    scores = read_proposal_scores(folder)
    if not (Path(folder) / "parts").is_dir():
        return scores
    objects, count, _ = _counts(folder)
    tracks = scores[scores.index > objects]
    return pd.concat([read_part_scores(folder), tracks.set_axis(tracks.index - objects + count)])


def _counts(folder: str | Path) -> tuple[int, int, int]:
    """How many objects, parts, and proposals a folder of masks with parts has."""
    table = read_table(folder, ("proposal", "part", "track"))
    objects = int(((table["proposal"] > 0) & table["track"].isna()).sum())
    return objects, int(table["part"].max()), int(table["proposal"].max())


def _check_known(folder: str | Path, column: str, ids: np.ndarray) -> None:
    """Check that the ids of masks, but 0, are in a column of the table of objects.

    Masks that another system made have no such table.
    """
    if not (Path(folder) / "objects.csv").is_file():
        return
    unknown = np.setdiff1d(ids, [0, *read_table(folder, (column,))[column].dropna()])
    if len(unknown):
        raise UserError(
            f"{folder}: {column} {unknown[0]} is in the masks, but not in objects.csv. Delete the "
            f"folder of masks and run the workflow again."
        )


def read_table(folder: str | Path, columns: Sequence[str]) -> pd.DataFrame:
    """The table of a folder of masks, checked for what is read from it.

    Raises:
        UserError: the table is missing or damaged, or a column is no column of numbers.
    """
    path = Path(folder) / "objects.csv"
    try:
        table = pd.read_csv(path)
        table[list(columns)].astype(float)
        return table
    except FileNotFoundError as error:
        raise UserError(f"{path} does not exist. Run the workflow to make it.") from error
    except (ValueError, KeyError, TypeError, pd.errors.ParserError) as error:
        raise UserError(
            f"{path} is no table of objects ({error}). Delete the folder of masks and run the "
            f"workflow again."
        ) from error
