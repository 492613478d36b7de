"""Whose each pixel of a foreground is: from points, or from tokens, to shares of every pixel."""

from collections.abc import Sequence
from typing import Protocol

import cv2
import numpy as np

from betrayed.objects.observations import Seen

#: Deviation, in pixels of the foreground's grid, of the blur by which points speak for pixels.
_REACH = 8.0
#: Beyond so many pixels the blur has ended; columns are taken by so many at a time, so that sums
#: are rounded as over whole rows.
_END, _COLUMNS = 4 * round(_REACH), 32
#: Bytes of shares that a painter keeps: they are asked for twice, for the grid and for the masks.
_KEPT = 2**28


class Painter(Protocol):
    """Says how much each group has of each place of a frame."""

    def shares(self, frame: int) -> np.ndarray:
        """(groups, h, w) float32, on a grid of the painter's own."""
        ...


class GridPainter:
    """Shares that were computed beforehand."""

    def __init__(self, shares: np.ndarray) -> None:
        """Shares (groups, T, h, w) of all frames."""
        self._shares = shares

    def shares(self, frame: int) -> np.ndarray:
        """Those of one frame, (groups, h, w)."""
        return self._shares[:, frame]


class PointPainter:
    """Gives every pixel of a frame to the group whose points are nearest and most."""

    def __init__(self, seen: Seen, groups: np.ndarray) -> None:
        """Points and the group 0, 1, … of each, (n,)."""
        self._seen, self._groups = seen, groups
        present = (seen.pieces >= 0).any(axis=0)
        self._frames = np.flatnonzero(present)
        self._kept: dict[int, np.ndarray] = {}
        self._room = _KEPT

    def shares(self, frame: int) -> np.ndarray:
        """How much each group has of each pixel: (groups, H, W) float32, sums of 1; to be read.

        Each group's points are blurred; where none reaches, the nearest point has all. A frame
        without points takes those of the nearest frame that has some.
        """
        frame = int(self._frames[np.abs(self._frames - frame).argmin()])
        if frame in self._kept:
            return self._kept[frame]
        shares = self._shares_of(frame)
        if shares.nbytes <= self._room:
            self._room -= shares.nbytes
            self._kept[frame] = shares
        return shares

    def _shares_of(self, frame: int) -> np.ndarray:
        """Those of a frame that has points."""
        here = self._seen.pieces[:, frame] >= 0
        groups, size = self._groups[here], self._seen.size
        pixels = np.clip(
            np.round(self._seen.places[here, frame]).astype(int), 0, np.array(size) - 1
        )
        spread = np.zeros((self._groups.max() + 1, *size), np.float32)
        for group in np.unique(groups):
            _blot(spread[group], pixels[groups == group])
        total = spread.sum(axis=0)
        far = total < 1e-6
        if far.any():
            nearest = _nearest(pixels, groups, size)
            for group, share in enumerate(spread):
                np.copyto(share, nearest == group, where=far)
            total[far] = 1
        spread /= total
        return spread


def _blot(empty: np.ndarray, pixels: np.ndarray) -> None:
    """Add points (n, 2) to an empty map (H, W) and blur them, where that reaches."""
    np.add.at(empty, tuple(pixels.T), 1)
    # One more, so that what is mirrored at the end of the part is empty, too.
    first, last = pixels.min(axis=0) - _END - 1, pixels.max(axis=0) + _END + 2
    columns = slice(max(first[1], 0) // _COLUMNS * _COLUMNS, -(-last[1] // _COLUMNS) * _COLUMNS)
    part = empty[max(first[0], 0) : last[0], columns]
    part[:] = cv2.GaussianBlur(part, (2 * _END + 1, 2 * _END + 1), _REACH)


def _nearest(pixels: np.ndarray, groups: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The group of the point nearest to each pixel, (H, W)."""
    empty = np.ones(size, np.uint8)
    empty[tuple(pixels.T)] = 0
    _, index = cv2.distanceTransformWithLabels(
        empty, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    group_of = np.zeros(index.max() + 1, np.int32)
    group_of[index[tuple(pixels.T)]] = groups
    return group_of[index]


def paint(
    shares: np.ndarray, object_of: np.ndarray, size: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """The object and the part of every pixel, from the shares of the parts.

    A pixel is of the object whose parts have most of it together, and of that one's greatest part.

    Args:
        shares: (P, h, w) float32.
        object_of: (P,) the object 0 … O−1 that each part is of.
        size: height and width wanted, in pixels.

    Returns:
        Objects and parts, both (H, W) int, from 0.
    """
    count = object_of.max() + 1
    parts_of = [np.flatnonzero(object_of == one) for one in range(count)]
    together = [shares[own].sum(axis=0) if len(own) > 1 else shares[own[0]] for own in parts_of]
    objects = _greatest(together, range(count), size, np.ones(size, bool))
    parts = np.zeros(size, int)
    for one, own in enumerate(parts_of):
        inside = objects == one
        names = _greatest([shares[part] for part in own], own, size, inside)
        np.copyto(parts, names, where=inside)
    return objects, parts


def _greatest(
    maps: Sequence[np.ndarray], names: Sequence[int], size: tuple[int, int], where: np.ndarray
) -> np.ndarray:
    """The name of the map that is greatest at each pixel, enlarged one by one; (H, W) int."""
    result = np.full(size, names[0], int)
    if len(maps) > 1 and where.any():
        most = _enlarged(maps[0], size)
        for name, values in zip(names[1:], maps[1:], strict=True):
            large = _enlarged(values, size)
            np.copyto(result, name, where=large > most)
            np.maximum(most, large, out=most)
    return result


def _enlarged(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A map at another height and width: a new one, also where these are its own."""
    return cv2.resize(values, (size[1], size[0]), interpolation=cv2.INTER_LINEAR)
