"""The README's picture: what was found in each of the demo's videos, at four moments.

python docs/tools/found.py   after `make demo`; writes docs/demo.jpg
"""

import sys
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
from betrayed.reporting.pictures import VideoResults  # noqa: E402
from betrayed.video.video import Video  # noqa: E402

MOMENTS = (0.05, 0.35, 0.65, 0.95)
CELL = (300, 168)  # width and height, pixels
GAP = 4


def main() -> None:
    """Draw the videos of the demo's first run, a row each two."""
    made = ROOT / "results" / "made"
    masks = sorted((made / "masks").glob("default-*"))[0]
    strips = []
    for folder in sorted(masks.iterdir()):
        video = Video.load(made / "frames" / folder.name / "frames.json")
        found = VideoResults(video, folder, None)
        cells = []
        for moment in MOMENTS:
            index = round(moment * (video.count - 1))
            picture = found.overlay(video.frame(index), found.object_ids(index))
            cells.append(cv2.resize(picture, CELL, interpolation=cv2.INTER_AREA))
        strips.append(beside(cells, axis=1))
    Image.fromarray(beside(strips, axis=0)).save(ROOT / "docs" / "demo.jpg", quality=88)


def beside(pictures: list[np.ndarray], axis: int) -> np.ndarray:
    """Pictures (H, W, 3) in a row (axis 1) or a column (axis 0), with white between them."""
    shape = list(pictures[0].shape)
    shape[axis] = GAP
    white = np.full(shape, 255, np.uint8)
    parts = [part for picture in pictures for part in (picture, white)]
    return np.concatenate(parts[:-1], axis=axis)


if __name__ == "__main__":
    main()
