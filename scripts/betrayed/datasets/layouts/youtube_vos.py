"""The layout ``youtube_vos``: JPEGImages, Annotations and meta.json, as YouTube-VOS's train is."""

from pathlib import Path
from typing import Any

from betrayed.config.datasets import DatasetSettings
from betrayed.datasets.layouts.common import annotation_root, likely_annotations, manifest_row
from betrayed.datasets.manifest import Row
from betrayed.datasets.name_lists import choose_videos, path_list
from betrayed.errors import UserError
from betrayed.io.text_files import load_json


def needed_paths(root: Path, settings: DatasetSettings) -> list[Path]:
    """What the list of videos depends on: frames, meta.json, annotations where they are wanted."""
    annotation_folders = (
        [likely_annotations(root, settings.annotations)] if settings.annotations else []
    )
    return [root / "JPEGImages", root / "meta.json", *annotation_folders]


def missing_paths(root: Path, settings: DatasetSettings) -> list[Path]:
    """Nothing that is known before :func:`manifest_rows` reads the JSON file, which takes long."""
    return []


def manifest_rows(root: Path, settings: DatasetSettings, truth: Path | None) -> list[Row]:
    """The manifest's rows.

    Raises:
        UserError: meta.json is missing or damaged, or a frame of an object that it lists is.
    """
    if settings.split:
        raise UserError(
            f"The layout youtube_vos has no splits, but split is {settings.split!r}. Leave split "
            f"out and name the videos instead."
        )
    images = root / "JPEGImages"
    annotations = annotation_root(root, settings.annotations, "annotations")
    frames = _frames(root / "meta.json")
    names = choose_videos(frames, settings.videos, root / "meta.json")
    absent = []
    for name in names:
        folder = images / name
        there = {path.stem for path in folder.iterdir()} if folder.is_dir() else set()
        absent += [folder / f"{frame}.jpg" for frame in sorted(frames[name] - there)]
    if absent:
        raise UserError(
            f"{root / 'meta.json'} lists frames that are missing, {len(absent)} in all: "
            f"{path_list(absent)}. Complete the data set, or choose other videos."
        )
    return [manifest_row(name, images / name, annotations and annotations / name) for name in names]


def _frames(path: Path) -> dict[str, set[str]]:
    """The frames of each video that show one of its objects."""
    try:
        content: Any = load_json(path)
        return {
            name: {frame for one in video["objects"].values() for frame in one["frames"]}
            for name, video in content["videos"].items()
        }
    except FileNotFoundError as error:
        raise UserError(f"{path} is missing. The layout youtube_vos needs it.") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"{path} is no list of YouTube-VOS's videos ({type(error).__name__}: {error}). "
            f"Download it once more."
        ) from error
