"""Measure how much each place of a batch's videos moves against the camera, and follow points."""

import argparse
import json
from functools import partial
from pathlib import Path

import cv2

from betrayed.config.reading import read_settings
from betrayed.engine.batches import Batch, Task
from betrayed.engine.programs import add_batch_options, run
from betrayed.objects.motion_measurement import MotionSettings, measure_motion
from betrayed.video.video import Video


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", required=True, help="record of the videos' frames")
    parser.add_argument("--trajectories-folder", required=True, help="folder of the trajectories")
    parser.add_argument("--settings", default="{}", help='JSON, e.g. {"height": 240, "cell": 4}')
    parser.add_argument("--processes", type=int, default=1, help="videos at a time")
    add_batch_options(parser)
    arguments = parser.parse_args()
    settings = read_settings(MotionSettings, arguments.settings)
    folders = Path(arguments.output_folder), Path(arguments.trajectories_folder)
    batch = Batch(
        "measure_motion",
        arguments.record,
        lambda video: [folder / f"{video}.h5" for folder in folders],
        inputs={"frames": arguments.frames},
        images_only=["frames"],
        settings=json.loads(arguments.settings),
        redo=bool(arguments.redo),
    )
    batch.run(lambda: partial(_measure, settings), arguments.processes)


def _measure(settings: MotionSettings, task: Task) -> None:
    cv2.setNumThreads(1)  # videos side by side are the threads
    measure_motion(Video.load(task.inputs["frames"]), *task.outputs, settings)


if __name__ == "__main__":
    run(main)
