"""Masks as MOTS PNGs, which CVAT reads as tracks."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from betrayed.exports.coco import category_name
from betrayed.exports.run_lengths import CATEGORY
from betrayed.exports.servers import zip_folder
from betrayed.exports.videos import MaskedVideo
from betrayed.exports.writing import write_each

#: A pixel holds so many times the class, plus the track (Voigtlaender et al., "MOTS: Multi-Object
#: Tracking and Segmentation", CVPR 2019; the page of the data set).
CLASS_STEP = 1000


def export_mots(videos: Sequence[MaskedVideo], folder: str | Path, workers: int = 1) -> None:
    """Write ``folder/{video}/instances/{frame}.png``, and all of a video as ``folder/{video}.zip``.

    Beside the PNGs ``labels.txt`` names the one class. A PNG is grey with 16 bits a pixel: 0 is
    background, 1001, 1002, … are the tracks 1, 2, … of that class. The archive of a video is what
    CVAT takes for a task.

    Args:
        videos: what to export.
        folder: replaced as a whole when all is well; untouched otherwise.
        workers: processes that read and write videos side by side.

    Raises:
        UserError: a mask or a table of objects is missing or damaged; it is named.
    """
    write_each(_write, videos, folder, workers)


def _write(video: MaskedVideo, folder: Path) -> None:
    name = video.video.name
    masks = folder / name / "instances"
    masks.mkdir(parents=True)
    (masks / "labels.txt").write_text(category_name(video.level) + "\n", encoding="utf-8")
    for index, ids in enumerate(video.all_ids()):
        wide = np.where(ids > 0, CATEGORY * CLASS_STEP + ids.astype(int), 0).astype(np.uint16)
        Image.fromarray(wide).save(masks / f"{Path(video.frame_name(index)).stem}.png")
    # The folder above instances is the name of a subset to those who read it.
    zip_folder(folder / name, folder / f"{name}.zip", top=name)
