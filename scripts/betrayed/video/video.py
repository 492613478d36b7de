"""A checked video, as every later stage reads it."""

import json
import os
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from betrayed.errors import UserError
from betrayed.io.images import read_image, size_text

if TYPE_CHECKING:
    from betrayed.io.film_reading import FilmReader


@dataclass(frozen=True)
class FilmPart:
    """The frames of a film that are a video, read out of the film.

    Attributes:
        first: number of the first one in the film.
        stamps: of all of them, see :class:`betrayed.io.film_reading.FilmFrames`; or None.
        start: seconds, from the film's first frame on, at which the first one is shown,
        end: and at which the next one after the last would be; None: the film ends with them.
    """

    first: int
    stamps: tuple[int, ...] | None
    start: float
    end: float | None


@dataclass(frozen=True)
class Video:
    """A checked video: its record, and its frames read one at a time.

    ``name`` is its identifier, which paths hold, and ``title`` what people call it. ``fps`` is the
    mean where frames do not come evenly; then ``times`` has when each is shown, in seconds from the
    first one on. ``seconds`` is how long the film is. All three are None where nothing is known, as
    of folders of images. ``pixel_aspect`` is the width of a pixel by its height. Frames were
    mirrored left to right if ``mirrored``, and turned clockwise by ``rotation`` degrees, to be
    upright. ``white`` is the value that is white in images of more than 8 bits a channel.

    A film that is worked on in pieces has no files of frames: ``film`` says where in the source
    they are read, and which seconds of its sound go with them. Of a piece ``numbers`` are the
    frames' own in the film.

    ``objects`` counts the ids that occur anywhere in the video, void aside, in ``instances`` where
    it has them; annotations of the kind ``"foreground"`` hold one object. Without annotations it
    is None.
    """

    name: str
    count: int
    height: int
    width: int
    fps: float | None
    source: str
    frames: tuple[Path, ...]
    annotations: tuple[Path | None, ...] | None
    instances: tuple[Path | None, ...] | None
    annotation_kind: str
    annotated_frames: int
    objects: int | None
    title: str = ""
    times: tuple[float, ...] | None = None
    seconds: float | None = None
    pixel_aspect: Fraction = Fraction(1)
    rotation: int = 0
    mirrored: bool = False
    white: float | None = None
    numbers: tuple[int, ...] | None = None
    film: FilmPart | None = None

    @classmethod
    def load(cls, path: str | Path) -> "Video":
        """Read the ``frames.json`` that :func:`betrayed.video.extraction.extract` wrote.

        Raises:
            UserError: the file is missing or not what ``extract`` writes.
        """
        path = Path(path)
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            paths = {name: _resolve(record[name], path.parent) for name in _LISTS}
            plain = {name: record[name] for name in _PLAIN}
            times = record.get("times") and tuple(record["times"])
            display = {name: record[name] for name in _DISPLAY if name in record}
            film = record.get("film")
            if film is not None:
                film = FilmPart(**{**film, "stamps": film["stamps"] and tuple(film["stamps"])})
            numbers = record.get("numbers") and tuple(record["numbers"])
            loaded = cls(
                name=record["video"],
                title=record.get("name", record["video"]),
                times=times,
                pixel_aspect=Fraction(*record.get("pixel_aspect", (1, 1))),
                numbers=numbers,
                film=film,
                **display,
                **plain,
                **paths,
            )
            lists = (loaded.frames, loaded.annotations, loaded.instances, times, numbers)
            if any(one is not None and len(one) != loaded.count for one in lists):
                raise ValueError("its lists are not as long as its count")
            if loaded.pixel_aspect <= 0:
                raise ValueError(f"its pixels are {loaded.pixel_aspect} as wide as high")
            return loaded
        except FileNotFoundError as error:
            raise UserError(f"{path} does not exist. Run the workflow to make it.") from error
        except (OSError, ValueError, KeyError, TypeError, ZeroDivisionError) as error:
            raise UserError(
                f"{path} is no record of frames ({error}). Delete it and run the workflow again."
            ) from error

    def frame(self, index: int) -> np.ndarray:
        """Frame ``index`` as (H, W, 3) uint8 RGB.

        Raises:
            UserError: its file is gone, damaged, or has changed its size.
        """
        if self.film is not None:
            return self.sized(_reader(self).frame(self.film.first + index), Path(self.source))
        return self.sized(read_image(self.frames[index], self.white), self.frames[index])

    def sized(self, image: np.ndarray, path: Path) -> np.ndarray:
        """The image that was read from ``path``, if it has the video's height and width.

        Raises:
            UserError: it has another size.
        """
        if image.shape[:2] != (self.height, self.width):
            raise UserError(
                f"{path} is {size_text(image.shape)} now, but was {self.width}x{self.height} when "
                "the video was checked. Delete this video's frames.json and run the workflow again."
            )
        return image


def _reader(video: Video) -> "FilmReader":
    """What reads a film in this process: where it stands in the file is kept between frames."""
    from betrayed.io.film_reading import FilmFrames, FilmReader  # only here: PyAV takes a while

    part = video.film
    # A process that was forked may not read on where its parent stands, since they share the place;
    # nor close what is its parent's, and waits for threads that are not here.
    own = os.getpid()
    place = own, video.source, video.rotation, video.mirrored, part.first, hash(part.stamps)
    if place not in _READERS:
        open_here = [one for one in _READERS if one[0] == own]
        for one in open_here[: len(open_here) + 1 - _MOST_READERS]:
            _READERS.pop(one).close()
        stamps = dict(enumerate(part.stamps or (), part.first))
        turned = video.rotation, video.mirrored
        film = FilmFrames(Path(video.source), stamps, *turned, video.white)
        _READERS[place] = FilmReader(film)
    return _READERS[place]


#: Films that are open.
_READERS: dict[tuple, "FilmReader"] = {}
_MOST_READERS = 2

_LISTS = ("frames", "annotations", "instances")
_PLAIN = ("count", "height", "width", "fps", "source", "annotation_kind")
_PLAIN += ("annotated_frames", "objects")
#: What only some videos have, and a record may leave out.
_DISPLAY = ("seconds", "rotation", "mirrored", "white")


def _resolve(names: list[Any] | None, folder: Path) -> tuple[Path | None, ...] | None:
    """Paths as they stand; bare file names lie in ``folder``; None where a frame has no file."""
    if names is None:
        return None
    return tuple(
        name if name is None else Path(name) if os.sep in name else folder / name for name in names
    )
