"""The layout ``movi``: shards of MOVi as released or as VideoSAUR has them, or converted folders.

Shards hold many videos each, with their ground truth; a root without any is read like the layout
``folder``.
"""

import dataclasses
from pathlib import Path

from betrayed.config.datasets import DatasetSettings
from betrayed.datasets.layouts import folder
from betrayed.datasets.layouts.common import manifest_row
from betrayed.datasets.layouts.shards import has_shards, split_shards
from betrayed.datasets.manifest import Row
from betrayed.datasets.name_lists import choose_videos
from betrayed.datasets.names import identifier
from betrayed.io.files import whole_folder


def needed_paths(root: Path, settings: DatasetSettings) -> list[Path]:
    """What the list of videos depends on: the split's shards, or the folders."""
    if has_shards(root):
        return split_shards(root, settings.split)
    needed = folder.needed_paths(root, settings)
    if all(path.is_dir() for path in needed) or _holds_frames(root):
        return needed
    return [root / f"*-{settings.split or '*'}.tfrecord-*"]


def missing_paths(root: Path, settings: DatasetSettings) -> list[Path]:
    """Nothing else: the shards' names say how many there are."""
    return []


def manifest_rows(root: Path, settings: DatasetSettings, truth: Path | None) -> list[Row]:
    """The manifest's rows; where each video lies in a shard goes into a file of its own.

    Raises:
        UserError: a shard is missing or damaged, or a video is there twice.
    """
    from betrayed.datasets.readers.movi import write_sample  # only here: it loads numpy
    from betrayed.datasets.readers.movi_shards import list_samples  # only here: it loads numpy

    if not has_shards(root):  # folders are of one split
        return folder.manifest_rows(root, dataclasses.replace(settings, split=None), truth)
    if truth is None:
        raise ValueError("videos in shards need the folder truth for where they lie")
    samples = {sample.video: sample for sample in list_samples(root, settings.split)}
    names = choose_videos(samples, settings.videos, root)
    records = {name: truth / f"{identifier(name)}.json" for name in names}
    result = []
    for name, record in records.items():
        annotated = settings.annotations and samples[name].has_truth
        result.append(manifest_row(name, record, record if annotated else None))
    with whole_folder(truth) as temporary:
        for name in names:
            write_sample(temporary / records[name].name, samples[name])
    return result


def _holds_frames(root: Path) -> bool:
    """Whether a folder in the root has files: then the root is one of converted folders."""
    videos = sorted(path for path in root.iterdir() if path.is_dir()) if root.is_dir() else []
    return bool(videos) and any(path.is_file() for path in videos[0].iterdir())
