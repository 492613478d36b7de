"""The layout ``davis``: JPEGImages, Annotations and ImageSets, as DAVIS is laid out.

The years differ in their folder of annotations (Annotations or Annotations_unsupervised) and in
their splits: 2016/val (480p/val in the download of 2016), 2017/val, 2017/test-dev, and
2019/test-dev for the unsupervised task.
"""

from pathlib import Path

from betrayed.config.datasets import DatasetSettings
from betrayed.datasets.layouts.common import (
    annotation_root,
    folder_names,
    likely_annotations,
    manifest_row,
)
from betrayed.datasets.manifest import Row
from betrayed.datasets.name_lists import choose_videos, path_list, read_names
from betrayed.errors import UserError


def needed_paths(root: Path, settings: DatasetSettings) -> list[Path]:
    """What the list of videos depends on: frames, split, annotations; instances where there are."""
    paths = [_images(root)]
    paths += [_split_file(root, settings.split)] if settings.split else []
    paths += [likely_annotations(root, settings.annotations)] if settings.annotations else []
    instances = _instances(root, settings)
    return paths + ([instances] if instances else [])


def missing_paths(root: Path, settings: DatasetSettings) -> list[Path]:
    """The folders of frames and annotations that the split's sequences lack."""
    needed = [_images(root)]
    needed += [likely_annotations(root, settings.annotations)] if settings.annotations else []
    names = choose_videos(_names(root, settings), settings.videos, root)
    paths = [folder / name for name in names for folder in needed]
    return [path for path in paths if not path.is_dir()]


def manifest_rows(root: Path, settings: DatasetSettings, truth: Path | None) -> list[Row]:
    """The manifest's rows.

    Raises:
        UserError: a folder, the split, or a sequence of it is missing.
    """
    images = _images(root)
    if not images.is_dir():
        raise UserError(
            f"{images} is missing. The layout davis needs JPEGImages/480p and Annotations/480p "
            f"under its root; for other videos use the layout folder."
        )
    annotations = annotation_root(root, settings.annotations, "annotations")
    instances = _instances(root, settings)
    names = choose_videos(_names(root, settings), settings.videos, root)
    if not names:
        raise UserError(f"{images} holds no sequence.")
    if absent := missing_paths(root, settings):
        raise UserError(
            f"The split {settings.split!r} lists sequences of which these folders are missing: "
            f"{path_list(absent)}. Complete the data set, or choose other videos."
        )
    result = []
    for name in names:
        single = instances and instances / name
        single = single if single and single.is_dir() else None
        result.append(manifest_row(name, images / name, annotations and annotations / name, single))
    return result


def _images(root: Path) -> Path:
    return root / "JPEGImages" / "480p"


def _instances(root: Path, settings: DatasetSettings) -> Path | None:
    """The folder of single objects, if it is there: no download has one beside a foreground."""
    folder = likely_annotations(root, settings.instances) if settings.instances else None
    return folder if folder and folder.is_dir() else None


def _split_file(root: Path, split: str) -> Path:
    """The list of a split: of 2016 where no year is said.

    The download of 2016 has its lists in 480p, where lines name frames and annotations.
    """
    if "/" in split:
        return root / "ImageSets" / f"{split}.txt"
    files = [root / "ImageSets" / folder / f"{split}.txt" for folder in ("2016", "480p")]
    return next((file for file in files if file.is_file()), files[0])


def _names(root: Path, settings: DatasetSettings) -> list[str]:
    """The sequences of the split, or all there are."""
    if not settings.split:
        return folder_names(_images(root))
    file = _split_file(root, settings.split)
    if not file.is_file():
        there = sorted(
            str(path.relative_to(root / "ImageSets").with_suffix(""))
            for path in (root / "ImageSets").glob("*/*.txt")
        )
        raise UserError(
            f"The split file {file} is missing. There are: {', '.join(there) or 'none'}."
        )
    return read_names(file)
