"""Check videos and their annotations; decode those that are video files; write frames.json."""

import argparse
import hashlib
import json
from functools import partial
from pathlib import Path

from betrayed.datasets.manifest import Row, made_from, rows_of_batch
from betrayed.datasets.pieces import FILM, Part, Piece, kind_of
from betrayed.engine.batches import Batch, Task
from betrayed.engine.programs import add_batch_options, run
from betrayed.engine.sources import source_digest
from betrayed.video.extraction import ANNOTATION_KINDS, extract
from betrayed.video.film_extraction import describe_film, extract_piece
from betrayed.video.film_pieces import SCANS, scan_of
from betrayed.video.video import Video


def main() -> None:
    """Read the command line and extract the frames."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--manifest", required=True, help="CSV of the data set's videos")
    parser.add_argument("--batch", required=True, help="those to extract, by the column batch")
    parser.add_argument("--annotation-kind", choices=ANNOTATION_KINDS, required=True)
    parser.add_argument("--layout", required=True, help="the data set's: how masks are kept")
    parser.add_argument("--processes", type=int, default=1, help="videos at a time")
    add_batch_options(parser)
    arguments = parser.parse_args()
    rows = rows_of_batch(arguments.manifest, arguments.batch)
    folder = Path(arguments.output_folder)
    batch = Batch(
        "extract_frames",
        arguments.record,
        lambda video: (folder / video / "frames.json", folder / video),
        sources={video: made_from(row) for video, row in rows.items()},
        settings={"kind": arguments.annotation_kind, "layout": arguments.layout},
        redo=bool(arguments.redo),
    )
    scans = Path(arguments.manifest).parent / SCANS
    work = partial(_extract, rows, arguments.annotation_kind, arguments.layout, scans)
    code = source_digest("extract_frames")
    kind = arguments.annotation_kind
    batch.run(lambda: work, arguments.processes, lambda task: _keys(rows, code, kind, task))


def _extract(rows: dict[str, Row], kind: str, layout: str, scans: Path, task: Task) -> None:
    row = rows[task.video]
    if row["part"]:
        _extract_part(row, scans, task)
        return
    extract(
        task.video,
        row["source"],
        task.output.parent,
        annotations=row["annotations"] or None,
        instances=row["instances"] or None,
        annotation_kind=kind,
        layout=layout,
        name=row["name"] or None,
    )


def _extract_part(row: Row, scans: Path, task: Task) -> None:
    """A piece of a film, or what the film is as a whole."""
    source, folder = row["source"], task.output.parent
    found = scan_of(row, scans)
    if kind_of(row) == FILM:
        part = Part.from_text(row["part"])
        describe_film(task.video, source, folder, part, found, row["name"] or None)
    else:
        extract_piece(task.video, source, folder, Piece.from_text(row["part"]), found)


def _keys(rows: dict[str, Row], code: str, kind: str, task: Task) -> tuple[str, str]:
    """What the video is, wherever it lies: with its ground truth, and without."""
    row, video = rows[task.video], Video.load(task.output)
    # Ground truth may say which of the images are frames.
    images = [code, row["source_content"], [path.name for path in video.frames]]
    images += [row["part"]] if row["part"] else []
    return _digest([*images, row["truth_content"], kind]), _digest(images)


def _digest(value: list) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()


if __name__ == "__main__":
    run(main)
