"""Whether a video's images of masks can be ids: judged in one place, wherever masks are read."""

from pathlib import Path
from typing import Literal

import numpy as np

from betrayed.errors import UserError
from betrayed.io.palette import VOID, Colour, read_ids_and_palette, values_in

Kind = Literal["ids", "foreground"]
#: Outlines are soft where so many of the places at which values change lie between a lower and a
#: higher value: half of them do in outlines smoothed over one pixel, next to none in ids.
_SOFT_SHARE, _SOFT_PIXELS = 0.15, 12
#: Grey values of a picture: so many, and so many of the changes are as small as that.
_MANY_VALUES, _SMALL_CHANGE, _SMALL_SHARE = 16, 2, 0.9
#: Noise, as JPEG leaves it: so many ids, and of all ids such a share, that nowhere in the video
#: cover three pixels by three.
_THIN_IDS, _THIN_SHARE = 6, 0.6
_BLACK = (0, 0, 0)
_SORTED = "Save masks as grey PNGs of their ids, or with one palette for all, black first."


class MaskJudge:
    """Takes a video's masks one after another, and refuses those that cannot be ids.

    Args:
        where: the folder of masks, named in the error.
        kind: ``"ids"``: 0 background, 255 void, else objects; ``"foreground"``: 0 is background
            and every other value object.
    """

    def __init__(self, where: str | Path, kind: Kind) -> None:
        self._where = where
        self._kind = kind
        self._soft = self._small = self._changes = 0
        self._example: tuple[Path, list[int]] | None = None
        self._found: set[int] = set()
        self._solid: set[int] = set()
        self._colours: dict[int, tuple[Colour, Path]] = {}

    def read(self, path: Path, highest: int = 255) -> np.ndarray:
        """Read the next mask and take it, see :func:`betrayed.io.palette.read_ids`.

        Raises:
            UserError: it is no image of ids; or its palette says that its ids are others than those
                of the masks before, or that its background is not 0.
        """
        ids, palette = read_ids_and_palette(path, highest)
        values = values_in(ids)
        occurring = {one: palette[one] for one in values.tolist() if one in palette}
        self._check_colours(path, occurring)
        self._take(path, ids, values)
        return ids

    def _check_colours(self, path: Path, colours: dict[int, Colour]) -> None:
        """Refuse palettes that a program has sorted, so that ids are no longer what they were."""
        black = [one for one, colour in colours.items() if colour == _BLACK and one]
        ground = colours.get(0)
        if black and ground not in (None, _BLACK):
            raise UserError(
                f"In the palette of {path} the id 0, which is the background, has the colour "
                f"{ground}, and black is {black[0]}: a program has sorted its colours, and ids "
                f"with them. {_SORTED}"
            )
        for one, colour in colours.items():
            before, first = self._colours.setdefault(one, (colour, path))
            if before != colour:
                raise UserError(
                    f"The id {one} has the colour {before} in {first}, but {colour} in {path}: a "
                    f"program has sorted the palette of each image, and ids with it. {_SORTED}"
                )

    def add(self, path: Path, ids: np.ndarray) -> None:
        """Take the next mask.

        Args:
            path: its file.
            ids: (H, W) whole numbers from 0 on.
        """
        self._take(path, ids, values_in(ids))

    def _take(self, path: Path, ids: np.ndarray, values: np.ndarray) -> None:
        """The next mask, and the values that occur in it."""
        self._found.update(values.tolist())
        if not self._solid.issuperset(values.tolist()):
            self._solid.update(values_in(_solid(ids)).tolist())
        if len(values) < 3:
            # Two values have nothing between them, but for a picture that has two grey values
            # here and others elsewhere; the others then tell.
            self._changes += _changes(ids, len(values))
            return
        for lines in (ids, np.ascontiguousarray(ids.T)):
            # Few values differ from those beside them, and only these are looked at.
            changed = np.flatnonzero(lines[:, 1:] != lines[:, :-1])
            row, column = np.divmod(changed, lines.shape[1] - 1)
            before, after = (lines[row, column + step].astype(np.int64) for step in (0, 1))
            self._changes += changed.size
            self._small += np.count_nonzero(np.abs(after - before) <= _SMALL_CHANGE)
            # The value in the middle of three, all of which differ, in the order of their size.
            rises = after > before
            beside = (np.diff(changed) == 1) & (np.diff(row) == 0)
            between = beside & (rises[:-1] == rises[1:])
            soft = np.count_nonzero(between)
            self._soft += soft
            if soft and self._example is None:
                examples = np.unique(before[1:][between])
                self._example = path, examples[:: max(1, len(examples) // 3)][:3].tolist()

    def finish(self) -> set[int]:
        """The ids that occur in all masks, background and void among them.

        Raises:
            UserError: outlines are soft, the images hold grey values or noise, or 0 and 255 alone
                where ids are meant.
        """
        found = self._found
        objects = found - {0, VOID}
        thin = objects - self._solid
        if self._soft >= _SOFT_PIXELS and self._soft >= _SOFT_SHARE * self._changes:
            path, values = self._example
            shown = ", ".join(map(str, values))
            raise UserError(
                f"The masks in {self._where} have values in between at the outlines ({path.name} "
                f"has {shown}): they were smoothed, or saved as JPEG, and would count as objects "
                f"of their own. Resize masks by the nearest neighbour, and save them as PNG; cut a "
                f"map of probabilities off at a threshold first."
            )
        if len(objects) > _MANY_VALUES and self._small >= _SMALL_SHARE * max(self._changes, 1):
            raise UserError(
                f"The masks in {self._where} hold {len(objects)} values that change little by "
                f"little, as grey values and probabilities do; ids do not. Cut them off at a "
                f"threshold, or number the objects 1, 2, …."
            )
        if len(thin) >= _THIN_IDS and len(thin) >= _THIN_SHARE * len(objects):
            raise UserError(
                f"The masks in {self._where} hold {len(objects)} ids, of which {len(thin)} are "
                f"specks that nowhere cover 3x3 pixels: more than can mean objects, but what "
                f"saving as JPEG leaves. Save masks without loss (PNG), from what they were made "
                f"of, and number the objects 1, 2, …."
            )
        if self._kind == "ids" and VOID in found and not objects:
            raise UserError(
                f"{self._where} holds 0 and 255 alone, and 255 is void, which counts for nobody. "
                f"Where it is the object, as in DAVIS-2016, say so: annotation_kind: foreground in "
                f"the settings of the data set, or --kind foreground when masks are scored."
            )
        return found


def _solid(ids: np.ndarray) -> np.ndarray:
    """The ids in the middle of three by three pixels of one id, in a row."""
    rows = (ids[:, :-2] == ids[:, 1:-1]) & (ids[:, 1:-1] == ids[:, 2:])
    middle = ids[1:-1, 1:-1]
    same = (ids[:-2, 1:-1] == middle) & (ids[2:, 1:-1] == middle)
    return middle[rows[:-2] & rows[1:-1] & rows[2:] & same]


def _changes(ids: np.ndarray, values: int) -> int:
    """Between how many neighbours the value changes."""
    if values < 2:
        return 0
    return sum(np.count_nonzero(one[:, 1:] != one[:, :-1]) for one in (ids, ids.T))
