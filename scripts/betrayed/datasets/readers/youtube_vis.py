"""YouTube-VIS: ground truth of all videos in one JSON file, as run lengths.

The file is large: it is read once, when the videos are listed, and each video gets a record of its
own. From that record the frames stage writes a PNG of ids for each frame.
"""

import dataclasses
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from betrayed.datasets.splits import positions
from betrayed.engine.programs import progress
from betrayed.errors import UserError
from betrayed.io.palette import ids_in, save_palette_png

#: Run lengths of a mask: COCO's text, or the lengths themselves.
Counts = str | Sequence[int]
_MOST_OBJECTS = 254  # 255 is void


@dataclass(frozen=True)
class Record:
    """One video of the file: its frames, and the masks of each object."""

    video: str
    height: int
    width: int
    frames: tuple[str, ...]  # file names, in the order of their numbers
    # An object's mask in each frame, None: absent. Without ground truth None in all.
    objects: tuple[tuple[Counts | None, ...], ...] | None
    id: int  # of the video in the file; results are handed in under it


def read_records(path: str | Path, split: str | None = None, truth: bool = True) -> list[Record]:
    """The videos of an instances file (COCO's form for videos), in its order.

    Args:
        path: the JSON file: ``videos`` with ``file_names`` and ``annotations`` with
            ``segmentations``, one or null for each frame.
        split: positions in the list of videos, ``"600:900"``, or a text file with folders or ids
            of videos, see :func:`betrayed.datasets.splits.positions`; None takes all.
        truth: whether ground truth must be there; the official valid.json and test.json have none.

    Returns:
        Records. An object is an annotation, in the order of the file.

    Raises:
        UserError: the file is missing, damaged, without ground truth that must be there, or at odds
            with itself; the split does not fit it.
    """
    path = Path(path)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UserError(f"The file of instances {path} is missing.") from error
    except OSError as error:
        raise UserError(f"The file of instances {path} cannot be read ({error}).") from error
    except ValueError as error:
        raise UserError(
            f"{path} is not whole JSON ({error}). Download it once more, or unpack it again."
        ) from error
    parts = [content.get(name) if isinstance(content, dict) else None for name in _PARTS]
    if not truth and parts[1] is None:
        parts = parts[:1]
    for name, part in zip(_PARTS, parts, strict=False):
        if not isinstance(part, list) or not part:
            raise UserError(
                f"{path} has no list {name!r}. The layout youtube_vis needs a file with ground "
                f"truth, such as train.json; for videos without any use the layout folder."
            )
    videos, *annotated = parts
    try:
        names = [{Path(one["file_names"][0]).parent.as_posix(), str(one["id"])} for one in videos]
        chosen = [videos[position] for position in positions(split, names, path)]
        if not annotated:
            return [_record(video, None, path) for video in chosen]
        masks: dict[Any, list[Any]] = defaultdict(list)
        for annotation in annotated[0]:
            masks[annotation["video_id"]].append(annotation["segmentations"])
        return [_record(video, masks[video["id"]], path) for video in chosen]
    except (KeyError, TypeError, AttributeError, ValueError, IndexError) as error:
        raise UserError(
            f"{path} is no file of video instances ({type(error).__name__}: {error})."
        ) from error


_PARTS = ("videos", "annotations")


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
        if values["objects"] is not None:
            values["objects"] = tuple(tuple(masks) for masks in values["objects"])
        return Record(**values)
    except FileNotFoundError as error:
        raise UserError(f"{path} does not exist. Run the workflow to make it.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{path} is no record of a video ({error}). Delete it and run the workflow again."
        ) from error


