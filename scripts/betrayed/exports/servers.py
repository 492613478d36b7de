"""Masks as benchmarks take them: folders of PNGs for DAVIS, one JSON file for YouTube-VIS."""

import json
import shutil
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools import mask as coco

from betrayed.datasets.readers.youtube_vis import read_record
from betrayed.engine.parallel import in_parallel
from betrayed.errors import UserError
from betrayed.exports.run_lengths import CATEGORY, encode_ids
from betrayed.exports.videos import MaskedVideo
from betrayed.exports.writing import write_each
from betrayed.io.files import whole_file, whole_folder
from betrayed.io.palette import save_palette_png
from betrayed.io.run_lengths import run_lengths

#: Proposals that the DAVIS-2017 unsupervised task takes a video.
DAVIS_PROPOSALS = 20


def export_davis(videos: Sequence[MaskedVideo], folder: str | Path, workers: int = 1) -> None:
    """Write ``folder/{video}/{frame}.png`` for every frame, named as the frame is.

    This is what davis2017-evaluation reads and what the DAVIS servers take (zipped): palette
    PNGs, 0 background, 1 to 20 the proposals. Beyond 20 the proposals of lowest rank become
    background.

    Args:
        videos: what to export.
        folder: replaced as a whole when all is well; untouched otherwise.
        workers: processes that read and write videos side by side.

    Raises:
        UserError: a mask is missing, damaged or of another size than the frames; it is named in
            the error.
    """
    write_each(_write_davis, videos, folder, workers)


def export_youtube_vis(videos: Sequence[MaskedVideo], folder: str | Path, workers: int = 1) -> None:
    """Write ``folder/results.json`` as the YouTube-VIS server takes it (zipped).

    A list of tracks, each with ``video_id`` of the data set's own file, ``category_id`` (1: a
    class is not known), ``score``, and ``segmentations``: for each frame COCO's run lengths, null
    where the track is absent. A proposal that is nowhere is left out.

    Videos of other data sets than YouTube-VIS are numbered 1, 2, … in their order. Beside their
    results lies ``folder/instances.json``, with the same tracks in the form of that data set's
    annotations, which lists the videos.

    Args:
        videos: what to export, each with its record where it is of YouTube-VIS.
        folder: replaced as a whole when all is well; untouched otherwise.
        workers: processes that read and encode videos side by side.

    Raises:
        UserError: a mask, a table of objects or a record is missing or damaged, or a mask is of
            another size than the frames; it is named in the error.
    """
    own = all(video.record is not None for video in videos)
    tracks: list[dict[str, Any]] = []
    numbered = [video if own else replace(video, record=None) for video in videos]
    parts = in_parallel(encode_video, numbered, workers, "exporting", "video")
    for number, part in enumerate(parts, 1):
        tracks += part if own else [{**track, "video_id": number} for track in part]
    with whole_folder(folder) as temporary:
        _write_json(temporary / "results.json", tracks)
        if not own:
            _write_json(temporary / "instances.json", _annotations(videos, tracks))


def zip_folder(folder: Path, path: str | Path, top: str | Path = "") -> None:
    """Zip what lies in a folder, under ``top`` or nothing; equal files give equal bytes."""
    top = Path(top)
    with whole_file(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for file in sorted(file for file in folder.rglob("*") if file.is_file()):
            # Without the file's time. PNGs are compressed already.
            entry = zipfile.ZipInfo((top / file.relative_to(folder)).as_posix())
            how = zipfile.ZIP_STORED if file.suffix == ".png" else zipfile.ZIP_DEFLATED
            archive.writestr(entry, file.read_bytes(), how)


def encode_video(video: MaskedVideo) -> list[dict[str, Any]]:
    """The tracks of one video for :func:`export_youtube_vis`, best first; 0 without a record."""
    identifier = 0
    if video.record is not None:
        record = read_record(video.record)
        if record.frames != tuple(path.name for path in video.video.frames):
            raise UserError(
                f"{video.frames} has other frames than {video.record}. Run the workflow again, so "
                f"that both are of one download."
            )
        identifier = record.id
    masks = track_masks(video)
    return [
        {
            "video_id": identifier,
            "category_id": CATEGORY,
            "score": round(score, 6),
            "segmentations": masks[number],
        }
        for number, score in video.scores.items()
        if any(masks[number])
    ]


def _annotations(videos: Sequence[MaskedVideo], tracks: list[dict[str, Any]]) -> dict[str, Any]:
    """Results as annotations in the form of YouTube-VIS, with the videos that they are of."""
    listed = []
    for number, one in enumerate(videos, 1):
        size = {"width": one.video.width, "height": one.video.height, "length": one.video.count}
        names = [f"{one.video.name}/{path.name}" for path in one.video.frames]
        listed.append({"id": number, **size, "file_names": names})
    annotations = [
        {
            "id": number,
            **track,
            **{name: listed[track["video_id"] - 1][name] for name in ("width", "height", "length")},
            # As lists of numbers: readers of annotations want these, those of results text.
            "segmentations": [
                mask and {**mask, "counts": run_lengths(mask["counts"])}
                for mask in track["segmentations"]
            ],
            "bboxes": [mask and coco.toBbox(mask).tolist() for mask in track["segmentations"]],
            "areas": [mask and int(coco.area(mask)) for mask in track["segmentations"]],
            "iscrowd": 0,
        }
        for number, track in enumerate(tracks, 1)
    ]
    categories = [{"id": CATEGORY, "name": "object", "supercategory": ""}]
    return {"videos": listed, "categories": categories, "annotations": annotations}


def _write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, separators=(",", ":")) + "\n", encoding="utf-8")


def _write_davis(video: MaskedVideo, folder: Path) -> None:
    (folder / video.video.name).mkdir()
    for index, ids in enumerate(video.all_ids()):
        target = folder / video.video.name / f"{Path(video.frame_name(index)).stem}.png"
        if ids.max() <= DAVIS_PROPOSALS and video.level == "proposals" and video.most is None:
            shutil.copyfile(video.mask_file(index), target)
        else:
            save_palette_png(target, np.where(ids > DAVIS_PROPOSALS, 0, ids))


def track_masks(video: MaskedVideo) -> dict[int, list[dict[str, Any] | None]]:
    """For every id its run lengths in each frame, None where it is absent."""
    masks: dict[int, list[dict[str, Any] | None]] = {
        number: [None] * video.video.count for number in video.scores
    }
    for index, ids in enumerate(video.all_ids()):
        for number, mask in encode_ids(ids).items():
            masks[number][index] = mask
    return masks
