"""Measure how much each place of a video moves against the camera, and follow its points."""

import argparse

import cv2

from betrayed.config.reading import read_settings
from betrayed.engine.programs import run
from betrayed.engine.usage import note, note_size
from betrayed.objects.motion_measurement import MotionSettings, measure_motion
from betrayed.video.video import Video


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", required=True, help="frames.json of the video")
    parser.add_argument("--output", required=True, help="motion artefact to write")
    parser.add_argument("--trajectories", required=True, help="trajectories artefact to write")
    parser.add_argument("--settings", default="{}", help='JSON, e.g. {"height": 240, "cell": 4}')
    parser.add_argument("--threads", type=int, help="CPU threads; OpenCV's choice by default")
    arguments = parser.parse_args()
    if arguments.threads:
        cv2.setNumThreads(arguments.threads)
    settings = read_settings(MotionSettings, arguments.settings)
    video = Video.load(arguments.frames)
    measure_motion(video, arguments.output, arguments.trajectories, settings)
    note(frames=video.count, pixels=video.height * video.width, height=settings.height)
    note(aspect=video.width / video.height, cell=settings.cell)
    note_size(arguments.output)


if __name__ == "__main__":
    run(main)
