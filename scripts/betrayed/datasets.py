"""Which videos there are: data sets on disk become one manifest, a row for each video."""

import csv
import dataclasses
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal

from betrayed.errors import UserError
from betrayed.files import whole_file, whole_folder
from betrayed.shards import has_shards, split_shards

VIDEO_SUFFIXES = (".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v")
COLUMNS = ("video", "source", "annotations", "instances")
_DAVIS_ANNOTATIONS = "Annotations/480p"
# Names become folders, wildcards and table entries; "all" is what tables call the whole data set.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_RESERVED = ("all",)


@dataclass(frozen=True)
class DatasetSettings:
    """Where a data set lies and which part of it is wanted.

    ``annotations`` and ``instances`` name folders that hold a folder of PNGs for each video; they
    are looked for under ``root`` first, then from the working directory. In the layout
    ``youtube_vis`` ``annotations`` is the JSON file with the instances of all videos. In the layout
    ``movi`` shards hold their own; where ``root`` has none, it is read like the layout ``folder``.
    """

    layout: Literal["folder", "davis", "youtube_vis", "movi"] = "folder"
    root: str = ""
    annotations: str | None = None  # davis: Annotations/480p unless named
    instances: str | None = None  # ids of single objects, where annotations hold foreground only
    # davis: "val" is ImageSets/2016/val.txt, "2017/val" the other year's. youtube_vis: positions in
    # the JSON's list of videos, "600:900" or "0:600,900:". movi: which shards, "validation".
    split: str | None = None
    videos: tuple[str, ...] = ()  # names or patterns such as "car-*"; empty: all
    annotation_kind: Literal["ids", "foreground"] = "ids"  # foreground: every value but 0 is object


def needed_paths(settings: DatasetSettings) -> list[Path]:
    """What must lie on the disk for a data set to be listed; a video more or less changes it."""
    root = Path(settings.root).expanduser()
    if settings.layout == "youtube_vis":
        return [root / "JPEGImages", root / (settings.annotations or "")]
    if settings.layout == "movi" and has_shards(root):
        return split_shards(root, settings.split)
    images, truths = [root], [settings.annotations, settings.instances]
    if settings.layout == "davis":
        images = [root / "JPEGImages" / "480p"]
        images += [_split_file(root, settings.split)] if settings.split else []
        truths[0] = truths[0] or _DAVIS_ANNOTATIONS
    found = [_annotation_candidates(root, truth) for truth in truths if truth]
    needed = images + [next((path for path in paths if path.is_dir()), paths[0]) for paths in found]
    if settings.layout == "movi" and not all(path.is_dir() for path in needed):
        return [root / f"*-{settings.split or '*'}.tfrecord-*"]
    return needed


