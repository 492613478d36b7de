"""List how a video's proposals overlap its objects, for AP and AR over the data set."""

import argparse

from betrayed.engine.programs import run
from betrayed.engine.usage import note, note_size
from betrayed.io.files import whole_file
from betrayed.scoring.detections import video_detections
from betrayed.video.video import Video


def main() -> None:
    """Read the command line, compare, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", required=True, help="frames.json of the video")
    parser.add_argument("--masks", required=True, help="folder with proposals/ and objects.csv")
    parser.add_argument("--output", required=True, help="CSV to write")
    arguments = parser.parse_args()
    video = Video.load(arguments.frames)
    table = video_detections(video, arguments.masks)
    with whole_file(arguments.output) as temporary:
        table.to_csv(temporary, index=False, lineterminator="\n")
    note(frames=video.count, pixels=video.height * video.width)
    note_size(arguments.output)


if __name__ == "__main__":
    run(main)
