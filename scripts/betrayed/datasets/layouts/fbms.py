"""The layout ``fbms``: Trainingset and Testset of FBMS-59, frames and GroundTruth in one folder.

How regions are kept in GroundTruth says :mod:`betrayed.datasets.readers.fbms`.
"""

from pathlib import Path

from betrayed.config.datasets import DatasetSettings
from betrayed.datasets.layouts.common import folder_names, manifest_row
from betrayed.datasets.manifest import Row
from betrayed.datasets.name_lists import choose_videos, path_list
from betrayed.errors import UserError


def needed_paths(root: Path, settings: DatasetSettings) -> list[Path]:
    """What the list of videos depends on: the folder of the split."""
    return [_videos(root, settings)]


def missing_paths(root: Path, settings: DatasetSettings) -> list[Path]:
    """The folders of ground truth that videos lack."""
    if not settings.annotations:
        return []
    videos = [_videos(root, settings) / name for name in _names(root, settings)]
    paths = [video / settings.annotations for video in videos]
    return [path for path in paths if not path.is_dir()]


def manifest_rows(root: Path, settings: DatasetSettings, truth: Path | None) -> list[Row]:
    """The manifest's rows.

    Raises:
        UserError: the folder of the split or a video's ground truth is missing.
    """
    if not _videos(root, settings).is_dir():
        raise UserError(
            f"{_videos(root, settings)} is missing. The layout fbms needs the folders Trainingset "
            f"and Testset under its root; the split names one of them."
        )
    if absent := missing_paths(root, settings):
        raise UserError(
            f"Ground truth is missing: {path_list(absent)}. Complete the data set, or choose other "
            f"videos."
        )
    paths = [_videos(root, settings) / name for name in _names(root, settings)]
    inside = settings.annotations
    return [manifest_row(path.name, path, path / inside if inside else None) for path in paths]


def _videos(root: Path, settings: DatasetSettings) -> Path:
    return root / (settings.split or "")


def _names(root: Path, settings: DatasetSettings) -> list[str]:
    videos = _videos(root, settings)
    names = folder_names(videos)
    if not names:
        raise UserError(f"{videos} holds no video.")
    return choose_videos(names, settings.videos, videos)
