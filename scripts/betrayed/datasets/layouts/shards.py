"""Shards by their names: which of them make up a split, and whether all are there.

TensorFlow Datasets numbers them as movi_e-validation.tfrecord-00000-of-00032, VideoSAUR's tars are
movi_e-validation-000000.tar.
"""

import re
from pathlib import Path

from betrayed.errors import UserError

_NAMES = (
    re.compile(r"(?P<stem>.+)\.tfrecord-(?P<number>\d{5})-of-(?P<count>\d{5})"),
    re.compile(r"(?P<stem>.+)-(?P<number>\d{6})\.tar"),
)


def has_shards(root: Path) -> bool:
    """Whether a folder holds shards, of whatever split."""
    return bool(_sets(root))


def split_shards(root: Path, split: str | None) -> list[Path]:
    """The shards of a split in their order, also those that are missing.

    How many there must be stands in the names of TFRecord shards; of tars only those before the
    last one can be missed.

    Args:
        root: the folder with the shards.
        split: such as ``"validation"``; None where the shards of one split lie there.

    Raises:
        UserError: there are shards, but not of this split alone.
    """
    sets = _sets(root)
    fitting = [one for one in sets if split is None or one[0].rpartition("-")[2] == split]
    if len(fitting) == 1:
        return sets[fitting[0]]
    if not sets:
        return []
    there = ", ".join(sorted(f"{paths[0].name} ({len(paths)})" for paths in sets.values()))
    raise UserError(
        f"split: {split!r} does not name one set of shards in {root}. It holds (first shard, "
        f"number of shards): {there}. Name the split, and keep one form of it there."
    )


def present_shards(root: Path, split: str | None) -> list[Path]:
    """The same, once all are there.

    Raises:
        UserError: as :func:`split_shards`; a shard is missing, each of them is named.
    """
    paths = split_shards(root, split)
    if missing := [path.name for path in paths if not path.is_file()]:
        raise UserError(
            f"{root} lacks {len(missing)} of the {len(paths)} shards: {', '.join(missing)}. "
            f"Complete the download."
        )
    return paths


def _sets(root: Path) -> dict[tuple[str, str | None], list[Path]]:
    """The sets of shards that a folder holds any of, by stem and number of shards."""
    shards: dict[tuple[str, str | None], dict[int, Path]] = {}
    for path in sorted(root.iterdir()) if root.is_dir() else ():
        for pattern in _NAMES:
            if match := pattern.fullmatch(path.name):
                key = match["stem"], match.groupdict().get("count")
                shards.setdefault(key, {})[int(match["number"])] = path
    return {key: _all_of(root, *key, paths) for key, paths in shards.items()}


def _all_of(root: Path, stem: str, count: str | None, there: dict[int, Path]) -> list[Path]:
    if count is None:
        return [root / f"{stem}-{number:06d}.tar" for number in range(max(there) + 1)]
    numbers = range(max(int(count), max(there) + 1))
    return [root / f"{stem}.tfrecord-{number:05d}-of-{count}" for number in numbers]
