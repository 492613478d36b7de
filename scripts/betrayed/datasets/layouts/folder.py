"""The layout ``folder``: a folder of images for each video, and video files, side by side."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

from betrayed.config.datasets import DatasetSettings
from betrayed.datasets.layouts.common import (
    annotation_root,
    choose_videos,
    likely_annotations,
    manifest_row,
    path_list,
)
from betrayed.datasets.manifest import Row
from betrayed.errors import UserError
from betrayed.io.file_kinds import VIDEO_SUFFIXES, is_film, is_image, is_litter

#: How far below a folder videos are looked for, and how many files and folders are looked at.
_DEEPEST, _MOST_LOOKED_AT = 4, 20_000
#: A video's frames lie in a folder in the root, and its masks in a folder in that of annotations.
WATCHED_DEPTH = 2


def needed_paths(root: Path, settings: DatasetSettings) -> list[Path]:
    """What the list of videos depends on: the root, ground truth, folders that hold no images yet.

    Whatever of it is litter changes the time of a folder and not the list.
    """
    annotation_folders = filter(None, (settings.annotations, settings.instances))
    paths = [root, *(likely_annotations(root, truth) for truth in annotation_folders)]
    truth = _truth(root, settings)
    folders = (one for one in _entries(root) if one.is_dir() and one.resolve() not in truth)
    return paths + [path for path in folders if not _holds_images(path)]


def missing_paths(root: Path, settings: DatasetSettings) -> list[Path]:
    """Nothing: whatever lies there is the data set."""
    return []


def manifest_rows(root: Path, settings: DatasetSettings, truth: Path | None) -> list[Row]:
    """The manifest's rows. Annotations may lie inside the root; they are no videos.

    The root may be a video file itself, which then is the only video.

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
        found.setdefault(path.name if path.is_dir() else path.stem, []).append(path)
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

    Litter and ground truth are not among it.
    """
    if not root.is_dir():
        return []
    videos, truth = set(_videos(root, settings)), _truth(root, settings)
    result, looks = [], count()
    for path in _entries(root):
        if path in videos:
            inside = _entries(path) if path.is_dir() else []
            result += [
                (one, "is no image of the video") for one in inside if not _is_image_file(one)
            ]
        elif path.is_dir() and path.resolve() not in truth:
            deeper = folders_of_videos(path, looks)
            where = f"; videos lie in {path_list(deeper)}" if deeper else ""
            result.append((path, f"holds no images{where}"))
        elif not path.is_dir():
            reason = "is no video that is known by its suffix"
            reason = "is an image outside a video's folder" if is_image(path) else reason
            result.append((path, reason if path.exists() else "is a link that leads nowhere"))
    return result


def folders_of_videos(root: Path, looks: Iterator[int] | None = None) -> list[Path]:
    """The folders at or below one that videos lie in: those that may be given as a root.

    Looks a few levels down, and not at more files than a moment allows.

    Args:
        root: where to begin.
        looks: counts what is looked at, where several folders share the moment.
    """
    return list(_videos_below(root, looks or count())[0])


def refuse_home(root: Path) -> None:
    """Refuse a whole home folder, and what it lies in: each folder of pictures would be a video.

    Raises:
        UserError: it is one; says where videos lie.
    """
    home = Path.home().resolve()
    if root.resolve() not in (home, *home.parents):
        return
    found, all_seen = _videos_below(root, count())
    own = ", or put the videos into a folder of their own" if root in found else ""
    known = [f"{path} ({number})" for path, number in found.items() if path != root]
    where = f"Videos lie in {path_list(known)}" if known else "No folder with videos was found"
    most = "" if all_seen else f" among the first {_MOST_LOOKED_AT:,} files and folders"
    raise UserError(
        f"{root} is a whole home folder or more: everything in there would be searched, and each "
        f"folder of pictures taken for a video. {where}{most}. Give the folder with your videos "
        f"instead{own}."
    )


def _videos_below(root: Path, looks: Iterator[int]) -> tuple[dict[Path, int], bool]:
    """How many videos lie in which folders, and whether all was looked at."""
    found: dict[Path, int] = {}
    for path in _below(root, _DEEPEST):
        if next(looks) >= _MOST_LOOKED_AT:
            return found, False
        if _is_video(path):
            found[path.parent] = found.get(path.parent, 0) + 1
    return found, True


def _videos(root: Path, settings: DatasetSettings) -> list[Path]:
    if root.is_file():
        return [root]
    beside = _truth(root, settings)
    return [one for one in _entries(root) if _is_video(one) and one.resolve() not in beside]


def _truth(root: Path, settings: DatasetSettings) -> set[Path]:
    """The folders of ground truth, and all that they lie in."""
    folders = filter(None, (settings.annotations, settings.instances))
    beside = {likely_annotations(root, folder).resolve() for folder in folders}
    return beside | {parent for path in beside for parent in path.parents}


def _advice(root: Path) -> str:
    deeper = [path for path in folders_of_videos(root) if path != root]
    if deeper:
        return f"There are videos deeper: give one of these folders: {path_list(deeper)}."
    if _holds_images(root):
        return (
            "It holds images itself: if they are one video, give the folder that it lies in, or "
            "put them into a folder of their own inside it."
        )
    known = ", ".join(VIDEO_SUFFIXES)
    return f"Put a folder of images for each video there, or video files ({known})."


def _is_video(path: Path) -> bool:
    return _holds_images(path) if _is_folder(path) else is_film(path) and path.is_file()


def _is_folder(path: Path) -> bool:
    """Whether a path is one, also where the system will not say, as of processes that have gone."""
    try:
        return path.is_dir()
    except OSError:
        return False


def _holds_images(folder: Path) -> bool:
    return any(_is_image_file(path) for path in _listed(folder))


def _is_image_file(path: Path) -> bool:
    return is_image(path) and path.is_file()


def _entries(folder: Path) -> list[Path]:
    """What lies in a folder, sorted, but litter; nothing if it is none."""
    return sorted(path for path in _listed(folder) if not is_litter(path.name))


def _listed(folder: Path) -> Iterator[Path]:
    try:
        yield from folder.iterdir() if _is_folder(folder) else ()
    except OSError:
        return  # it is left out, as one that holds no images


def _below(folder: Path, depth: int) -> Iterator[Path]:
    """All below a folder, level by level: a single folder that holds much does not hide others."""
    level = [folder]
    for _ in range(depth):
        folders = []
        for one in level:
            for path in _entries(one):
                yield path
                if not path.is_symlink() and _is_folder(path):
                    folders.append(path)
        level = folders
