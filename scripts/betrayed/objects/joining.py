"""A film's masks from those of its pieces: one number an object, every frame, the film's own size.

One piece is worked on after another, so that memory does not grow with the film.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from betrayed.datasets.pieces import Piece
from betrayed.io.files import whole_folder
from betrayed.io.palette import save_palette_png
from betrayed.io.progress import progress
from betrayed.objects.carrying import carry, small_grey
from betrayed.objects.identities import PieceObjects, identities
from betrayed.objects.looks import AVERAGED, REST, object_ids, object_table, read_looks
from betrayed.objects.mask_writing import upsample_labels
from betrayed.objects.objects import COLUMNS
from betrayed.video.video import Video

#: Objects that have a number of their own; images of 8 bits tell no more apart.
_MOST = REST - 1


@dataclass(frozen=True)
class PieceMasks:
    """A piece and what was found in it.

    Attributes:
        piece: which frames of the film it has.
        folder: its folder of masks, with what its objects look like.
    """

    piece: Piece
    folder: Path

    @cached_property
    def table(self) -> pd.DataFrame:
        """The rows of its objects, in order of their numbers 1, 2, …."""
        return object_table(self.folder)

    def ids(self, number: int) -> np.ndarray:
        """The numbers of its objects in a frame of the film, (H, W) uint8; 255 for the rest."""
        return object_ids(self.folder, self.piece.numbers.index(number), len(self.table))


def join_pieces(
    folder: str | Path, film: Video, first: int, pieces: Sequence[PieceMasks], alike: float
) -> None:
    """Write the folder of masks of a film: ``proposals/``, ``foreground/`` and ``objects.csv``.

    They are as :func:`betrayed.objects.mask_writing.write_masks` leaves them of a whole video, but
    that objects alone are proposals, and that there are no parts. Objects are numbered by their
    score times the share of frames that have them. Beyond 254 they are foreground without a number.

    Args:
        folder: where to write; what was there before is replaced.
        film: the frames that its pieces are of, and those between.
        first: the number of its first frame, as pieces count them.
        pieces: in the order of the film.
        alike: see :func:`betrayed.objects.identities.identities`.

    Raises:
        UserError: something of a piece or of the film cannot be read.
    """
    numbers, count = _identities(pieces, alike)
    table, rank = _ranked(pieces, numbers, count)
    tables = []  # of each piece: from its numbers to the film's
    for own in numbers:
        one = np.zeros(256, np.uint8)
        one[1 : len(own) + 1] = np.where(rank[own] > _MOST, REST, rank[own])
        one[REST] = REST
        tables.append(one)
    seen = _Seen(len(table), film.count)
    with whole_folder(folder) as temporary:
        for kind in ("proposals", "foreground"):
            (temporary / kind).mkdir()
        frames = _all_ids(film, first, pieces, tables)
        bar = progress(frames, f"joining {film.name}", "frame", film.count)
        for index, ids in enumerate(bar):
            if ids.shape != (film.height, film.width):
                ids = upsample_labels(ids, np.unique(ids), (film.height, film.width))
            proposals = np.where(ids == REST, 0, ids).astype(np.uint8)
            name = f"{index:05d}.png"
            save_palette_png(temporary / "proposals" / name, proposals)
            foreground = Image.fromarray((ids > 0).astype(np.uint8) * 255)
            foreground.save(temporary / "foreground" / name)
            seen.add(index, proposals)
        table = seen.measured(table).reindex(columns=list(COLUMNS))
        table.to_csv(temporary / "objects.csv", index=False, float_format="%.6f")


def _identities(pieces: Sequence[PieceMasks], alike: float) -> tuple[list[np.ndarray], int]:
    """The film's number, from 0, of each piece's objects, and how many there are."""
    found, total, squares, places = [], 0.0, 0.0, 0
    before: PieceMasks | None = None
    for one in progress(pieces, "objects of pieces", "piece"):
        own = read_looks(one.folder)
        total, squares, places = total + own.total, squares + own.squares, places + own.places
        shared = _shared(before, one) if before else (None, None, None)
        found.append(PieceObjects(one.piece.shot, own.tokens, own.covered, *shared))
        before = one
    mean = total / places
    return identities(found, mean, squares / places - np.outer(mean, mean), alike)


def _shared(
    before: PieceMasks, one: PieceMasks
) -> tuple[np.ndarray, np.ndarray, np.ndarray] | tuple[None, None, None]:
    """What objects of two pieces cover together, and each for itself, in the frames of both."""
    both = [number for number in before.piece.numbers if number in one.piece.numbers]
    if before.piece.shot != one.piece.shot or not both:
        return None, None, None
    sides = len(before.table) + 1, len(one.table) + 1
    counts = np.zeros(sides)
    for number in both:
        first, second = (
            np.where(ids == REST, 0, ids).astype(int)
            for ids in (before.ids(number), one.ids(number))
        )
        pairs = np.bincount((first * sides[1] + second).ravel(), minlength=sides[0] * sides[1])
        counts += pairs.reshape(sides)
    return counts[1:, 1:], counts[1:].sum(axis=1), counts[:, 1:].sum(axis=0)


def _ranked(
    pieces: Sequence[PieceMasks], numbers: Sequence[np.ndarray], count: int
) -> tuple[pd.DataFrame, np.ndarray]:
    """The table of the film's objects, best first, and the rank 1, 2, … of each by its number."""
    rows = [
        one.table.assign(number=own, frames=one.table["persistence"] * len(one.piece.numbers))
        for one, own in zip(pieces, numbers, strict=True)
        if len(own)
    ]
    if not rows:
        return pd.DataFrame(columns=list(COLUMNS)), np.zeros(0, int)
    all_rows = pd.concat(rows, ignore_index=True)
    weights = all_rows["frames"].clip(lower=1e-9)
    grouped = pd.DataFrame(index=range(count))
    for name in AVERAGED:
        known = all_rows[name].notna()
        own = all_rows["number"][known]
        sums = (all_rows[name] * weights)[known].groupby(own).sum()
        grouped[name] = sums / weights[known].groupby(own).sum()
    grouped["frames"] = all_rows.groupby("number")["frames"].sum()
    worth = grouped["score"].fillna(1.0) * grouped["frames"]
    order = worth.sort_values(ascending=False, kind="stable").index
    rank = np.empty(count, int)
    rank[order] = np.arange(1, count + 1)
    table = grouped.loc[order].reset_index(drop=True).head(_MOST)
    table["proposal"], table["foreground"] = np.arange(1, len(table) + 1), True
    return table, rank


