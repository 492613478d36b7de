"""Score a video's masks and tracks against its annotations."""

import argparse

from betrayed.config.reading import read_settings
from betrayed.engine.programs import run
from betrayed.engine.usage import note, note_size
from betrayed.io.files import whole_file
from betrayed.scoring.protocols import ScoreSettings, score_video
from betrayed.video.video import Video


def main() -> None:
    """Read the command line, score, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", required=True, help="frames.json of the video")
    parser.add_argument("--masks", required=True, help="folder with proposals/ and foreground/")
    parser.add_argument("--tracks", required=True, help="tracks artefact of the video")
    parser.add_argument("--output", required=True, help="CSV to write")
    parser.add_argument(
        "--settings", default="{}", help='JSON, e.g. {"protocols": ["davis2017-sequence"]}'
    )
    arguments = parser.parse_args()
    settings = read_settings(ScoreSettings, arguments.settings)
    video = Video.load(arguments.frames)
    table = score_video(video, arguments.masks, arguments.tracks, settings)
    if table.empty and settings.protocols:
        print(f"{arguments.frames} names no annotation with objects: there is nothing to score.")
    with whole_file(arguments.output) as temporary:
        table.to_csv(temporary, index=False, lineterminator="\n")
    note(frames=video.count, pixels=video.height * video.width, protocols=len(settings.protocols))
    note_size(arguments.output)


if __name__ == "__main__":
    run(main)
