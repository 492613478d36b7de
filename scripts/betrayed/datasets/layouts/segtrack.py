"""The layout ``segtrack``: JPEGImages, GroundTruth and ImageSets, as SegTrack v2 is laid out.

How masks are kept in GroundTruth says :mod:`betrayed.datasets.readers.segtrack`.
"""

from pathlib import Path

from betrayed.config.datasets import DatasetSettings
from betrayed.datasets.layouts.common import folder_names, likely_annotations, manifest_row
from betrayed.datasets.manifest import Row
from betrayed.datasets.name_lists import choose_videos, path_list, read_names
from betrayed.errors import UserError


def needed_paths(root: Path, settings: DatasetSettings) -> list[Path]:
    """What the list of videos depends on: frames, masks, and the list of the split."""
    paths = _needed(root, settings)
    return paths + ([_split_file(root, settings.split)] if settings.split else [])


def missing_paths(root: Path, settings: DatasetSettings) -> list[Path]:
    """The folders of frames and masks that listed videos lack."""
    paths = [one / name for name in _names(root, settings) for one in _needed(root, settings)]
    return [path for path in paths if not path.is_dir()]


def manifest_rows(root: Path, settings: DatasetSettings, truth: Path | None) -> list[Row]:
    """The manifest's rows.

    Raises:
        UserError: a folder or the list is missing, or a folder of a listed video.
    """
    absent = [path for path in needed_paths(root, settings) if not path.exists()]
    if absent := absent or missing_paths(root, settings):
        raise UserError(
            f"The layout segtrack needs what is missing here: {path_list(absent)}. Complete the "
            f"data set, or choose other videos."
        )
    images, *annotation_folders = _needed(root, settings)
    names = _names(root, settings)
    return [
        manifest_row(name, images / name, *(folder / name for folder in annotation_folders))
        for name in names
    ]


def _needed(root: Path, settings: DatasetSettings) -> list[Path]:
    annotation_folders = (
        [likely_annotations(root, settings.annotations)] if settings.annotations else []
    )
    return [root / "JPEGImages", *annotation_folders]


def _split_file(root: Path, split: str) -> Path:
    return root / "ImageSets" / f"{split}.txt"


def _names(root: Path, settings: DatasetSettings) -> list[str]:
    """The videos wanted; the release's lists have a star before each name."""
    names = folder_names(root / "JPEGImages")
    if settings.split:
        names = [name.lstrip("*") for name in read_names(_split_file(root, settings.split))]
    return choose_videos(names, settings.videos, root)
