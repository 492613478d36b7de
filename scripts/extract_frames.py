"""Check one video and its annotations; decode it when it is a video file; write frames.json."""

import argparse
from pathlib import Path

from betrayed.engine.programs import run
from betrayed.engine.usage import note, note_size
from betrayed.errors import UserError
from betrayed.video.extraction import ANNOTATION_KINDS, extract
from betrayed.video.video import Video


def main() -> None:
    """Read the command line and extract the frames."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--video", required=True, help="the video's name")
    parser.add_argument("--source", required=True, help="folder of images, or video file")
    parser.add_argument("--annotations", default="", help="folder of its annotations, if any")
    parser.add_argument("--instances", default="", help="folder of its objects' ids, if any")
    parser.add_argument("--annotation-kind", choices=ANNOTATION_KINDS, default="ids")
    parser.add_argument("--layout", default="folder", help="the data set's: how masks are kept")
    parser.add_argument(
        "--output", type=Path, required=True, help="…/frames.json; its folder is made anew"
    )
    arguments = parser.parse_args()
    if arguments.output.name != "frames.json":
        raise UserError(f"--output must end in frames.json, not {arguments.output.name}.")
    extract(
        arguments.video,
        arguments.source,
        arguments.output.parent,
        annotations=arguments.annotations or None,
        instances=arguments.instances or None,
        annotation_kind=arguments.annotation_kind,
        layout=arguments.layout,
    )
    video = Video.load(arguments.output)
    annotations = [one for one in (video.annotations, video.instances) if one]
    note(frames=video.count, pixels=video.height * video.width, annotations=len(annotations))
    note(decoded=int(not Path(arguments.source).is_dir()))
    note_size(arguments.output.parent)


if __name__ == "__main__":
    run(main)
