"""The layout ``folder``: a folder of images for each video, and video files, side by side."""

from pathlib import Path

from betrayed.config.datasets import DatasetSettings
from betrayed.datasets.layouts.common import (
    annotation_root,
    choose_videos,
    likely_annotations,
    manifest_row,
)
from betrayed.datasets.manifest import Row
from betrayed.errors import UserError

VIDEO_SUFFIXES = (".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v")


def needed_paths(root: Path, settings: DatasetSettings) -> list[Path]:
    """What the list of videos depends on: the root, and the folders of ground truth."""
    annotation_folders = filter(None, (settings.annotations, settings.instances))
    return [root, *(likely_annotations(root, truth) for truth in annotation_folders)]


def missing_paths(root: Path, settings: DatasetSettings) -> list[Path]:
    """Nothing: whatever lies there is the data set."""
    return []


def manifest_rows(root: Path, settings: DatasetSettings, truth: Path | None) -> list[Row]:
    """The manifest's rows. Annotations may lie inside the root; they are no videos.

    Raises:
        UserError: nothing is there, two videos have one name, or a setting does not fit.
    """
    if settings.split:
        raise UserError(
            f"The layout folder has no splits, but split is {settings.split!r}. Leave split out "
            f"and name the videos instead."
        )
    annotations = annotation_root(root, settings.annotations, "annotations")
    instances = annotation_root(root, settings.instances, "instances")
    beside = {path.resolve() for path in (annotations, instances) if path}
    beside |= {parent for path in tuple(beside) for parent in path.parents}
    rows: dict[str, Row] = {}
    for path in sorted(root.iterdir()):
        is_clip = path.is_file() and path.suffix.lower() in VIDEO_SUFFIXES
        if path.name.startswith(".") or not (path.is_dir() or is_clip):
            continue
        if path.is_dir() and path.resolve() in beside:
            continue
        name = path.stem if is_clip else path.name
        if name in rows:
            raise UserError(
                f"{rows[name]['source']} and {path} are both the video {name!r}. Rename or "
                f"remove one."
            )
        single = instances and instances / name
        rows[name] = manifest_row(
            name,
            path,
            annotations and annotations / name,
            single if single and single.is_dir() else None,
        )
    if not rows:
        raise UserError(
            f"{root} holds no video. Put a folder of images for each video there, or video files "
            f"({', '.join(VIDEO_SUFFIXES)})."
        )
    return [rows[name] for name in choose_videos(rows, settings.videos, root)]
