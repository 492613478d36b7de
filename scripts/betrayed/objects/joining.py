"""A film's masks from those of its pieces: one number an object, every frame, the film's own size.

One piece is worked on after another, so that memory does not grow with the film.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from PIL import Image

from betrayed.datasets.pieces import Piece
from betrayed.io.files import whole_folder
from betrayed.io.palette import save_palette_png
from betrayed.io.progress import progress
from betrayed.objects.carrying import carry, small_grey
from betrayed.objects.identities import PieceObjects, identities
from betrayed.objects.looks import (
    AVERAGED,
    REST,
    Looks,
    object_ids,
    object_table,
    part_ids,
    part_table,
    read_looks,
)
from betrayed.objects.mask_writing import upsample_labels
from betrayed.objects.objects import COLUMNS, WHOLE_NUMBERS
from betrayed.objects.presence import Presence
from betrayed.video.video import Video

#: Objects, or parts, that have a number of their own; images of 8 bits tell no more apart.
_MOST = REST - 1
#: From ids with REST: those that have a number, and 255 where anything is.
_NUMBERED = np.where(np.arange(256) == REST, 0, np.arange(256)).astype(np.uint8)
_FOREGROUND = np.where(np.arange(256) > 0, 255, 0).astype(np.uint8)


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

    @cached_property
    def parts(self) -> pd.DataFrame:
        """The rows of the parts of its objects, in order of their numbers 1, 2, …."""
        return part_table(self.folder)

    def part_ids(self, number: int) -> np.ndarray:
        """Like :meth:`ids`, of the parts of its objects."""
        return part_ids(self.folder, self.piece.numbers.index(number), len(self.parts))


def join_pieces(
    folder: str | Path, film: Video, first: int, pieces: Sequence[PieceMasks], alike: float
) -> None:
    """Write a film's folder of masks: ``proposals/``, ``foreground/``, ``parts/`` and the table.

    They are as :func:`betrayed.objects.mask_writing.write_masks` leaves them of a whole video, but
    that objects alone are proposals; there are parts where pieces have some. Objects are numbered
    by their score times the share of frames that have them, parts likewise within their object.
    Beyond 254 both are without a number.

    Args:
        folder: where to write; what was there before is replaced.
        film: the frames that its pieces are of, and those between.
        first: the number of its first frame, as pieces count them.
        pieces: in the order of the film.
        alike: see :func:`betrayed.objects.identities.identities`.

    Raises:
        UserError: something of a piece or of the film cannot be read.
    """
    looks = [read_looks(one.folder) for one in progress(pieces, "objects of pieces", "piece")]
    numbers, count = _identities(pieces, looks, alike)
    table, rank = _ranked(pieces, [one.table for one in pieces], numbers, count)
    table["proposal"], table["foreground"] = np.arange(1, len(table) + 1), True
    part_rows, parts = _joined_parts(pieces, looks, [rank[own] for own in numbers], alike)
    tables = [
        (_numbering(rank[own]), _numbering(own_parts))
        for own, own_parts in zip(numbers, parts, strict=True)
    ]
    seen, seen_parts = Presence(film.count), Presence(film.count)
    kinds = ("proposals", "foreground", *(["parts"] if len(part_rows) else []))
    with whole_folder(folder) as temporary:
        for kind in kinds:
            (temporary / kind).mkdir()
        frames = _all_ids(film, first, pieces, tables)
        bar = progress(frames, f"joining {film.name}", "frame", film.count)
        for index, both in enumerate(bar):
            ids, part = _at_size(both, (film.height, film.width))
            proposals = cv2.LUT(ids, _NUMBERED)
            name = f"{index:05d}.png"
            save_palette_png(temporary / "proposals" / name, proposals)
            foreground = Image.fromarray(cv2.LUT(ids, _FOREGROUND))
            foreground.save(temporary / "foreground" / name)
            seen.add(index, proposals)
            if len(part_rows):
                part = cv2.LUT(part, _NUMBERED)
                save_palette_png(temporary / "parts" / name, part)
                seen_parts.add(index, part)
        rows = [one.reindex(columns=list(COLUMNS)) for one in (table, part_rows)]
        both = [seen.measured(rows[0], "proposal"), seen_parts.measured(rows[1], "part")]
        rows = pd.concat([one for one in both if len(one)] or both)
        rows = rows.astype(WHOLE_NUMBERS)
        rows.to_csv(temporary / "objects.csv", index=False, float_format="%.6f")


def _numbering(ranks: np.ndarray) -> np.ndarray:
    """From the numbers 0 … 255 of a piece's images to the film's, given those of 1, 2, …."""
    table = np.zeros(256, np.uint16)
    table[1 : len(ranks) + 1] = np.where(ranks > _MOST, REST, ranks)
    table[REST] = REST
    return table


def _at_size(both: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Objects and their parts of one frame, each (H, W) uint8 of a size; see :func:`_all_ids`."""
    objects, parts = (both >> 8).astype(np.uint8), (both & 255).astype(np.uint8)
    if both.shape == size:
        return objects, parts
    pairs = np.flatnonzero(np.bincount(both.ravel()))
    large = upsample_labels(objects, np.unique(pairs >> 8).astype(np.uint8), size)
    # An object's outline is its own; its parts divide what lies within.
    only, several = np.zeros(256, np.uint8), {}
    for number in np.unique(pairs >> 8):
        found = (pairs[pairs >> 8 == number] & 255).astype(np.uint8)
        found = found[found > 0]
        if number and len(found) == 1:
            only[number] = found[0]
        elif number and len(found):
            several[number] = found
    large_parts = cv2.LUT(large, only)
    for number, found in several.items():
        own = np.where(objects == number, parts, 0).astype(np.uint8)
        large_own = upsample_labels(own, found, size)
        np.copyto(large_parts, large_own, where=large == number)
    return large, large_parts


