"""A film looked through once: how many frames it has, when they are shown, and where it is cut."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np

from betrayed.io.display import USUAL_FPS
from betrayed.io.files import whole_file
from betrayed.io.images import read_image
from betrayed.io.progress import progress
from betrayed.video.cuts import CutFinder
from betrayed.video.extraction import check_images

#: Raised when the same film gives another scan, so that stored ones are made anew.
_FORM = 2


@dataclass(frozen=True)
class Scan:
    """What a film, or a folder of images, was found to hold.

    Attributes:
        count: its frames.
        height: in pixels, of the upright frames,
        width: likewise.
        cuts: the frames at which another shot begins, see :mod:`betrayed.video.cuts`.
        fps: see :class:`betrayed.video.video.Video`, as the following.
        times: (count,) or None.
        seconds: how long it is.
        pixel_aspect: width of a pixel by its height.
        rotation: degrees clockwise that frames are turned by.
        mirrored: left to right, before.
        white: the value that is white, of more than 8 bits.
        stamps: (count,) timestamps by which frames are sought; None: they are not.
    """

    count: int
    height: int
    width: int
    cuts: tuple[int, ...]
    fps: float | None = None
    times: tuple[float, ...] | None = None
    seconds: float | None = None
    pixel_aspect: Fraction = Fraction(1)
    rotation: int = 0
    mirrored: bool = False
    white: float | None = None
    stamps: tuple[int, ...] | None = field(default=None, repr=False)

    def begin(self, frame: int) -> float:
        """When a frame is shown, in seconds; folders of images have 24 a second."""
        return self.times[frame] if self.times else frame / (self.fps or USUAL_FPS)

    def part(self, start: float | None, end: float | None) -> tuple[int, int]:
        """The first and the last frame that begin within [start, end) seconds.

        The last lies before the first where there is none.
        """
        begins = np.array([self.begin(frame) for frame in range(self.count)])
        # Times are rounded to the microsecond.
        first = int((begins < (start or 0.0) - 1e-5).sum())
        last = self.count if end is None else int((begins < end - 1e-5).sum())
        return first, last - 1


def scan(source: str | Path, store: str | Path, content: str) -> Scan:
    """Look a video through, unless that was done and is stored.

    Args:
        source: a video file, or a folder of numbered images.
        store: the JSON file that keeps what was found.
        content: stands for the video's content, see
            :func:`betrayed.video.fingerprint.fingerprint`; what is stored of another is of no use.

    Raises:
        UserError: the video is damaged, see :class:`betrayed.video.decoding.Decoder` and
            :func:`betrayed.video.extraction.extract`.
    """
    key = [_FORM, content]
    try:
        stored = json.loads(Path(store).read_text(encoding="utf-8"))
        if stored.pop("key") == key:
            return _from_json(stored)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ZeroDivisionError):
        pass  # there is none, or it is of no use
    found = _look_through(Path(source))
    values = {name: getattr(found, name) for name in Scan.__dataclass_fields__}
    aspect = found.pixel_aspect
    values["pixel_aspect"] = [aspect.numerator, aspect.denominator]
    with whole_file(store) as temporary:
        temporary.write_text(json.dumps({"key": key, **values}), encoding="utf-8")
    return found


def _from_json(values: dict) -> Scan:
    lists = {
        name: None if values[name] is None else tuple(values[name])
        for name in ("cuts", "times", "stamps")
    }
    return Scan(**{**values, **lists, "pixel_aspect": Fraction(*values["pixel_aspect"])})


def _look_through(source: Path) -> Scan:
    finder = CutFinder()
    if source.is_dir():
        checked = check_images(source.name, source, None, gaps=False)
        pictures = (read_image(path, checked.white) for path in checked.files)
        count, shape = _shown(finder, pictures, source.name)
        return Scan(count, *shape, tuple(finder.cuts), white=checked.white)
    from betrayed.video.decoding import Decoder  # only here: PyAV takes a while to load

    decoder = Decoder(source)
    count, shape = _shown(finder, decoder.frames(), source.name, decoder.declared)
    timing, stamps = decoder.timing, decoder.stamps
    # A program stream's are guessed in part; those that stand still or run back find nothing.
    known = None not in stamps and all(two > one for one, two in pairwise(stamps))
    return Scan(
        count,
        *shape,
        tuple(finder.cuts),
        timing.fps,
        timing.times,
        timing.seconds,
        decoder.pixel_aspect,
        decoder.rotation,
        decoder.mirrored,
        decoder.white,
        tuple(stamps) if known and decoder.seekable else None,
    )


def _shown(
    finder: CutFinder, pictures: Iterator[np.ndarray], name: str, declared: int = 0
) -> tuple[int, tuple[int, int]]:
    """How many pictures the finder was shown, and their height and width."""
    count, shape = 0, (0, 0)
    for picture in progress(pictures, f"looking through {name}", "frame", declared or None):
        finder.show(picture)
        count, shape = count + 1, picture.shape[:2]
    return count, shape
