"""Objects cut out of their film: pictures or films with alpha, for editors and pages."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from betrayed.exports.coco import category_name
from betrayed.exports.videos import MaskedVideo
from betrayed.exports.writing import write_each
from betrayed.io.display import Display
from betrayed.io.video_writing import AlphaVideo

#: Pixels around an object that keep their colour under an alpha of 0 in films: these are blurred by
#: encoding, and what is black beside an object would darken its edge.
MARGIN = 16


def export_pngs(videos: Sequence[MaskedVideo], folder: str | Path, workers: int = 1) -> None:
    """Write ``folder/{video}/{object}/{frame}.png`` of every object, and of every frame.

    RGBA of the video's own size: the frame's colours and alpha 255 where the object is, 0 in all
    four elsewhere. ``object`` is ``object-01``, ``object-02``, …; ``part-01`` of parts,
    ``foreground`` of the foreground. An object that is nowhere has none.

    Args:
        videos: what to export.
        folder: replaced as a whole when all is well; untouched otherwise.
        workers: processes that read and write videos side by side.

    Raises:
        UserError: a frame, a mask or a table of objects is missing or damaged; it is named.
    """
    write_each(_write_pngs, videos, folder, workers, "cutting out")


def export_films(
    videos: Sequence[MaskedVideo], folder: str | Path, workers: int = 1, suffix: str = ".mov"
) -> None:
    """Write ``folder/{video}/{object}.mov`` of every object: ProRes 4444 with straight alpha.

    Of the video's own size, rate and duration. See :func:`export_pngs` for the names. Pixels next
    to the object keep their colour under an alpha of 0.

    Args:
        videos: what to export.
        folder: replaced as a whole when all is well; untouched otherwise.
        workers: processes that read and write videos side by side.
        suffix: .webm writes VP9, which browsers show.

    Raises:
        UserError: a frame, a mask or a table of objects is missing or damaged; it is named.
    """
    work = partial(_write_films, suffix=suffix)
    write_each(work, videos, folder, workers, "cutting out")


def cut_out(frame: np.ndarray, mask: np.ndarray, around: int = 0) -> np.ndarray:
    """The pixels (H, W, 3) uint8 within a mask (H, W) bool as (H, W, 4), 0 elsewhere.

    Args:
        frame: RGB.
        mask: where alpha is 255.
        around: pixels around the mask that keep their colour, though their alpha is 0.
    """
    alpha = mask.astype(np.uint8)
    square = np.ones((2 * around + 1, 2 * around + 1), np.uint8)
    near = cv2.dilate(alpha, square) if around else alpha
    return np.dstack([frame * near[..., None], alpha * 255])


def object_names(video: MaskedVideo) -> dict[int, str]:
    """What each object that is anywhere in a video is called in its exports, by its id."""
    seen = np.zeros(256, bool)
    for ids in video.all_ids():
        seen[ids] = True
    name = category_name(video.level)
    numbers = np.flatnonzero(seen[1:]) + 1
    return {int(n): name if video.level == "foreground" else f"{name}-{n:02d}" for n in numbers}


def _cut(video: MaskedVideo, names: dict[int, str], margin: int) -> Iterator[dict[str, np.ndarray]]:
    """For each frame the objects' pixels (H, W, 4) by name."""
    for index, ids in enumerate(video.all_ids()):
        frame = video.video.frame(index)
        yield {name: cut_out(frame, ids == number, margin) for number, name in names.items()}


def _write_pngs(video: MaskedVideo, folder: Path) -> None:
    names = object_names(video)
    own = folder / video.video.name
    for name in ("", *names.values()):
        (own / name).mkdir(parents=True)
    for index, pictures in enumerate(_cut(video, names, 0)):
        file = f"{Path(video.frame_name(index)).stem}.png"
        for name, picture in pictures.items():
            # A quick compression: most of a picture is empty, and a film has thousands.
            Image.fromarray(picture).save(own / name / file, compress_level=3)


def _write_films(video: MaskedVideo, folder: Path, suffix: str) -> None:
    names = object_names(video)
    own = folder / video.video.name
    own.mkdir()
    with ExitStack() as stack:
        films = {
            name: stack.enter_context(AlphaVideo(own / f"{name}{suffix}", Display.of(video.video)))
            for name in names.values()
        }
        for pictures in _cut(video, names, MARGIN):
            for name, picture in pictures.items():
                films[name].write(picture)
