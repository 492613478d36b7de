"""YouTube-VIS: the record of a video, its frames' names and its ground truth as run lengths.

Records are written when the videos are listed, see :mod:`betrayed.datasets.readers.instances`. From
a record the frames stage writes a PNG of ids for each frame.
"""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from betrayed.errors import UserError
from betrayed.io.palette import VOID, ids_in, save_palette_png
from betrayed.io.progress import progress
from betrayed.io.run_lengths import RunLengths, decode_mask


@dataclass(frozen=True)
class Record:
    """One video of the file: its frames, and the masks of each object."""

    video: str
    height: int
    width: int
    frames: tuple[str, ...]  # file names, in the order of their numbers
    # An object's mask in each frame, None: absent. Without ground truth None in all.
    objects: tuple[tuple[RunLengths | None, ...], ...] | None
    id: int  # of the video in the file; results are handed in under it
    # Masks of crowds, likewise: annotations with iscrowd are no objects and cover what counts for
    # nobody.
    crowds: tuple[tuple[RunLengths | None, ...], ...] = ()


def write_record(path: str | Path, record: Record) -> None:
    """Write one video's record as JSON."""
    text = json.dumps(dataclasses.asdict(record), separators=(",", ":")) + "\n"
    Path(path).write_text(text, encoding="utf-8")


def read_record(path: str | Path) -> Record:
    """Read what :func:`write_record` wrote.

    Raises:
        UserError: the file is missing or not such a record.
    """
    try:
        values = json.loads(Path(path).read_text(encoding="utf-8"))
        values["frames"] = tuple(values["frames"])
        for kind in ("objects", "crowds"):
            if values[kind] is not None:
                values[kind] = tuple(tuple(masks) for masks in values[kind])
        return Record(**values)
    except FileNotFoundError as error:
        raise UserError(f"{path} does not exist. Run the workflow to make it.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{path} is no record of a video ({error}). Delete it and run the workflow again."
        ) from error


def decode_ids(record: Record, index: int) -> np.ndarray:
    """Ground truth of one frame: (H, W) uint8, 0 background, 1… the objects in their order.

    Where objects overlap, the first one keeps the pixel; what a crowd alone covers is void, 255.

    Raises:
        UserError: an object's run lengths are damaged; names video, object and frame.
    """
    ids = np.zeros((record.height, record.width), np.uint8)
    # Backwards, so that the first object is painted last, and after all crowds.
    objects = [
        (number, masks, f"Object {number}") for number, masks in enumerate(record.objects, 1)
    ]
    crowds = [(VOID, masks, f"Crowd {number}") for number, masks in enumerate(record.crowds, 1)]
    for value, masks, name in reversed(objects + crowds):
        counts = masks[index]
        if counts is None:
            continue
        try:
            ids[decode_mask(counts, record.height, record.width)] = value
        except ValueError as error:
            raise UserError(
                f"{name} of the video {record.video!r} has a damaged mask in frame "
                f"{record.frames[index]}: {error}. Download the file of instances once more."
            ) from error
    return ids


def write_ids(
    record: Record, folder: str | Path, size: tuple[int, int]
) -> tuple[list[str], set[int]]:
    """Write each frame's ids as truth-00000.png, … into ``folder``.

    Returns:
        The names, and the ids that occur.

    Raises:
        UserError: the frames' size (height, width) is not the masks'; else as :func:`decode_ids`.
    """
    if (record.height, record.width) != size:
        raise UserError(
            f"The ground truth of {record.video!r} is {record.width}x{record.height}, but its "
            f"frames are {size[1]}x{size[0]}. Use the frames that the instances were made for."
        )
    names = [f"truth-{index:05d}.png" for index in range(len(record.frames))]
    all_ids: set[int] = set()
    for index, name in enumerate(progress(names, f"decoding {record.video}", "annotation")):
        ids = decode_ids(record, index)
        save_palette_png(Path(folder) / name, ids)
        all_ids |= ids_in(ids)
    return names, all_ids
