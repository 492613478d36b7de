"""FBMS-59: ground truth for some frames of a video, as coloured or grey images of regions.

A video's folder GroundTruth holds a description, *Def.dat: lines that end with a colon, each with
its value in the next line. It lists the colour of each region (a grey value of a PGM, or
65536·red + 256·green + blue of a PPM), the first being the background, and the labelled frames.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from betrayed.errors import UserError
from betrayed.io.images import opened

_SUFFIXES = (".ppm", ".pgm", ".png")
_MOST_REGIONS = 255  # ids end at 254
_LABEL = ("Frame number:", "File name:", "Input file name:")


@dataclass(frozen=True)
class Label:
    """A frame that has ground truth."""

    number: int  # of the frame, counted from 0
    file: str  # the image of regions
    frame: str  # the frame's name; releases have it under another suffix


def read_description(path: str | Path) -> tuple[tuple[int, ...], tuple[Label, ...]]:
    """The colours of the regions, the background first, and the labelled frames.

    Raises:
        UserError: the file is no such description.
    """
    lines = [line.strip() for line in Path(path).read_text("latin-1").splitlines()]
    lines = [line for line in lines if line]
    colours: list[int] = []
    labels: list[Label] = []
    label: dict[str, str] = {}
    try:
        count = int(lines[lines.index("Total number of regions:") + 1])
        for name, value in pairwise(lines):
            if name.startswith("Scale of region"):
                colours.append(int(value))
            elif name in _LABEL:
                label[name] = value
            if len(label) == len(_LABEL):
                number, file, frame = (label.pop(one) for one in _LABEL)
                labels.append(Label(int(number), file, frame))
    except ValueError as error:
        raise UserError(
            f"{path} is no description of FBMS's ground truth ({error}). Download it once more."
        ) from error
    if len(colours) != count or not labels or label or count > _MOST_REGIONS:
        raise UserError(
            f"{path} describes {len(colours)} of {count} regions and {len(labels)} labelled "
            f"frames{', the last one in part' if label else ''}. Download it once more."
        )
    return tuple(colours), tuple(labels)


def read_truth(folder: Path, frames: Sequence[str]) -> Iterator[tuple[int, np.ndarray, Path]]:
    """The ids of the labelled frames: 0 background, 1, 2, … the regions in the description's order.

    A colour that the description does not list is background.

    Args:
        folder: the video's folder GroundTruth.
        frames: the names of its frames.

    Yields:
        The frame's place in the video, ids (H, W) uint8, and the image they come from.

    Raises:
        UserError: the description or an image is missing or damaged, or labels a frame that is not
            there.
    """
    descriptions = sorted(folder.glob("*Def.dat"))
    if len(descriptions) != 1:
        raise UserError(
            f"{folder} has {len(descriptions) or 'no'} files *Def.dat, but one is needed: it says "
            f"which frames have ground truth. Download the video once more."
        )
    colours, labels = read_description(descriptions[0])
    places = {Path(frame).stem: place for place, frame in enumerate(frames)}
    for label in sorted(labels, key=lambda one: one.number):
        place = places.get(Path(label.frame).stem, label.number)
        if not 0 <= place < len(frames):
            raise UserError(
                f"{descriptions[0]} labels the frame {label.frame} (number {label.number}), which "
                f"is none of the {len(frames)} frames of the video. Complete the video."
            )
        path = _image(folder, label.file)
        values = _colours(path, colours)
        ids = np.zeros(values.shape, np.uint8)
        for region, colour in enumerate(colours[1:], 1):
            ids[values == colour] = region
        yield place, ids, path


def _image(folder: Path, name: str) -> Path:
    """The image that a description names, which may have another suffix than it says."""
    paths = [folder / name, *(folder / f"{Path(name).stem}{suffix}" for suffix in _SUFFIXES)]
    for path in paths:
        if path.is_file():
            return path
    raise UserError(f"The annotation {paths[0]} is missing. Complete the data set.")


def _colours(path: Path, listed: Sequence[int]) -> np.ndarray:
    """(H, W) whole numbers: the grey values, or the colours as one number each.

    PNGs may hold grey as colours, and either by way of a palette: what the description lists says
    which of the two is meant.
    """
    with opened(path, "annotation") as image:
        image = image.convert("L") if image.mode == "LA" else image
        grey = image.mode == "L" or image.mode.startswith("I")
        values = np.array(image if grey else image.convert("RGB")).astype(np.int64)
    if grey:
        return values
    if max(listed) < 256 and (values == values[..., :1]).all():
        return values[..., 0]
    return values @ [65536, 256, 1]
