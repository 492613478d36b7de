"""What the objects of a piece of a film, and their parts, look like: join_pieces compares them."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from betrayed.config.objects import CUES
from betrayed.features.whole_video import each_frame_tokens
from betrayed.io.artefacts import check_finite, create, open_checked
from betrayed.io.mask_levels import mask_ids
from betrayed.objects.masks import read_table

#: The file in a piece's folder of masks.
LOOKS = "looks.h5"
#: The id of foreground that is no object of its own; void elsewhere.
REST = 255
#: Columns of a piece's objects.csv that a film has means of.
AVERAGED = ("score", "confidence", *CUES)
_ARRAYS = ("tokens", "covered", "part_tokens", "part_covered", "total", "squares")


@dataclass(frozen=True)
class Looks:
    """Sums over the tokens of a piece's frames.

    Attributes:
        tokens: (n, D) float64, of each object: its tokens, each times the share that it covers.
        covered: (n,), those shares.
        part_tokens: (m, D), the same of each part of an object,
        part_covered: and (m,).
        total: (D,), of all tokens.
        squares: (D, D), of the products of their numbers.
        places: how many tokens there are.
    """

    tokens: np.ndarray
    covered: np.ndarray
    part_tokens: np.ndarray
    part_covered: np.ndarray
    total: np.ndarray
    squares: np.ndarray
    places: int


def object_table(folder: Path) -> pd.DataFrame:
    """The rows of the objects of a folder of masks, in order of their numbers 1, 2, …."""
    table = read_table(folder, ("proposal", *AVERAGED, "persistence"))
    found = table["foreground"].astype(bool) & (table["proposal"] > 0)
    return table[found].sort_values("proposal")


def object_ids(folder: Path, index: int, count: int) -> np.ndarray:
    """The numbers of ``count`` objects in a frame, (H, W) uint8; REST where there are others."""
    return mask_ids(folder, index, "objects", count, REST)


def part_table(folder: Path) -> pd.DataFrame:
    """The rows of the parts of a folder of masks, in order of their numbers 1, 2, …; or none."""
    table = read_table(folder, ("part", "part_of", *AVERAGED, "persistence"))
    if not (folder / "parts").is_dir():
        return table.head(0)
    return table[table["part"].notna()].sort_values("part")


def part_ids(folder: Path, index: int, count: int) -> np.ndarray:
    """The numbers of ``count`` parts in a frame, (H, W) uint8; REST where there are others."""
    if not count:
        return object_ids(folder, index, 0)
    return mask_ids(folder, index, "parts", count, REST)


def write_looks(folder: str | Path, features: str | Path) -> None:
    """Measure what the objects of a piece look like, and write it beside its masks.

    Args:
        folder: its masks.
        features: the features artefact of the same frames.

    Raises:
        UserError: either cannot be read.
    """
    folder = Path(folder)
    found = _measured(folder, features)
    with create(folder / LOOKS, "looks", {}) as file:
        file.attrs["places"] = found.places
        for name in _ARRAYS:
            file[name] = getattr(found, name)


def read_looks(folder: Path) -> Looks:
    """What :func:`write_looks` has written.

    Raises:
        UserError: it cannot be read, or holds values that are not finite.
    """
    path = folder / LOOKS
    with open_checked(path, "looks") as file:
        arrays = {name: file[name][:] for name in _ARRAYS}
        places = int(file.attrs["places"])
    for name, values in arrays.items():
        check_finite(path, name, values)
    return Looks(**arrays, places=places)


def _measured(folder: Path, features: str | Path) -> Looks:
    """One frame is held at a time."""
    objects, parts = len(object_table(folder)), len(part_table(folder))
    tokens, part_tokens, total, squares, places = 0.0, 0.0, 0.0, 0.0, 0
    covered, part_covered = np.zeros(objects), np.zeros(parts)
    for index, frame in enumerate(each_frame_tokens(features)):
        grid = frame.shape[:2]
        frame = frame.reshape(-1, frame.shape[2])
        shares = _shares(object_ids(folder, index, objects), objects, grid)
        part_shares = _shares(part_ids(folder, index, parts), parts, grid)
        tokens = tokens + (shares @ frame).astype(float)
        part_tokens = part_tokens + (part_shares @ frame).astype(float)
        covered += shares.sum(axis=1)
        part_covered += part_shares.sum(axis=1)
        total = total + frame.sum(axis=0, dtype=float)
        squares = squares + (frame.T @ frame).astype(float)
        places += len(frame)
    return Looks(tokens, covered, part_tokens, part_covered, total, squares, places)


def _shares(ids: np.ndarray, count: int, grid: tuple[int, int]) -> np.ndarray:
    """The share of each token (h·w) that each of the ids 1 … ``count`` covers, (count, h·w)."""
    shares = np.zeros((count, *grid), np.float32)
    for place in range(count):
        mask = (ids == place + 1).astype(np.float32)
        shares[place] = cv2.resize(mask, grid[::-1], interpolation=cv2.INTER_AREA)
    return shares.reshape(count, grid[0] * grid[1])
