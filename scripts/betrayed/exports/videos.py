"""A video with its masks, as every export reads them."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from betrayed.errors import UserError
from betrayed.io.mask_levels import mask_ids
from betrayed.objects.masks import read_part_scores, read_proposal_scores
from betrayed.video.video import Video

REMEDY = "Delete the folder of masks and run the workflow again."


@dataclass(frozen=True)
class MaskedVideo:
    """A video, where its masks are, and which of them are wanted.

    Attributes:
        frames: its ``frames.json``.
        masks: folder with ``proposals/``, ``foreground/``, ``parts/`` and ``objects.csv``.
        record: the record of its truth (youtube_vis), see
            :mod:`betrayed.datasets.readers.youtube_vis`.
        level: what an id stands for, see :func:`betrayed.io.mask_levels.mask_ids`.
        most: the objects of highest rank that are taken; None: all.
    """

    frames: Path
    masks: Path
    level: str
    most: int | None = None
    record: Path | None = None

    @cached_property
    def video(self) -> Video:
        """Its frames."""
        return Video.load(self.frames)

    @cached_property
    def scores(self) -> dict[int, float]:
        """The score of every id of the level, in order of the ids.

        Where objects were chosen by their size it is 1/id. The foreground as a whole has none: 1.

        Raises:
            UserError: the table of objects is missing or damaged; names it.
        """
        if self.level == "foreground":
            return {1: 1.0}
        has_parts = self.level == "parts" and (self.masks / "parts").is_dir()
        table = (read_part_scores if has_parts else read_proposal_scores)(self.masks)
        return {
            int(number): float(score)
            for number, score in table.items()
            if self.most is None or number <= self.most
        }

    def at(self, level: str, most: int | None = None) -> "MaskedVideo":
        """The same video with masks of another level."""
        return replace(self, level=level, most=most)

    def mask_file(self, index: int) -> Path:
        """The file that holds the ids of a frame, for messages."""
        own = self.level in ("parts", "foreground") and (self.masks / self.level).is_dir()
        return self.masks / (self.level if own else "proposals") / f"{index:05d}.png"

    def ids(self, index: int) -> np.ndarray:
        """The ids of a frame: (H, W) uint8, 0 for the background.

        Raises:
            UserError: a mask is missing, damaged, of another size than the frames, or holds an id
                that the table of objects does not list; names it.
        """
        path = self.mask_file(index)
        if not path.is_file():
            raise UserError(
                f"The mask {path} is missing: {self.video.name!r} has {self.video.count} frames, "
                f"and frame {index} needs one. {REMEDY}"
            )
        ids = mask_ids(self.masks, index, self.level, self.most)
        if ids.shape != (self.video.height, self.video.width):
            raise UserError(
                f"The mask {path} is {ids.shape[1]}x{ids.shape[0]}, but the frames of "
                f"{self.video.name!r} are {self.video.width}x{self.video.height}. {REMEDY}"
            )
        unknown = [number for number in numbers_in(ids) if number not in self.scores]
        if unknown:
            raise UserError(
                f"{path} holds proposal {unknown[0]}, which {self.masks / 'objects.csv'} does not "
                f"list. {REMEDY}"
            )
        return ids

    def all_ids(self) -> Iterator[np.ndarray]:
        """:meth:`ids` of all frames in order."""
        return map(self.ids, range(self.video.count))

    def frame_name(self, index: int) -> str:
        """The name of a frame's file, such as 00012.jpg."""
        return self.video.frames[index].name


def numbers_in(ids: np.ndarray) -> list[int]:
    """The ids above 0 that occur in (H, W) uint8, ascending."""
    return (1 + np.flatnonzero(np.bincount(ids.ravel())[1:])).tolist()