def _identities(
    pieces: Sequence[PieceMasks], looks: Sequence[Looks], alike: float
) -> tuple[list[np.ndarray], int]:
    """The film's number, from 0, of each piece's objects, and how many there are."""
    found = []
    for place, (one, own) in enumerate(zip(pieces, looks, strict=True)):
        shared = _shared(pieces[place - 1], one) if place else (None,) * 3
        found.append(PieceObjects(one.piece.shot, own.tokens, own.covered, *shared))
    return identities(found, *_spread(looks), alike)


def _joined_parts(
    pieces: Sequence[PieceMasks],
    looks: Sequence[Looks],
    objects: Sequence[np.ndarray],
    alike: float,
) -> tuple[pd.DataFrame, list[np.ndarray]]:
    """The rows of the film's parts, and of each piece the film's numbers 1, 2, … of its parts.

    Parts are one as objects are, but only those of one object; they are numbered from one object to
    the next.

    Args:
        pieces: of the film.
        looks: of each.
        objects: of each the film's numbers of its objects.
        alike: see :func:`betrayed.objects.identities.identities`.
    """
    found = []
    # Parts of an object without a number have none of their own either, and come last: after those
    # of all that have a rank, also where that is above what images tell apart.
    nobody = max(_MOST, *(own.max(initial=0) for own in objects)) + 1
    for place, (one, own) in enumerate(zip(pieces, looks, strict=True)):
        shared = _shared(pieces[place - 1], one, parts=True) if place else (None,) * 3
        known = one.parts["part_of"].notna().to_numpy()
        of = np.full(len(known), nobody)
        of[known] = objects[place][one.parts["part_of"][known].to_numpy(int) - 1]
        found.append(PieceObjects(one.piece.shot, own.part_tokens, own.part_covered, *shared, of))
    numbers, count = identities(found, *_spread(looks), alike)
    part_of = np.zeros(count, int)
    for own, one in zip(numbers, found, strict=True):
        part_of[own] = one.of
    table, rank = _ranked(pieces, [one.parts for one in pieces], numbers, count, part_of)
    table["proposal"], table["foreground"] = 0, True
    table["part"] = np.arange(1, len(table) + 1)
    return table, [rank[own] for own in numbers]


