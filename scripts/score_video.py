"""Score the masks and tracks of a batch's videos against their annotations."""

import argparse
import json
from functools import partial
from pathlib import Path

from betrayed.config.reading import read_settings
from betrayed.engine.batches import Batch, Task
from betrayed.engine.programs import add_batch_options, run
from betrayed.io.files import whole_file
from betrayed.scoring.protocols import ScoreSettings, score_video
from betrayed.video.video import Video


def main() -> None:
    """Read the command line, score, and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", required=True, help="record of the videos' frames")
    parser.add_argument("--objects", required=True, help="record of their masks")
    parser.add_argument("--tracks", required=True, help="record of their tracks")
    parser.add_argument(
        "--settings", default="{}", help='JSON, e.g. {"protocols": ["davis2017-sequence"]}'
    )
    parser.add_argument("--processes", type=int, default=1, help="videos at a time")
    add_batch_options(parser)
    arguments = parser.parse_args()
    settings = read_settings(ScoreSettings, arguments.settings)
    batch = Batch(
        "score_video",
        arguments.record,
        lambda video: (Path(arguments.output_folder, f"{video}.csv"),),
        inputs={name: getattr(arguments, name) for name in ("frames", "objects", "tracks")},
        settings=json.loads(arguments.settings),
        wanted=lambda task: Video.load(task.inputs["frames"]).annotations is not None,
        redo=bool(arguments.redo),
    )
    batch.run(lambda: partial(_score, settings), arguments.processes)


def _score(settings: ScoreSettings, task: Task) -> None:
    frames = task.inputs["frames"]
    masks = task.inputs["objects"].parent
    table = score_video(Video.load(frames), masks, task.inputs["tracks"], settings)
    if table.empty and settings.protocols:
        print(f"{frames} names no annotation with objects: there is nothing to score.")
    with whole_file(task.output) as temporary:
        table.to_csv(temporary, index=False, lineterminator="\n")


if __name__ == "__main__":
    run(main)
