"""Which videos there are: data sets on disk become the rows of a manifest."""

import os
from pathlib import Path
from types import ModuleType

from betrayed.config.datasets import DatasetSettings
from betrayed.datasets.layouts import davis, fbms, folder, movi, segtrack, youtube_vis, youtube_vos
from betrayed.datasets.manifest import Row
from betrayed.datasets.other_files import what_it_is
from betrayed.datasets.video_search import refuse_home
from betrayed.errors import UserError
from betrayed.io.file_kinds import is_film, is_image
from betrayed.io.several_pictures import moving_image, several_pictures

#: The layouts by name.
LAYOUTS: dict[str, ModuleType] = {
    "folder": folder,
    "davis": davis,
    "youtube_vis": youtube_vis,
    "youtube_vos": youtube_vos,
    "movi": movi,
    "segtrack": segtrack,
    "fbms": fbms,
}


def needed_paths(settings: DatasetSettings) -> list[Path]:
    """What must lie on the disk for a data set to be listed; a video more or less changes it."""
    return LAYOUTS[settings.layout].needed_paths(_root(settings), settings)


def followed_paths(settings: DatasetSettings) -> list[Path]:
    """Those of :func:`needed_paths` that Snakemake may be given as input.

    It takes braces for wildcards, and one folder that may not be read would end the run, where the
    others can go on. :func:`betrayed.datasets.watching.signature` notices all the same what happens
    there.
    """

    def denied(path: Path) -> bool:
        return os.access(path, os.F_OK) and not os.access(path, os.R_OK)

    paths = needed_paths(settings)
    return [one for one in paths if not {"{", "}"} & set(str(one)) and not denied(one)]


def watched_depth(settings: DatasetSettings) -> int | None:
    """How far below :func:`needed_paths` files matter; None: all the way down."""
    return folder.WATCHED_DEPTH if settings.layout == "folder" else None


def missing_paths(settings: DatasetSettings) -> list[Path]:
    """What a data set lacks, as far as a few cheap looks at the disk tell.

    Raises:
        UserError: a split lists nothing, none of its videos is called as the settings want, or the
            root is a whole home folder.
    """
    root = _root(settings)
    if not _may_be(root, settings):
        if root.is_file():
            raise UserError(
                f"{root} is a file, but a folder is needed{_or_film(settings)}. {_instead(root)}"
            )
        return [root]
    if settings.layout == "folder":
        refuse_home(root)
    absent = [path for path in needed_paths(settings) if not path.exists()]
    return absent or LAYOUTS[settings.layout].missing_paths(root, settings)


def list_videos(settings: DatasetSettings, truth: str | Path | None = None) -> list[Row]:
    """The manifest's rows, sorted by name: video, name, source, annotations, instances.

    ``video`` is an identifier, see :func:`betrayed.datasets.names.identifier`. The last two are
    empty where there is none. Whether frames and annotations are sound is for
    :func:`betrayed.video.extraction.extract` to say, video by video.

    Args:
        settings: the data set.
        truth: a folder for what comes in one file for many videos, ground truth (youtube_vis) or
            the videos with it (movi): it gets a file for each video, as a whole or not at all.
            Without it they have none.

    Raises:
        UserError: the root, a folder of annotations, the split or a sequence of it is missing;
            nothing is there; names are taken twice, or asked for and absent.
    """
    if not settings.root:
        raise UserError("The data set's root is not set. Set it to the folder with the videos.")
    root = _root(settings)
    if not _may_be(root, settings):
        raise UserError(
            f"The data set's root {root} is not a folder{_or_film(settings)}. Correct the setting "
            f"root, or put the videos there."
        )
    return LAYOUTS[settings.layout].manifest_rows(root, settings, Path(truth) if truth else None)


def left_out(settings: DatasetSettings) -> list[tuple[Path, str]]:
    """What lies among the videos and is none, each with the reason; in the layout folder alone."""
    return folder.left_out(_root(settings), settings) if settings.layout == "folder" else []


def _may_be(root: Path, settings: DatasetSettings) -> bool:
    """Whether a root is a folder, or a single film in the layout that takes one."""
    film = settings.layout == "folder" and root.is_file() and (is_film(root) or moving_image(root))
    return root.is_dir() or film


def _instead(file: Path) -> str:
    """What to do where a file is given that is no film by its suffix."""
    if is_image(file) and not several_pictures(file):
        return "Name the folder that it lies in."
    return f"It {what_it_is(file)}."


def _or_film(settings: DatasetSettings) -> str:
    return " or a video file of a known suffix" if settings.layout == "folder" else ""


def _root(settings: DatasetSettings) -> Path:
    return Path(settings.root).expanduser()
