"""A video brought to frames, and checked.

``extract`` leaves a folder with ``frames.json``; :class:`betrayed.video.video.Video` reads it.
Frames that are images already stay where they lie; a video file's frames are decoded into the
folder, and so are those in a shard (movi) and ground truth in another form than images of ids.
"""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

from PIL import Image

from betrayed.datasets.name_lists import path_list
from betrayed.datasets.readers import movi
from betrayed.datasets.readers.youtube_vis import read_record, write_ids
from betrayed.datasets.video_search import entries, folder_list, folders_of_videos, is_image_file
from betrayed.errors import UserError
from betrayed.io.bit_depths import Depths
from betrayed.io.file_kinds import IMAGE_SUFFIXES
from betrayed.io.files import whole_folder
from betrayed.io.images import checked_size, numbered_images, size_text
from betrayed.io.notes import note
from betrayed.io.progress import progress
from betrayed.video.annotation_writing import (
    READERS,
    count_objects,
    find_annotations,
    write_annotations,
)
from betrayed.video.fingerprint import fingerprint
from betrayed.video.jpeg_damage import look_at_jpeg

ANNOTATION_KINDS = ("ids", "foreground")
#: Layouts whose own file lists the frames, and was checked when the videos were listed: numbers
#: that it leaves out are no frames that are missing.
_LISTED = ("youtube_vis", "youtube_vos")
#: Layouts of which something else says what lies among the frames: the list of videos (folder), or
#: a file that lists them; in fbms ground truth lies there.
_SAID = ("folder", "fbms", "youtube_vis")


def extract(
    video: str,
    source: str | Path,
    folder: str | Path,
    *,
    annotations: str | Path | None = None,
    instances: str | Path | None = None,
    annotation_kind: str = "ids",
    layout: str = "folder",
    name: str | None = None,
) -> None:
    """Check a video and its annotations frame by frame, and write ``folder/frames.json``.

    Args:
        video: its identifier.
        source: a folder of numbered images, or a video file, whose frames are then written into
            ``folder`` as 00000.jpg, … (JPEG of quality 95, colour at full resolution); or the
            record (.json) of a video in a shard, whose frames are written there as 00000.png, ….
        folder: replaced as a whole when all is well; untouched otherwise.
        annotations: a folder with an image of ids for each frame, or the record (.json) that
            :func:`betrayed.datasets.listing.list_videos` wrote: its frames are the video, and their
            ids are written into ``folder`` as truth-00000.png, …; the source again for a video in a
            shard; or None. In the layouts segtrack and fbms the folder holds masks of another
            form, which are brought to images of ids in ``folder``.
        instances: the same with the ids of single objects, where ``annotations`` hold foreground.
        annotation_kind: ``"ids"``: 0 background, 255 void, else objects; ``"foreground"``: 0 is
            background and every other value object.
        layout: the data set's. Only fbms may leave frames without annotation; they are null in
            the list. Only youtube_vis and youtube_vos, which list their frames, may have gaps in
            their numbers.
        name: what people call the video; None: as its identifier.

    Raises:
        UserError: a frame or an annotation is missing, unreadable or of another size; see the
            message.
    """
    if annotation_kind not in ANNOTATION_KINDS:
        raise UserError(
            f"annotation_kind must be one of {', '.join(ANNOTATION_KINDS)}, "
            f"not {annotation_kind!r}."
        )
    source = Path(source)
    sample = movi.read_sample(source) if source.suffix == ".json" else None
    sources = {
        "video": video,
        "source": str(source),
        "annotations": str(annotations or ""),
        "instances": str(instances or ""),
    }
    is_record = annotations and not sample and Path(annotations).suffix == ".json"
    truth = read_record(annotations) if is_record else None
    with whole_folder(folder) as temporary:
        if sample:
            files, annotation_files, ids, size = movi.write_images(
                sample, temporary, truth=bool(annotations)
            )
            checked = _Checked(list(range(len(files))), files, size, movi.FPS)
        else:
            if source.is_dir():
                checked = check_images(
                    video, source, truth and truth.frames, gaps=layout in _LISTED
                )
            elif source.exists():
                checked = _decode(video, source, temporary)
            else:
                raise UserError(f"The source {source} of the video {video!r} does not exist.")
            files, size = checked.files, checked.size
            if source.is_dir() and layout not in _SAID:
                _note_others(source)
            if truth:
                annotation_files, ids = write_ids(truth, temporary, size)
            elif annotations and layout in READERS:
                annotation_files, ids = write_annotations(
                    video, annotations, layout, files, size, temporary
                )
            else:
                annotation_files, ids = find_annotations(
                    video, annotations, checked.numbers, files, size, annotation_kind
                )
        singles, single_ids = find_annotations(
            video, instances, checked.numbers, files, size, "ids"
        )
        counted = (single_ids, "ids") if singles else (ids, annotation_kind)
        objects = count_objects(*counted) if annotation_files else None
        if objects == 0:
            note(
                f"The ground truth of {video}, {annotations}, has no object: there is nothing to "
                f"score."
            )
        record = {
            "video": video,
            "name": name or video,
            "count": len(files),
            "height": size[0],
            "width": size[1],
            "fps": checked.fps,
            "times": checked.times,
            "seconds": checked.seconds,
            "pixel_aspect": [checked.pixel_aspect.numerator, checked.pixel_aspect.denominator],
            "rotation": checked.rotation,
            "mirrored": checked.mirrored,
            "white": checked.white,
            "source": str(source),
            # So that other pictures under the same names count as another video.
            "content": fingerprint(sources),
            "frames": files,
            "annotations": annotation_files,
            "instances": singles,
            "annotation_kind": annotation_kind,
            "annotated_frames": sum(truth is not None for truth in annotation_files or ()),
            "objects": objects,
        }
        text = json.dumps(record, indent=1) + "\n"
        (temporary / "frames.json").write_text(text, encoding="utf-8")


