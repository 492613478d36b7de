"""Draw what was found in a video: overlay.mp4 and sheet.png."""

import argparse

from betrayed.engine.programs import run
from betrayed.engine.usage import note_size
from betrayed.reporting.pictures import draw_pictures


def main() -> None:
    """Read the command line and draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", required=True, help="frames.json of the video")
    parser.add_argument("--masks", required=True, help="objects.csv in its folder of masks")
    parser.add_argument("--tracks", required=True, help="its tracks artefact")
    parser.add_argument("--output-folder", required=True, help="folder to write both into")
    arguments = parser.parse_args()
    draw_pictures(arguments.frames, arguments.masks, arguments.tracks, arguments.output_folder)
    note_size(arguments.output_folder)


if __name__ == "__main__":
    run(main)
