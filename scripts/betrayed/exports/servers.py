"""Masks as benchmarks take them: folders of PNGs for DAVIS, one JSON file for YouTube-VIS."""

import json
import shutil
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools import mask as coco

from betrayed.datasets.readers.youtube_vis import read_record
from betrayed.engine.parallel import in_parallel
from betrayed.errors import UserError
from betrayed.io.files import whole_file, whole_folder
from betrayed.io.palette import read_ids, save_palette_png
from betrayed.io.progress import progress
from betrayed.objects.masks import read_proposal_scores
from betrayed.video.video import Video

#: Proposals that the DAVIS-2017 unsupervised task takes a video.
DAVIS_PROPOSALS = 20
#: All objects are of one class: what they are is not known.
CATEGORY = 1
_REMEDY = "Delete the folder of masks and run the workflow again."


@dataclass(frozen=True)
class MaskedVideo:
    """A video and where its masks are.

    Attributes:
        frames: its ``frames.json``.
        masks: folder with ``proposals/`` and ``objects.csv``.
        record: the record of its truth (youtube_vis), see
            :mod:`betrayed.datasets.readers.youtube_vis`.
    """

    frames: Path
    masks: Path
    record: Path | None = None


def export_davis(videos: Sequence[MaskedVideo], folder: str | Path) -> None:
    """Write ``folder/{video}/{frame}.png`` for every frame, named as the frame is.

    This is what davis2017-evaluation reads and what the DAVIS servers take (zipped): palette
    PNGs, 0 background, 1 to 20 the proposals. Beyond 20 the proposals of lowest rank become
    background.

    Args:
        videos: what to export.
        folder: replaced as a whole when all is well; untouched otherwise.

    Raises:
        UserError: a mask is missing, damaged or of another size than the frames; it is named in
            the error.
    """
    with whole_folder(folder) as temporary:
        for one in progress(videos, "exporting", "video"):
            video = Video.load(one.frames)
            files = _proposal_files(one.masks, video)
            (temporary / video.name).mkdir()
            for source, frame in zip(files, video.frames, strict=True):
                target = temporary / video.name / f"{frame.stem}.png"
                ids = _read_proposals(source, video)
                if ids.max() <= DAVIS_PROPOSALS:
                    shutil.copyfile(source, target)
                else:
                    save_palette_png(target, np.where(ids > DAVIS_PROPOSALS, 0, ids))


def export_youtube_vis(videos: Sequence[MaskedVideo], folder: str | Path, workers: int = 1) -> None:
    """Write ``folder/results.json`` as the YouTube-VIS server takes it (zipped).

    A list of tracks, each with ``video_id`` of the data set's own file, ``category_id`` (1: a
    class is not known), ``score``, and ``segmentations``: for each frame COCO's run lengths, null
    where the track is absent. A proposal that is nowhere is left out.

    Args:
        videos: what to export, each with its record.
        folder: replaced as a whole when all is well; untouched otherwise.
        workers: processes that read and encode videos side by side.

    Raises:
        UserError: a mask, a table of objects or a record is missing or damaged, or a mask is of
            another size than the frames; it is named in the error.
    """
    tracks: list[dict[str, Any]] = []
    for part in in_parallel(encode_video, videos, workers, "exporting", "video"):
        tracks += part
    text = json.dumps(tracks, separators=(",", ":")) + "\n"
    with whole_folder(folder) as temporary:
        (temporary / "results.json").write_text(text, encoding="utf-8")


def zip_folder(folder: Path, path: str | Path) -> None:
    """Zip what lies in a folder, without the folder itself; equal files give equal bytes."""
    with whole_file(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for file in sorted(file for file in folder.rglob("*") if file.is_file()):
            # Without the file's time. PNGs are compressed already.
            entry = zipfile.ZipInfo(file.relative_to(folder).as_posix())
            how = zipfile.ZIP_STORED if file.suffix == ".png" else zipfile.ZIP_DEFLATED
            archive.writestr(entry, file.read_bytes(), how)


def encode_video(video: MaskedVideo) -> list[dict[str, Any]]:
    """The tracks of one video for :func:`export_youtube_vis`, best first."""
    if video.record is None:
        raise UserError(
            f"{video.frames} belongs to no video of YouTube-VIS: its JSON file gave no record."
        )
    frames, record = Video.load(video.frames), read_record(video.record)
    if record.frames != tuple(path.name for path in frames.frames):
        raise UserError(
            f"{video.frames} has other frames than {video.record}. Run the workflow again, so that "
            f"both are of one download."
        )
    scores = read_proposal_scores(video.masks)
    masks: dict[int, list[dict[str, Any] | None]] = {
        number: [None] * frames.count for number in scores.index
    }
    for index, path in enumerate(_proposal_files(video.masks, frames)):
        for number, mask in encode_ids(_read_proposals(path, frames)).items():
            if number not in masks:
                raise UserError(
                    f"{path} holds proposal {number}, which {video.masks / 'objects.csv'} does "
                    f"not list. {_REMEDY}"
                )
            masks[number][index] = mask
    return [
        {
            "video_id": record.id,
            "category_id": CATEGORY,
            "score": round(float(score), 6),
            "segmentations": masks[number],
        }
        for number, score in scores.items()
        if any(masks[number])
    ]


def encode_ids(ids: np.ndarray) -> dict[int, dict[str, Any]]:
    """COCO's run lengths of every id but 0 in a frame.

    Args:
        ids: (H, W) uint8.

    Returns:
        For each id that occurs ``size`` (height, width) and ``counts`` as text.
    """
    numbers = np.unique(ids)
    numbers = numbers[numbers > 0]
    masks = np.asfortranarray(ids[..., None] == numbers, np.uint8)  # (H, W, P)
    return {
        int(number): {"size": list(ids.shape), "counts": mask["counts"].decode("ascii")}
        for number, mask in zip(numbers, coco.encode(masks) if len(numbers) else [], strict=True)
    }


def _proposal_files(folder: Path, video: Video) -> list[Path]:
    files = [folder / "proposals" / f"{index:05d}.png" for index in range(video.count)]
    for index, path in enumerate(files):
        if not path.is_file():
            raise UserError(
                f"The mask {path} is missing: {video.name!r} has {video.count} frames, and frame "
                f"{index} needs one. {_REMEDY}"
            )
    return files


def _read_proposals(path: Path, video: Video) -> np.ndarray:
    ids = read_ids(path)
    if ids.shape != (video.height, video.width):
        raise UserError(
            f"The mask {path} is {ids.shape[1]}x{ids.shape[0]}, but the frames of "
            f"{video.name!r} are {video.width}x{video.height}. {_REMEDY}"
        )
    return ids
