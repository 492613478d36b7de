"""The layout ``youtube_vis``: JPEGImages beside a JSON file with the instances of all videos."""

from collections.abc import Iterable
from pathlib import Path

from betrayed.config.datasets import DatasetSettings
from betrayed.datasets.layouts.common import manifest_row
from betrayed.datasets.manifest import Row
from betrayed.datasets.name_lists import LIST, choose_videos, path_list
from betrayed.datasets.names import identifier
from betrayed.datasets.video_search import entries
from betrayed.errors import UserError
from betrayed.io.files import whole_folder
from betrayed.io.notes import note


def needed_paths(root: Path, settings: DatasetSettings) -> list[Path]:
    """What the list of videos depends on: frames, the JSON file, and the split if it is a file."""
    paths = [root / "JPEGImages", root / (settings.annotations or "")]
    split = _split(root, settings)
    return [*paths, Path(split)] if split and split.endswith(LIST) else paths


def missing_paths(root: Path, settings: DatasetSettings) -> list[Path]:
    """Nothing that is known before :func:`manifest_rows` reads the JSON file, which takes long."""
    return []


def manifest_rows(root: Path, settings: DatasetSettings, truth: Path | None) -> list[Row]:
    """The manifest's rows; each video's record goes into a file of its own under ``truth``.

    The official valid.json and test.json have no ground truth: annotations stay empty, and records
    say under which id the server takes a video's masks. With ground truth the record says which
    frames there are; what else lies among them is named, and left out.

    Raises:
        UserError: the frames' folder, the JSON file or a frame that it lists is missing, or there
            are others where nothing but the folder can say which frames are meant.
    """
    from betrayed.datasets.readers.instances import read_records
    from betrayed.datasets.readers.youtube_vis import write_record
    from betrayed.io.images import numbered_images  # only here: these load numpy

    images = root / "JPEGImages"
    if not settings.annotations or settings.instances:
        raise UserError(
            "The layout youtube_vis needs annotations, the JSON file of instances under its root, "
            "and no other instances."
        )
    if not images.is_dir():
        raise UserError(f"{images} is missing. The layout youtube_vis needs it under its root.")
    records = {}
    for record in read_records(root / settings.annotations, _split(root, settings), truth=False):
        if record.video in records:
            raise UserError(f"{settings.annotations} lists the video {record.video!r} twice.")
        records[record.video] = record
    names = choose_videos(records, settings.videos, settings.annotations)
    annotated = {name for name in names if records[name].objects is not None}
    result = [
        manifest_row(name, images / name, _at(truth, name) if truth and name in annotated else None)
        for name in names
    ]
    absent = [path for name in names for path in _absent(images / name, records[name].frames)]
    if absent:
        raise UserError(
            f"{settings.annotations} lists frames that are missing, {len(absent)} in all: "
            f"{path_list(absent)}. Complete the data set, or choose other videos."
        )
    for name in names:
        others = [
            path
            for path in (numbered_images(images / name).values() if name not in annotated else ())
            if path.name not in records[name].frames
        ]
        if others:
            raise UserError(
                f"{settings.annotations} does not list {path_list(others)}. Without ground truth "
                f"all frames of a folder are the video: remove those that are not listed."
            )
    passed_over = [
        path
        for name in sorted(annotated)
        for path in entries(images / name)
        if path.name not in records[name].frames
    ]
    if passed_over:
        note(
            f"{settings.annotations} does not list what lies among the frames, which is left out, "
            f"{len(passed_over)} in all: {path_list(passed_over)}."
        )
    if truth is not None:
        with whole_folder(truth) as folder:
            for name in names:
                write_record(_at(folder, name), records[name])
    return result


def _at(folder: Path, video: str) -> Path:
    return folder / f"{identifier(video)}.json"


def _split(root: Path, settings: DatasetSettings) -> str | None:
    """The split; a text file is looked for under the root, then from the working directory."""
    split = settings.split
    under = root / split if split and split.endswith(LIST) else None
    return str(under) if under and under.is_file() else split


def _absent(folder: Path, names: Iterable[str]) -> list[Path]:
    there = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    return [folder / name for name in names if name not in there]