class _Seen:
    """Sizes and frames of the film's objects, as they are written."""

    def __init__(self, count: int, frames: int) -> None:
        self._frames = frames
        self._present, self._places = np.zeros(count, int), np.zeros(count)
        self._first, self._last = np.full(count, -1), np.full(count, -1)

    def add(self, index: int, ids: np.ndarray) -> None:
        pixels = np.bincount(ids.ravel(), minlength=256)[1 : len(self._present) + 1]
        here = pixels > 0
        self._present += here
        self._places += pixels / ids.size
        self._first[here & (self._first < 0)] = index
        self._last[here] = index

    def measured(self, table: pd.DataFrame) -> pd.DataFrame:
        with np.errstate(invalid="ignore", divide="ignore"):
            sizes = self._places / self._present
        frames = {
            name: pd.Series(values, dtype="Int64").where(values >= 0)
            for name, values in (("first_frame", self._first), ("last_frame", self._last))
        }
        return table.assign(size=sizes, persistence=self._present / self._frames, **frames)


def _all_ids(
    film: Video, first: int, pieces: Sequence[PieceMasks], tables: Sequence[np.ndarray]
) -> Iterator[np.ndarray]:
    """The film's numbers in each of its frames, at the size of the pieces' masks."""
    shots = sorted({one.piece.shot for one in pieces})
    own = {
        shot: [place for place, one in enumerate(pieces) if one.piece.shot == shot]
        for shot in shots
    }
    begins = [pieces[own[shot][0]].piece.first for shot in shots]
    ends = [*begins[1:], first + film.count]
    for shot, end in zip(shots, ends, strict=True):
        before: tuple[int, np.ndarray] | None = None
        greys: list[np.ndarray] = []
        for number, place in _owners(pieces, own[shot]):
            ids = tables[place][pieces[place].ids(number)]
            if before is not None and number - before[0] > 1:
                greys = greys or [small_grey(film.frame(before[0] - first))]
                between = range(before[0] + 1, number + 1)
                greys += [small_grey(film.frame(one - first)) for one in between]
                yield from carry(greys, before[1], ids)
                greys = greys[-1:]
            yield ids
            before = number, ids
        if before[0] + 1 < end:
            greys = greys or [small_grey(film.frame(before[0] - first))]
            greys += [small_grey(film.frame(one - first)) for one in range(before[0] + 1, end)]
            yield from carry(greys, before[1], None)


def _owners(pieces: Sequence[PieceMasks], places: Sequence[int]) -> Iterator[tuple[int, int]]:
    """The computed frames of a shot in order, each with the piece whose masks are taken there.

    Of the frames that two pieces share each gets the half that lies deeper in it.
    """
    number = pieces[places[0]].piece.first
    for at, place in enumerate(places):
        piece = pieces[place].piece
        last = piece.last
        if at + 1 < len(places):
            last = (piece.last + pieces[places[at + 1]].piece.first) // 2
        while number <= last:
            yield number, place
            number += piece.step
