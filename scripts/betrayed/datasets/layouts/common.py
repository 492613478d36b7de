"""What the layouts share: a data set's settings, the manifest's rows, names and lists of videos."""

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from betrayed.datasets.manifest import PLACES, Row
from betrayed.datasets.names import display_name, identifier
from betrayed.errors import UserError
from betrayed.io.file_kinds import is_litter

#: What a split ends in that is a text file of names, in the layout youtube_vis.
LIST = ".txt"
_MOST_SHOWN = 24


def manifest_row(
    name: str, source: Path, annotations: Path | None = None, instances: Path | None = None
) -> Row:
    """A row of the manifest, whatever the video is called."""
    paths = (str(path) if path else "" for path in (source, annotations, instances))
    return dict(zip(PLACES, (identifier(name), display_name(name), *paths), strict=True))


def choose_videos(names: Iterable[str], wanted: Sequence[str], where: str | Path) -> list[str]:
    """The names that fit one of the names or patterns wanted, sorted; all when none is wanted.

    A video may be asked for by its name or by its identifier.

    Raises:
        UserError: names or patterns fit nothing; ``where`` (a folder, a data set) is named.
    """
    names = sorted(names)
    unknown = [one for one in wanted if not any(_is_called(name, one) for name in names)]
    if unknown:
        raise UserError(
            f"videos: nothing in {where} is called {', '.join(map(repr, unknown))}. There are: "
            f"{path_list(names)}."
        )
    return [name for name in names if not wanted or any(_is_called(name, one) for one in wanted)]


def _is_called(name: str, wanted: str) -> bool:
    """Whether a video of this name or identifier is meant; brackets may be a name's own."""
    called = (name, identifier(name))
    return (
        wanted in called
        or identifier(wanted) == name
        or any(fnmatchcase(one, wanted) for one in called)
    )


def folder_names(path: Path) -> list[str]:
    """The names of the folders in a folder, sorted; litter is left out."""
    return sorted(one.name for one in path.iterdir() if one.is_dir() and not is_litter(one.name))


def read_names(file: Path) -> list[str]:
    """The names in a text file, one a line, once each; lines that begin with # are left out.

    Raises:
        UserError: it lists nothing.
    """
    lines = [line.strip() for line in file.read_text(encoding="utf-8").splitlines()]
    names = [line for line in lines if line and not line.startswith("#")]
    if not names:
        raise UserError(f"The split file {file} lists no sequence.")
    return list(dict.fromkeys(names))


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


def path_list(paths: Sequence[str | Path]) -> str:
    """Paths for a message: some dozens, then how many more there are."""
    more = len(paths) - _MOST_SHOWN
    text = ", ".join(map(str, paths[:_MOST_SHOWN]))
    return f"{text} and {more} more" if more > 0 else text
