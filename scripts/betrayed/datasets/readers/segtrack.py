"""SegTrack v2: a black and white mask for each object and frame.

The masks of a video with one object lie in its folder; those of several in folders 1, 2, … inside
it. They are named like the frames, but are PNG or BMP whatever the frames are, in colour or grey.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from betrayed.datasets.name_lists import path_list
from betrayed.datasets.video_search import entries
from betrayed.errors import UserError
from betrayed.io.file_kinds import is_image
from betrayed.io.images import read_image
from betrayed.io.notes import note

_MOST_OBJECTS = 254  # 255 is void
_WHITE = 128


def read_truth(folder: Path, frames: Sequence[str]) -> Iterator[tuple[int, np.ndarray, Path]]:
    """The ids of every frame: 0 background, 1, 2, … the objects in the order of their folders.

    White is object, from the middle grey on; where objects overlap, the first one keeps the pixel.

    Args:
        folder: the video's masks.
        frames: the names of its frames.

    Yields:
        The frame's place in the video, ids (H, W) uint8, and the first object's mask.

    Raises:
        UserError: a mask is missing, unreadable, of another size than the first object's; or an
            object is dark in all of its masks.
    """
    objects = sorted((one for one in folder.iterdir() if one.name.isdecimal()), key=_number)
    masks = [_by_stem(one) for one in objects or [folder]]
    if len(masks) > _MOST_OBJECTS:
        raise UserError(f"{folder} has {len(masks)} objects, but at most {_MOST_OBJECTS} can be.")
    brightest: dict[int, int] = {}
    for index, frame in enumerate(frames):
        stem = Path(frame).stem
        for number, (one, paths) in enumerate(zip(objects or [folder], masks, strict=True), 1):
            if stem not in paths:
                raise UserError(
                    f"The frame {frame} has no mask: {one / stem} (.png or .bmp) is missing. "
                    f"Complete the data set."
                )
            grey = read_image(paths[stem]).max(axis=2)
            brightest[number] = max(brightest.get(number, 0), int(grey.max()))
            mask = grey >= _WHITE
            if number == 1:
                ids, first = np.zeros(mask.shape, np.uint8), paths[stem]
            if mask.shape != ids.shape:
                raise UserError(f"{paths[stem]} and {first} have different sizes.")
            ids[mask & (ids == 0)] = number
        yield index, ids, first
    stems = {Path(frame).stem for frame in frames}
    for one, paths in zip(objects or [folder], masks, strict=True):
        used = {path for stem, path in paths.items() if stem in stems}
        if unused := [path.name for path in entries(one) if path not in used]:
            note(f"{one} holds what is no mask of a frame, which is left out: {path_list(unused)}.")
    for number, value in brightest.items():
        if 0 < value < _WHITE:
            raise UserError(
                f"{(objects or [folder])[number - 1]} has nothing white in any mask, but values "
                f"up to {value}: objects are white in the layout segtrack. Masks of ids are read "
                f"by the layout folder."
            )


def _number(folder: Path) -> int:
    return int(folder.name)


def _by_stem(folder: Path) -> dict[str, Path]:
    images = (path for path in folder.iterdir() if is_image(path))
    return {path.stem: path for path in sorted(images)}