def ids_of(record: Record, index: int) -> np.ndarray:
    """Ground truth of one frame: (H, W) uint8, 0 background, 1… the objects in their order.

    Where objects overlap, the first one keeps the pixel.

    Raises:
        UserError: an object's run lengths are damaged; names video, object and frame.
    """
    ids = np.zeros((record.height, record.width), np.uint8)
    # Backwards, so that the first object is painted last.
    for number in range(len(record.objects), 0, -1):
        counts = record.objects[number - 1][index]
        if counts is None:
            continue
        try:
            ids[decode(counts, record.height, record.width)] = number
        except ValueError as error:
            raise UserError(
                f"Object {number} of the video {record.video!r} has a damaged mask in frame "
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
        UserError: the frames' size (height, width) is not the masks'; else as :func:`ids_of`.
    """
    if (record.height, record.width) != size:
        raise UserError(
            f"The ground truth of {record.video!r} is {record.width}x{record.height}, but its "
            f"frames are {size[1]}x{size[0]}. Use the frames that the instances were made for."
        )
    names = [f"truth-{index:05d}.png" for index in range(len(record.frames))]
    found: set[int] = set()
    for index, name in enumerate(progress(names, f"decoding {record.video}", "annotation")):
        ids = ids_of(record, index)
        save_palette_png(Path(folder) / name, ids)
        found |= ids_in(ids)
    return names, found


def decode(counts: Counts, height: int, width: int) -> np.ndarray:
    """A mask from its run lengths: (H, W) bool.

    Lengths of runs of 0 and 1 by turns, beginning with 0, down the columns from left to right
    (the COCO data set's form). pycocotools decodes the same, but fills what damaged run lengths
    leave open with whatever lies in memory; here they are refused.

    Raises:
        ValueError: the run lengths are damaged, or do not fill the image.
    """
    lengths = checked_lengths(counts, height, width)
    runs = np.repeat(np.arange(len(lengths)) % 2 == 1, lengths)  # (W·H,)
    return runs.reshape(width, height).T


def checked_lengths(counts: Counts, height: int, width: int) -> list[int]:
    """The run lengths of a mask that fill an image.

    Raises:
        ValueError: the run lengths are damaged, or do not fill the image.
    """
    lengths = run_lengths(counts) if isinstance(counts, str) else list(counts)
    if any(type(length) is not int or length < 0 for length in lengths):
        raise ValueError("a run length is no whole number from 0 on")
    if sum(lengths) != height * width:
        raise ValueError(
            f"its run lengths cover {sum(lengths)} pixels, but {width}x{height} are "
            f"{height * width}"
        )
    return lengths


def run_lengths(text: str) -> list[int]:
    """The run lengths that COCO's text holds.

    A number is written in groups of five bits, lowest first, each as the character 48 + group,
    + 32 when another group follows; the last group's highest bit is the sign. From the fourth
    number on, what is written is the difference from the number two places before.

    Raises:
        ValueError: a character is none of these, or the text ends within a number.
    """
    lengths: list[int] = []
    value = bits = 0
    for character in text:
        group = ord(character) - 48
        if not 0 <= group < 64:
            raise ValueError(f"its run lengths hold the character {character!r}")
        value |= (group & 31) << bits
        bits += 5
        if group & 32:
            continue
        if group & 16:
            value -= 1 << bits
        lengths.append(value + lengths[-2] if len(lengths) > 2 else value)
        value = bits = 0
    if bits:
        raise ValueError("its run lengths end within a number")
    return lengths


def _record(video: dict[str, Any], objects: list[list[Any]] | None, path: Path) -> Record:
    """One video's record, checked against itself."""
    names = [Path(name) for name in video["file_names"]]
    folders = {name.parent.as_posix() for name in names}
    folder = folders.pop() if len(folders) == 1 else ""
    if not folder or "/" in folder or folder == ".":
        raise UserError(
            f"{path}: the frames of the video {video['id']} must lie in one folder, named like "
            f"video/00000.jpg, but its first is {str(names[0]) if names else 'missing'!r}."
        )
    size = (video["height"], video["width"])
    truths = objects or []
    if len(truths) > _MOST_OBJECTS:
        raise UserError(
            f"{path}: the video {folder!r} has {len(truths)} objects, but ids in a PNG end at "
            f"{_MOST_OBJECTS}. Leave this video out."
        )
    for number, masks in enumerate(truths, 1):
        if len(masks) != len(names):
            raise UserError(
                f"{path}: object {number} of the video {folder!r} has {len(masks)} masks for "
                f"{len(names)} frames. Download the file once more."
            )
    counts = tuple(
        tuple(None if mask is None else _counts(mask, size, folder, path) for mask in masks)
        for masks in truths
    )
    if type(video["id"]) is not int:
        raise UserError(
            f"{path}: the video {folder!r} has the id {video['id']!r}, but ids must be whole "
            f"numbers."
        )
    frames = tuple(name.name for name in names)
    return Record(folder, *size, frames, None if objects is None else counts, video["id"])


def _counts(mask: Any, size: tuple[int, int], video: str, path: Path) -> Counts:
    if not isinstance(mask, dict) or not isinstance(mask.get("counts"), str | list):
        raise UserError(
            f"{path}: a mask of the video {video!r} is not run-length encoded (counts and size). "
            f"Polygons are not read; convert them."
        )
    if tuple(mask["size"]) != size:
        raise UserError(
            f"{path}: a mask of the video {video!r} is {mask['size'][1]}x{mask['size'][0]}, but "
            f"the video {size[1]}x{size[0]}."
        )
    return mask["counts"]
