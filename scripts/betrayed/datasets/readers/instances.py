"""The JSON file of YouTube-VIS with the ground truth of all videos, as run lengths.

It is large: it is read once, when the videos are listed, and each video gets a record of its own,
see :mod:`betrayed.datasets.readers.youtube_vis`.
"""

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

from betrayed.datasets.readers.youtube_vis import Record
from betrayed.datasets.splits import split_positions
from betrayed.errors import UserError
from betrayed.io.run_lengths import RunLengths

_MOST_OBJECTS = 254  # 255 is void


def read_records(path: str | Path, split: str | None = None, truth: bool = True) -> list[Record]:
    """The videos of an instances file (COCO's form for videos), in its order.

    Args:
        path: the JSON file: ``videos`` with ``file_names`` and ``annotations`` with
            ``segmentations``, one or null for each frame.
        split: positions in the list of videos, ``"600:900"``, or a text file with folders or ids
            of videos, see :func:`betrayed.datasets.splits.split_positions`; None takes all.
        truth: whether ground truth must be there; the official valid.json and test.json have none.

    Returns:
        Records. An object is an annotation, in the order of the file; one with ``iscrowd`` is a
        crowd.

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
        _check_ids(videos, annotated[0] if annotated else [], path)
        names = [{Path(one["file_names"][0]).parent.as_posix(), str(one["id"])} for one in videos]
        chosen = [videos[position] for position in split_positions(split, names, path)]
        if not annotated:
            return [_record(video, None, path) for video in chosen]
        masks: dict[Any, list[Any]] = defaultdict(list)
        for annotation in annotated[0]:
            is_crowd = bool(annotation.get("iscrowd"))
            masks[annotation["video_id"], is_crowd].append(annotation["segmentations"])
        return [
            _record(video, masks[video["id"], False], path, masks[video["id"], True])
            for video in chosen
        ]
    except (KeyError, TypeError, AttributeError, ValueError, IndexError) as error:
        raise UserError(
            f"{path} is no file of video instances ({type(error).__name__}: {error})."
        ) from error


_PARTS = ("videos", "annotations")


def _check_ids(videos: list[Any], annotations: list[Any], path: Path) -> None:
    """Refuse what would count twice, or for nothing: ids that occur again, or are of no video."""
    for place, video in enumerate(videos, 1):
        if type(video["id"]) is not int:
            raise UserError(
                f"{path}: video {place} has the id {video['id']!r}, but ids must be whole numbers."
            )
    known = _once([one["id"] for one in videos], "videos", path)
    _once([one["id"] for one in annotations if "id" in one], "annotations", path)
    for place, annotation in enumerate(annotations, 1):
        if annotation["video_id"] not in known:
            raise UserError(
                f"{path}: annotation {place} is of the video {annotation['video_id']!r}, which is "
                f"not among the videos. Correct its video_id, or take it out."
            )


def _once(ids: list[Any], what: str, path: Path) -> set[Any]:
    """The ids, if none occurs twice."""
    places: dict[Any, int] = {}
    for place, one in enumerate(ids, 1):
        if one in places:
            raise UserError(
                f"{path}: {what} {places[one]} and {place} both have the id {one!r}: each would "
                f"count twice. Take one out, or give it an id of its own."
            )
        places[one] = place
    return set(places)


def _record(
    video: dict[str, Any],
    objects: list[list[Any]] | None,
    path: Path,
    crowds: list[list[Any]] | None = None,
) -> Record:
    """One video's record, checked against itself."""
    names = [Path(name) for name in video["file_names"]]
    folders = {name.parent.as_posix() for name in names}
    folder = folders.pop() if len(folders) == 1 else ""
    if not folder or "/" in folder or folder == ".":
        first = repr(str(names[0])) if names else "missing"
        raise UserError(
            f"{path}: the frames of the video {video['id']} must lie in one folder, named like "
            f"video/00000.jpg, but its first is {first}. Take off the folders before that, and "
            f"write / for \\."
        )
    size = (video["height"], video["width"])
    annotated = objects or []
    if len(annotated) > _MOST_OBJECTS:
        raise UserError(
            f"{path}: the video {folder!r} has {len(annotated)} objects, but ids in a PNG end at "
            f"{_MOST_OBJECTS}. Leave this video out."
        )
    for kind, found in (("object", annotated), ("crowd", crowds or [])):
        for number, masks in enumerate(found, 1):
            if len(masks) != len(names):
                raise UserError(
                    f"{path}: {kind} {number} of the video {folder!r} has {len(masks)} masks for "
                    f"{len(names)} frames. Download the file once more."
                )
    counts, crowd_counts = (
        tuple(
            tuple(None if mask is None else _counts(mask, size, folder, path) for mask in masks)
            for masks in found
        )
        for found in (annotated, crowds or [])
    )
    frames = tuple(name.name for name in names)
    known = None if objects is None else counts
    return Record(folder, *size, frames, known, video["id"], crowd_counts)


def _counts(mask: Any, size: tuple[int, int], video: str, path: Path) -> RunLengths:
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
