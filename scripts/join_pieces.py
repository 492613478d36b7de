"""Join what was found in the pieces of a batch's films: masks of each film, at its own size."""

import argparse
import json
from functools import partial
from pathlib import Path

from betrayed.datasets.manifest import Row, read_manifest
from betrayed.datasets.pieces import LONG, PIECE, Part, Piece, film_of, kind_of
from betrayed.engine.batches import Batch, Task
from betrayed.engine.programs import add_batch_options, run
from betrayed.engine.records import Record, read_checked
from betrayed.errors import UserError
from betrayed.objects.joining import PieceMasks, join_pieces
from betrayed.video.video import Video


def main() -> None:
    """Read the command line, match and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--manifest", required=True, help="CSV of the data set's videos")
    parser.add_argument("--frames", required=True, help="record of the films' frames")
    parser.add_argument(
        "--masks",
        nargs="*",
        required=True,
        help="records of the pieces' masks; none where no film has a piece",
    )
    parser.add_argument("--settings", default="{}", help='JSON: {"alike": 0.3}')
    parser.add_argument("--processes", type=int, default=1, help="films at a time")
    add_batch_options(parser)
    arguments = parser.parse_args()
    settings = json.loads(arguments.settings)
    rows = {row["video"]: row for row in read_manifest(arguments.manifest)}
    pieces: dict[str, list[str]] = {}
    for video, row in rows.items():
        if kind_of(row) in (PIECE, LONG):
            pieces.setdefault(film_of(video), []).append(video)
    records = [Record.read(path) for path in arguments.masks]
    masks = Record.joined(records) if records else Record("select_objects", {}, {})
    films = Record.read(arguments.frames).videos
    folder = Path(arguments.output_folder)
    batch = Batch(
        "join_pieces",
        arguments.record,
        lambda video: (folder / video / "objects.csv", folder / video),
        inputs={"frames": arguments.frames},
        images_only=["frames"],
        sources={film: _made_from(pieces.get(film, []), masks) for film in films},
        settings=settings,
        redo=bool(arguments.redo),
    )

    def prepare() -> partial:
        # What is read is what was written.
        for path in arguments.masks:
            read_checked(path, everything=True)
        return partial(_join, rows, pieces, masks, settings["alike"])

    batch.run(prepare, arguments.processes)


def _join(
    rows: dict[str, Row],
    pieces: dict[str, list[str]],
    masks: Record,
    alike: float,
    task: Task,
) -> None:
    found = []
    for name in pieces.get(task.video, []):
        piece = Piece.from_text(rows[name]["part"])
        if name not in masks.videos:
            failure = masks.failures.get(name)
            raise UserError(
                f"Its frames {piece.first} to {piece.last} (the piece {name}) were left out"
                + (f" in {failure.stage}: {failure.reason}" if failure else ".")
            )
        found.append(PieceMasks(piece, Path(masks.videos[name].artefact).parent))
    film = Video.load(task.inputs["frames"])
    first = Part.from_text(rows[task.video]["part"]).first
    join_pieces(task.output.parent, film, first, found, alike)


def _made_from(names: list[str], masks: Record) -> dict[str, str | None]:
    """The keys of what a film is joined from; None for a piece that was left out."""
    return {name: masks.videos[name].key if name in masks.videos else None for name in names}


if __name__ == "__main__":
    run(main)
