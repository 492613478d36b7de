"""The JSON file of YouTube-VIS with the ground truth of all videos, as run lengths.

It is large: it is read once, when the videos are listed, and each video gets a record of its own,
see :mod:`betrayed.datasets.readers.youtube_vis`.
"""

from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from betrayed.datasets.readers.youtube_vis import Record
from betrayed.datasets.splits import split_positions
from betrayed.errors import UserError
from betrayed.io.run_lengths import RunLengths
from betrayed.io.text_files import load_json

_MOST_OBJECTS = 254  # 255 is void
_LONGEST = 255  # bytes of the name of a file


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
        content = load_json(path)
    except FileNotFoundError as error:
        raise UserError(f"The file of instances {path} is missing.") from error
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
        folders = [_folder(one, path) for one in videos]
        _check_folders(folders, videos, path)
        names = [{one, str(video["id"])} for one, video in zip(folders, videos, strict=True)]
        chosen = [videos[position] for position in split_positions(split, names, path)]
        if not annotated:
            return [_record(video, None, path) for video in chosen]
        masks: dict[Any, list[Any]] = defaultdict(list)
        for place, annotation in enumerate(annotated[0], 1):
            crowd = annotation.get("iscrowd")
            if crowd not in (None, 0, 1):
                raise UserError(
                    f"{path}: annotation {place}: iscrowd must be 0 or 1, not {crowd!r}."
                )
            masks[annotation["video_id"], bool(crowd)].append(annotation["segmentations"])
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


def _folder(video: dict[str, Any], path: Path) -> str:
    """The folder that all frames of a video lie in."""
    files = video.get("file_names")
    given = isinstance(files, list) and files and all(isinstance(one, str) for one in files)
    folders = {Path(name).parent.as_posix() for name in files} if given else set()
    folder = folders.pop() if len(folders) == 1 else ""
    if not folder or "/" in folder or not _may_be_file(folder):
        first = repr(files[0]) if given else f"missing: file_names is {files!r}"
        raise UserError(
            f"{path}: the frames of the video {video['id']} must lie in one folder, named like "
            f"video/00000.jpg, but its first is {first}. Take off the folders before that, and "
            f"write / for \\."
        )
    if twice := [name for name, count in Counter(files).items() if count > 1]:
        raise UserError(
            f"{path}: the video {folder!r} lists the frame {twice[0]} more than once. Each frame "
            f"may be there once."
        )
    return folder


def _may_be_file(name: str) -> bool:
    """Whether a disk can hold a file of this name."""
    try:
        length = len(name.encode())
    except UnicodeEncodeError:  # halves of characters
        return False
    return name not in (".", "..") and "\0" not in name and length <= _LONGEST


def _check_folders(folders: list[str], videos: list[Any], path: Path) -> None:
    """Refuse videos whose frames lie in one folder: one would be written over the other."""
    places: dict[str, int] = {}
    for folder, video in zip(folders, videos, strict=True):
        if folder in places:
            raise UserError(
                f"{path}: the videos {places[folder]} and {video['id']} both have their frames in "
                f"the folder {folder!r}. Take one out, or give it a folder of its own."
            )
        places[folder] = video["id"]


def _record(
    video: dict[str, Any],
    objects: list[list[Any]] | None,
    path: Path,
    crowds: list[list[Any]] | None = None,
) -> Record:
    """One video's record, checked against itself."""
    folder = _folder(video, path)
    names = [Path(name) for name in video["file_names"]]
    size = (video["height"], video["width"])
    if any(type(side) is not int or side < 1 for side in size):
        raise UserError(
            f"{path}: height and width of the video {folder!r} must be whole numbers of pixels, "
            f"not {size[0]!r} and {size[1]!r}."
        )
    annotated = objects or []
    if len(annotated) > _MOST_OBJECTS:
        raise UserError(
            f"{path}: the video {folder!r} has {len(annotated)} objects, but ids in a PNG end at "
            f"{_MOST_OBJECTS}. Leave this video out."
        )
    for kind, found in (("object", annotated), ("crowd", crowds or [])):
        for number, masks in enumerate(found, 1):
            if not isinstance(masks, list):
                raise UserError(
                    f"{path}: segmentations of {kind} {number} of the video {folder!r} must be a "
                    f"list, a mask or null for each frame, not {masks!r}."
                )
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
    if mask.get("size") != list(size):
        raise UserError(
            f"{path}: a mask of the video {video!r} has the size {mask.get('size')!r}, but must "
            f"have {list(size)} (height, width), as the video has."
        )
    return mask["counts"]
