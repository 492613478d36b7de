"""Masks that any method made, as a folder of PNGs for each video, beside their ground truth."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from PIL import Image, UnidentifiedImageError

from betrayed.datasets.name_lists import path_list, read_names
from betrayed.datasets.names import look_alike
from betrayed.datasets.video_search import entries
from betrayed.errors import UserError
from betrayed.io.file_kinds import is_litter
from betrayed.io.images import numbered_images, upright_size
from betrayed.io.mask_checks import MaskJudge
from betrayed.io.palette import VOID
from betrayed.scoring.average_precision import PROTOCOL
from betrayed.scoring.detections import detections
from betrayed.scoring.protocols import INPUT_OF, ScoreSettings, score_arrays

#: What is shown of a list of files; the rest is counted.
_SHOWN = 20
_INSTEAD = 4  # names that are shown of what is there
#: Ids that masks may hold: images have at most 16 bits.
_HIGHEST = 2**16 - 1


@dataclass(frozen=True)
class MaskedVideo:
    """A video whose masks are to be scored.

    Attributes:
        name: the video's.
        numbers: (T,) of its annotated frames, from the names of the files.
        truth: (T,) images of ids, or of foreground.
        masks: (T,) images of ids.
        kind: of the truth: ``ids`` (0 background, 255 void) or ``foreground`` (0 background).
        settings: see :class:`betrayed.scoring.protocols.ScoreSettings`.
    """

    name: str
    numbers: tuple[int, ...]
    truth: tuple[Path, ...]
    masks: tuple[Path, ...]
    kind: Literal["ids", "foreground"]
    settings: ScoreSettings


@dataclass(frozen=True)
class Scores:
    """The scores of a video.

    Attributes:
        name: the video's.
        table: as :func:`betrayed.scoring.protocols.score_arrays` gives it.
        detections: as :func:`betrayed.scoring.detections.detections` gives it; None where
            the protocol is not wanted.
        objects: how many objects the truth has in it.
    """

    name: str
    table: pd.DataFrame
    detections: pd.DataFrame | None
    objects: int


def find_videos(
    truth: str | Path,
    masks: str | Path,
    settings: ScoreSettings,
    split: str | Path | None = None,
    *,
    kind: Literal["ids", "foreground"],
) -> list[MaskedVideo]:
    """Lay masks beside the truth; all is looked at before any of it is scored.

    For every ``truth/{video}/{frame}.png`` there must be ``masks/{video}/{frame}.png`` of the same
    size. Other masks of a video are left out, such as those of frames without an annotation:
    :func:`unused` names them.

    Args:
        truth: folder with a folder of annotations for each video.
        masks: folder with a folder of masks for each video.
        settings: how they will be scored.
        split: text file with a video a line; without it all videos are scored, and the masks may
            be of no others.
        kind: of the truth, see :class:`MaskedVideo`.

    Raises:
        UserError: a folder, a video or a mask is missing, or has another size; names all of them.
    """
    truth, masks = Path(truth), Path(masks)
    for folder, option in ((truth, "--truth"), (masks, "--masks")):
        if not folder.is_dir():
            packed = " Unpack it, and give the folder." if folder.is_file() else ""
            raise UserError(f"{option}: {folder} is not a folder. Correct its path.{packed}")
    known, given = _folders(truth), _folders(masks)
    if not known:
        raise UserError(
            f"{truth} has no folder of annotations for each video. In DAVIS that is "
            f"Annotations_unsupervised/480p or Annotations/480p."
        )
    names = read_split(split) if split else known
    unknown = sorted(set(names if split else given) - set(known))
    if unknown:
        where = split or masks
        deeper = _deeper(masks / unknown[0]) or _deeper(truth / known[0], "--truth")
        raise UserError(
            f"There is no such video in {truth}: {_listed(unknown)}."
            f"{look_alike(unknown[0], known)} {where} names more than the truth has; correct it, "
            f"or name those to score with --split.{'' if split else deeper}"
        )
    videos = [_lay_beside(name, truth / name, masks / name, kind, settings) for name in names]
    absent = [masks / name for name in names if name not in given]
    absent += [
        path
        for video in videos
        if video.name in given
        for path in video.masks
        if not _is_file(path)
    ]
    if absent:
        raise UserError(
            f"Masks are missing, files or folders: {len(absent)}. Every annotated frame needs one "
            f"of its own name; videos can be left out with --split."
            f"{_instead(absent[0], masks)}\n" + _lines(absent)
        )
    _check_sizes(videos)
    return videos


def unused(videos: Sequence[MaskedVideo]) -> list[str]:
    """What lies among the masks and is not scored, a line a folder; litter is no matter.

    Args:
        videos: see :func:`find_videos`; at least one.
    """
    folders = {video.masks[0].parent: set(video.masks) for video in videos}
    lines = []
    for folder, masks in folders.items():
        others = [path.name for path in entries(folder) if path not in masks]
        if others:
            lines.append(
                f"{folder}: {len(masks)} masks are scored. Left out, as no annotation has such a "
                f"name: {path_list(others)}."
            )
    above = next(iter(folders)).parent
    if loose := [path.name for path in entries(above) if not path.is_dir()]:
        lines.append(f"{above}: left out, as it is no folder of a video: {path_list(loose)}.")
    return lines


def _instead(path: Path, masks: Path) -> str:
    """What there is where a mask or a folder is missing."""
    folder = path.parent if path.parent.is_dir() else masks
    there = sorted(one.name for one in folder.iterdir() if not is_litter(one.name))
    if not there:
        return f" {folder} is empty."
    more = f" and {len(there) - _INSTEAD} more" if len(there) > _INSTEAD else ""
    # Right in --masks images lie a folder deeper as they should; there others may have them deeper.
    others = [folder] if folder != masks else [masks / name for name in there]
    deeper = next(filter(None, map(_deeper, others)), "")
    return f" {folder} has {', '.join(there[:_INSTEAD])}{more}.{deeper}"


def _deeper(folder: Path, option: str = "--masks") -> str:
    """What to do where the images of a video lie in folders inside its own."""
    if not folder.is_dir():
        return ""
    inside = [] if numbered_images(folder) else [folder / name for name in _folders(folder)]
    found = [one for one in inside if any(path.suffix == ".png" for path in one.iterdir())]
    if not found:
        return ""
    return (
        f" There are images in {_listed([str(path) for path in found])}: {option} must be a folder "
        f"that has a folder for each video, with the images right in it."
    )


def read_split(path: str | Path) -> list[str]:
    """The videos that a text file lists, see :func:`betrayed.datasets.name_lists.read_names`.

    Raises:
        UserError: the file is missing or lists none.
    """
    try:
        return sorted(read_names(Path(path)))
    except (FileNotFoundError, UserError) as error:
        raise UserError(f"--split: {path} cannot be read ({error}).") from error


def score_masks(video: MaskedVideo) -> Scores:
    """Read a video's masks and truth, and score them by every protocol wanted.

    A proposal is an id; the foreground is all that is not 0, and in a partition of the video the
    background is a segment too. AP and AR rank proposals by their numbers, the first ones best.

    Raises:
        UserError: a file is damaged, there are too many proposals, or the truth is of another
            kind than was said; the video is named in the error.
    """
    truth, objects = _read(video.truth, video.kind)
    if video.kind == "foreground":
        truth = (truth > 0).astype(np.uint8)
    # 255 is an id like others in what was found, so that its kind is that of a foreground.
    masks, found = _read(video.masks, "foreground", _HIGHEST)
    of_ids = [one for one in video.settings.protocols if INPUT_OF.get(one) != "foreground"]
    if video.kind == "ids" and found == {VOID} and of_ids:
        raise UserError(
            f"{video.masks[0].parent} holds 0 and 255 alone, which is a foreground and no ids, as "
            f"{of_ids[0]} scores. Ask for --protocols davis2016 alone, and with --kind foreground "
            f"if the truth holds 0 and 255 as well; or number the objects 1, 2, …."
        )
    table = score_ids(truth, masks, video.numbers, video.settings, str(video.masks[0].parent))
    overlaps = None
    if PROTOCOL in video.settings.protocols:
        # Without scores of their own proposals are ranked by their numbers.
        numbers = np.unique(masks[masks > 0])
        overlaps = detections(truth, masks, pd.Series(1 / numbers, numbers))
    return Scores(video.name, table, overlaps, len(objects))


def _read(
    paths: Sequence[Path], kind: Literal["ids", "foreground"], highest: int = VOID
) -> tuple[np.ndarray, set[int]]:
    """The ids (T, H, W) of a video's masks, judged, and which objects they are."""
    judge = MaskJudge(paths[0].parent, kind)
    masks = [judge.read(path, highest) for path in paths]
    background = {0, VOID} if kind == "ids" else {0}
    return np.stack(masks), judge.finish() - background