def list_videos(settings: DatasetSettings, truth: str | Path | None = None) -> list[dict[str, str]]:
    """The manifest's rows, sorted by video: video, source, annotations, instances.

    The last two are empty where there is none. Whether frames and annotations are sound is
    for :func:`betrayed.frames.extract` to say, video by video.

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
    root = Path(settings.root).expanduser()
    if not root.is_dir():
        raise UserError(
            f"The data set's root {root} is not a folder. Correct the setting root, or put the "
            f"videos there."
        )
    if settings.layout == "youtube_vis":
        return _youtube_vis(root, settings, truth)
    if settings.layout == "movi":
        if has_shards(root):
            return _movi(root, settings, truth)
        settings = dataclasses.replace(settings, split=None)  # folders are of one split
    rows = _davis(root, settings) if settings.layout == "davis" else _folder(root, settings)
    by_name = {row["video"]: row for row in rows}
    return [by_name[name] for name in choose_videos(by_name, settings.videos, root)]


def write_manifest(path: str | Path, rows: Iterable[dict[str, str]]) -> None:
    """Write the rows of :func:`list_videos` as CSV."""
    with whole_file(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def read_manifest(path: str | Path) -> list[dict[str, str]]:
    """Read the rows that :func:`write_manifest` wrote.

    Raises:
        UserError: the file is missing or has other columns.
    """
    try:
        with open(path, newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            if tuple(reader.fieldnames or ()) != COLUMNS:
                raise UserError(
                    f"{path} has the columns {reader.fieldnames}, but {list(COLUMNS)} are needed. "
                    f"Delete it and run the workflow again."
                )
            return list(reader)
    except FileNotFoundError as error:
        raise UserError(f"{path} does not exist. Run the workflow to make it.") from error


def _folder(root: Path, settings: DatasetSettings) -> list[dict[str, str]]:
    """A folder of images for each video, and video files, side by side."""
    if settings.split:
        raise UserError(
            f"The layout folder has no splits, but split is {settings.split!r}. Leave split out "
            f"and name the videos instead."
        )
    annotations = _annotation_root(root, settings.annotations, "annotations")
    instances = _annotation_root(root, settings.instances, "instances")
    beside = {path.resolve() for path in (annotations, instances) if path}
    # Annotations may lie inside the root, also a level deeper; they are no videos.
    beside |= {parent for path in tuple(beside) for parent in path.parents}
    sources: dict[str, Path] = {}
    for path in sorted(root.iterdir()):
        is_clip = path.is_file() and path.suffix.lower() in VIDEO_SUFFIXES
        if path.name.startswith(".") or not (path.is_dir() or is_clip):
            continue
        if path.is_dir() and path.resolve() in beside:
            continue
        name = path.stem if is_clip else path.name
        _check_name(name, path)
        if name in sources:
            raise UserError(
                f"{sources[name]} and {path} are both the video {name!r}. Rename or remove one."
            )
        sources[name] = path
    if not sources:
        raise UserError(
            f"{root} holds no video. Put a folder of images for each video there, or video files "
            f"({', '.join(VIDEO_SUFFIXES)})."
        )
    return [
        _row(name, path, annotations and annotations / name, _present(instances, name))
        for name, path in sources.items()
    ]


def _davis(root: Path, settings: DatasetSettings) -> list[dict[str, str]]:
    """JPEGImages, Annotations and ImageSets, as DAVIS is laid out."""
    images = root / "JPEGImages" / "480p"
    if not images.is_dir():
        raise UserError(
            f"{images} is missing. The layout davis needs JPEGImages/480p and Annotations/480p "
            f"under its root; for other videos use the layout folder."
        )
    annotations = _annotation_root(root, settings.annotations or _DAVIS_ANNOTATIONS, "annotations")
    instances = _annotation_root(root, settings.instances, "instances")
    names = _split(root, settings.split) if settings.split else _folders(images)
    if not names:
        raise UserError(f"{images} holds no sequence.")
    rows = []
    for name in names:
        _check_name(name, images / name)
        if not (images / name).is_dir():
            raise UserError(
                f"The split {settings.split!r} lists {name}, but {images / name} is missing. "
                f"Complete the data set, or choose other videos."
            )
        rows.append(_row(name, images / name, annotations / name, _present(instances, name)))
    return rows


def _youtube_vis(
    root: Path, settings: DatasetSettings, truth: str | Path | None
) -> list[dict[str, str]]:
    """JPEGImages beside a JSON file with the instances of all videos."""
    from betrayed.youtube_vis import read_records, write_record  # only here: it loads numpy

    images = root / "JPEGImages"
    if not settings.annotations or settings.instances:
        raise UserError(
            "The layout youtube_vis needs annotations, the JSON file of instances under its root, "
            "and no other instances."
        )
    if not images.is_dir():
        raise UserError(f"{images} is missing. The layout youtube_vis needs it under its root.")
    records = {}
    for record in read_records(root / settings.annotations, settings.split):
        _check_name(record.video, images / record.video)
        if record.video in records:
            raise UserError(f"{settings.annotations} lists the video {record.video!r} twice.")
        records[record.video] = record
    names = choose_videos(records, settings.videos, settings.annotations)
    missing = [
        path for name in names for path in _missing_frames(images / name, records[name].frames)
    ]
    if missing:
        shown = ", ".join(map(str, missing[:5])) + (", …" if len(missing) > 5 else "")
        raise UserError(
            f"{settings.annotations} lists frames that are missing, {len(missing)} in all: {shown}."
            f" Complete the data set, or choose other videos."
        )
    if truth is not None:
        with whole_folder(truth) as folder:
            for name in names:
                write_record(folder / f"{name}.json", records[name])
    return [
        _row(name, images / name, truth and Path(truth) / f"{name}.json", None) for name in names
    ]


def _movi(root: Path, settings: DatasetSettings, truth: str | Path | None) -> list[dict[str, str]]:
    """Shards that hold many videos each, with their ground truth."""
    from betrayed.movi import list_samples, write_sample  # only here: it loads numpy

    samples = {sample.video: sample for sample in list_samples(root, settings.split)}
    names = choose_videos(samples, settings.videos, root)
    if truth is None:
        raise ValueError("videos in shards need the folder truth for where they lie")
    records = {name: Path(truth) / f"{name}.json" for name in names}
    with whole_folder(truth) as folder:
        for name in names:
            _check_name(name, Path(samples[name].shard))
            write_sample(folder / f"{name}.json", samples[name])
    return [
        _row(name, record, record if samples[name].has_truth else None, None)
        for name, record in records.items()
    ]


def _missing_frames(folder: Path, names: Iterable[str]) -> list[Path]:
    there = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    return [folder / name for name in names if name not in there]


def _split_file(root: Path, split: str) -> Path:
    return root / "ImageSets" / (f"{split}.txt" if "/" in split else f"2016/{split}.txt")


def _split(root: Path, split: str) -> list[str]:
    """The sequences that a split's text file lists, once each."""
    file = _split_file(root, split)
    if not file.is_file():
        there = sorted(
            str(path.relative_to(root / "ImageSets").with_suffix(""))
            for path in (root / "ImageSets").glob("*/*.txt")
        )
        raise UserError(
            f"The split file {file} is missing. There are: {', '.join(there) or 'none'}."
        )
    lines = [line.strip() for line in file.read_text(encoding="utf-8").splitlines()]
    names = [line for line in lines if line and not line.startswith("#")]
    if not names:
        raise UserError(f"The split file {file} lists no sequence.")
    return list(dict.fromkeys(names))


