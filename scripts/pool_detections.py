"""AP and AR over the detections of all videos of a data set."""

import argparse

from betrayed.engine.programs import run
from betrayed.engine.records import Record, read_checked
from betrayed.io.files import whole_file
from betrayed.io.progress import progress
from betrayed.scoring.average_precision import pooled_rows
from betrayed.scoring.detection_table import read_detections


def main() -> None:
    """Read the command line, pool, and write the figures as a file of scores."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--detections", required=True, nargs="+", help="records of the videos' detections"
    )
    parser.add_argument("--output", required=True, help="CSV to write")
    arguments = parser.parse_args()
    made = Record.joined(map(read_checked, arguments.detections)).videos
    paths = [made[video].artefact for video in sorted(made)]
    table = pooled_rows(map(read_detections, progress(paths, "pooling", "video")))
    with whole_file(arguments.output) as temporary:
        table.to_csv(temporary, index=False, lineterminator="\n")


if __name__ == "__main__":
    run(main)
