"""The ground truth of a video's frames: images of ids, checked where they lie or written anew."""

import os
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path

import numpy as np

from betrayed.datasets.name_lists import path_list
from betrayed.datasets.names import look_alike
from betrayed.datasets.readers import fbms, segtrack
from betrayed.datasets.video_search import entries, holds_images
from betrayed.errors import UserError
from betrayed.io.images import numbered_images
from betrayed.io.mask_checks import Kind, MaskJudge
from betrayed.io.notes import note
from betrayed.io.palette import VOID, ids_in, save_palette_png
from betrayed.io.progress import progress

Truth = Iterator[tuple[int, np.ndarray, Path]]
#: Layouts whose ground truth is in another form than an image of ids a frame, with its reader.
READERS: dict[str, Callable[[Path, Sequence[str]], Truth]] = {
    "segtrack": segtrack.read_truth,
    "fbms": fbms.read_truth,
}


def find_annotations(
    video: str,
    annotations: str | Path | None,
    numbers: Sequence[int],
    files: Sequence[str],
    size: tuple[int, int],
    kind: Kind,
) -> tuple[list[str] | None, set[int]]:
    """The annotation of each frame, an image of ids found by its number and read once.

    Args:
        video: its name.
        annotations: the folder of images, or None.
        numbers: the frames' numbers.
        files: the frames' files.
        size: the frames' height and width in pixels.
        kind: of the annotations, see :class:`betrayed.io.mask_checks.MaskJudge`.

    Returns:
        The images, None where there are none, and all ids that occur in them.

    Raises:
        UserError: an annotation is missing, unreadable, of another size or no image of ids.
    """
    if not annotations:
        return None, set()
    folder = _present(video, annotations)
    images = numbered_images(folder)
    # Frames decoded from a file count from 0; their annotations may count from 1.
    shift = 0
    decoded = os.sep not in files[0]
    if decoded and images and min(images) == 1 and len(images) >= len(numbers):
        shift = 1
    result, judge = [], MaskJudge(folder, kind)
    for number, file in progress(
        list(zip(numbers, files, strict=True)), f"checking {folder.name}", "annotation"
    ):
        path = images.get(number + shift)
        if path is None:
            expected = folder / f"{Path(file).stem}.png"
            raise UserError(
                f"Frame {file} of the video {video!r} has no annotation: {expected} is missing. "
                f"Every frame needs one; add it, or leave this video out.{_few(images, numbers)}"
                f"{_instead(folder, sorted(images), numbers)}"
            )
        _check_size(video, path, judge.read(path).shape, size)
        # A path without a folder would be taken to lie beside frames.json: keep the "./".
        result.append(os.path.join(folder, path.name))  # noqa: PTH118
    used = {images[number + shift] for number in numbers}
    if unused := [one.name for one in entries(folder) if one not in used]:
        note(
            f"{folder} holds what is no annotation of a frame of {video}, which is left out: "
            f"{path_list(unused)}."
        )
    return result, judge.finish()


def write_annotations(
    video: str,
    annotations: str | Path,
    layout: str,
    files: Sequence[str],
    size: tuple[int, int],
    folder: Path,
) -> tuple[list[str | None], set[int]]:
    """Bring ground truth of one of :data:`READERS`' layouts to images of ids in ``folder``.

    Args:
        video: its name.
        annotations: where its ground truth lies.
        layout: the layout.
        files: the frames' files.
        size: the frames' height and width in pixels.
        folder: gets truth-00000.png, …, numbered by the frames' places.

    Returns:
        For each frame the name of its image, or None where it has no ground truth; and all ids that
        occur.

    Raises:
        UserError: the reader's; an annotation of another size than the frames.
    """
    names: list[str | None] = [None] * len(files)
    all_ids: set[int] = set()
    truth = READERS[layout](_present(video, annotations), [Path(file).name for file in files])
    for place, ids, path in progress(truth, f"annotations {video}", "annotation", len(files)):
        _check_size(video, path, ids.shape, size)
        names[place] = f"truth-{place:05d}.png"
        save_palette_png(folder / names[place], ids)
        all_ids |= ids_in(ids)
    return names, all_ids


def count_objects(ids: set[int], kind: str) -> int:
    """How many objects ids are, background and void aside.

    Args:
        ids: those that occur in a video.
        kind: ``"ids"``, or ``"foreground"``: whatever is no background is one object.
    """
    return int(bool(ids - {0})) if kind == "foreground" else len(ids - {0, VOID})


def _present(video: str, annotations: str | Path) -> Path:
    folder = Path(annotations)
    if not folder.is_dir():
        beside = entries(folder.parent)
        deeper = [one for one in beside if (one / folder.name).is_dir()]
        alike = look_alike(folder.name, [one.name for one in beside])
        if deeper:
            alike = f" There is {deeper[0] / folder.name}: say annotations: {deeper[0]}."
        raise UserError(
            f"The annotations {folder} of the video {video!r} are missing.{alike} Add them, or "
            "leave this video out."
        )
    return folder


def _instead(folder: Path, given: Sequence[int], numbers: Sequence[int]) -> str:
    """What a folder has where the annotation of a frame is missing, if that tells what to do."""
    if not given:
        deeper = [one for one in entries(folder) if holds_images(one)]
        return f" There are images in {path_list(deeper)}: move them up." if deeper else ""
    if [one - given[0] for one in given] == [one - numbers[0] for one in numbers]:
        return f" They are numbered from {given[0]}, frames from {numbers[0]}: number both alike."
    return ""


def _few(images: Collection[int], numbers: Sequence[int]) -> str:
    """What to do where few frames are annotated, as every tenth."""
    if not 0 < len(images) <= len(numbers) // 2:
        return ""
    return (
        f" {len(images)} of {len(numbers)} frames have one: make score scores these alone, of "
        f"masks in the form davis (exports)."
    )


def _check_size(video: str, path: Path, shape: Sequence[int], size: tuple[int, int]) -> None:
    if tuple(shape) != tuple(size):
        raise UserError(
            f"The annotation {path} is {shape[1]}x{shape[0]}, but the frames of {video!r} are "
            f"{size[1]}x{size[0]}. Bring both to one size."
        )
