"""Masks and a short script that makes a FiftyOne dataset of them."""

import json
import os
import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from PIL import Image

from betrayed.engine.parallel import in_parallel
from betrayed.exports import fiftyone_script
from betrayed.exports.coco import category_name
from betrayed.exports.videos import MaskedVideo
from betrayed.io.files import whole_folder
from betrayed.io.palette import save_palette_png


def export_fiftyone(videos: Sequence[MaskedVideo], folder: str | Path, workers: int = 1) -> None:
    """Write ``folder/make_dataset.py``, ``folder/samples.json`` and ``folder/{video}/{frame}.png``.

    The script makes a FiftyOne dataset with a sample a frame, whose field ``objects`` has the mask,
    score and track of each object. The PNGs hold the ids; ``samples.json`` says where the frames
    lie, from ``folder``; those of films that are read out of the film are written there.

    Args:
        videos: what to export.
        folder: replaced as a whole when all is well; untouched otherwise.
        workers: processes that read and write videos side by side.

    Raises:
        UserError: a mask or a table of objects is missing or damaged; it is named.
    """
    folder = Path(folder)
    with whole_folder(folder) as temporary:
        work = partial(_write, temporary=temporary, folder=folder.absolute())
        described = list(in_parallel(work, videos, workers, "exporting", "video"))
        label = category_name(videos[0].level) if videos else "object"
        text = json.dumps({"label": label, "videos": described}, indent=1) + "\n"
        (temporary / "samples.json").write_text(text, encoding="utf-8")
        # Run where FiftyOne is installed; it needs nothing of this project.
        shutil.copyfile(fiftyone_script.__file__, temporary / "make_dataset.py")


def _write(video: MaskedVideo, temporary: Path, folder: Path) -> dict[str, Any]:
    record = video.video
    (temporary / record.name).mkdir()
    frames = []
    for index, ids in enumerate(video.all_ids()):
        mask = f"{record.name}/{index:05d}.png"
        save_palette_png(temporary / mask, ids)
        if record.film is None:
            image = os.path.relpath(record.frames[index].absolute(), folder)
        else:  # its frames lie nowhere as images
            image = f"{record.name}/frame-{index:05d}.jpg"
            Image.fromarray(record.frame(index)).save(temporary / image, quality=95)
        frames.append({"image": image, "mask": mask})
    scores = {str(number): round(score, 6) for number, score in video.scores.items()}
    return {"video": record.name, "scores": scores, "frames": frames}