@dataclass(frozen=True)
class _Checked:
    """What a source was found to hold; see :class:`betrayed.video.video.Video`."""

    numbers: list[int]
    files: list[str]
    size: tuple[int, int]
    fps: float | None = None
    times: tuple[float, ...] | None = None
    seconds: float | None = None
    pixel_aspect: Fraction = Fraction(1)
    rotation: int = 0
    mirrored: bool = False
    white: float | None = None


def folder_images(video: str, source: Path, gaps: bool = False) -> dict[int, Path]:
    """A folder's frames by number, checked for holes unless there may be ``gaps``.

    Raises:
        UserError: there are none, or some are missing.
    """
    images = numbered_images(source)
    if not images:
        found = folders_of_videos(source)
        deeper = [path for path in found if path != source]
        where = f" There are videos deeper: {folder_list(deeper)}." if deeper else ""
        if source in found:
            where = f" Films lie in {folder_list([source])}."
        raise UserError(
            f"The folder {source} of the video {video!r} holds no frames.{where} Put images there, "
            f"named by number ({', '.join(IMAGE_SUFFIXES)}), or take the folder out."
        )
    if not gaps:
        _check_gaps(source, images)
    return images


def _check_gaps(source: Path, images: dict[int, Path]) -> None:
    """Refuse numbers with holes; how many are missing is counted, however far apart they lie."""
    numbers = list(images)
    # Data sets that keep every fifth frame count 0, 5, 10, …: the smallest step is the rule.
    step = min((later - one for one, later in pairwise(numbers)), default=1)
    holes = [(one, later) for one, later in pairwise(numbers) if later - one != step]
    if not holes:
        return
    missing = sum(max((later - one - 1) // step, 1) for one, later in holes)
    shown, (before, after) = [], holes[0]
    for one, later in holes:
        shown += range(one + step, min(later, one + 6 * step), step)
    more = " …" if missing > 5 else ""
    raise UserError(
        f"The frames in {source} have a gap: {missing} missing between {numbers[0]} and "
        f"{numbers[-1]} (number {', '.join(map(str, shown[:5])) + more}), the first between "
        f"{images[before].name} and {images[after].name}. Add them, renumber the frames without a "
        f"gap, or take out what does not belong to the video."
    )


def check_images(video: str, source: Path, listed: Sequence[str] | None, *, gaps: bool) -> _Checked:
    """Numbers, paths and the common (height, width) of a folder's frames, all decoded once.

    Frames that are ``listed`` are the video, whatever else lies there.
    """
    listing = dict(enumerate(source / name for name in listed or ()))
    images = listing or folder_images(video, source, gaps)
    size: tuple[int, int] | None = None
    depths = Depths(source)
    for path in progress(list(images.values()), f"checking {video}", "frame"):
        look = look_at_jpeg(path)
        shape = look.size or checked_size(path, depths)
        if look.damage:
            raise UserError(
                f"The frame {path} is damaged ({look.damage}). Replace it with a whole file."
            )
        size = size or shape
        if shape != size:
            raise UserError(
                f"{path} is {size_text(shape)}, but {next(iter(images.values()))} is "
                f"{size_text(size)}. "
                f"All frames of a video must have one size."
            )
    white, said = depths.white()
    if said:
        note(said)
    # A path without a folder would be taken to lie beside frames.json: keep the "./".
    files = [os.path.join(source, path.name) for path in images.values()]  # noqa: PTH118
    return _Checked(list(images), files, size, white=white)


def _note_others(source: Path) -> None:
    """Say what lies among a video's frames and is none."""
    if others := [one.name for one in entries(source) if not is_image_file(one)]:
        note(f"{source} holds what is no image of the video: {path_list(others)}.")


def _decode(video: str, source: Path, folder: Path) -> _Checked:
    """Decode a video file into ``folder``."""
    from betrayed.video.decoding import Decoder  # only here: PyAV takes a while to load

    decoder = Decoder(source)
    files: list[str] = []
    bar = progress(decoder.frames(), f"decoding {video}", "frame", decoder.declared or None)
    for picture in bar:
        files.append(f"{len(files):05d}.jpg")
        Image.fromarray(picture).save(folder / files[-1], quality=95, subsampling=0)
    return _Checked(
        list(range(len(files))),
        files,
        picture.shape[:2],
        decoder.timing.fps,
        decoder.timing.times,
        decoder.timing.seconds,
        decoder.pixel_aspect,
        decoder.rotation,
        decoder.mirrored,
    )
