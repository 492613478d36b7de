"""The layout ``folder``: a folder of images for each video, and video files, side by side."""

from collections.abc import Iterable
from itertools import count
from pathlib import Path

from betrayed.config.datasets import DatasetSettings
from betrayed.datasets.layouts.common import annotation_root, likely_annotations, manifest_row
from betrayed.datasets.manifest import Row
from betrayed.datasets.name_lists import choose_videos
from betrayed.datasets.other_files import in_lines, what_it_is
from betrayed.datasets.video_search import (
    entries,
    folder_list,
    folders_of_videos,
    holds_images,
    is_folder,
    is_image_file,
    is_readable,
    is_video,
    other_images,
    real,
    refuse_home,
)
from betrayed.errors import UserError
from betrayed.io.file_kinds import VIDEO_SUFFIXES
from betrayed.io.several_pictures import moving_image, several_pictures

#: A video's frames lie in a folder in the root, and its masks in a folder in that of annotations.
WATCHED_DEPTH = 2
#: Images of one folder that are looked into for whether they are films; and for what is amiss.
_MOST_LOOKED_INTO, _FEW = 1000, 5
_DENIED = ": its permissions forbid it"


def needed_paths(root: Path, settings: DatasetSettings) -> list[Path]:
    """What the list of videos depends on: the root, ground truth, folders that hold no images yet.

    Whatever of it is litter changes the time of a folder and not the list.
    """
    annotation_folders = filter(None, (settings.annotations, settings.instances))
    paths = [root, *(likely_annotations(root, truth) for truth in annotation_folders)]
    truth = _truth(root, settings)
    folders = (one for one in entries(root) if is_folder(one) and real(one) not in truth)
    return paths + [path for path in folders if not holds_images(path)]


def missing_paths(root: Path, settings: DatasetSettings) -> list[Path]:
    """Nothing: whatever lies there is the data set."""
    return []


def manifest_rows(root: Path, settings: DatasetSettings, truth: Path | None) -> list[Row]:
    """The manifest's rows. Annotations may lie inside the root; they are no videos.

    The root may be a video itself, which then is the only one: a film, or a folder of frames that
    has no videos below.

    Raises:
        UserError: nothing is there, videos have one name, a setting does not fit, or the root is a
            whole home folder.
    """
    refuse_home(root)
    if settings.split:
        raise UserError(
            f"The layout folder has no splits, but split is {settings.split!r}. Leave split out "
            f"and name the videos instead."
        )
    annotations = annotation_root(root, settings.annotations, "annotations")
    instances = annotation_root(root, settings.instances, "instances")
    found: dict[str, list[Path]] = {}
    for path in _videos(root, settings):
        found.setdefault(_name(path), []).append(path)
    if not found:
        raise UserError(f"{root} holds no video. {_advice(root)}")
    if twice := {name: paths for name, paths in found.items() if len(paths) > 1}:
        problems = "; ".join(
            f"{' and '.join(map(str, paths))} are both the video {name!r}"
            for name, paths in twice.items()
        )
        raise UserError(f"{problems}. Rename or remove all but one of each.")
    rows = {}
    for name, (path,) in found.items():
        single = instances and instances / name
        rows[name] = manifest_row(
            name,
            path,
            annotations and annotations / name,
            single if single and single.is_dir() else None,
        )
    return [rows[name] for name in choose_videos(rows, settings.videos, root)]


def left_out(root: Path, settings: DatasetSettings) -> list[tuple[Path, str]]:
    """What lies beside the videos and in folders of frames and is not read, each with the reason.

    Litter and the videos' ground truth are not among it.
    """
    videos, truth = set(_videos(root, settings)), _truth(root, settings)
    result, looks = _truth_of_none(root, settings, videos), count()
    if not root.is_dir():
        return result
    if videos == {root}:
        beside = (one for one in entries(root) if real(one) not in truth)
        others = [one for one in beside if not is_image_file(one)]
        return result + [(one, "is no image of the video") for one in others]
    for path in entries(root):
        if path in videos:
            inside = entries(path) if is_folder(path) else []
            result += [
                (one, "is no image of the video") for one in inside if not is_image_file(one)
            ]
        elif is_folder(path) and real(path) not in truth:
            deeper, kinds = folders_of_videos(path, looks), other_images(path)
            # Of GIFs, which are films as well, it is said already what to do.
            told = not deeper or (kinds and deeper == [path])
            reason = (
                f"holds no images{kinds}{'' if told else f'; videos lie in {folder_list(deeper)}'}"
            )
            result.append((path, reason if is_readable(path) else f"cannot be read{_DENIED}"))
        elif not is_folder(path):
            result.append((path, what_it_is(path)))
    return result


def _name(video: Path) -> str:
    return video.name if video.is_dir() else video.stem


def _videos(root: Path, settings: DatasetSettings) -> list[Path]:
    if root.is_file():
        return [root]
    beside = _truth(root, settings)
    inside = [one for one in entries(root) if real(one) not in beside]
    found = [one for one in inside if is_video(one)]
    images = [one for one in inside if is_image_file(one)]
    if len(images) <= _MOST_LOOKED_INTO:  # or else they are the frames of one video
        found = sorted([*found, *filter(moving_image, images)])
    if not found and images and not _deeper(root, beside):
        stacks = [one for one in images[:_FEW] if several_pictures(one)]
        return [] if stacks and len(stacks) == len(images[:_FEW]) else [root]
    return found


def _truth_of_none(
    root: Path, settings: DatasetSettings, videos: Iterable[Path]
) -> list[tuple[Path, str]]:
    """What lies in the folders of ground truth and belongs to no video."""
    names = {_name(path) for path in videos}
    folders = filter(None, (settings.annotations, settings.instances))
    below = [one for folder in folders for one in entries(likely_annotations(root, folder))]
    return [
        (one, "is no folder of a video" if one.name in names else "is ground truth of no video")
        for one in dict.fromkeys(below)
        if one.name not in names or not is_folder(one)
    ]


def _truth(root: Path, settings: DatasetSettings) -> set[Path]:
    """The folders of ground truth, and all that they lie in."""
    folders = filter(None, (settings.annotations, settings.instances))
    beside = {real(likely_annotations(root, folder)) for folder in folders}
    return beside | {parent for path in beside for parent in path.parents}


def _deeper(root: Path, truth: set[Path]) -> list[Path]:
    """The folders below that videos lie in; folders of ground truth are none."""
    below = (path for path in folders_of_videos(root) if path != root)
    return [path for path in below if not truth & {real(path), *real(path).parents} - _above(root)]


def _above(root: Path) -> set[Path]:
    return {real(root), *real(root).parents}


def _advice(root: Path) -> str:
    if deeper := _deeper(root, set()):
        return f"There are videos deeper: give one of these folders: {folder_list(deeper)}."
    if not is_readable(root):
        return f"It cannot be read{_DENIED}."
    for path in (root, *entries(root)):
        if kinds := other_images(path):
            return f"{path} holds no images{kinds}."
    known = ", ".join(VIDEO_SUFFIXES)
    wanted = f"Put a folder of images for each video there, or video files ({known})."
    files = [path for path in entries(root) if not is_folder(path)]
    if files:
        said = in_lines((path, what_it_is(path)) for path in files[:_MOST_LOOKED_INTO])
        more = f" and {len(said) - _FEW} more" if len(said) > _FEW else ""
        return f"{'; '.join(said[:_FEW])}{more}. {wanted}"
    return wanted
