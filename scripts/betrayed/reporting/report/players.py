"""What a player shows of a video: its frames, and layers over them for each run."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment

from betrayed.clustering.tracks import read_tracks
from betrayed.config.report import ReportSettings
from betrayed.errors import UserError
from betrayed.features.whole_video import read_class_attention
from betrayed.io.display import USUAL_FPS
from betrayed.io.palette import ids_in, read_ids
from betrayed.reporting.attention_maps import as_heat, block_concentration
from betrayed.reporting.object_colours import OTHER, coloured, object_ids
from betrayed.reporting.report import sprites
from betrayed.reporting.report.choice import choose_frames, drops
from betrayed.reporting.report.sources import Result
from betrayed.video.annotations import of_single_objects, read_annotation
from betrayed.video.video import Video

THUMBNAIL = 128  # pixels of the longer side

Curves = Mapping[tuple[str, str, str], Sequence[dict[str, Any]]]


def player(results: Sequence[Result], settings: ReportSettings, curves: Curves) -> dict[str, Any]:
    """Everything a player needs, as JSON can hold it.

    Args:
        results: what each run has of one video, the first run's first; at least one.
        settings: the report's.
        curves: J over time by run, data set and video, see :func:`frame_curves`.

    Raises:
        UserError: frames or masks are missing or damaged.
    """
    video = Video.load(results[0].frames)
    size = sprites.fitted(video.height, video.width, settings.width, float(video.pixel_aspect))
    most = min(settings.frames, sprites.most_pictures(size))
    frames = choose_frames(video.count, most)
    pictures = [sprites.shrunk(video.frame(index), size) for index in frames]
    fps = video.fps or USUAL_FPS
    truth = _truth(video, frames, size)
    return {
        "size": size,
        "cell": sprites.cell_size(*size),
        "margin": sprites.MARGIN,
        "columns": sprites.grid_columns(len(frames)),
        "frames": frames,
        "count": video.count,
        "fps": max(1.0, fps * len(frames) / video.count),
        "picture": sprites.photograph_sprite(pictures),
        "truth": None if truth is None else sprites.ids_sprite(list(truth)),
        "runs": [_run(result, frames, size, truth, curves) for result in results],
    }


def frame_curves(measurements: pd.DataFrame) -> dict[tuple[str, str, str], list[dict[str, Any]]]:
    """J of every frame: of the foreground, and of each object of the truth.

    Args:
        measurements: the table ``measurements``, or the rows of it whose metric is J.

    Returns:
        For every run, data set and video a list of curves: ``label``, ``object`` (its id, 0 for the
        foreground), ``frames``, ``values``, and ``drops``, the places where it lies low.
    """
    table = measurements[(measurements["metric"] == "J") & measurements["frame"].notna()]
    whole = (table["protocol"] == "davis2016") & table["object"].isna()
    own = (table["protocol"] == "davis2017-sequence") & table["object"].notna()
    table = table[whole | own].assign(object=table["object"].fillna(0))
    table = table.astype({"run": str, "dataset": str, "video": str, "object": int, "frame": int})
    found: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for (run, dataset, video, object_), rows in table.groupby(
        ["run", "dataset", "video", "object"], sort=True
    ):
        rows = rows.sort_values("frame")
        values = rows["value"].round(3).tolist()
        found.setdefault((run, dataset, video), []).append(
            {
                "label": f"object {object_}" if object_ else "foreground",
                "object": object_,
                "frames": rows["frame"].tolist(),
                "values": values,
                "drops": drops(values),
            }
        )
    return found


def found_objects(path: str | Path) -> int:
    """How many objects a table ``objects.csv`` has."""
    table = pd.read_csv(path, usecols=["proposal", "foreground"])
    return int(((table["proposal"] > 0) & table["foreground"].astype(bool)).sum())


def thumbnail(
    result: Result, longest: int = THUMBNAIL, colours: Mapping[int, int] | None = None
) -> str:
    """The middle frame of a video with the objects over it, as a WebP.

    Args:
        result: what a run has of the video.
        longest: pixels of the longer side at most.
        colours: for objects that have the colour of another id, that id.
    """
    video = Video.load(result.frames)
    middle = video.count // 2
    size = sprites.fitted(video.height, video.width, longest, float(video.pixel_aspect))
    picture = sprites.shrunk(video.frame(middle), size)
    ids = sprites.shrunk_ids(object_ids(Path(result.objects).parent, middle), size)
    table = np.arange(256, dtype=np.uint8)
    for one, colour in (colours or {}).items():
        table[one] = colour
    ids = table[ids]
    return sprites.webp_uri(coloured(picture, ids))


def matched_colours(found: np.ndarray, truth: np.ndarray) -> dict[int, int]:
    """The truth's colour that each found object is drawn in, so that what is right looks alike.

    Objects are matched one to one, so that the sum of their IoU over all frames is greatest. Found
    objects without a partner, or that do not touch theirs, get colours that the truth does not use.

    Args:
        found: (T, H, W) uint8 ids, 255 counts for nobody.
        truth: likewise.

    Returns:
        For each id of ``found`` an id whose colour it takes.
    """
    ids, own = (sorted(ids_in(maps) - {0, OTHER}) for maps in (found, truth))
    # (256, 256) pixels that have both ids.
    pairs = np.bincount(256 * found.astype(int).ravel() + truth.ravel(), minlength=256 * 256)
    both = pairs.reshape(256, 256)
    union = both.sum(1)[ids][:, None] + both.sum(0)[own] - both[np.ix_(ids, own)]
    ious = both[np.ix_(ids, own)] / np.maximum(union, 1)
    rows, columns = linear_sum_assignment(ious, maximize=True)
    colours = {
        ids[row]: own[column]
        for row, column in zip(rows, columns, strict=True)
        if ious[row, column] > 0
    }
    free = (colour for colour in range(1, OTHER) if colour not in own)
    return {one: colours[one] if one in colours else next(free) for one in ids}


def _run(
    result: Result,
    frames: Sequence[int],
    size: tuple[int, int],
    truth: np.ndarray | None,
    curves: Curves,
) -> dict[str, Any]:
    parts = Path(result.objects).parent / "parts"

    def layer(read: Callable[[int], np.ndarray]) -> np.ndarray:
        return np.stack([sprites.shrunk_ids(read(index), size) for index in frames])

    def part_ids(index: int) -> np.ndarray:
        return read_ids(parts / f"{index:05d}.png")

    objects = layer(lambda index: object_ids(parts.parent, index))
    return {
        "name": result.run,
        "objects": sprites.ids_sprite(list(objects)),
        "colours": {} if truth is None else matched_colours(objects, truth),
        "parts": sprites.ids_sprite(list(layer(part_ids))) if parts.is_dir() else None,
        "tracks": _grid(lambda: _track_ids(result.tracks, frames)),
        "backbone": _grid(lambda: as_heat(read_class_attention(result.features)[list(frames)])),
        "block": _grid(lambda: as_heat(block_concentration(result.attention, list(frames)))),
        "curves": curves.get((result.run, *result.key), []),
    }


def _grid(read: Callable[[], np.ndarray]) -> dict[str, Any] | None:
    """Maps (T, h, w) uint8 on the grid of tokens; None where the artefact is gone."""
    try:
        maps = read()
    except UserError:
        return None
    return {"size": maps.shape[1:], "picture": sprites.ids_sprite(list(maps))}


def _track_ids(path: str, frames: Sequence[int]) -> np.ndarray:
    labels = read_tracks(path).labels[list(frames)]
    return (1 + labels % (OTHER - 1)).astype(np.uint8)


def _truth(video: Video, frames: Sequence[int], size: tuple[int, int]) -> np.ndarray | None:
    """(frames, h, w) uint8 ids of the truth, 0 where a frame has none; None where none has one."""
    which = of_single_objects(video)
    truth = [read_annotation(video, index, which) for index in frames]
    if all(ids is None for ids in truth):
        return None
    nothing = np.zeros((video.height, video.width), np.uint8)
    ids = [nothing if one is None else one.astype(np.uint8) for one in truth]
    return np.stack([sprites.shrunk_ids(one, size) for one in ids])
