"""Which videos there are: data sets on disk become the rows of a manifest."""

from pathlib import Path
from types import ModuleType

from betrayed.config.datasets import DatasetSettings
from betrayed.datasets.layouts import davis, fbms, folder, movi, segtrack, youtube_vis, youtube_vos
from betrayed.datasets.manifest import Row
from betrayed.errors import UserError

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


def missing_paths(settings: DatasetSettings) -> list[Path]:
    """What a data set lacks, as far as a few cheap looks at the disk tell.

    Raises:
        UserError: a split lists nothing, or none of its videos is called as the settings want.
    """
    root = _root(settings)
    if not root.is_dir():
        return [root]
    absent = [path for path in needed_paths(settings) if not path.exists()]
    return absent or LAYOUTS[settings.layout].missing_paths(root, settings)


def list_videos(settings: DatasetSettings, truth: str | Path | None = None) -> list[Row]:
    """The manifest's rows, sorted by video: video, source, annotations, instances.

    The last two are empty where there is none. Whether frames and annotations are sound is
    for :func:`betrayed.video.extraction.extract` to say, video by video.

    Args:
        settings: the data set.
        truth: a folder for what comes in one file for many videos, ground truth (youtube_vis) or
            the videos with it (movi): it gets a file for each video, as a whole or not at all.
            Without it they have none.

    Raises:
        UserError: the root, a folder of annotations, the split or a sequence of it is missing;
            nothing is there; a name is unfit, taken twice, or asked for and absent.
    """
    if not settings.root:
        raise UserError("The data set's root is not set. Set it to the folder with the videos.")
    root = _root(settings)
    if not root.is_dir():
        raise UserError(
            f"The data set's root {root} is not a folder. Correct the setting root, or put the "
            f"videos there."
        )
    return LAYOUTS[settings.layout].manifest_rows(root, settings, Path(truth) if truth else None)


def _root(settings: DatasetSettings) -> Path:
    return Path(settings.root).expanduser()
