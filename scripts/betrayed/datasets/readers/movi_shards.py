"""MOVi's shards: which videos they hold, and where each lies."""

import tarfile
from collections.abc import Iterator
from pathlib import Path

from betrayed.datasets.layouts.shards import present_shards
from betrayed.datasets.readers import tfrecords
from betrayed.datasets.readers.movi import PARTS, Sample
from betrayed.errors import UserError
from betrayed.io.progress import progress
from betrayed.io.text_files import load_json


def list_samples(root: str | Path, split: str | None) -> list[Sample]:
    """The videos of a split, in the order of its shards.

    Videos of TFRecord shards are named by their place in the split: 0000, 0001, …; those of tars
    by their key, filled up with zeros to four digits. VideoSAUR's keys are places, too.

    Args:
        root: the folder with the shards, such as movi_e/256x256/1.0.0.
        split: such as ``"validation"``.

    Raises:
        UserError: a shard is missing, cut short or damaged, or has another number of records than
            dataset_info.json says; a video is there twice.
    """
    root, by_video = Path(root), {}
    paths = present_shards(root, split)
    lengths = _declared_lengths(root, paths)
    for path in progress(paths, "listing", "shard"):
        if path.suffix == ".tar":
            samples = list(_tar_samples(path))
        else:
            samples = _record_samples(path, first=len(by_video))
            if lengths and len(samples) != lengths[path]:
                raise UserError(
                    f"{path} holds {len(samples)} records, but {root / _INFO} says "
                    f"{lengths[path]}. Download this file once more."
                )
        for sample in samples:
            if sample.video in by_video:
                raise UserError(
                    f"{by_video[sample.video].shard} and {path} both hold the video "
                    f"{sample.video!r}. "
                    f"Keep shards of one data set only."
                )
            by_video[sample.video] = sample
    return list(by_video.values())


_INFO = "dataset_info.json"


def _declared_lengths(root: Path, paths: list[Path]) -> dict[Path, int]:
    """How many records each TFRecord shard has by TFDS's own file, where it lies beside them."""
    try:
        splits = load_json(root / _INFO)["splits"]
        split = paths[0].name.partition(".tfrecord-")[0].rpartition("-")[2]
        lengths = next(one["shardLengths"] for one in splits if one["name"] == split)
        return dict(zip(paths, map(int, lengths), strict=True))
    except FileNotFoundError:
        return {}
    except (ValueError, KeyError, TypeError, StopIteration, IndexError) as error:
        raise UserError(
            f"{root / _INFO} does not describe the shards beside it ({error!r}). Download it once "
            f"more, or delete it."
        ) from error


def _record_samples(path: Path, first: int) -> list[Sample]:
    return [
        Sample(
            f"{first + number:04d}",
            str(path),
            number,
            {"record": (offset, length)},
            tfrecords.checksum_of(path, offset, length),
        )
        for number, (offset, length) in enumerate(tfrecords.record_offsets(path))
    ]


def _tar_samples(path: Path) -> Iterator[Sample]:
    """The samples of one tar; only its headers are read."""
    parts: dict[str, dict[str, tuple[int, int]]] = {}
    stamps: dict[str, int] = {}
    try:
        with tarfile.open(path, "r:") as archive:
            for member in archive:
                key, _, kind = member.name.partition(".")
                name = kind.removesuffix(".npy")
                if member.isfile() and name in PARTS and kind.endswith(".npy"):
                    parts.setdefault(key, {})[name] = (member.offset_data, member.size)
                    stamps[key] = max(stamps.get(key, 0), int(member.mtime))
            end = archive.offset
        with open(path, "rb") as file:
            file.seek(end)
            if file.read(1024) != bytes(1024):  # an archive ends with two blocks of zeros
                raise tarfile.ReadError("unexpected end of data")
    except (tarfile.TarError, OSError) as error:
        raise UserError(
            f"{path} is cut short or damaged ({error}). Download this file once more."
        ) from error
    for number, (key, parts_of_video) in enumerate(parts.items()):
        if "video" not in parts_of_video:
            raise UserError(f"{path} holds {key}.segmentations.npy, but no {key}.video.npy.")
        name = key.zfill(4) if key.isdigit() else key
        yield Sample(name, str(path), number, parts_of_video, stamps[key])
    if not parts:
        raise UserError(f"{path} holds no video: it needs members such as 0.video.npy.")
