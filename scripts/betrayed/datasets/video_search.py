"""Looking for videos on the disk: films and folders of images, some levels down."""

import os
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path

from betrayed.datasets.name_lists import path_list
from betrayed.errors import UserError
from betrayed.io.file_kinds import is_film, is_image, is_litter, is_other_image

#: How many files and folders are looked at, and how far below a folder.
_MOST_LOOKED_AT = 20_000
_DEEPEST = 4


def folders_of_videos(root: Path, looks: Iterator[int] | None = None) -> list[Path]:
    """The folders at or below one that videos lie in: those that may be given as a root.

    Looks a few levels down, and not at more files than a moment allows.

    Args:
        root: where to begin.
        looks: counts what is looked at, where several folders share the moment.
    """
    return list(_videos_below(root, looks or count())[0])


def folder_list(folders: Sequence[Path]) -> str:
    """Folders of videos for a message; of GIFs, which may be frames, that each is a film."""
    gifs = any(sum(one.suffix.lower() == ".gif" for one in entries(path)) > 1 for path in folders)
    hint = " (each GIF in there is a film of its own: save them as PNG if they are frames of one)"
    return path_list(folders) + (hint if gifs else "")


def refuse_home(root: Path) -> None:
    """Refuse a whole home folder, and what it lies in: each folder of pictures would be a video.

    Raises:
        UserError: it is one; says where videos lie.
    """
    home = real(Path.home())
    if real(root) not in (home, *home.parents):
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


def is_video(path: Path) -> bool:
    """Whether a path is a film by its suffix, or a folder that holds images itself."""
    return holds_images(path) if is_folder(path) else is_film(path) and _is_file(path)


def holds_images(folder: Path) -> bool:
    """Whether images lie in a folder directly; what is no folder holds none."""
    return any(is_image_file(path) for path in _listed(folder))


def is_folder(path: Path) -> bool:
    """Whether a path is one; no error where the system will not say, as of a link to itself."""
    try:
        return path.is_dir()
    except OSError:
        return False


def real(path: Path) -> Path:
    """Where a path leads in the end; of a link that leads round in a circle as far as it goes."""
    return Path(os.path.realpath(path))


def is_image_file(path: Path) -> bool:
    """Whether a path is an image by its suffix, and a file."""
    return is_image(path) and _is_file(path)


def is_readable(folder: Path) -> bool:
    """Whether what lies in a folder may be read."""
    return os.access(folder, os.R_OK | os.X_OK)


def other_images(folder: Path) -> str:
    """What is to be said of pictures in a folder whose kinds are not read; or nothing."""
    kinds = sorted({path.suffix.lower() for path in _listed(folder) if is_other_image(path)})
    return f" that are read, but {', '.join(kinds)}: save them as PNG or JPEG" if kinds else ""


def entries(folder: Path) -> list[Path]:
    """What lies in a folder, sorted, but litter; nothing if it is none."""
    return sorted(path for path in _listed(folder) if not is_litter(path.name))


def _videos_below(root: Path, looks: Iterator[int]) -> tuple[dict[Path, int], bool]:
    """How many videos lie in which folders, and whether all was looked at."""
    found: dict[Path, int] = {}
    for path in _below(root, _DEEPEST):
        if next(looks) >= _MOST_LOOKED_AT:
            return found, False
        if is_video(path):
            found[path.parent] = found.get(path.parent, 0) + 1
    return found, True


def _below(folder: Path, depth: int) -> Iterator[Path]:
    """All below a folder, level by level: a single folder that holds much does not hide others."""
    level = [folder]
    for _ in range(depth):
        folders = []
        for one in level:
            for path in entries(one):
                yield path
                if is_folder(path) and not path.is_symlink():
                    folders.append(path)
        level = folders


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # its folder may be looked into, but not gone into
        return False


def _listed(folder: Path) -> Iterator[Path]:
    try:
        yield from folder.iterdir() if is_folder(folder) else ()
    except OSError:
        return  # it is left out, as one that holds no images
