"""Draw what was found in a batch's videos: overlay.mp4 and sheet.png."""

import argparse
import json
from functools import partial
from pathlib import Path

from betrayed.config.pictures import PictureSettings
from betrayed.config.reading import read_settings
from betrayed.engine.batches import Batch, Task
from betrayed.engine.programs import add_batch_options, run
from betrayed.reporting.pictures import draw_pictures

_INPUTS = ("frames", "objects", "tracks")


def main() -> None:
    """Read the command line and draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", required=True, help="record of the videos' frames")
    parser.add_argument("--objects", required=True, help="record of their masks")
    parser.add_argument("--tracks", help="record of their tracks; films in pieces have none")
    parser.add_argument("--settings", default="{}", help='how they look, as JSON: {"opacity": 0.3}')
    parser.add_argument("--processes", type=int, default=1, help="videos at a time")
    add_batch_options(parser)
    arguments = parser.parse_args()
    settings = read_settings(PictureSettings, arguments.settings)
    folder = Path(arguments.output_folder)
    batch = Batch(
        "draw_pictures",
        arguments.record,
        lambda video: (folder / video / "sheet.png", folder / video / "overlay.mp4"),
        inputs={name: path for name in _INPUTS if (path := getattr(arguments, name))},
        images_only=["frames"],
        settings=json.loads(arguments.settings),
        redo=bool(arguments.redo),
    )
    batch.run(lambda: partial(_draw, settings), arguments.processes)


def _draw(settings: PictureSettings, task: Task) -> None:
    draw_pictures(*(task.inputs.get(name) for name in _INPUTS), task.output.parent, settings)


if __name__ == "__main__":
    run(main)
