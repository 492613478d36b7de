"""The objects that were found worst, beside the truth."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from betrayed.errors import UserError
from betrayed.reporting.object_colours import coloured, object_ids
from betrayed.reporting.report import sprites
from betrayed.reporting.report.players import matched_colours
from betrayed.reporting.report.sources import Result
from betrayed.video.annotations import of_single_objects, read_annotations
from betrayed.video.video import Video

MOST = 10
WIDTH = 256  # pixels of the longer side


@dataclass(frozen=True)
class Miss:
    """An object of the truth, its J, the frame where it is largest, and two pictures of that."""

    dataset: str
    video: str
    object: int
    value: float
    frame: int
    truth: str
    found: str


def worst_objects(
    objects: pd.DataFrame, run: str, results: Mapping[tuple[str, str], Result], most: int = MOST
) -> list[Miss]:
    """The objects of the lowest J by davis2017-sequence in a run, the worst first.

    Args:
        objects: the table ``objects``.
        run: the run's name.
        results: what the run left of each video, by data set and name.
        most: how many.
    """
    chosen = objects[
        (objects["run"] == run)
        & (objects["protocol"] == "davis2017-sequence")
        & (objects["metric"] == "J_mean")
    ]
    misses = []
    for row in chosen.sort_values("value", kind="stable").itertuples():
        result = results.get((row.dataset, row.video))
        if len(misses) == most:
            break
        if result is not None and result.finished:
            misses += _miss(result, int(row.object), float(row.value))
    return misses


def _miss(result: Result, object_: int, value: float) -> list[Miss]:
    """One entry, or none where the pictures are gone."""
    try:
        video = Video.load(result.frames)
        frames, truth = read_annotations(video, of_single_objects(video))
        if not frames:
            return []
        place = int(np.argmax((truth == object_).sum(axis=(1, 2))))
        size = sprites.fitted(video.height, video.width, WIDTH, float(video.pixel_aspect))
        picture = sprites.shrunk(video.frame(frames[place]), size)
        own = np.where(truth[place] == object_, truth[place], 0).astype(np.uint8)
        layers = (
            own,
            _in_colours_of(truth[place], object_ids(Path(result.objects).parent, frames[place])),
        )
        pictures = [
            sprites.webp_uri(coloured(picture, sprites.shrunk_ids(ids, size))) for ids in layers
        ]
    except UserError:
        return []
    return [Miss(*result.key, object_, value, frames[place], *pictures)]


def _in_colours_of(truth: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Found ids (H, W) with the ids of the truth's objects that they match in their place."""
    table = np.arange(256, dtype=np.uint8)
    for one, colour in matched_colours(found[None], truth[None]).items():
        table[one] = colour
    return table[found]
