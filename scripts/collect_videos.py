"""Collect what is known of all videos into the table videos: size, length, ground truth."""

import argparse
import json
from pathlib import Path

from betrayed.engine.programs import run
from betrayed.engine.usage import note, note_size
from betrayed.errors import UserError
from betrayed.reporting.video_table import write_video_table


def main() -> None:
    """Read the command line and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--videos", type=Path, required=True, help="JSON file: [{dataset, video, path}, …]"
    )
    parser.add_argument("--output-folder", required=True, help="folder to write videos.* into")
    arguments = parser.parse_args()
    try:
        sources = json.loads(arguments.videos.read_text(encoding="utf-8"))
        sources = [{name: one[name] for name in ("dataset", "video", "path")} for one in sources]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UserError(f"{arguments.videos} is no list of videos ({error!r}).") from error
    write_video_table(arguments.output_folder, sources)
    note(videos=len(sources))
    note_size(Path(arguments.output_folder) / "videos.csv")


if __name__ == "__main__":
    run(main)
