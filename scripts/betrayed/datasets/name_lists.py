"""Lists of names: of a text file, of the videos that are wanted, in messages."""

import re
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from betrayed.datasets.names import identifier
from betrayed.errors import UserError
from betrayed.io.text_files import read_lines

#: What the file of such a list ends in.
LIST = ".txt"
_MOST_SHOWN = 24
#: A line of DAVIS-2016's own lists names a frame and its annotation:
#: /JPEGImages/480p/bear/00000.jpg /Annotations/480p/bear/00000.png
_FRAME_OF = re.compile(r"/?JPEGImages/[^/]+/([^/]+)/[^/\s]+(\s|$)")


def choose_videos(
    names: Iterable[str], wanted: Sequence[str], where: str | Path, setting: str = "videos"
) -> list[str]:
    """The names that fit one of the names or patterns wanted, sorted; all when none is wanted.

    A video may be asked for by its name or by its identifier.

    Raises:
        UserError: names or patterns fit nothing; the setting that has them is named, and ``where``
            (a folder, a data set).
    """
    names = sorted(names)
    unknown = [one for one in wanted if not any(_is_called(name, one) for name in names)]
    if unknown:
        raise UserError(
            f"{setting}: nothing in {where} is called {', '.join(map(repr, unknown))}. There are: "
            f"{path_list(names)}."
        )
    return [name for name in names if not wanted or any(_is_called(name, one) for one in wanted)]


def read_names(file: Path) -> list[str]:
    """The names in a text file, one a line, once each; lines that begin with # are left out.

    Of a list of frames with their annotations, as DAVIS-2016 has them, those of the videos.

    Raises:
        UserError: it lists nothing, or is no text.
    """
    names = read_lines(file)
    if not names:
        raise UserError(f"The split file {file} lists no sequence.")
    videos = [found[1] if (found := _FRAME_OF.match(name)) else name for name in names]
    return list(dict.fromkeys(videos))


def path_list(paths: Sequence[str | Path]) -> str:
    """Paths for a message: some dozens, then how many more there are."""
    more = len(paths) - _MOST_SHOWN
    text = ", ".join(map(str, paths[:_MOST_SHOWN]))
    return f"{text} and {more} more" if more > 0 else text


def _is_called(name: str, wanted: str) -> bool:
    """Whether a video of this name or identifier is meant; brackets may be a name's own."""
    called = (name, identifier(name))
    return (
        wanted in called
        or identifier(wanted) == name
        or any(fnmatchcase(one, wanted) for one in called)
    )
