"""Which films come in pieces, and in which: rows of the manifest in the place of a film's own."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from betrayed.config.films import FilmSettings
from betrayed.datasets.manifest import Row
from betrayed.datasets.name_lists import path_list
from betrayed.datasets.pieces import Part, Piece, film_of, piece_name
from betrayed.errors import UserError
from betrayed.video.film_extraction import working_size
from betrayed.video.scanning import Scan, scan
from betrayed.video.windows import shots, windows

#: The folder beside the manifest that keeps what films were found to hold.
SCANS = "scans"
#: What people ask for of films, and how it is typed behind `make segment`.
_ASKED = {"start": "START=", "end": "END=", "step": "STEP=", "height": "HEIGHT="}


def film_rows(row: Row, settings: FilmSettings, scans: Path) -> list[Row]:
    """The rows that a video has in the manifest.

    Its own alone if it is worked on whole: a single shot that fits into a window, every frame, at
    its own size; or if it has ground truth, which is of its frames as they are. A video that is
    damaged has its own too: extracting its frames says what is wrong. Else the film's, and one for
    each of its pieces.

    Args:
        row: with its ``source_content``, and no ``part``.
        settings: how films are worked on.
        scans: the folder that keeps what they were found to hold.
    """
    if _has_truth(row):
        return [row]
    try:
        found = scan_of(row, scans)
    except UserError as error:
        print(f"{row['source']} is not looked through: {error}", file=sys.stderr)
        return [row]
    part = Part(*found.part(settings.start, settings.end))
    pieces = list_pieces(row["video"], found, part, settings)
    whole = Piece(row["video"], 0, 0, found.count - 1, 1)
    if [replace(piece, kept=True) for piece in pieces] == [whole]:
        return [row]
    film = {**row, "part": part.as_text()}
    return [film] + [
        {**row, "video": piece_name(row["video"], number), "part": piece.as_text()}
        for number, piece in enumerate(pieces)
    ]


def taken_whole(rows: Sequence[Row], settings: FilmSettings) -> str:
    """What to say of videos that part, step and height were asked for and do not concern.

    Nothing where none was asked for, or no video has ground truth.
    """
    usual = FilmSettings()
    asked = [name for name in _ASKED if getattr(settings, name) != getattr(usual, name)]
    # One whose ground truth is missing is left out, and said to be.
    videos = [
        row["name"]
        for row in rows
        if any(row[name] and Path(row[name]).exists() for name in ("annotations", "instances"))
    ]
    if not asked or not videos:
        return ""
    one = len(videos) == 1
    typed = ", ".join(f"films.{name} ({_ASKED[name]})" for name in asked)
    return (
        f"{path_list(videos)} {'has' if one else 'have'} ground truth, which is of all frames at "
        f"their own size, and {'is' if one else 'are'} worked on whole: {typed} "
        f"{'does' if len(asked) == 1 else 'do'} not concern {'it' if one else 'them'}."
    )


def scan_of(row: Row, scans: Path) -> Scan:
    """What the film of a row, be it of a piece, was found to hold.

    Args:
        row: of the manifest, with its ``source_content``.
        scans: the folder that keeps what films were found to hold; looked through if it lacks this.

    Raises:
        UserError: the film is damaged.
    """
    place = scans / f"{film_of(row['video'])}.json"
    return scan(row["source"], place, row["source_content"])


def _has_truth(row: Row) -> bool:
    return bool(row["annotations"] or row["instances"])


def list_pieces(film: str, found: Scan, part: Part, settings: FilmSettings) -> list[Piece]:
    """The pieces of a part of a film, in order; those of one shot share some computed frames.

    Args:
        film: its identifier.
        found: what it holds.
        part: the frames that are worked on.
        settings: how.
    """
    cuts = found.cuts if settings.cuts else ()
    height = working_size((found.height, found.width), settings.height)[0]
    pieces = []
    for number, (first, last) in enumerate(shots(part.first, part.last, cuts)):
        computed = range(first, last + 1, settings.step)
        pieces += [
            Piece(
                film,
                number,
                computed[begin],
                computed[end],
                settings.step,
                height if height < found.height else None,
            )
            for begin, end in windows(len(computed), settings.window, settings.overlap)
        ]
    if sum(len(piece.numbers) for piece in pieces) > settings.most_kept:
        pieces = [replace(piece, kept=False) for piece in pieces]
    return pieces
