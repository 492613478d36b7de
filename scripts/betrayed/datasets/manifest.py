"""The manifest: a row for each video of a data set, as CSV."""

import csv
import json
from collections.abc import Iterable
from pathlib import Path

from betrayed.errors import UserError
from betrayed.io.csv_quoting import quoting
from betrayed.io.files import sha256, whole_file

#: A video and where its frames and ground truth lie; what a layout says of it. ``video`` is its
#: identifier, in paths and tables; ``name`` what people call it.
PLACES = ("video", "name", "source", "annotations", "instances")
#: Which part of a film it is, see :mod:`betrayed.datasets.pieces`: empty for a video that is worked
#: on as a whole; a film in pieces has a row of its own beside theirs. The batch whose jobs compute
#: it, the size of what its frames are read from (a film's pieces have the film's), and what stands
#: for the content of its frames and its truth.
COLUMNS = (*PLACES, "part", "batch", "bytes", "source_content", "truth_content")
#: The columns that say how a video is worked on, and not what is made of it.
PLANNING = ("batch", "bytes")
#: One video of the manifest, by :data:`COLUMNS`; what it does not have is empty.
Row = dict[str, str]
#: The file beside a manifest that keeps batches, known contents, and the manifest's SHA-256.
MEMORY = "listing.json"
# Paths that are no UTF-8 come back as they were.
_FORM = {"newline": "", "encoding": "utf-8", "errors": "surrogateescape"}


def write_manifest(path: str | Path, rows: Iterable[Row]) -> None:
    """Write rows with all :data:`COLUMNS` as CSV."""
    rows = list(rows)
    quoted = quoting(value for row in rows for value in row.values())
    with whole_file(path) as temporary, open(temporary, "w", **_FORM) as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n", quoting=quoted)
        writer.writeheader()
        writer.writerows(rows)


def read_manifest(path: str | Path) -> list[Row]:
    """Read the rows that :func:`write_manifest` wrote.

    Raises:
        UserError: the file is missing or has other columns.
    """
    try:
        with open(path, **_FORM) as file:
            reader = csv.DictReader(file)
            if tuple(reader.fieldnames or ()) != COLUMNS:
                raise UserError(
                    f"{path} has the columns {reader.fieldnames}, but {list(COLUMNS)} are needed. "
                    f"Delete it and run the workflow again."
                )
            return list(reader)
    except FileNotFoundError as error:
        raise UserError(f"{path} does not exist. Run the workflow to make it.") from error


def rows_of_batch(path: str | Path, batch: str) -> dict[str, Row]:
    """The rows of one batch by video, in the manifest's order.

    Raises:
        UserError: see :func:`read_manifest`.
    """
    return {row["video"]: row for row in read_manifest(path) if row["batch"] == batch}


def made_from(row: Row) -> Row:
    """What decides what is made of a video: its row without :data:`PLANNING`."""
    return {name: value for name, value in row.items() if name not in PLANNING}


def drop_untrue_manifests(results: str | Path) -> list[Path]:
    """Remove the manifests that are not what was written, so that videos are listed anew.

    A list that was cut short would pass for a data set of fewer videos.

    Args:
        results: the folder of results. Beside a manifest :data:`MEMORY` tells its SHA-256.

    Returns:
        What was removed.
    """
    removed = []
    for path in sorted(Path(results).glob("*/videos.csv")):
        try:
            memory = json.loads(path.with_name(MEMORY).read_text(encoding="utf-8"))
            written = memory.get("manifest")
        except FileNotFoundError:
            continue
        except (ValueError, AttributeError):
            written = "damaged"
        # Earlier versions did not tell.
        if written is not None and written != sha256(path):
            path.unlink(missing_ok=True)
            removed.append(path)
    return removed
