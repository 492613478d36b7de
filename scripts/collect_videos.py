"""Collect what is known of all videos into the table videos: size, length, ground truth."""

import argparse

from betrayed.engine.programs import run
from betrayed.engine.records import read_checked
from betrayed.io.json_files import read_json_list
from betrayed.reporting.video_table import write_video_table


def main() -> None:
    """Read the command line and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--records", required=True, help="JSON file: [{dataset, record}, …] of all frames"
    )
    parser.add_argument("--output-folder", required=True, help="folder to write videos.* into")
    arguments = parser.parse_args()
    sources = [
        {"dataset": row["dataset"], "video": video, "path": made.artefact}
        for row in read_json_list(arguments.records, ("dataset", "record"))
        for video, made in read_checked(row["record"]).videos.items()
    ]
    write_video_table(arguments.output_folder, sources)


if __name__ == "__main__":
    run(main)