def score_ids(
    truth: np.ndarray,
    masks: np.ndarray,
    frames: Sequence[int],
    settings: ScoreSettings,
    where: str,
) -> pd.DataFrame:
    """Score images of ids as proposals, foreground and partition, whichever a protocol wants.

    Args:
        truth: (T, H, W) integer ids, 0 background, 255 void.
        masks: (T, H, W) integer ids, 0 background.
        frames: (T,) the frames' numbers in the video.
        settings: see :class:`betrayed.scoring.protocols.ScoreSettings`.
        where: what an error names first.

    Returns:
        The table of :func:`betrayed.scoring.protocols.score_arrays`.

    Raises:
        UserError: there are too many proposals.
    """
    inputs = dict.fromkeys(("foreground", "proposals", "partition"), masks)
    try:
        return score_arrays(truth, **inputs, frames=frames, settings=settings)
    except UserError as error:
        raise UserError(f"{where}: {error}") from error


def _lay_beside(
    name: str,
    truth: Path,
    masks: Path,
    kind: Literal["ids", "foreground"],
    settings: ScoreSettings,
) -> MaskedVideo:
    images = numbered_images(truth)
    if not images:
        raise UserError(
            f"The folder {truth} holds no annotation. Add it, or leave {name} out."
            f"{_deeper(truth, '--truth')}"
        )
    files = tuple(masks / f"{path.stem}.png" for path in images.values())
    return MaskedVideo(name, tuple(images), tuple(images.values()), files, kind, settings)


