"""List how the proposals of a batch's videos overlap their objects, for AP and AR."""

import argparse
from functools import partial
from pathlib import Path

from betrayed.engine.batches import Batch, Task
from betrayed.engine.programs import add_batch_options, run
from betrayed.io.files import whole_file
from betrayed.scoring.detections import video_detections
from betrayed.video.video import Video


def main() -> None:
    """Read the command line, compare, and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", required=True, help="record of the videos' frames")
    parser.add_argument("--objects", required=True, help="record of their masks")
    parser.add_argument(
        "--parts", type=int, help="parts of objects in the objects' place, at most so many"
    )
    parser.add_argument("--processes", type=int, default=1, help="videos at a time")
    add_batch_options(parser)
    arguments = parser.parse_args()
    batch = Batch(
        "list_detections",
        arguments.record,
        lambda video: (Path(arguments.output_folder, f"{video}.csv"),),
        inputs={"frames": arguments.frames, "objects": arguments.objects},
        settings={"parts": arguments.parts},
        wanted=lambda task: Video.load(task.inputs["frames"]).annotations is not None,
        redo=bool(arguments.redo),
    )
    batch.run(lambda: partial(_list, arguments.parts), arguments.processes)


def _list(parts: int | None, task: Task) -> None:
    video = Video.load(task.inputs["frames"])
    table = video_detections(video, task.inputs["objects"].parent, parts)
    with whole_file(task.output) as temporary:
        table.to_csv(temporary, index=False, lineterminator="\n")


if __name__ == "__main__":
    run(main)
