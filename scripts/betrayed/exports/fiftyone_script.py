"""Make a FiftyOne dataset of the masks beside this file: a sample a frame, with its objects.

pip install fiftyone
python make_dataset.py [--name NAME] [--overwrite] [--launch]
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    import fiftyone as fo

_NUDGE = 1e-6  # pixels
HERE = Path(__file__).resolve().parent


def main() -> None:
    """Read the command line, make the dataset, and show it if that is wanted."""
    import fiftyone as fo  # in functions: whoever copies this script need not have it

    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--name", default="betrayed", help="of the dataset in FiftyOne")
    parser.add_argument("--overwrite", action="store_true", help="one of this name is replaced")
    parser.add_argument("--launch", action="store_true", help="open the app afterwards")
    arguments = parser.parse_args()
    if fo.dataset_exists(arguments.name) and not arguments.overwrite:
        parser.error(f"there is a dataset {arguments.name!r}: name another, or give --overwrite")
    dataset = make_dataset(arguments.name)
    print(f"{dataset.name}: {len(dataset)} frames of {len(dataset.distinct('video'))} videos")
    if arguments.launch:
        fo.launch_app(dataset).wait()


def make_dataset(name: str) -> fo.Dataset:
    """A dataset of all frames; its saved view "videos" shows each video as one."""
    import fiftyone as fo

    content = json.loads((HERE / "samples.json").read_text(encoding="utf-8"))
    dataset = fo.Dataset(name, persistent=True, overwrite=True)
    for video in content["videos"]:
        scores = {int(number): score for number, score in video["scores"].items()}
        samples = []
        for number, frame in enumerate(video["frames"], 1):
            ids = np.array(Image.open(HERE / frame["mask"]))
            found = [
                detection(ids == track, content["label"], track, scores[track])
                for track in np.unique(ids[ids > 0]).tolist()
            ]
            samples.append(
                fo.Sample(
                    filepath=str((HERE / frame["image"]).resolve()),
                    video=video["video"],
                    frame_number=number,
                    objects=fo.Detections(detections=found),
                )
            )
        dataset.add_samples(samples, progress=False)
    dataset.save_view("videos", dataset.group_by("video", order_by="frame_number"))
    return dataset


def detection(mask: np.ndarray, label: str, track: int, score: float) -> fo.Detection:
    """A mask (H, W) bool as FiftyOne keeps it: a box in shares of the image, and what is in it."""
    import fiftyone as fo

    height, width = mask.shape
    y, x = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    top, left, bottom, right = int(y[0]), int(x[0]), int(y[-1]) + 1, int(x[-1]) + 1
    # FiftyOne cuts off decimals on the way back to pixels, and shares may lie a little too low.
    shares = [(left + _NUDGE) / width, (top + _NUDGE) / height]
    box = [*shares, (right - left) / width, (bottom - top) / height]
    return fo.Detection(
        label=label,
        index=track,
        confidence=score,
        bounding_box=box,
        mask=mask[top:bottom, left:right],
    )


if __name__ == "__main__":
    main()