def _check_sizes(videos: Sequence[MaskedVideo]) -> None:
    """Of every mask the size alone is read, which takes no time."""
    wrong = []
    for video in videos:
        for truth, mask in zip(video.truth, video.masks, strict=True):
            wanted, size = _size(truth), _size(mask)
            if size != wanted:
                wrong.append(f"{mask} is {size}, not {wanted}")
    if wrong:
        raise UserError(
            f"Masks are not of their annotations' size, {len(wrong)} in all. Masks must have the "
            f"video's own size.\n" + _lines(wrong)
        )


def _size(path: Path) -> str:
    try:
        with Image.open(path) as image:
            return "{}x{}".format(*upright_size(image))
    except (OSError, UnidentifiedImageError) as error:
        raise UserError(f"{path} is no image ({error}). Replace it with a whole file.") from error


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}). Make it readable.") from error


def _folders(path: Path) -> list[str]:
    try:
        return sorted(
            one.name for one in path.iterdir() if one.is_dir() and not is_litter(one.name)
        )
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}). Make it readable.") from error


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")


def _lines(items: Sequence[object]) -> str:
    shown = [f"  {item}" for item in items[:_SHOWN]]
    more = len(items) - _SHOWN
    return "\n".join(shown + ([f"  … and {more} more"] if more > 0 else []))
