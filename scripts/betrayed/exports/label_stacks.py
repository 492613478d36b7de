"""Masks as one stack of labels a video, and their tracks as points: what napari opens."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import tifffile

from betrayed.exports.videos import MaskedVideo, numbers_in
from betrayed.exports.writing import write_each

#: A row a track and frame, sorted by track: as napari's layer of tracks wants its data.
COLUMNS = ("track_id", "t", "y", "x")
#: Files of 32-bit addresses end at 4 GiB; compressed, more than this much may still fit.
_BIG = 2**32 - 2**25


def export_napari(videos: Sequence[MaskedVideo], folder: str | Path, workers: int = 1) -> None:
    """Write ``folder/{video}.tif``, a stack of labels, and ``folder/{video}-tracks.csv``.

    The stack is (T, H, W) uint8, compressed without loss, 0 where there is nothing. The table has
    the columns :data:`COLUMNS`: for every frame that shows a track the mean of its pixels, in
    pixels, the centre of the first one being (0, 0).

    Args:
        videos: what to export.
        folder: replaced as a whole when all is well; untouched otherwise.
        workers: processes that read and write videos side by side.

    Raises:
        UserError: a mask or a table of objects is missing or damaged; it is named.
    """
    write_each(_write, videos, folder, workers)


def centres(ids: np.ndarray) -> dict[int, tuple[float, float]]:
    """The mean (y, x) of the pixels of every id above 0 in (H, W) uint8."""
    count = np.bincount(ids.ravel(), minlength=256)
    y, x = np.indices(ids.shape, np.int32)
    sums = [np.bincount(ids.ravel(), place.ravel(), 256) for place in (y, x)]
    return {n: (sums[0][n] / count[n], sums[1][n] / count[n]) for n in numbers_in(ids)}


def _write(video: MaskedVideo, folder: Path) -> None:
    record, rows = video.video, []

    def stack() -> Iterator[np.ndarray]:
        for index, ids in enumerate(video.all_ids()):
            rows.extend((number, index, *place) for number, place in centres(ids).items())
            yield ids

    shape = (record.count, record.height, record.width)
    tifffile.imwrite(
        folder / f"{record.name}.tif",
        # Of frames one pixel wide the library makes one page, and wants them at once.
        stack() if record.width > 1 else np.stack(list(stack())),
        shape=shape,
        dtype=np.uint8,
        bigtiff=np.prod(shape, dtype=np.int64) > _BIG,
        compression="zlib",
        photometric="minisblack",
        metadata={"axes": "TYX"},
    )
    lines = [",".join(COLUMNS)]
    lines += [f"{track},{frame},{y:.3f},{x:.3f}" for track, frame, y, x in sorted(rows)]
    text = "\n".join(lines) + "\n"
    (folder / f"{record.name}-tracks.csv").write_text(text, encoding="utf-8")
