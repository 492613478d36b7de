"""What the layouts share: the manifest's rows, and folders of videos and of ground truth."""

from pathlib import Path

from betrayed.datasets.manifest import PLACES, Row
from betrayed.datasets.names import display_name, identifier
from betrayed.errors import UserError
from betrayed.io.file_kinds import is_litter


def manifest_row(
    name: str, source: Path, annotations: Path | None = None, instances: Path | None = None
) -> Row:
    """A row of the manifest, whatever the video is called."""
    paths = (str(path) if path else "" for path in (source, annotations, instances))
    return dict(zip(PLACES, (identifier(name), display_name(name), *paths), strict=True))


def folder_names(path: Path) -> list[str]:
    """The names of the folders in a folder, sorted; litter is left out."""
    return sorted(one.name for one in path.iterdir() if one.is_dir() and not is_litter(one.name))


def annotation_root(root: Path, folder: str | None, setting: str) -> Path | None:
    """The folder that a setting names, under the root or from the working directory.

    Raises:
        UserError: neither is a folder.
    """
    if not folder:
        return None
    path = likely_annotations(root, folder)
    if path.is_dir():
        return path
    raise UserError(
        f"{setting}: neither {path} nor {Path(folder).expanduser()} is a folder. Correct the "
        f"setting, or leave it out."
    )


def likely_annotations(root: Path, folder: str) -> Path:
    """Where a folder of annotations lies, or should lie when it lies nowhere."""
    paths = root / Path(folder).expanduser(), Path(folder).expanduser()
    return next((path for path in paths if path.is_dir()), paths[0])
