"""Show where the token at one pixel of a video attends to: a PNG with its attention as heat."""

import argparse

from betrayed.config.clustering import ClusterSettings
from betrayed.engine.programs import run
from betrayed.reporting.attention_pictures import show_token
from betrayed.video.video import Video


def main() -> None:
    """Read the command line and draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", required=True, help="frames.json of the video")
    parser.add_argument("--attention", required=True, help="its attention artefact")
    parser.add_argument("--frame", type=int, required=True, help="the token's frame, from 0")
    parser.add_argument("-x", type=int, required=True, help="its pixel, from the left")
    parser.add_argument("-y", type=int, required=True, help="its pixel, from the top")
    parser.add_argument(
        "--every",
        type=int,
        default=ClusterSettings.key_frame_ratio,
        help="look at every so many frames; as clustering.key_frame_ratio (%(default)s) it is the "
        "row that clustering compares",
    )
    parser.add_argument("--output", required=True, help="PNG to write")
    arguments = parser.parse_args()
    video = Video.load(arguments.frames)
    pixel = arguments.frame, arguments.y, arguments.x
    show_token(video, arguments.attention, *pixel, arguments.every, arguments.output)


if __name__ == "__main__":
    run(main)