def _spread(looks: Sequence[Looks]) -> tuple[np.ndarray, np.ndarray]:
    """The mean (D,) and the covariance (D, D) of all tokens of a film."""
    places = sum(one.places for one in looks)
    mean = sum(one.total for one in looks) / places
    return mean, sum(one.squares for one in looks) / places - np.outer(mean, mean)


def _shared(
    before: PieceMasks, one: PieceMasks, parts: bool = False
) -> tuple[np.ndarray, np.ndarray, np.ndarray] | tuple[None, None, None]:
    """What objects of two pieces, or their parts, cover together, and each for itself.

    It is counted in the frames that both pieces have.
    """
    both = [number for number in before.piece.numbers if number in one.piece.numbers]
    if before.piece.shot != one.piece.shot or not both:
        return None, None, None
    sides = [len(piece.parts if parts else piece.table) + 1 for piece in (before, one)]
    counts = np.zeros(sides)
    for number in both:
        first, second = (
            np.where(found == REST, 0, found).astype(int)
            for found in (
                piece.part_ids(number) if parts else piece.ids(number) for piece in (before, one)
            )
        )
        pairs = np.bincount((first * sides[1] + second).ravel(), minlength=sides[0] * sides[1])
        counts += pairs.reshape(sides)
    return counts[1:, 1:], counts[1:].sum(axis=1), counts[:, 1:].sum(axis=0)


def _ranked(
    pieces: Sequence[PieceMasks],
    tables: Sequence[pd.DataFrame],
    numbers: Sequence[np.ndarray],
    count: int,
    part_of: np.ndarray | None = None,
) -> tuple[pd.DataFrame, np.ndarray]:
    """The table of the film's objects, best first, and the rank 1, 2, … of each by its number.

    Args:
        pieces: of the film.
        tables: the rows of each piece's objects.
        numbers: of each piece the film's numbers of these, from 0.
        count: of the film's objects.
        part_of: (count,) where parts are ranked the number 1, 2, … of the object that each is of;
            those of the first object come first.
    """
    rows = [
        table.assign(number=own, frames=table["persistence"] * len(one.piece.numbers))
        for one, table, own in zip(pieces, tables, numbers, strict=True)
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
    grouped["worth"] = grouped["score"].fillna(1.0) * grouped["frames"]
    grouped["part_of"] = pd.Series(part_of, dtype="Int64")
    order = grouped.sort_values(["part_of", "worth"], ascending=[True, False], kind="stable").index
    rank = np.empty(count, int)
    rank[order] = np.arange(1, count + 1)
    table = grouped.loc[order].reset_index(drop=True).head(_MOST)
    table["part_of"] = table["part_of"].where(table["part_of"] <= _MOST)
    return table, rank


def _all_ids(
    film: Video,
    first: int,
    pieces: Sequence[PieceMasks],
    tables: Sequence[tuple[np.ndarray, np.ndarray]],
) -> Iterator[np.ndarray]:
    """The film's numbers in each of its frames, at the size of the pieces' masks.

    Yields:
        (H, W) uint16: 256 times an object's number, and the number of the part of it.
    """
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
            of_objects, of_parts = tables[place]
            ids = of_objects[pieces[place].ids(number)] << 8
            if len(pieces[place].parts):
                ids += np.where(ids > 0, of_parts[pieces[place].part_ids(number)], 0)
            if before is not None and number - before[0] > 1:
                between = range(before[0] + 1, number + 1)
                if before[1].any() or ids.any():
                    greys = greys or [small_grey(film.frame(before[0] - first))]
                    greys += [small_grey(film.frame(one - first)) for one in between]
                    yield from carry(greys, before[1], ids)
                else:  # nothing is carried: frames need not be read
                    yield from (ids for _ in between[:-1])
                greys = greys[-1:] if ids.any() else []
            yield ids
            before = number, ids
        if before[0] + 1 < end and before[1].any():
            greys = greys or [small_grey(film.frame(before[0] - first))]
            greys += [small_grey(film.frame(one - first)) for one in range(before[0] + 1, end)]
            yield from carry(greys, before[1], None)
        else:
            yield from (before[1] for _ in range(before[0] + 1, end))


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