def choose_videos(names: Iterable[str], wanted: Sequence[str], where: str | Path) -> list[str]:
    """The names that fit one of the names or patterns wanted, sorted; all when none is wanted.

    Raises:
        UserError: a name or pattern fits nothing; ``where`` (a folder, a data set) is named.
    """
    names = sorted(names)
    for pattern in wanted:
        if not any(fnmatchcase(name, pattern) for name in names):
            raise UserError(
                f"videos: nothing in {where} is called {pattern!r}. There are: {', '.join(names)}."
            )
    return [name for name in names if not wanted or any(fnmatchcase(name, one) for one in wanted)]


def _annotation_candidates(root: Path, folder: str) -> tuple[Path, Path]:
    return root / Path(folder).expanduser(), Path(folder).expanduser()


def _annotation_root(root: Path, folder: str | None, setting: str) -> Path | None:
    if not folder:
        return None
    candidates = _annotation_candidates(root, folder)
    for path in candidates:
        if path.is_dir():
            return path
    raise UserError(
        f"{setting}: neither {candidates[0]} nor {candidates[1]} is a folder. Correct the setting, "
        f"or leave it out."
    )


def _check_name(name: str, path: Path) -> None:
    if not _NAME.fullmatch(name) or name in _RESERVED:
        reason = "is what the tables call the whole data set" if name in _RESERVED else "is unfit"
        raise UserError(
            f"{path}: the name {name!r} {reason}. A video's name becomes part of paths: it may "
            f"hold letters A-Z a-z, digits, '.', '_' and '-', begins with a letter or a digit, "
            f"and is not 'all'. Rename it."
        )


def _folders(path: Path) -> list[str]:
    return sorted(
        one.name for one in path.iterdir() if one.is_dir() and not one.name.startswith(".")
    )


def _present(folder: Path | None, name: str) -> Path | None:
    return folder / name if folder and (folder / name).is_dir() else None


def _row(
    name: str, source: Path, annotations: Path | None, instances: Path | None
) -> dict[str, str]:
    paths = (str(path) if path else "" for path in (source, annotations, instances))
    return dict(zip(COLUMNS, (name, *paths), strict=True))
