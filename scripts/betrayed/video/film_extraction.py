"""Films in pieces brought to frames: a piece's are written, the film's own are read out of it.

Both leave a folder with ``frames.json``, as :func:`betrayed.video.extraction.extract` does for
videos that are worked on as a whole. They have no ground truth.
"""

import json
import os
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from betrayed.datasets.pieces import Part, Piece
from betrayed.errors import UserError
from betrayed.io.files import whole_folder
from betrayed.io.images import read_image
from betrayed.io.progress import progress
from betrayed.video.extraction import folder_images
from betrayed.video.scanning import Scan


def extract_piece(
    video: str, source: str | Path, folder: str | Path, piece: Piece, scan: Scan
) -> None:
    """Write the frames of a piece that are computed, and ``folder/frames.json``.

    ``numbers`` in there are the frames' own in the film. Images are used where they lie unless they
    are to be made smaller.

    Args:
        video: the piece's identifier.
        source: the film, or the folder of images.
        folder: replaced as a whole when all is well; untouched otherwise.
        piece: which frames.
        scan: what the film was found to hold.

    Raises:
        UserError: a frame cannot be read, or the film is another one by now.
    """
    source, numbers = Path(source), piece.numbers
    size, white = working_size((scan.height, scan.width), piece.height), None
    with whole_folder(folder) as temporary:
        if source.is_dir() and size == (scan.height, scan.width):
            files = _paths(source, list(folder_images(video, source).values()), numbers)
            white = scan.white
        else:
            read = _reading(source, scan)
            files = []
            for number in progress(numbers, f"frames of {video}", "frame"):
                picture = read(number)
                if picture.shape[:2] != (scan.height, scan.width):
                    raise UserError(
                        f"Frame {number} of {source} has another size now. Run the workflow again."
                    )
                files.append(f"{len(files):05d}.jpg")
                small = Image.fromarray(_resized(picture, size))
                small.save(temporary / files[-1], quality=95, subsampling=0)
        record = {
            "video": video,
            "name": video,
            "fps": scan.fps and scan.fps / piece.step,
            "times": None,
            "seconds": None,
            "source": str(source),
            "frames": files,
            "white": white,
            "numbers": list(numbers),
        }
        _write(temporary, record, size, scan)


def check_part(source: str | Path, part: Part, scan: Scan) -> None:
    """Refuse a part of a film that holds no frame.

    Args:
        source: the film, or the folder of images.
        part: the frames that are to be worked on.
        scan: what the film was found to hold.

    Raises:
        UserError: there is none; says when the film ends.
    """
    if part.first >= scan.count:
        raise UserError(
            f"The video {source} ends after {scan.begin(scan.count - 1):.2f} s, before the part "
            "begins that is to be worked on. Set films.start (START=) to less."
        )
    if part.last < part.first:
        raise UserError(
            f"No frame of the video {source} begins between films.start and films.end (START=, "
            f"END=): one does at {scan.begin(part.first):.2f} s. Set them further apart."
        )


def describe_film(
    video: str,
    source: str | Path,
    folder: str | Path,
    part: Part,
    scan: Scan,
    name: str | None = None,
) -> None:
    """Write ``folder/frames.json`` of a film that is worked on in pieces.

    Its frames are read out of the film whenever somebody wants one.

    Args:
        video: the film's identifier.
        source: the film, or the folder of images.
        folder: replaced as a whole when all is well; untouched otherwise.
        part: the frames that are worked on: it is they that count as the video.
        scan: what the film was found to hold.
        name: what people call it; None: as its identifier.

    Raises:
        UserError: the film has no frame in this part.
    """
    source, count = Path(source), part.last - part.first + 1
    check_part(source, part, scan)
    with whole_folder(folder) as temporary:
        if source.is_dir():
            images = list(folder_images(video, source).values())
            files = _paths(source, images, range(part.first, part.last + 1))
        else:
            files = [f"{index:05d}.jpg" for index in range(count)]
        times, seconds = _times(part, scan)
        record = {
            "video": video,
            "name": name or video,
            "fps": scan.fps,
            "times": times,
            "seconds": seconds,
            "source": str(source),
            "white": scan.white,
            "frames": files,
        }
        if not source.is_dir():
            stamps = scan.stamps and scan.stamps[part.first : part.last + 1]
            begin = scan.begin(part.first)
            whole = part.last == scan.count - 1
            end = None if whole else scan.begin(part.last + 1)
            record["film"] = {
                "first": part.first,
                "stamps": stamps,
                "start": begin,
                "end": end,
            }
        _write(temporary, record, (scan.height, scan.width), scan)


def working_size(size: tuple[int, int], height: int | None) -> tuple[int, int]:
    """Height and width at which frames of (height, width) are worked on; never more than that."""
    if height is None or height >= size[0]:
        return size
    return height, max(1, round(size[1] * height / size[0]))


def _times(part: Part, scan: Scan) -> tuple[list[float] | None, float | None]:
    """When the frames of a part are shown, from its first one on, and how long it is."""
    if scan.times is None:
        return None, scan.fps and (part.last - part.first + 1) / scan.fps
    begin = scan.times[part.first]
    times = [round(one - begin, 6) for one in scan.times[part.first : part.last + 1]]
    end = scan.seconds if part.last == scan.count - 1 else scan.times[part.last + 1]
    return times, end - begin


def _reading(source: Path, scan: Scan) -> Callable[[int], np.ndarray]:
    """What gives a frame of the source by its number."""
    if source.is_dir():
        images = list(folder_images(source.name, source).values())
        return lambda number: read_image(images[number], scan.white)
    from betrayed.io.film_reading import FilmFrames, FilmReader  # only here: PyAV takes a while

    stamps = dict(enumerate(scan.stamps or ()))
    return FilmReader(FilmFrames(source, stamps, scan.rotation, scan.mirrored, scan.white)).frame


def _paths(source: Path, images: list[Path], numbers: range) -> list[str]:
    # A path without a folder would be taken to lie beside frames.json: keep the "./".
    return [os.path.join(source, images[number].name) for number in numbers]  # noqa: PTH118


def _resized(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    if picture.shape[:2] == size:
        return picture
    return cv2.resize(picture, size[::-1], interpolation=cv2.INTER_AREA)


def _write(folder: Path, record: dict, size: tuple[int, int], scan: Scan) -> None:
    aspect = scan.pixel_aspect * Fraction(size[0] * scan.width, size[1] * scan.height)
    record |= {
        "count": len(record["frames"]),
        "height": size[0],
        "width": size[1],
        "pixel_aspect": [aspect.numerator, aspect.denominator],
        "rotation": scan.rotation,
        "mirrored": scan.mirrored,
        "annotations": None,
        "instances": None,
        "annotation_kind": "ids",
        "annotated_frames": 0,
        "objects": None,
    }
    text = json.dumps(record, indent=1) + "\n"
    (folder / "frames.json").write_text(text, encoding="utf-8")
