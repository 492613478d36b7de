"""Which of the videos in a JSON file's list make up a split: by position, or by a list of names."""

import re
from collections.abc import Collection, Sequence
from pathlib import Path

from betrayed.datasets.name_lists import LIST, path_list, read_names
from betrayed.errors import UserError

_RANGE = re.compile(r"(-?\d+)?:(-?\d+)?")


def split_positions(split: str | None, names: Sequence[Collection[str]], path: Path) -> list[int]:
    """The positions that a split names, each once, in order.

    Args:
        split: half-open ranges as Python has them, ``"600:900"``, ``"0:600,900:"`` or ``"-300:"``
            for the last 300; or a text file (.txt) with a name a line; None takes all.
        names: what each video is called; one of its names is enough.
        path: the JSON file, for messages.

    Raises:
        UserError: the split is neither, or names what the file does not list.
    """
    if split is None:
        return list(range(len(names)))
    if split.endswith(LIST):
        return _by_names(Path(split), names, path)
    wanted: set[int] = set()
    for part in split.split(","):
        match = _RANGE.fullmatch(part.strip())
        if not match:
            raise UserError(
                f"split: {split!r} is no range of videos. Write positions in {path.name} such as "
                f"600:900 (from 600 on, up to but without 900), -300: (the last 300), or several: "
                f"0:600,900:; or a text file (.txt) with a name a line."
            )
        ends = [int(one) + len(names) * (int(one) < 0) if one else None for one in match.groups()]
        start, stop = ends[0] or 0, len(names) if ends[1] is None else ends[1]
        if not 0 <= start < stop <= len(names):
            raise UserError(
                f"split: {part.strip()} does not fit {path}, which lists {len(names)} videos. "
                f"Correct the split, or use the file that it was made for."
            )
        wanted.update(range(start, stop))
    return sorted(wanted)


def _by_names(file: Path, names: Sequence[Collection[str]], path: Path) -> list[int]:
    if not file.is_file():
        raise UserError(f"The split file {file} is missing. Put it there, or correct the split.")
    places = {name: place for place, known in enumerate(names) for name in known}
    wanted = read_names(file)
    if unknown := [name for name in wanted if name not in places]:
        raise UserError(
            f"{file} lists videos that are not in {path}: {path_list(unknown)}. Correct the list, "
            f"or use the file that it was made for."
        )
    return sorted({places[name] for name in wanted})
